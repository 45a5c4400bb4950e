package square

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/transaction"
)

// Name is the provider's name in the path and in transactions.
const Name = "square"

// SignatureHeader carries the signature.
const SignatureHeader = "X-Square-Hmacsha256-Signature"

// MaxAge is how long after an event Square still delivers it.
const MaxAge = 72 * time.Hour

// Square is a provider.Provider.
type Square struct{}

var _ provider.Provider = Square{}

// New returns the provider.
func New() Square { return Square{} }

// Verify implements provider.Provider. It accepts an authentic body without a readable
// time, because Decode lets no such body become a transaction.
func (Square) Verify(_ context.Context, d provider.Delivery, secrets []string) error {
	if !slices.ContainsFunc(secrets, isKey) {
		return fmt.Errorf("%w: no signature key", provider.ErrSecret)
	}
	if err := verify(d, secrets); err != nil {
		return fmt.Errorf("%w: %w", provider.ErrSignature, err)
	}
	createdAt, ok := createdAt(d.Body)
	if !ok {
		return nil
	}
	switch age := d.ReceivedAt.Sub(createdAt); {
	case age > MaxAge+provider.Tolerance:
		return fmt.Errorf("%w: created_at is %v ago; Square delivers for %v", provider.ErrSignature, age.Round(time.Second), MaxAge)
	case age < -provider.Tolerance:
		return fmt.Errorf("%w: created_at is %v ahead of our clock", provider.ErrSignature, -age.Round(time.Second))
	}
	return nil
}

// isKey reports whether a secret is there at all, since anybody could sign with "".
func isKey(secret string) bool { return secret != "" }

func verify(d provider.Delivery, secrets []string) error {
	signatures := d.Header.Values(SignatureHeader)
	if len(signatures) != 1 {
		return fmt.Errorf("%d headers %s, where there must be one", len(signatures), SignatureHeader)
	}
	for _, key := range secrets {
		if !isKey(key) {
			continue
		}
		mac := hmac.New(sha256.New, []byte(key))
		io.WriteString(mac, d.URL) // a hash.Hash never fails
		mac.Write(d.Body)
		// Compare as text, so that a signature has only one valid spelling.
		if hmac.Equal(base64.StdEncoding.AppendEncode(nil, mac.Sum(nil)), []byte(signatures[0])) {
			return nil
		}
	}
	return errors.New("the signature is not ours for this notification URL")
}

// outcome is what an event says about the money of its object.
type outcome int

const (
	unknown   outcome = iota // a state that is not documented
	unmoved                  // none has moved, or none will
	moved                    // it has moved
	movedBack                // whatever moved has come back
)

// eventMapping maps an event type to transactions.
type eventMapping struct {
	kind     string             // the kind of the transaction if the money has moved
	object   string             // the member of data.object that has the object
	state    string             // the object's member with its state; "" if the event type decides
	outcomes map[string]outcome // by state
	always   outcome            // if the event type decides
	reversed string             // what the id of a reversal has after the object's id
	metadata []string           // the object's members that go into the metadata
}

var (
	payment = eventMapping{
		kind: contract.KindPayment, object: "payment", state: "status",
		// https://developer.squareup.com/reference/square/objects/Payment
		outcomes: map[string]outcome{
			"PENDING": unmoved, "APPROVED": unmoved, "CANCELED": unmoved, "FAILED": unmoved, "COMPLETED": moved,
		},
		metadata: []string{"location_id", "order_id", "reference_id"},
	}
	refund = eventMapping{
		kind: contract.KindRefund, object: "refund", state: "status", reversed: "_failed",
		// https://developer.squareup.com/reference/square/objects/PaymentRefund
		outcomes: map[string]outcome{
			"PENDING": unmoved, "REJECTED": unmoved, "COMPLETED": moved, "FAILED": movedBack,
		},
		metadata: []string{"location_id", "order_id"},
	}
	dispute = eventMapping{
		kind: contract.KindDispute, object: "dispute", state: "state", reversed: "_won",
		// https://developer.squareup.com/reference/square/enums/DisputeState
		outcomes: map[string]outcome{
			"INQUIRY_EVIDENCE_REQUIRED": unmoved, "INQUIRY_PROCESSING": unmoved, "INQUIRY_CLOSED": unmoved,
			"EVIDENCE_REQUIRED": moved, "PROCESSING": moved, "LOST": moved, "ACCEPTED": moved, "WON": movedBack,
		},
		metadata: []string{"location_id", "reason"},
	}

	eventMappings = map[string]eventMapping{
		"payment.created":       payment,
		"payment.updated":       payment,
		"refund.created":        refund,
		"refund.updated":        refund,
		"dispute.created":       dispute,
		"dispute.state.updated": dispute,
		"dispute.state.changed": dispute, // its name before Square-Version 2021-06-16
		"payout.paid":           payout(moved),
		"payout.failed":         payout(movedBack),
	}
)

// payout returns the mapping of an event type that says what became of a payout.
func payout(o outcome) eventMapping {
	return eventMapping{kind: contract.KindPayout, object: "payout", always: o, reversed: "_failed", metadata: []string{"location_id"}}
}

// Decode implements provider.Provider: one event, or two of one type if the money has
// moved and come back.
func (Square) Decode(d provider.Delivery) ([]provider.Event, error) {
	notification, err := provider.ParseObject(d.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	e := provider.Event{Type: notification.Text("type")}
	if e.Type == "" {
		return nil, fmt.Errorf("%w: no type", provider.ErrUnreadable)
	}
	mapping, ok := eventMappings[e.Type]
	if !ok {
		return []provider.Event{e}, nil
	}
	transactions, err := mapping.transactions(notification)
	switch {
	case err != nil:
		e.Err = fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
		return []provider.Event{e}, nil
	case len(transactions) == 0:
		return []provider.Event{e}, nil
	}
	if _, ok := ParseTime(notification.Text("created_at")); !ok { // see Verify
		return nil, fmt.Errorf("%w: created_at is not a time in RFC 3339", provider.ErrUnreadable)
	}
	events := make([]provider.Event, len(transactions))
	for i := range transactions {
		events[i] = provider.Event{Type: e.Type, Transaction: &transactions[i]}
	}
	return events, nil
}

// transactions returns none if no money has moved.
func (m eventMapping) transactions(notification provider.Object) ([]transaction.Transaction, error) {
	o := notification.Object("data").Object("object").Object(m.object)
	if o == nil {
		return nil, fmt.Errorf("no /data/object/%s", m.object)
	}
	result := m.always
	if m.state != "" {
		result = m.outcomes[o.Text(m.state)]
	}
	switch result {
	case unknown:
		return nil, fmt.Errorf("the %s has no %s that Square documents", m.object, m.state)
	case unmoved:
		return nil, nil
	}
	t := transaction.Transaction{
		ID:         cmp.Or(o.Text("id"), o.Text("dispute_id")), // dispute_id is in older API versions
		Provider:   Name,
		Kind:       m.kind,
		CustomerID: transaction.CustomerID(o.Text("customer_id")),                                 // only payments have one
		PaymentID:  cmp.Or(o.Text("payment_id"), o.Object("disputed_payment").Text("payment_id")), // of a refund or of a dispute
		Metadata:   m.references(notification, o),
	}
	paid := o.Object("total_money") // only payments have it
	if paid == nil {
		paid = o.Object("amount_money")
	}
	var debit bool
	var err error
	if t.Money, debit, err = m.money(paid); err != nil {
		return nil, err
	}
	if t.Amount.IsZero() {
		return nil, nil
	}
	if debit {
		t.Kind, t.ReversedKind = contract.KindReversal, m.kind
	}
	all := []transaction.Transaction{t}
	if result == movedBack {
		all = append(all, takeBack(t, m.reversed))
	}
	for _, t := range all {
		if err := t.Check(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// takeBack returns the transaction that takes t back: its reversal or, if t is a debit,
// the payout that returns it.
func takeBack(t transaction.Transaction, suffix string) transaction.Transaction {
	back := t
	back.ID += suffix
	if t.Kind == contract.KindReversal {
		back.Kind, back.ReversedKind = t.ReversedKind, ""
	} else {
		back.Kind, back.ReversedKind, back.Reverses = contract.KindReversal, t.Kind, t.ID
	}
	return back
}

func (m eventMapping) references(notification, o provider.Object) transaction.Metadata {
	members := map[string]any{"merchant_id": notification.Text("merchant_id")}
	for _, name := range m.metadata {
		members[name] = o.Text(name)
	}
	return provider.Metadata(members)
}

// money reads an amount. A payout's is negative if Square debits the seller's bank account;
// the result is then the amount of the debit.
// https://developer.squareup.com/reference/square/objects/Payout
func (m eventMapping) money(o provider.Object) (amount money.Money, debit bool, err error) {
	currency := o.Text("currency")
	decimals, ok := money.Digits(currency)
	if !ok {
		return money.Money{}, false, errors.New("the currency is not an ISO 4217 currency in use")
	}
	text := o.Number("amount")
	if m.kind == contract.KindPayout {
		text, debit = strings.CutPrefix(text, "-")
	}
	amount, err = money.FromMinor(text, decimals, currency)
	if err != nil {
		return money.Money{}, false, fmt.Errorf("the amount: %w", err)
	}
	return amount, debit, nil
}

// createdAt reads the body only up to created_at, to keep Verify cheap. Decode detects
// errors in the rest, such as a second created_at.
func createdAt(body []byte) (t time.Time, ok bool) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	if start, err := dec.ReadToken(); err != nil || start.Kind() != '{' {
		return t, false
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return t, false
		}
		if name.String() != "created_at" {
			if dec.SkipValue() != nil {
				return t, false
			}
			continue
		}
		value, err := dec.ReadToken()
		if err != nil {
			return t, false
		}
		return ParseTime(value.String())
	}
	return t, false
}

// ParseTime reads a time in RFC 3339. A time without a zone, as in some samples, is taken
// for UTC, which Square writes unless a time has an offset.
// https://developer.squareup.com/docs/build-basics/working-with-dates
func ParseTime(text string) (t time.Time, ok bool) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05", text)
	}
	return t, err == nil
}
