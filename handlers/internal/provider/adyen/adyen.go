package adyen

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

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
	// request (the account's capture delay is "manual"). Then each CAPTURE becomes a
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

// Decode implements provider.Provider: one event per notification item.
func (a Adyen) Decode(d provider.Delivery) ([]provider.Event, error) {
	delivery, err := readAll(d.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	events := make([]provider.Event, len(delivery.items))
	for i, item := range delivery.items {
		events[i] = a.event(item, delivery.test)
	}
	return events, nil
}

func (a Adyen) event(i item, test bool) provider.Event {
	e := provider.Event{Type: i.eventCode, Binding: i.binding()}
	err := i.ambiguous()
	switch {
	case err != nil:
	case i.eventCode == "":
		err = errors.New("no eventCode")
	case i.success == "true" && i.value != "0" && becomesTransaction(i.eventCode): // an authorisation of zero checks a card
		e.Transaction, err = a.transaction(i, test)
	}
	if err != nil {
		e.Err = fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	return e
}

// binding ties modification.action, which is not signed, to the signed text of an item
// that it makes a refund or a cancellation. Other items need none: what is not signed
// decides nothing about them.
func (i item) binding() provider.Binding {
	if i.success != "true" || !i.cancelsOrRefunds() {
		return provider.Binding{}
	}
	id := sha256.Sum256(i.signedText())
	return provider.Binding{
		ID:      hex.EncodeToString(id[:]),
		Content: sha256.Sum256([]byte(i.action)),
		For:     contract.RetentionDays * 24 * time.Hour,
	}
}

// cancelsOrRefunds reports whether modification.action tells what happened.
func (i item) cancelsOrRefunds() bool {
	return i.eventCode == "CANCEL_OR_REFUND" || i.eventCode == "REVERSAL"
}

// transaction returns nil without an error for an item that is ignored.
func (a Adyen) transaction(i item, test bool) (*transaction.Transaction, error) {
	metadata := map[string]any{
		"merchant_account":   i.merchantAccountCode,
		"merchant_reference": i.merchantReference,
	}
	t, err := a.identify(i, metadata)
	if err != nil || t.Kind == "" {
		return nil, err
	}
	if t.Money, err = i.money(metadata); err != nil {
		return nil, err
	}
	if t.Amount.IsZero() {
		return nil, nil
	}
	if test {
		metadata["live"] = false
	}
	t.Provider, t.Metadata = Name, provider.Metadata(metadata)
	t.CustomerID = transaction.CustomerID(cmp.Or(i.shopper, i.tokenShopper, i.recurringShopper))
	if err := t.Check(); err != nil {
		return nil, err
	}
	return &t, nil
}

// identify returns the kind and ids of a successful item, and adds to the metadata what
// else it refers to. The kind is empty if the item is ignored.
func (a Adyen) identify(i item, metadata map[string]any) (t transaction.Transaction, err error) {
	// An original reference that is no id of ours must not keep the money out.
	original := i.originalReference
	if original != "" && !isID(original) {
		metadata["original_reference"], original = original, ""
	}
	is := func(kind string) { t.Kind, t.ID, t.PaymentID = kind, i.pspReference, original }
	takesBack := func(kind, id, what string) {
		is(contract.KindReversal)
		// Adyen gives a failure the reference of what failed.
		t.ID += "_" + what
		t.ReversedKind, t.Reverses = kind, id
	}
	switch i.eventCode {
	case "AUTHORISATION":
		if !a.options.ManualCapture {
			t.Kind, t.ID = contract.KindPayment, i.pspReference
		}
	case "CAPTURE":
		if strings.Contains(strings.ToLower(i.reason), "recaptured") {
			return t, errors.New("a failed capture was captured again, which only the reason says, and that is not signed")
		}
		if a.options.ManualCapture {
			t.Kind, t.ID = contract.KindPayment, i.pspReference
			metadata["authorisation_id"] = original
		}
	case "CAPTURE_FAILED":
		captured := original
		if a.options.ManualCapture {
			captured = i.pspReference
		}
		takesBack(contract.KindPayment, captured, "capture_failed")
	case "REFUND", "REFUND_WITH_DATA":
		is(contract.KindRefund)
	case "CANCELLATION", "TECHNICAL_CANCEL", "CANCEL_OR_REFUND", "REVERSAL":
		switch {
		case i.cancelsOrRefunds() && i.action == "refund":
			is(contract.KindRefund)
		case i.cancelsOrRefunds() && i.action != "cancel":
			return t, errors.New("additionalData.modification.action is neither refund nor cancel")
		case !a.options.ManualCapture:
			takesBack(contract.KindPayment, original, "cancelled")
		}
	case "REFUND_FAILED", "REFUNDED_REVERSED":
		takesBack(contract.KindRefund, i.pspReference, strings.ToLower(i.eventCode))
	case "CHARGEBACK":
		is(contract.KindDispute)
	case "SECOND_CHARGEBACK":
		is(contract.KindDispute)
		t.ID += "_second_chargeback"
	case "CHARGEBACK_REVERSED":
		takesBack(contract.KindDispute, i.pspReference, "chargeback_reversed")
	case "PAYOUT_THIRDPARTY":
		t.Kind, t.ID = contract.KindPayout, i.pspReference
	case "PAIDOUT_REVERSED":
		takesBack(contract.KindPayout, cmp.Or(original, i.pspReference), "paidout_reversed")
		t.PaymentID = ""
	}
	return t, nil
}

// isID reports whether a reference can be an id in a transaction.
func isID(reference string) bool {
	return len(reference) <= transaction.MaxIDLength && !strings.ContainsFunc(reference, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_'
	})
}

// ownDecimals has the decimals of the currencies for which Adyen deviates from ISO 4217.
// https://docs.adyen.com/development-resources/currency-codes#note
var ownDecimals = map[string]int{"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}

// offshoreYuan is the only currency on Adyen's list that ISO 4217 does not have: the yuan
// as it is traded outside of mainland China. It is the same currency with another
// exchange rate, and has as many decimals, so it is stored as CNY, and the metadata
// tells it.
// https://docs.adyen.com/development-resources/currency-codes
const offshoreYuan = "CNH"

// money returns the item's amount, and adds a currency that is stored as another one to the
// metadata.
func (i item) money(metadata map[string]any) (money.Money, error) {
	currency := i.currency
	if currency == offshoreYuan {
		metadata["adyen_currency"], currency = currency, "CNY"
	}
	decimals, ok := ownDecimals[currency]
	if !ok {
		if decimals, ok = money.Digits(currency); !ok {
			return money.Money{}, errors.New("amount.currency is not an ISO 4217 currency in use")
		}
	}
	m, err := money.FromMinor(i.value, decimals, currency)
	if err != nil {
		return money.Money{}, fmt.Errorf("amount.value: %w", err)
	}
	return m, nil
}
