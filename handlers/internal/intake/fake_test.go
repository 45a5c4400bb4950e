package intake

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/secrets"
	"payment-webhooks/handlers/internal/transaction"
)

// fake is a minimal provider: its signature is the HMAC-SHA256 of
// URL, time and body, its payload an array of fakeEvent.
type fake struct{}

type fakeEvent struct {
	Type, ID, Kind, Payment, Amount, Currency, Customer, Order, Note, Fail string
	Signed, Unsigned                                                       string // a binding
}

var fakeDeclaration = provider.Declaration{
	Name: "fake", KeptHeaders: []string{"Webhook-Id"}, OwnIDs: []string{"order"},
	EventTypes: func() []provider.EventType {
		return []provider.EventType{{Name: "paid"}, {Name: "refunded"}, {Name: "logged"}}
	},
}

const (
	fakeSignature = "Fake-Signature"
	fakeTime      = "Fake-Time"
	fakeURL       = "https://abc.execute-api.test/v1/webhook/fake"
)

func fakeSum(secret, url, at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s|%s|%s", url, at, body)
	return hex.EncodeToString(mac.Sum(nil))
}

func (fake) Verify(_ context.Context, d provider.Delivery, values []string) error {
	at, err := time.Parse(time.RFC3339, d.Header.Get(fakeTime))
	if err != nil || d.ReceivedAt.Sub(at).Abs() > provider.Tolerance {
		return fmt.Errorf("%w: time", provider.ErrSignature)
	}
	fit := 0
	for _, secret := range values {
		switch secret {
		case "misshapen":
			continue
		case "unavailable":
			return fmt.Errorf("%w: no certificate", provider.ErrUnavailable)
		case "unproven":
			return fmt.Errorf("%w: no certificate", provider.ErrUnproven)
		case "odd":
			return errors.New("something odd")
		}
		fit++
		if hmac.Equal([]byte(d.Header.Get(fakeSignature)), []byte(fakeSum(secret, d.URL, d.Header.Get(fakeTime), d.Body))) {
			return nil
		}
	}
	if fit == 0 {
		return fmt.Errorf("%w: misshapen", provider.ErrSecret)
	}
	return fmt.Errorf("%w: no match", provider.ErrSignature)
}

func (fake) Decode(d provider.Delivery) ([]provider.Event, error) {
	var all []fakeEvent
	if err := json.Unmarshal(d.Body, &all); err != nil {
		return nil, fmt.Errorf("%w: not an array", provider.ErrUnreadable)
	}
	var out []provider.Event
	for _, f := range all {
		e := provider.Event{Type: f.Type}
		if f.Signed != "" {
			e.Binding = provider.Binding{ID: f.Signed, Content: sha256.Sum256([]byte(f.Unsigned)), For: time.Hour}
		}
		switch {
		case f.Fail != "":
			e.Err = fmt.Errorf("%w: %s", provider.ErrUnreadable, f.Fail)
		case f.ID != "":
			amount, _ := money.Parse(f.Amount)
			e.Transaction = &transaction.Transaction{
				ID: f.ID, Provider: "impostor", Kind: f.Kind, PaymentID: f.Payment, Money: money.Money{Amount: amount, Currency: f.Currency}, CustomerID: f.Customer,
				Metadata: provider.Metadata(map[string]any{"order": f.Order, "note": f.Note}),
			}
		}
		out = append(out, e)
	}
	return out, nil
}

// notify is the gateway's event for a notification signed at a time.
func notify(body, secret string, at time.Time) Request {
	request := post(body)
	request.Resource = "/webhook/{provider}"
	request.Provider = "fake"
	request.URL = fakeURL
	stamp := at.UTC().Format(time.RFC3339)
	request.Header[fakeTime] = []string{stamp}
	request.Header[fakeSignature] = []string{fakeSum(secret, fakeURL, stamp, []byte(body))}
	return request
}

// fakeSecrets is a store of secrets in memory.
type fakeSecrets struct {
	mu     sync.Mutex
	values map[string][]string
	err    error
	reads  int
}

func (v *fakeSecrets) Values(_ context.Context, name string) ([]string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reads++
	if v.err != nil {
		return nil, v.err
	}
	values, ok := v.values[name]
	if !ok {
		return nil, fmt.Errorf("%w: ResourceNotFoundException", secrets.ErrUnavailable)
	}
	return values, nil
}

func (v *fakeSecrets) put(name string, values ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.values[name] = values
}

// fakeQueue is a quarantine that keeps its messages in memory.
type fakeQueue struct {
	mu       sync.Mutex
	messages []string
	err      error
}

func (s *fakeQueue) Send(ctx context.Context, body string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(s.err, ctx.Err()); err != nil {
		return err
	}
	s.messages = append(s.messages, body)
	return nil
}

// locked is a writer for lines from several goroutines.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
