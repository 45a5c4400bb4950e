package paypal

import (
	"errors"
	"fmt"
	"strings"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/transaction"
)

// maxEventType bounds event_type, which is repeated in the response and the log.
const maxEventType = 100

// Decode reads a webhook event and returns exactly one provider.Event. The error wraps
// provider.ErrUnreadable.
func (p *PayPal) Decode(d provider.Delivery) ([]provider.Event, error) {
	event, err := provider.ParseObject(d.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	eventType := event.Text("event_type")
	if len(eventType) > maxEventType || !isWord(eventType, ".-_") {
		return nil, fmt.Errorf("%w: event_type is not an event's name", provider.ErrUnreadable)
	}
	read := map[string]func(provider.Object) (transaction.Transaction, error){
		"PAYMENT.CAPTURE.COMPLETED":      readCapture,
		"PAYMENT.CAPTURE.REFUNDED":       readRefund,
		"PAYMENT.CAPTURE.REVERSED":       readRefund,
		"PAYMENT.SALE.COMPLETED":         readSale,
		"PAYMENT.SALE.REFUNDED":          readSaleRefund,
		"PAYMENT.SALE.REVERSED":          readSaleRefund,
		"CUSTOMER.DISPUTE.CREATED":       readDispute,
		"PAYMENT.PAYOUTS-ITEM.SUCCEEDED": readPayoutItem,
	}[eventType]
	if read == nil {
		return []provider.Event{{Type: eventType}}, nil
	}
	t, err := read(event.Object("resource"))
	if err == nil {
		t.Provider = Name
		err = t.Check()
	}
	if err != nil {
		return []provider.Event{{Type: eventType, Err: fmt.Errorf("%w: %w", provider.ErrUnreadable, err)}}, nil
	}
	return []provider.Event{{Type: eventType, Transaction: &t}}, nil
}

// readCapture reads a capture of the Payments v2 API. A capture does not name the payer.
// https://developer.paypal.com/docs/api/payments/v2/#definition-capture
func readCapture(capture provider.Object) (transaction.Transaction, error) {
	amount, err := readMoney(capture.Object("amount"), "currency_code")
	return transaction.Transaction{
		ID:         capture.Text("id"),
		Kind:       contract.KindPayment,
		Money:      amount,
		CustomerID: contract.UnknownCustomer,
		Metadata: provider.Metadata(map[string]any{
			"order_id":   capture.Object("supplementary_data").Object("related_ids").Text("order_id"),
			"invoice_id": capture.Text("invoice_id"),
			"custom_id":  capture.Text("custom_id"),
		}),
	}, err
}

// readRefund reads a refund of the Payments v2 API; a reversal is one. The
// "payer" in it is the merchant, who pays it back.
// https://developer.paypal.com/docs/api/payments/v2/#definition-refund
func readRefund(refund provider.Object) (transaction.Transaction, error) {
	captureID, err := linkedID(refund, "up", "/v2/payments/captures/")
	if err != nil {
		return transaction.Transaction{}, err
	}
	amount, err := readMoney(refund.Object("amount"), "currency_code")
	return transaction.Transaction{
		ID:         refund.Text("id"),
		Kind:       contract.KindRefund,
		PaymentID:  captureID,
		Money:      amount,
		CustomerID: contract.UnknownCustomer,
		Metadata: provider.Metadata(map[string]any{
			"invoice_id": refund.Text("invoice_id"),
			"custom_id":  refund.Text("custom_id"),
		}),
	}, err
}

// readSale reads a sale of the Payments v1 API, such as a payment for the subscription
// in billing_agreement_id. A sale does not name the payer. Its invoice_number is left
// out, because it may be missing when PayPal repeats the event; see the package
// comment.
// https://developer.paypal.com/docs/api/payments/v1/#definition-sale
func readSale(sale provider.Object) (transaction.Transaction, error) {
	total := sale.Object("amount")
	amount, err := readDecimal(total.Text("total"), total.Text("currency"))
	return transaction.Transaction{
		ID:         sale.Text("id"),
		Kind:       contract.KindPayment,
		Money:      amount,
		CustomerID: contract.UnknownCustomer,
		Metadata: provider.Metadata(map[string]any{
			"billing_agreement_id": sale.Text("billing_agreement_id"),
			"parent_payment":       sale.Text("parent_payment"),
			"custom":               sale.Text("custom"),
		}),
	}, err
}

// readSaleRefund reads a refund of the Payments v1 API; a reversal is one. The amount
// may have a minus sign. A resource without a link to itself as a refund could be the
// sale itself, whose id is the payment's.
// https://developer.paypal.com/docs/api/payments/v1/#definition-refund
func readSaleRefund(refund provider.Object) (transaction.Transaction, error) {
	if _, err := linkedID(refund, "self", "/v1/payments/refund/"); err != nil {
		return transaction.Transaction{}, err
	}
	total := refund.Object("amount")
	amount, err := readDecimal(strings.TrimPrefix(total.Text("total"), "-"), total.Text("currency"))
	return transaction.Transaction{
		ID:         refund.Text("id"),
		Kind:       contract.KindRefund,
		PaymentID:  refund.Text("sale_id"),
		Money:      amount,
		CustomerID: contract.UnknownCustomer,
		Metadata:   provider.Metadata(map[string]any{"parent_payment": refund.Text("parent_payment")}),
	}, err
}

// linkedID returns the id at the end of the resource's link with the given relation,
// which is https://api.paypal.com<path><id>.
func linkedID(resource provider.Object, relation, path string) (string, error) {
	for _, link := range resource.List("links") {
		if link.Text("rel") != relation {
			continue
		}
		if _, id, ok := strings.Cut(link.Text("href"), path); ok && isWord(id, "-_") {
			return id, nil
		}
	}
	return "", fmt.Errorf("resource has no link %q to %s", relation, path)
}

// readDispute reads a dispute at its creation. Later events may change its amount,
// reason and stage, but become no transaction. A dispute may be about several
// transactions of one buyer; PaymentID is the first. PayPal tells the merchant the
// buyer's name but not the account, so the customer is unknown.
// https://developer.paypal.com/docs/api/customer-disputes/v1/#definition-dispute
func readDispute(dispute provider.Object) (transaction.Transaction, error) {
	var disputed provider.Object
	if list := dispute.List("disputed_transactions"); len(list) > 0 {
		disputed = list[0]
	}
	amount, err := readMoney(dispute.Object("dispute_amount"), "currency_code")
	return transaction.Transaction{
		ID:         dispute.Text("dispute_id"),
		Kind:       contract.KindDispute,
		PaymentID:  disputed.Text("seller_transaction_id"),
		Money:      amount,
		CustomerID: contract.UnknownCustomer,
		Metadata: provider.Metadata(map[string]any{
			"reason":         dispute.Text("reason"),
			"invoice_number": disputed.Text("invoice_number"),
			"custom":         disputed.Text("custom"),
		}),
	}, err
}

// readPayoutItem reads an item of a batch payout. It uses the receiver as the customer
// only if that is an account id, because an e-mail address or phone number is personal
// data.
// https://developer.paypal.com/docs/api/payments.payouts-batch/v1/#definition-payout_item
func readPayoutItem(resource provider.Object) (transaction.Transaction, error) {
	item := resource.Object("payout_item")
	customer := contract.UnknownCustomer
	if item.Text("recipient_type") == "PAYPAL_ID" && item.Text("receiver") != "" {
		customer = item.Text("receiver")
	}
	amount, err := readMoney(item.Object("amount"), "currency")
	return transaction.Transaction{
		ID:         resource.Text("payout_item_id"),
		Kind:       contract.KindPayout,
		Money:      amount,
		CustomerID: customer,
		Metadata: provider.Metadata(map[string]any{
			"payout_batch_id": resource.Text("payout_batch_id"),
			"sender_item_id":  item.Text("sender_item_id"),
			"transaction_id":  resource.Text("transaction_id"),
		}),
	}, err
}

// withoutDecimals are the currencies that PayPal accepts in whole units only.
// https://developer.paypal.com/api/rest/reference/currency-codes/
var withoutDecimals = map[string]bool{"HUF": true, "JPY": true, "TWD": true}

// readMoney reads {"value": "10.99", "currency_code": "USD"}; Payouts calls the
// second member "currency".
func readMoney(m provider.Object, currencyName string) (money.Money, error) {
	return readDecimal(m.Text("value"), m.Text(currencyName))
}

func readDecimal(value, currency string) (money.Money, error) {
	if strings.Trim(value, "0123456789.") != "" {
		// Stricter than money.Parse: PayPal writes no exponents, and the amounts of
		// these events are never negative.
		return money.Money{}, errors.New("the amount is not a string of digits")
	}
	if strings.HasPrefix(value, ".") {
		value = "0" + value // PayPal's pattern allows ".99"
	}
	amount, err := money.Parse(value)
	if err != nil {
		return money.Money{}, fmt.Errorf("the amount: %w", err)
	}
	if withoutDecimals[currency] && strings.Contains(amount.String(), ".") {
		return money.Money{}, fmt.Errorf("the amount in %s has decimals, which PayPal does not have for it", currency)
	}
	return money.Money{Amount: amount, Currency: currency}, nil
}
