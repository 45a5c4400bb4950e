package adyen

import (
	"context"
	"errors"
	"fmt"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/transaction"
)

// Name is the provider's name in the path and in transactions.
const Name = "adyen"

// Options describe how the merchant account is set up.
type Options struct {
	// ManualCapture is true if the merchant captures each authorised payment with a
	// request (the account's capture delay is "manual"). Then the CAPTURE becomes the
	// transaction. If it is false, Adyen captures automatically, the AUTHORISATION
	// becomes the transaction, and a CAPTURE is ignored.
	// https://docs.adyen.com/online-payments/capture
	ManualCapture bool
}

// Adyen is a provider.Provider.
type Adyen struct{ options Options }

var _ provider.Provider = Adyen{}

// New returns the provider.
func New(options Options) Adyen { return Adyen{options} }

// Verify implements provider.Provider. It uses neither the clock nor the headers,
// because Adyen signs no time and puts the signatures into the body.
func (Adyen) Verify(_ context.Context, d provider.Delivery, secrets []string) error {
	keys := readKeys(secrets)
	if len(keys) == 0 {
		return fmt.Errorf("%w: none of %d is an HMAC key of %d or more hexadecimal digits", provider.ErrSecret, len(secrets), 2*minKeyBytes)
	}
	items, err := readItems(d.Body)
	if err != nil {
		return fmt.Errorf("%w: %w", provider.ErrSignature, err)
	}
	for i, item := range items {
		if err := verify(item, keys); err != nil {
			return fmt.Errorf("%w: notification item %d of %d: %w", provider.ErrSignature, i+1, len(items), err)
		}
	}
	return nil
}

// Decode implements provider.Provider: one event per notification item.
func (a Adyen) Decode(d provider.Delivery) ([]provider.Event, error) {
	items, err := readItems(d.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	events := make([]provider.Event, len(items))
	for i, item := range items {
		events[i] = a.event(item)
	}
	return events, nil
}

func (a Adyen) event(item provider.Object) provider.Event {
	e := provider.Event{Type: item.Text("eventCode")}
	var err error
	if e.Type == "" {
		err = errors.New("no eventCode")
	} else if success(item) == "true" {
		e.Transaction, err = a.transaction(item, e.Type)
	}
	if err != nil {
		e.Err = fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	return e
}

// transaction returns nil without an error for an item that is ignored.
func (a Adyen) transaction(item provider.Object, eventCode string) (*transaction.Transaction, error) {
	t, err := a.identify(item, eventCode)
	if err != nil || t.Kind == "" {
		return nil, err
	}
	if t.Money, err = readMoney(item.Object("amount")); err != nil {
		return nil, err
	}
	if t.Amount.IsZero() {
		return nil, nil // a zero-value authorisation checks a card and moves no money
	}
	t.CustomerID = customer(item.Object("additionalData"))
	if err := t.Check(); err != nil {
		return nil, err
	}
	return &t, nil
}

// identify returns the kind, ids and metadata of a successful item. The kind is empty
// if the item is ignored.
func (a Adyen) identify(item provider.Object, eventCode string) (t transaction.Transaction, err error) {
	psp, original := item.Text("pspReference"), item.Text("originalReference")
	metadata := map[string]any{
		"merchant_account":   item.Text("merchantAccountCode"),
		"merchant_reference": item.Text("merchantReference"),
	}
	switch eventCode {
	case "AUTHORISATION":
		if !a.options.ManualCapture {
			t.Kind, t.ID = contract.KindPayment, psp
		}
	case "CAPTURE":
		if a.options.ManualCapture {
			t.Kind, t.ID = contract.KindPayment, original
			metadata["capture_id"] = psp
		}
	case "REFUND", "REFUND_WITH_DATA":
		t.Kind, t.ID, t.PaymentID = contract.KindRefund, psp, original
	case "CANCEL_OR_REFUND", "REVERSAL":
		switch item.Object("additionalData").Text("modification.action") {
		case "refund":
			t.Kind, t.ID, t.PaymentID = contract.KindRefund, psp, original
		case "cancel":
		default:
			return t, errors.New("additionalData.modification.action is neither refund nor cancel")
		}
	case "CHARGEBACK":
		t.Kind, t.ID, t.PaymentID = contract.KindDispute, psp, original
	case "PAYOUT_THIRDPARTY":
		t.Kind, t.ID = contract.KindPayout, psp
	}
	t.Provider, t.Metadata = Name, provider.Metadata(metadata)
	return t, nil
}

func customer(additional provider.Object) string {
	for _, name := range []string{"shopperReference", "recurring.shopperReference"} {
		if reference := additional.Text(name); reference != "" {
			return reference
		}
	}
	return contract.UnknownCustomer
}

// ownDecimals has the decimals of the currencies for which Adyen deviates from ISO 4217.
// https://docs.adyen.com/development-resources/currency-codes#note
var ownDecimals = map[string]int{"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}

func readMoney(o provider.Object) (money.Money, error) {
	currency := o.Text("currency")
	decimals, ok := ownDecimals[currency]
	if !ok {
		if decimals, ok = money.Digits(currency); !ok {
			return money.Money{}, errors.New("amount.currency is not an ISO 4217 currency in use")
		}
	}
	m, err := money.FromMinor(o.Number("value"), decimals, currency)
	if err != nil {
		return money.Money{}, fmt.Errorf("amount.value: %w", err)
	}
	return m, nil
}
