package stripe

import (
	"strconv"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/transaction"
)

// paymentIntent reads a PaymentIntent that is over. A canceled one has collected money
// if it was captured in parts before: only "the remaining amount_capturable" is released.
// https://docs.stripe.com/api/payment_intents/cancel
func (s snapshot) paymentIntent() ([]*transaction.Transaction, error) {
	received := s.about.Number("amount_received")
	if s.eventType == "payment_intent.canceled" && received == "" {
		return nil, nil
	}
	return one(s.fact(contract.KindPayment, s.about, received, map[string]any{
		"charge": ref(s.about, "latest_charge"),
	}))
}

// charge reads a Charge that succeeded or was captured. Only one that was made without a
// PaymentIntent, by the Charges API alone, is a payment of its own. One with a
// source_transfer is money from another Stripe account, not from a payer.
// https://docs.stripe.com/payments/charges-api
// https://docs.stripe.com/api/charges/object
func (s snapshot) charge() ([]*transaction.Transaction, error) {
	status := s.about.Text("status")
	if ref(s.about, "payment_intent") != "" || ref(s.about, "source_transfer") != "" ||
		!captured(s.about) || status == "pending" || status == "failed" {
		return nil, nil
	}
	return one(s.fact(contract.KindPayment, s.about, s.capturedAmount(), map[string]any{}))
}

// captured reports whether a charge is more than an authorization.
func captured(charge provider.Object) bool { return charge["captured"] != false }

// capturedAmount returns how much of a charge was captured. Without amount_captured, it
// is what the capture did not release, which counts as refunded.
// https://docs.stripe.com/api/charges/capture
func (s snapshot) capturedAmount() string {
	if n := s.about.Number("amount_captured"); n != "" {
		return n
	}
	released, _ := integer(s.about, "amount_refunded")
	authorized, ok := integer(s.about, "amount")
	if !ok {
		return s.about.Number("amount")
	}
	return strconv.FormatInt(authorized-released, 10)
}
