package transaction

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/redact"
)

// Transaction is one payment notification in canonical form: what is stored,
// published, scored and archived. The zero value is not valid; see Check for what
// is. Fields lists how each of its fields is written.
type Transaction struct {
	ID           string    // the provider's id of the object the notification is about
	Provider     string    // "stripe", "adyen", …; with ID the key
	Kind         string    // contract.KindPayment, …
	PaymentID    string    // the ID of the payment that a refund, dispute or reversal refers to; "" if unknown, and for other kinds
	Reverses     string    // the ID of what a reversal takes back; "" if it names none, and for other kinds
	ReversedKind string    // the kind of what a reversal takes back, which is no reversal; "" for other kinds
	money.Money            // exact and positive, also what goes back to the payer
	CustomerID   string    // the provider's id of the payer
	Metadata     Metadata  // the sender's notes; the zero value means none
	ReceivedAt   time.Time // when the webhook endpoint accepted it, UTC
}

// Redact masks card numbers in the customer id and anywhere in the metadata, except in
// the members named in ownIDs that have the form of an id: the provider's ids of its own
// objects, in a verified notification. It returns how many there were. The other
// fields cannot hold one, because Validate and Check reject it.
func (t Transaction) Redact(ownIDs ...string) (Transaction, int) {
	var inCustomerID, inMetadata int
	t.CustomerID, inCustomerID = redact.Text(t.CustomerID)
	t.Metadata, inMetadata = t.Metadata.redact(ownIDs)
	return t, inCustomerID + inMetadata
}

// Differences compares two transactions with the same key, as a notification describes
// a fact and as it was stored. Contradictions are the fields about money that differ:
// amount, currency, kind, and what the transaction refers to if both say so. Others are
// the remaining fields that differ, of metadata the members: "metadata.order_id".
// ReceivedAt is not compared. Both lists are sorted.
//
// A payment that one of them names in payment_id and the other in the metadata is the
// same one: Stripe's PaymentIntent has a charge, and only newer API versions name both.
//
// A refund and the reversal of the same payment move the same money in the same
// direction, so their kinds do not contradict each other: releases before reversals
// stored some of them as refunds.
func (t Transaction) Differences(stored Transaction) (contradictions, others []string) {
	differ := func(name string, a, b string) {
		switch {
		case a == b:
		case a != "" && b != "":
			contradictions = append(contradictions, name)
		default:
			others = append(others, name)
		}
	}
	if t.Amount.Cmp(stored.Amount) != 0 {
		contradictions = append(contradictions, contract.FieldAmount)
	}
	differ(contract.FieldCurrency, t.Currency, stored.Currency)
	differ(contract.FieldKind, t.effect(), stored.effect())
	if a, b := t.referredPayment(), stored.referredPayment(); a != b && (t.Metadata.names(b) || stored.Metadata.names(a)) {
		others = append(others, contract.FieldPaymentID)
	} else {
		differ(contract.FieldPaymentID, a, b)
	}
	if t.Kind == stored.Kind {
		differ(contract.FieldReverses, t.Reverses, stored.Reverses)
	} else if t.effect() == stored.effect() {
		others = append(others, contract.FieldKind)
	}
	if t.CustomerID != stored.CustomerID {
		others = append(others, contract.FieldCustomerID)
	}
	others = append(others, t.Metadata.differences(stored.Metadata)...)
	slices.Sort(contradictions)
	slices.Sort(others)
	return contradictions, others
}

// MoneyField returns the text of a field that Differences may list as a contradiction.
func (t Transaction) MoneyField(name string) string {
	switch name {
	case contract.FieldAmount:
		return t.Amount.String()
	case contract.FieldCurrency:
		return t.Currency
	case contract.FieldKind:
		return t.effect()
	case contract.FieldPaymentID:
		return t.referredPayment()
	case contract.FieldReverses:
		return t.Reverses
	}
	return ""
}

// effect names what a transaction does to the balance.
func (t Transaction) effect() string {
	switch {
	case t.Kind == contract.KindReversal && t.ReversedKind == contract.KindPayment:
		return contract.KindRefund
	case t.Kind == contract.KindReversal:
		return t.Kind + " of " + t.ReversedKind
	}
	return t.Kind
}

// referredPayment returns the payment that a transaction refers to, "" if unknown.
func (t Transaction) referredPayment() string {
	if t.PaymentID == "" && t.ReversedKind == contract.KindPayment {
		return t.Reverses
	}
	return t.PaymentID
}

// Fingerprint is the SHA-256, in lower-case hex, of the transaction's canonical
// JSON without ReceivedAt. Two deliveries have the same fingerprint exactly when
// their content is the same, however it is written (15000 or "15000.00", member
// order, white space). Call it after Redact, so that it never depends on a card
// number.
//
// Kind is left out of a payment's hash, so that fingerprints stored before kinds
// existed still match.
func (t Transaction) Fingerprint() string {
	hash := sha256.New()
	t.writeCanonical(hash)
	return hex.EncodeToString(hash.Sum(nil))
}

// writeCanonical writes what Fingerprint hashes: a JSON object, its names sorted.
func (t Transaction) writeCanonical(w io.Writer) {
	b := make([]byte, 0, 512)
	b = append(b, '{')
	b = appendMember(b, contract.FieldAmount, t.Amount.String())
	b = appendMember(b, contract.FieldCurrency, t.Currency)
	b = appendMember(b, contract.FieldCustomerID, t.CustomerID)
	if t.Kind != contract.KindPayment {
		b = appendMember(b, contract.FieldKind, t.Kind)
	}
	if !t.Metadata.IsZero() {
		b = append(b, `"`+contract.FieldMetadata+`":`...)
		_, _ = w.Write(b) // a hash or a buffer: never fails
		_, _ = w.Write(t.Metadata.text)
		b = append(b[:0], ',')
	}
	if t.PaymentID != "" {
		b = appendMember(b, contract.FieldPaymentID, t.PaymentID)
	}
	b = appendMember(b, contract.FieldProvider, t.Provider)
	if t.ReversedKind != "" {
		b = appendMember(b, contract.FieldReversedKind, t.ReversedKind)
	}
	if t.Reverses != "" {
		b = appendMember(b, contract.FieldReverses, t.Reverses)
	}
	b = appendMember(b, contract.FieldSchemaVersion, contract.SchemaVersion)
	b = appendMember(b, contract.FieldTransactionID, t.ID)
	b[len(b)-1] = '}' // in place of the last comma
	_, _ = w.Write(b)
}

// appendMember appends a member that is a string, and a comma. All strings are
// valid UTF-8: they come from decoded JSON or from DynamoDB.
func appendMember(b []byte, name, value string) []byte {
	b = append(append(append(b, '"'), name...), `":`...)
	b, _ = jsontext.AppendQuote(b, value)
	return append(b, ',')
}

// timeLayout is RFC 3339 in UTC with nine fractional digits: fixed width, so
// that times sort as text.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

// FormatTime writes a time as it is stored and published.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// ParseTime reads what FormatTime wrote.
func ParseTime(text string) (time.Time, error) { return time.Parse(timeLayout, text) }
