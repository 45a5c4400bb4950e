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

// Verify implements provider.Provider. An authentic body in which no time can
// be read is let through, since Decode is then certain to refuse it.
func (Square) Verify(_ context.Context, d provider.Delivery, secrets []string) error {
	keys := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		// Not a character of a key, but often at the end of what was pasted.
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
		// As text: only one spelling of a signature is good.
		if hmac.Equal(base64.StdEncoding.AppendEncode(nil, mac.Sum(nil)), []byte(signatures[0])) {
			return nil
		}
	}
	return errors.New("the signature is not ours for this notification URL")
}

// fact says which state of which object an event makes a transaction.
type fact struct {
	kind     string
	object   string   // member of data.object
	status   string   // the only one that counts; "" when the event type says it all
	metadata []string // members that go into the metadata
}

var (
	payment = fact{contract.KindPayment, "payment", "COMPLETED", []string{"location_id", "order_id", "reference_id"}}
	refund  = fact{contract.KindRefund, "refund", "COMPLETED", []string{"location_id", "order_id"}}
	dispute = fact{contract.KindDispute, "dispute", "", []string{"location_id", "reason"}}
	payout  = fact{contract.KindPayout, "payout", "", []string{"location_id"}}

	facts = map[string]fact{
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
	if fact, ok := facts[e.Type]; ok {
		e.Transaction, err = fact.transaction(notification)
		if err != nil {
			e.Err = fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
		}
	}
	return []provider.Event{e}, nil
}

// transaction returns nil without an error when there is no such fact yet.
func (f fact) transaction(notification provider.Object) (*transaction.Transaction, error) {
	o := notification.Object("data").Object("object").Object(f.object)
	if o == nil {
		return nil, fmt.Errorf("no /data/object/%s", f.object)
	}
	if f.status != "" {
		switch o.Text("status") {
		case "":
			return nil, fmt.Errorf("the %s has no status", f.object)
		case f.status:
		default:
			return nil, nil
		}
	}
	t := transaction.Transaction{
		ID:         cmp.Or(o.Text("id"), o.Text("dispute_id")), // the latter of disputes, in older API versions
		Provider:   Name,
		Kind:       f.kind,
		CustomerID: cmp.Or(o.Text("customer_id"), contract.UnknownCustomer),                       // of payments
		PaymentID:  cmp.Or(o.Text("payment_id"), o.Object("disputed_payment").Text("payment_id")), // of refunds, of disputes
		Metadata:   f.references(notification, o),
	}
	paid := o.Object("total_money") // of payments
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

func (f fact) references(notification, o provider.Object) transaction.Metadata {
	members := map[string]any{"merchant_id": notification.Text("merchant_id")}
	for _, name := range f.metadata {
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

// createdAt reads the body only as far as it must, to keep Verify cheap. What is
// wrong with the rest, or a second created_at, is for Decode to find.
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
