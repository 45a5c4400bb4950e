package adyen

import (
	"context"
	"errors"
	"fmt"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/transaction"
)

// Name is the provider's name in the path and in transactions.
const Name = "adyen"

// Options say how the merchant account is set up.
type Options struct {
	// ManualCapture: authorised payments are captured by a request of their own
	// (the account's capture delay is "manual"), and only then become
	// transactions. By default Adyen captures by itself, an AUTHORISATION is the
	// payment, and a CAPTURE is ignored.
	// https://docs.adyen.com/online-payments/capture
	ManualCapture bool
}

// Adyen is a provider.Provider.
type Adyen struct{ options Options }

var _ provider.Provider = Adyen{}

// New returns the provider.
func New(options Options) Adyen { return Adyen{options} }

// Verify implements provider.Provider. Neither the clock nor the headers count.
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

func (a Adyen) event(item object) provider.Event {
	e := provider.Event{Type: item.text("eventCode")}
	var err error
	if e.Type == "" {
		err = errors.New("no eventCode")
	} else if item.success() == "true" {
		e.Transaction, err = a.transaction(item, e.Type)
	}
	if err != nil {
		e.Err = fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	return e
}

// transaction returns nil without an error for what becomes no transaction.
func (a Adyen) transaction(item object, eventCode string) (*transaction.Transaction, error) {
	t, err := a.identify(item, eventCode)
	if err != nil || t.Kind == "" {
		return nil, err
	}
	if t.Currency, t.Amount, err = amount(item.object("amount")); err != nil {
		return nil, err
	}
	if t.Amount.IsZero() {
		return nil, nil // a card was checked, no money moved: a zero-value authorisation
	}
	t.CustomerID = customer(item.object("additionalData"))
	if err := t.Check(); err != nil {
		return nil, err
	}
	return &t, nil
}

// identify says what a successful item is about. It has no kind when it becomes
// no transaction.
func (a Adyen) identify(item object, eventCode string) (t transaction.Transaction, err error) {
	psp, original := item.text("pspReference"), item.text("originalReference")
	metadata := map[string]any{}
	add := func(name, value string) {
		if value != "" {
			metadata[name] = value
		}
	}
	switch eventCode {
	case "AUTHORISATION":
		if !a.options.ManualCapture {
			t.Kind, t.ID = contract.KindPayment, psp
		}
	case "CAPTURE":
		if a.options.ManualCapture {
			t.Kind, t.ID = contract.KindPayment, original
			add("capture_id", psp)
		}
	case "REFUND", "REFUND_WITH_DATA":
		t.Kind, t.ID, t.PaymentID = contract.KindRefund, psp, original
	case "CANCEL_OR_REFUND", "REVERSAL":
		switch item.object("additionalData").text("modification.action") {
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
	add("merchant_account", item.text("merchantAccountCode"))
	add("merchant_reference", item.text("merchantReference"))
	if len(metadata) > 0 {
		t.Metadata = jsonvalue.Append(nil, metadata)
	}
	t.Provider = Name
	return t, nil
}

func customer(additional object) string {
	for _, name := range []string{"shopperReference", "recurring.shopperReference"} {
		if reference := additional.text(name); reference != "" {
			return reference
		}
	}
	return contract.UnknownCustomer
}

// ownDecimals are the currencies whose minor units are not those of ISO 4217.
// https://docs.adyen.com/development-resources/currency-codes#note
var ownDecimals = map[string]int{"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}

func amount(o object) (currency string, a money.Amount, err error) {
	currency = o.text("currency")
	value, ok := o["value"].(jsonvalue.Number)
	if !ok {
		return "", a, fmt.Errorf("amount.value is not a number")
	}
	decimals, ok := ownDecimals[currency]
	if !ok {
		if decimals, ok = money.Digits(currency); !ok {
			return "", a, fmt.Errorf("amount.currency is not an ISO 4217 currency in use")
		}
	}
	if a, err = money.FromMinor(string(value), decimals); err != nil {
		return "", a, fmt.Errorf("amount.value: %w", err)
	}
	return currency, a, nil
}
