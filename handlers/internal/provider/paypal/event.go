package paypal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/transaction"
)

// limits bound what is read into memory; a capture has about 100 values in 7
// levels. Texts are as long as the body at most (transaction.MaxBodyBytes).
var limits = jsonvalue.Limits{Depth: 32, Values: 10_000, NameBytes: 255}

// maxEventType bounds event_type, which ends up in an answer and a log.
const maxEventType = 100

// Decode reads a webhook event: always one provider.Event. The error wraps
// provider.ErrUnreadable.
func (p *PayPal) Decode(d provider.Delivery) ([]provider.Event, error) {
	event, err := parseObject(d.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	eventType := event.text("event_type")
	if len(eventType) > maxEventType || !isWord(eventType, ".-_") {
		return nil, fmt.Errorf("%w: event_type is not an event's name", provider.ErrUnreadable)
	}
	read := map[string]func(object) (transaction.Transaction, error){
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
	t, err := read(event.object("resource"))
	if err == nil {
		t.Provider = Name
		err = t.Check()
	}
	if err != nil {
		return []provider.Event{{Type: eventType, Err: fmt.Errorf("%w: %w", provider.ErrUnreadable, err)}}, nil
	}
	return []provider.Event{{Type: eventType, Transaction: &t}}, nil
}

// readCapture reads a capture of the Payments v2 API. It does not name the payer.
// https://developer.paypal.com/docs/api/payments/v2/#definition-capture
func readCapture(capture object) (transaction.Transaction, error) {
	amount, currency, err := readMoney(capture.object("amount"), "currency_code")
	return transaction.Transaction{
		ID:         capture.text("id"),
		Kind:       contract.KindPayment,
		Amount:     amount,
		Currency:   currency,
		CustomerID: contract.UnknownCustomer,
		Metadata: metadata(map[string]string{
			"order_id":   capture.object("supplementary_data").object("related_ids").text("order_id"),
			"invoice_id": capture.text("invoice_id"),
			"custom_id":  capture.text("custom_id"),
		}),
	}, err
}

// readRefund reads a refund of the Payments v2 API; a reversal is one. The
// "payer" in it is the merchant, who pays it back.
// https://developer.paypal.com/docs/api/payments/v2/#definition-refund
func readRefund(refund object) (transaction.Transaction, error) {
	captureID, err := linkedID(refund, "up", "/v2/payments/captures/")
	if err != nil {
		return transaction.Transaction{}, err
	}
	amount, currency, err := readMoney(refund.object("amount"), "currency_code")
	return transaction.Transaction{
		ID:         refund.text("id"),
		Kind:       contract.KindRefund,
		PaymentID:  captureID,
		Amount:     amount,
		Currency:   currency,
		CustomerID: contract.UnknownCustomer,
		Metadata: metadata(map[string]string{
			"invoice_id": refund.text("invoice_id"),
			"custom_id":  refund.text("custom_id"),
		}),
	}, err
}

// readSale reads a sale of the Payments v1 API, such as a payment of a
// subscription, which billing_agreement_id names. It does not name the payer.
// Its invoice_number is not always there when PayPal sends the event again, and
// so it is no part of the fact; see the package comment.
// https://developer.paypal.com/docs/api/payments/v1/#definition-sale
func readSale(sale object) (transaction.Transaction, error) {
	total := sale.object("amount")
	amount, currency, err := readDecimal(total.text("total"), total.text("currency"))
	return transaction.Transaction{
		ID:         sale.text("id"),
		Kind:       contract.KindPayment,
		Amount:     amount,
		Currency:   currency,
		CustomerID: contract.UnknownCustomer,
		Metadata: metadata(map[string]string{
			"billing_agreement_id": sale.text("billing_agreement_id"),
			"parent_payment":       sale.text("parent_payment"),
			"custom":               sale.text("custom"),
		}),
	}, err
}

// readSaleRefund reads a refund of the Payments v1 API; a reversal is one. The
// amount is written with a minus sign or without. What does not link to itself
// as a refund could be the sale itself, whose id is that of the payment.
// https://developer.paypal.com/docs/api/payments/v1/#definition-refund
func readSaleRefund(refund object) (transaction.Transaction, error) {
	if _, err := linkedID(refund, "self", "/v1/payments/refund/"); err != nil {
		return transaction.Transaction{}, err
	}
	total := refund.object("amount")
	amount, currency, err := readDecimal(strings.TrimPrefix(total.text("total"), "-"), total.text("currency"))
	return transaction.Transaction{
		ID:         refund.text("id"),
		Kind:       contract.KindRefund,
		PaymentID:  refund.text("sale_id"),
		Amount:     amount,
		Currency:   currency,
		CustomerID: contract.UnknownCustomer,
		Metadata:   metadata(map[string]string{"parent_payment": refund.text("parent_payment")}),
	}, err
}

// linkedID is the id at the end of the resource's link of a relation, which is
// https://api.paypal.com<path><id>.
func linkedID(resource object, relation, path string) (string, error) {
	for _, element := range resource.list("links") {
		link, _ := element.(map[string]any)
		if object(link).text("rel") != relation {
			continue
		}
		if _, id, ok := strings.Cut(object(link).text("href"), path); ok && isWord(id, "-_") {
			return id, nil
		}
	}
	return "", fmt.Errorf("resource has no link %q to %s", relation, path)
}

// readDispute reads a dispute at its creation. Amount, reason and stage may
// change later, in events that become no transaction. A dispute may be about
// several transactions of one buyer: the first is the one it refers to. A
// merchant learns the buyer's name, but not the account.
// https://developer.paypal.com/docs/api/customer-disputes/v1/#definition-dispute
func readDispute(dispute object) (transaction.Transaction, error) {
	var disputed object
	if list := dispute.list("disputed_transactions"); len(list) > 0 {
		disputed, _ = list[0].(map[string]any)
	}
	amount, currency, err := readMoney(dispute.object("dispute_amount"), "currency_code")
	return transaction.Transaction{
		ID:         dispute.text("dispute_id"),
		Kind:       contract.KindDispute,
		PaymentID:  disputed.text("seller_transaction_id"),
		Amount:     amount,
		Currency:   currency,
		CustomerID: contract.UnknownCustomer,
		Metadata: metadata(map[string]string{
			"reason":         dispute.text("reason"),
			"invoice_number": disputed.text("invoice_number"),
			"custom":         disputed.text("custom"),
		}),
	}, err
}

// readPayoutItem reads an item of a batch payout. Its receiver is named only by
// an account id: an e-mail address or phone number is the receiver's own.
// https://developer.paypal.com/docs/api/payments.payouts-batch/v1/#definition-payout_item
func readPayoutItem(resource object) (transaction.Transaction, error) {
	item := resource.object("payout_item")
	customer := contract.UnknownCustomer
	if item.text("recipient_type") == "PAYPAL_ID" && item.text("receiver") != "" {
		customer = item.text("receiver")
	}
	amount, currency, err := readMoney(item.object("amount"), "currency")
	return transaction.Transaction{
		ID:         resource.text("payout_item_id"),
		Kind:       contract.KindPayout,
		Amount:     amount,
		Currency:   currency,
		CustomerID: customer,
		Metadata: metadata(map[string]string{
			"payout_batch_id": resource.text("payout_batch_id"),
			"sender_item_id":  item.text("sender_item_id"),
			"transaction_id":  resource.text("transaction_id"),
		}),
	}, err
}

// withoutDecimals are the currencies that PayPal takes in whole units only.
// https://developer.paypal.com/api/rest/reference/currency-codes/
var withoutDecimals = map[string]bool{"HUF": true, "JPY": true, "TWD": true}

// readMoney reads {"value": "10.99", "currency_code": "USD"}; Payouts calls the
// second member "currency".
func readMoney(m object, currencyName string) (money.Amount, string, error) {
	return readDecimal(m.text("value"), m.text(currencyName))
}

func readDecimal(value, currency string) (money.Amount, string, error) {
	if strings.Trim(value, "0123456789.") != "" {
		// money.Parse also knows exponents, which PayPal does not write; what is
		// negative is not a fact of these kinds.
		return money.Amount{}, currency, errors.New("the amount is not a string of digits")
	}
	if strings.HasPrefix(value, ".") {
		value = "0" + value // PayPal's pattern allows ".99"
	}
	amount, err := money.Parse(value)
	if err != nil {
		return money.Amount{}, currency, fmt.Errorf("the amount: %w", err)
	}
	if withoutDecimals[currency] && strings.Contains(amount.String(), ".") {
		return money.Amount{}, currency, fmt.Errorf("the amount in %s has decimals, which PayPal does not have for it", currency)
	}
	return amount, currency, nil
}

// metadata keeps the references that have a value.
func metadata(references map[string]string) jsontext.Value {
	members := map[string]any{}
	for name, value := range references {
		if value != "" {
			members[name] = value
		}
	}
	if len(members) == 0 {
		return nil
	}
	return jsonvalue.Append(nil, members)
}

// object is a JSON object. What is absent, null or of another type reads as the
// zero value, and is then missed by transaction.Check if it is needed.
type object map[string]any

func (o object) text(name string) string {
	s, _ := o[name].(string)
	return s
}

func (o object) object(name string) object {
	m, _ := o[name].(map[string]any)
	return m
}

func (o object) list(name string) []any {
	l, _ := o[name].([]any)
	return l
}

// parseObject reads a body that is one JSON object within limits.
func parseObject(body []byte) (object, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	value, problems, err := jsonvalue.Read(dec, limits)
	if err != nil {
		return nil, errors.New("the body is not JSON") // the decoder's error repeats parts of it
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("the body: %s", problems[0].Detail)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the body is more than one JSON value")
	}
	members, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("the body is not a JSON object")
	}
	return members, nil
}
