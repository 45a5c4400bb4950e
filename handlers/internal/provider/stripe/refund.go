package stripe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/transaction"
)

// refundsHaveEvents is the API version since which every refund has events of its own;
// before, only refunds without a charge had.
// https://docs.stripe.com/changelog/acacia/2024-10-28/refund-webhook-update
const refundsHaveEvents = "2024-10-28"

// apiVersion returns the date of the event's API version, "2024-10-28" of
// "2024-10-28.acacia", and the version as Stripe writes it. Both are "" if the event
// names none or one of another form; such an event is read like one of an old version.
// https://docs.stripe.com/api/versioning
func (s snapshot) apiVersion() (date, version string) {
	version = s.event.Text("api_version")
	date, name, _ := strings.Cut(version, ".")
	digits := strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return '0'
		}
		return r
	}, date)
	if digits != "0000-00-00" || len(name) > 32 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "" {
		return "", ""
	}
	return date, version
}

// hasRefundEvents reports whether the endpoint's API version sends refund.created for
// every refund.
func (s snapshot) hasRefundEvents() bool {
	date, _ := s.apiVersion()
	return date >= refundsHaveEvents
}

// refund reads an event about a refund. See the package comment.
func (s snapshot) refund() ([]*transaction.Transaction, error) {
	failed := s.eventType == "refund.failed" || movedNothing(s.about)
	switch {
	case neverCaptured(s.about),
		failed && s.eventType == "refund.created",
		!failed && notBooked(s.about),
		!failed && s.eventType == "charge.refund.updated" && (s.hasRefundEvents() || mayBeRelease(s.about)):
		return nil, nil
	}
	fact, err := s.refundOf(s.about, nil)
	if fact == nil || !failed {
		return one(fact, err)
	}
	return []*transaction.Transaction{fact, s.reversal(fact, "failed", map[string]any{
		"balance_transaction": ref(s.about, "failure_balance_transaction"),
		"charge":              ref(s.about, "charge"),
		"failure_reason":      s.about.Text("failure_reason"),
	})}, nil
}

// refundsOfCharge reads charge.refunded, whose charge lists its refunds by default until
// API version 2022-11-15.
// https://docs.stripe.com/changelog/2022-11-15/deprecates-charges-auto-expand
func (s snapshot) refundsOfCharge() ([]*transaction.Transaction, error) {
	refunded, ok := integer(s.about, "amount_refunded")
	if s.hasRefundEvents() || !captured(s.about) || ok && refunded == 0 {
		return nil, nil
	}
	list := s.about.Object("refunds")
	refunds := slices.DeleteFunc(list.List("data"), func(refund provider.Object) bool { return refund == nil || movedNothing(refund) })
	incomplete := !ok || list["has_more"] == true || sum(refunds) < refunded
	if !incomplete {
		refunds = withoutRelease(refunds, releasedByCapture(s.about))
	}
	var facts []*transaction.Transaction
	for _, refund := range refunds {
		fact, err := s.refundOf(refund, s.about)
		if err != nil {
			return facts, err
		}
		if fact != nil && !neverCaptured(refund) {
			facts = append(facts, fact)
		}
	}
	if incomplete {
		return facts, s.incompleteRefunds()
	}
	return facts, nil
}

// incompleteRefunds returns the error for a charge.refunded that does not list all
// refunds.
func (s snapshot) incompleteRefunds() error {
	_, version := s.apiVersion()
	return fmt.Errorf("%w: charge.refunded of API version %s does not list all refunds; "+
		"set up an endpoint of API version 2024-10-28.acacia or later, which sends refund.created for each", provider.ErrUnreadable, cmp.Or(version, "(none)"))
}

// refundOf returns a refund. Charge is the charge in whose list it is, or nil.
func (s snapshot) refundOf(refund, charge provider.Object) (*transaction.Transaction, error) {
	fact, err := s.fact(contract.KindRefund, refund, refund.Number("amount"), map[string]any{
		"charge": cmp.Or(ref(refund, "charge"), charge.Text("id")),
		"reason": refund.Text("reason"),
	})
	if fact != nil {
		fact.PaymentID = cmp.Or(ref(refund, "payment_intent"), ref(charge, "payment_intent"), ref(refund, "charge"), charge.Text("id"))
		if fact.CustomerID == contract.UnknownCustomer {
			fact.CustomerID = transaction.CustomerID(ref(charge, "customer"))
		}
	}
	return fact, err
}

// neverCaptured reports whether a refund is an authorization that expired, of which
// nothing had been captured.
// https://docs.stripe.com/api/refunds/object: reason "expired_uncaptured_charge"
func neverCaptured(refund provider.Object) bool {
	return refund.Text("reason") == "expired_uncaptured_charge"
}

// mayBeRelease reports whether a refund may be a part of an authorization that was not
// captured. Stripe reverses the authorization for it, as for some genuine refunds.
// https://docs.stripe.com/api/refunds/object: destination_details.card.type
func mayBeRelease(refund provider.Object) bool {
	how := refund.Object("destination_details").Object("card").Text("type")
	return how == "reversal" || how == "pending"
}

// releasedByCapture returns how much of a charge's authorization its capture released.
// Requests of API versions before 2025-03-31.basil create a refund for it, the charge's
// first one.
// https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow
func releasedByCapture(charge provider.Object) int64 {
	authorized, _ := integer(charge, "amount")
	captured, ok := integer(charge, "amount_captured")
	if !ok {
		return 0
	}
	return authorized - captured
}

// withoutRelease removes a charge's first refund if it is exactly what the capture
// released. Refunds are listed with the newest first.
func withoutRelease(refunds []provider.Object, release int64) []provider.Object {
	first := -1
	for i, refund := range refunds {
		if first < 0 || created(refund) <= created(refunds[first]) {
			first = i
		}
	}
	if release > 0 && first >= 0 {
		if amount, _ := integer(refunds[first], "amount"); amount == release {
			return slices.Delete(refunds, first, first+1)
		}
	}
	return refunds
}

func sum(refunds []provider.Object) (total int64) {
	for _, refund := range refunds {
		amount, _ := integer(refund, "amount")
		total += amount
	}
	return total
}

func created(o provider.Object) int64 {
	n, _ := integer(o, "created")
	return n
}

// notBooked reports whether a refund succeeded without a change of the balance, because
// it released an authorization. If Stripe books it later, refund.updated tells.
// https://docs.stripe.com/api/refunds/object: balance_transaction "describes the impact
// on your account balance"
func notBooked(refund provider.Object) bool {
	booked, ok := refund["balance_transaction"]
	return ok && booked == nil && refund.Text("status") == "succeeded"
}
