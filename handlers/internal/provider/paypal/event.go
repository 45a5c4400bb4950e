package paypal

import (
	"cmp"
	"crypto/sha256"
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

// errNothing is the error of a reader for a resource of which the event says that no
// money moved: its status, or an amount of zero. The event is ignored.
var errNothing = errors.New("no money moved")

// Decode reads a webhook event. It returns one provider.Event, or two for a payout
// item that was returned unclaimed. What cannot be read is in an event's Err; the error is always
// nil, because every event has the binding of its transmission.
func (p *PayPal) Decode(d provider.Delivery) ([]provider.Event, error) {
	events := readEvents(d.Body)
	binding := provider.Binding{ID: d.Header.Get(transmissionID), Content: sha256.Sum256(d.Body), For: bindingTime}
	for i := range events {
		events[i].Binding = binding
	}
	return events, nil
}

// readEvents reads the events of a body, without their bindings.
func readEvents(body []byte) []provider.Event {
	event, err := provider.ParseObject(body, "event_type", "resource")
	if err != nil {
		return []provider.Event{{Err: fmt.Errorf("%w: %w", provider.ErrUnreadable, err)}}
	}
	name := event.Text("event_type")
	if len(name) > maxEventType || !isWord(name, ".-_") {
		return []provider.Event{{Err: fmt.Errorf("%w: event_type is not an event's name", provider.ErrUnreadable)}}
	}
	readers := readersOf[name]
	if readers == nil {
		return []provider.Event{{Type: name}}
	}
	events := make([]provider.Event, len(readers))
	for i, read := range readers {
		events[i] = read.event(name, event.Object("resource"))
	}
	return events
}

// reader reads the resource of an event. Its error is errNothing, or tells why the
// resource cannot be read.
type reader func(resource provider.Object) (transaction.Transaction, error)

func (read reader) event(name string, resource provider.Object) provider.Event {
	t, err := read(resource)
	if err == nil {
		t.Provider = Name
		t.CustomerID = cmp.Or(t.CustomerID, contract.UnknownCustomer)
		err = t.Check()
	}
	switch {
	case errors.Is(err, errNothing):
		return provider.Event{Type: name}
	case err != nil:
		return provider.Event{Type: name, Err: fmt.Errorf("%w: %w", provider.ErrUnreadable, err)}
	}
	return provider.Event{Type: name, Transaction: &t}
}

// readCapture reads a capture of the Payments v2 API, or of v1, which announces it by
// the same name. A capture does not name the payer.
// https://developer.paypal.com/docs/api/payments/v2/#definition-capture
func readCapture(capture provider.Object) (transaction.Transaction, error) {
	if isV1(capture) {
		return readSale(capture)
	}
	amount, err := readMoney(capture.Object("amount"), "value", "currency_code")
	return transaction.Transaction{
		ID:    capture.Text("id"),
		Kind:  contract.KindPayment,
		Money: amount,
		Metadata: provider.Metadata(map[string]any{
			"order_id":   capture.Object("supplementary_data").Object("related_ids").Text("order_id"),
			"invoice_id": capture.Text("invoice_id"),
			"custom_id":  capture.Text("custom_id"),
		}),
	}, cmp.Or(checkStatus(capture.Text("status"), paymentStatuses), err)
}

// readSale reads a sale or a capture of the Payments v1 API, such as a payment for the
// subscription in billing_agreement_id. Neither names the payer. The invoice_number is
// left out, because it may be missing when PayPal repeats the event; see the package
// comment.
// https://developer.paypal.com/docs/api/payments/v1/#definition-sale
// https://developer.paypal.com/docs/api/payments/v1/#definition-capture
func readSale(sale provider.Object) (transaction.Transaction, error) {
	amount, err := readMoney(sale.Object("amount"), "total", "currency")
	return transaction.Transaction{
		ID:    sale.Text("id"),
		Kind:  contract.KindPayment,
		Money: amount,
		Metadata: provider.Metadata(map[string]any{
			"billing_agreement_id": sale.Text("billing_agreement_id"),
			"parent_payment":       sale.Text("parent_payment"),
			"custom":               sale.Text("custom"),
		}),
	}, cmp.Or(checkStatus(sale.Text("state"), paymentStatuses), err)
}

// readRefund reads a refund of the Payments v2 API, or of v1, which announces the
// refund of a capture by the same name. The "payer" in it is the merchant, who pays it
// back.
// https://developer.paypal.com/docs/api/payments/v2/#definition-refund
func readRefund(refund provider.Object) (transaction.Transaction, error) {
	if isV1(refund) {
		return readSaleRefund(refund)
	}
	amount, err := readMoney(refund.Object("amount"), "value", "currency_code")
	if err = cmp.Or(checkStatus(refund.Text("status"), refundStatuses), err); err != nil {
		return transaction.Transaction{}, err
	}
	captureID, err := linkedID(refund, "up", "/v2/payments/captures/")
	return transaction.Transaction{
		ID:        refund.Text("id"),
		Kind:      contract.KindRefund,
		PaymentID: captureID,
		Money:     amount,
		Metadata: provider.Metadata(map[string]any{
			"invoice_id": refund.Text("invoice_id"),
			"custom_id":  refund.Text("custom_id"),
		}),
	}, err
}

// readSaleRefund reads the refund of a sale or a capture of the Payments v1 API. The
// amount may have a minus sign. A resource without a link to itself as a refund could
// be the sale itself, whose id is the payment's.
// https://developer.paypal.com/docs/api/payments/v1/#definition-refund
func readSaleRefund(refund provider.Object) (transaction.Transaction, error) {
	total := refund.Object("amount")
	amount, err := readDecimal(strings.TrimPrefix(total.Text("total"), "-"), total.Text("currency"))
	if err = cmp.Or(checkStatus(refund.Text("state"), refundStatuses), err); err != nil {
		return transaction.Transaction{}, err
	}
	_, err = linkedID(refund, "self", "/v1/payments/refund/")
	return transaction.Transaction{
		ID:        refund.Text("id"),
		Kind:      contract.KindRefund,
		PaymentID: cmp.Or(refund.Text("capture_id"), refund.Text("sale_id")),
		Money:     amount,
		Metadata:  provider.Metadata(map[string]any{"parent_payment": refund.Text("parent_payment")}),
	}, err
}

// reversal returns the reader of a payment's reversal, whose resource is a refund.
func reversal(read reader) reader {
	return func(resource provider.Object) (transaction.Transaction, error) {
		t, err := read(resource)
		t.Kind, t.ReversedKind, t.Reverses = contract.KindReversal, contract.KindPayment, t.PaymentID
		return t, err
	}
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

// readDispute reads a dispute. A dispute may be about several transactions of one
// buyer; PaymentID is the first. PayPal tells the merchant the buyer's name but not the
// account, so the customer is unknown. The amount is the one that "the customer
// originally disputed", so it is the same when the dispute is resolved.
// https://developer.paypal.com/docs/api/customer-disputes/v1/#definition-dispute
func readDispute(dispute provider.Object) (transaction.Transaction, error) {
	var disputed provider.Object
	if list := dispute.List("disputed_transactions"); len(list) > 0 {
		disputed = list[0]
	}
	amount, err := readMoney(dispute.Object("dispute_amount"), "value", "currency_code")
	return transaction.Transaction{
		ID:        dispute.Text("dispute_id"),
		Kind:      contract.KindDispute,
		PaymentID: disputed.Text("seller_transaction_id"),
		Money:     amount,
		Metadata: provider.Metadata(map[string]any{
			"reason":         dispute.Text("reason"),
			"outcome":        dispute.Object("dispute_outcome").Text("outcome_code"),
			"invoice_number": disputed.Text("invoice_number"),
			"custom":         disputed.Text("custom"),
		}),
	}, err
}

// readResolution reads a dispute that was resolved, which ends the hold on its amount.
// Its id is told from the dispute's and the side that won: see "Disputes" in the package
// comment. PayPal also sends resolutions without an outcome
// (https://github.com/antiwork/gumroad/pull/6827), which tell no side.
// https://developer.paypal.com/api/customer-disputes/v1/definitions/dispute_outcome
func readResolution(dispute provider.Object) (transaction.Transaction, error) {
	t, err := readDispute(dispute)
	if err != nil {
		return t, err
	}
	switch dispute.Object("dispute_outcome").Text("outcome_code") {
	case "RESOLVED_BUYER_FAVOUR", "ACCEPTED":
		return reverse(t, "_lost"), nil
	case "RESOLVED_SELLER_FAVOUR", "RESOLVED_WITH_PAYOUT", "CANCELED_BY_BUYER", "DENIED", "NONE":
		return reverse(t, "_released"), nil
	}
	return t, errors.New("dispute_outcome.outcome_code is missing or not a documented one")
}

// readPayoutItem reads an item of a batch payout. It uses the receiver as the customer
// only if that is an account id, because an e-mail address or phone number is personal
// data.
// https://developer.paypal.com/docs/api/payments.payouts-batch/v1/#definition-payout_item
func readPayoutItem(resource provider.Object) (transaction.Transaction, error) {
	item, customer := resource.Object("payout_item"), contract.UnknownCustomer
	if item.Text("recipient_type") == "PAYPAL_ID" {
		customer = transaction.CustomerID(item.Text("receiver"))
	}
	amount, err := readMoney(item.Object("amount"), "value", "currency")
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

// readReturnedItem reads the return of a payout item's money.
func readReturnedItem(resource provider.Object) (transaction.Transaction, error) {
	t, err := readPayoutItem(resource)
	return reverse(t, "_returned"), err
}

// reverse returns the reversal of a whole transaction. PayPal gives it no id, so that its
// id is the transaction's with what became of it.
func reverse(t transaction.Transaction, what string) transaction.Transaction {
	t.ReversedKind, t.Kind = t.Kind, contract.KindReversal
	if t.ID != "" { // without one, Check rejects the transaction
		t.Reverses, t.ID = t.ID, t.ID+what
	}
	return t
}

// Statuses of a payment and of a refund: whether money moved. A payment that was
// refunded or reversed later was made.
// https://developer.paypal.com/docs/api/payments/v2/#definition-capture_status
// https://developer.paypal.com/docs/api/payments/v2/#definition-refund_status
// https://developer.paypal.com/docs/api/payments/v1/#definition-sale
var (
	paymentStatuses = map[string]bool{
		"COMPLETED": true, "PARTIALLY_REFUNDED": true, "REFUNDED": true, "REVERSED": true,
		"PENDING": false, "DECLINED": false, "DENIED": false, "FAILED": false,
	}
	refundStatuses = map[string]bool{"COMPLETED": true, "PENDING": false, "FAILED": false, "CANCELLED": false}
)

// checkStatus returns errNothing for a status with which no money moved. Without a
// status, the event's name decides. The statuses of v1 are in lower case.
func checkStatus(status string, statuses map[string]bool) error {
	moved, known := statuses[strings.ToUpper(status)]
	switch {
	case status != "" && !known:
		return errors.New("the status is not a documented one")
	case status != "" && !moved:
		return errNothing
	}
	return nil
}

// isV1 reports whether a resource is one of the Payments v1 API, by its amount.
func isV1(resource provider.Object) bool {
	amount := resource.Object("amount")
	return amount.Text("total") != "" && amount.Text("value") == ""
}

// withoutDecimals are the currencies that PayPal accepts in whole units only.
// https://developer.paypal.com/api/rest/reference/currency-codes/
var withoutDecimals = map[string]bool{"HUF": true, "JPY": true, "TWD": true}

// readMoney reads an amount from the members with the given names.
func readMoney(m provider.Object, value, currency string) (money.Money, error) {
	return readDecimal(m.Text(value), m.Text(currency))
}

// readDecimal reads an amount. The error is errNothing if it is zero.
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
	if amount.IsZero() {
		return money.Money{}, errNothing
	}
	if withoutDecimals[currency] && strings.Contains(amount.String(), ".") {
		return money.Money{}, fmt.Errorf("the amount in %s has decimals, which PayPal does not have for it", currency)
	}
	return money.Money{Amount: amount, Currency: currency}, nil
}
