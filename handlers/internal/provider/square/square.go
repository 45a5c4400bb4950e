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
// time, because Decode rejects such a body as unreadable.
func (Square) Verify(_ context.Context, d provider.Delivery, secrets []string) error {
	keys := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		// A key has no white space, but pasted text often ends with some.
		if key := strings.TrimSpace(secret); key != "" {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return fmt.Errorf("%w: no signature key", provider.ErrSecret)
	}
	if err := verify(d, keys); err != nil {
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

func verify(d provider.Delivery, keys []string) error {
	signatures := d.Header.Values(SignatureHeader)
	if len(signatures) != 1 {
		return fmt.Errorf("%d headers %s, where there must be one", len(signatures), SignatureHeader)
	}
	for _, key := range keys {
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

// eventMapping maps an event type to a transaction.
type eventMapping struct {
	kind     string   // the transaction's kind
	object   string   // the member of data.object that has the object
	status   string   // the status that the object must have; "" if any is accepted
	metadata []string // the object's members that go into the metadata
}

var (
	payment = eventMapping{contract.KindPayment, "payment", "COMPLETED", []string{"location_id", "order_id", "reference_id"}}
	refund  = eventMapping{contract.KindRefund, "refund", "COMPLETED", []string{"location_id", "order_id"}}
	dispute = eventMapping{contract.KindDispute, "dispute", "", []string{"location_id", "reason"}}
	payout  = eventMapping{contract.KindPayout, "payout", "", []string{"location_id"}}

	eventMappings = map[string]eventMapping{
		"payment.created": payment,
		"payment.updated": payment,
		"refund.created":  refund,
		"refund.updated":  refund,
		"dispute.created": dispute,
		"payout.paid":     payout,
	}
)

// Decode implements provider.Provider: one event.
func (Square) Decode(d provider.Delivery) ([]provider.Event, error) {
	notification, err := provider.ParseObject(d.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	if _, ok := createdAt(d.Body); !ok { // see Verify
		return nil, fmt.Errorf("%w: created_at is not a time in RFC 3339", provider.ErrUnreadable)
	}
	e := provider.Event{Type: notification.Text("type")}
	if e.Type == "" {
		return nil, fmt.Errorf("%w: no type", provider.ErrUnreadable)
	}
	if mapping, ok := eventMappings[e.Type]; ok {
		e.Transaction, err = mapping.transaction(notification)
		if err != nil {
			e.Err = fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
		}
	}
	return []provider.Event{e}, nil
}

// transaction returns nil without an error if the object has not reached the status.
func (m eventMapping) transaction(notification provider.Object) (*transaction.Transaction, error) {
	o := notification.Object("data").Object("object").Object(m.object)
	if o == nil {
		return nil, fmt.Errorf("no /data/object/%s", m.object)
	}
	if m.status != "" {
		switch o.Text("status") {
		case "":
			return nil, fmt.Errorf("the %s has no status", m.object)
		case m.status:
		default:
			return nil, nil
		}
	}
	t := transaction.Transaction{
		ID:         cmp.Or(o.Text("id"), o.Text("dispute_id")), // dispute_id is in older API versions
		Provider:   Name,
		Kind:       m.kind,
		CustomerID: cmp.Or(o.Text("customer_id"), contract.UnknownCustomer),                       // only payments have one
		PaymentID:  cmp.Or(o.Text("payment_id"), o.Object("disputed_payment").Text("payment_id")), // of a refund or of a dispute
		Metadata:   m.references(notification, o),
	}
	paid := o.Object("total_money") // only payments have it
	if paid == nil {
		paid = o.Object("amount_money")
	}
	var err error
	if t.Money, err = readMoney(paid); err != nil {
		return nil, err
	}
	if t.Amount.IsZero() {
		return nil, nil
	}
	if err := t.Check(); err != nil {
		return nil, err
	}
	return &t, nil
}

func (m eventMapping) references(notification, o provider.Object) transaction.Metadata {
	members := map[string]any{"merchant_id": notification.Text("merchant_id")}
	for _, name := range m.metadata {
		members[name] = o.Text(name)
	}
	return provider.Metadata(members)
}

func readMoney(o provider.Object) (money.Money, error) {
	currency := o.Text("currency")
	decimals, ok := money.Digits(currency)
	if !ok {
		return money.Money{}, errors.New("the currency is not an ISO 4217 currency in use")
	}
	m, err := money.FromMinor(o.Number("amount"), decimals, currency)
	if err != nil {
		return money.Money{}, fmt.Errorf("the amount: %w", err)
	}
	return m, nil
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
		t, err = time.Parse(time.RFC3339, value.String())
		return t, err == nil
	}
	return t, false
}
