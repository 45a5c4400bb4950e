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
	"payment-webhooks/handlers/internal/jsonvalue"
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
	notification, err := parse(d.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	if _, ok := createdAt(d.Body); !ok { // see Verify
		return nil, fmt.Errorf("%w: created_at is not a time in RFC 3339", provider.ErrUnreadable)
	}
	e := provider.Event{Type: notification.text("type")}
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
func (f fact) transaction(notification object) (*transaction.Transaction, error) {
	o := notification.object("data").object("object").object(f.object)
	if o == nil {
		return nil, fmt.Errorf("no /data/object/%s", f.object)
	}
	if f.status != "" {
		switch o.text("status") {
		case "":
			return nil, fmt.Errorf("the %s has no status", f.object)
		case f.status:
		default:
			return nil, nil
		}
	}
	t := transaction.Transaction{
		ID:         cmp.Or(o.text("id"), o.text("dispute_id")), // the latter of disputes, in older API versions
		Provider:   Name,
		Kind:       f.kind,
		CustomerID: cmp.Or(o.text("customer_id"), contract.UnknownCustomer),                       // of payments
		PaymentID:  cmp.Or(o.text("payment_id"), o.object("disputed_payment").text("payment_id")), // of refunds, of disputes
		Metadata:   f.references(notification, o),
	}
	paid := o.object("total_money") // of payments
	if paid == nil {
		paid = o.object("amount_money")
	}
	var err error
	if t.Currency, t.Amount, err = amount(paid); err != nil {
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

func (f fact) references(notification, o object) jsontext.Value {
	metadata := map[string]any{}
	add := func(name, text string) {
		if text != "" {
			metadata[name] = text
		}
	}
	add("merchant_id", notification.text("merchant_id"))
	for _, name := range f.metadata {
		add(name, o.text(name))
	}
	if len(metadata) == 0 {
		return nil
	}
	return jsonvalue.Append(nil, metadata)
}

func amount(o object) (currency string, a money.Amount, err error) {
	currency = o.text("currency")
	value, ok := o["amount"].(jsonvalue.Number)
	if !ok {
		return "", a, errors.New("the amount is not a number")
	}
	decimals, ok := money.Digits(currency)
	if !ok {
		return "", a, errors.New("the currency is not an ISO 4217 currency in use")
	}
	if a, err = money.FromMinor(string(value), decimals); err != nil {
		return "", a, fmt.Errorf("the amount: %w", err)
	}
	return currency, a, nil
}

// limits are far above what Square sends: seven levels and some hundred values.
var limits = jsonvalue.Limits{Depth: 32, Values: 10_000}

// object is a JSON object. A nil one has no members.
type object map[string]any

// parse reads the body. An error repeats nothing of it.
func parse(body []byte) (object, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	value, problems, err := jsonvalue.Read(dec, limits)
	if err != nil {
		return nil, errors.New("the body is not JSON in UTF-8 with each name once")
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	if len(problems) > 0 {
		return nil, errors.New("a value of the body " + problems[0].Detail)
	}
	o, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("the body is JSON but not an object")
	}
	return o, nil
}

// text returns a member that is a string, or "".
func (o object) text(name string) string {
	text, _ := o[name].(string)
	return text
}

// object returns a member that is an object, or nil.
func (o object) object(name string) object {
	value, _ := o[name].(map[string]any)
	return value
}

// createdAt reads the body only as far as it must, to keep Verify cheap. What is
// wrong with the rest, or a second created_at, is for parse to find.
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
