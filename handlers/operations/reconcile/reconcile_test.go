package reconcile_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"payment-webhooks/handlers/internal/intake"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/stripe"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/operations/reconcile"
	"payment-webhooks/handlers/operations/reconcile/reconciletest"
)

// Credentials and secrets of the tests, made up.
const (
	stripeKey    = "rk_test_0123456789abcdefMADEUP"
	stripeSecret = "whsec_0123456789abcdef0123456789abcdef"
)

// fixture returns a payload of a provider with parts replaced: old, new, old, new.
func fixture(t *testing.T, d provider.Declaration, name string, replace ...string) string {
	t.Helper()
	body, err := fs.ReadFile(d.Sender.Fixtures, "testdata/"+name+".json")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(body), replace[i]) {
			t.Fatalf("%s of %s has no %s", name, d.Name, replace[i])
		}
	}
	return strings.NewReplacer(replace...).Replace(string(body))
}

var stripeCreated = regexp.MustCompile(`(?m)^  "created": \d+`)

// stripeEvent returns an event that is n events old.
func stripeEvent(t *testing.T, at time.Time, id, name string, replace ...string) reconciletest.Event {
	t.Helper()
	body := fixture(t, stripe.Declaration, name, replace...)
	body = stripeCreated.ReplaceAllString(body, fmt.Sprintf(`  "created": %d`, at.Unix()))
	body = regexp.MustCompile(`"id": "evt_[^"]*"`).ReplaceAllString(body, `"id": "`+id+`"`)
	return reconciletest.Event{ID: id, CreatedAt: at, Body: body}
}

// payment returns an event about a payment with an id.
func payment(t *testing.T, at time.Time, n int) reconciletest.Event {
	t.Helper()
	return stripeEvent(t, at, fmt.Sprintf("evt_%d", n), "payment", "pi_3RkExamplePayment000001", fmt.Sprintf("pi_%d", n))
}

// endpoint is the webhook endpoint with a ledger in memory, as an http.RoundTripper. It is
// the intake that the function webhook-validator runs.
type endpoint struct {
	*ledgertest.Memory
	intake   *intake.Intake
	requests int
	statuses []int // of the following responses, in place of the intake's
}

func newEndpoint(t *testing.T, d provider.Declaration, secret string) *endpoint {
	t.Helper()
	routes, err := intake.ParseRoutes(fmt.Sprintf(`{%q: {"secret": "payments"}}`, d.Name), []provider.Declaration{d})
	if err != nil {
		t.Fatal(err)
	}
	e := &endpoint{Memory: ledgertest.NewMemory(time.Now())}
	e.intake = intake.New(intake.Config{
		Routes: routes, Ledger: e.Memory, Bindings: e.Memory, Secrets: only(secret), Quarantine: discarded{},
		Log: slog.New(slog.DiscardHandler), Metrics: telemetry.NewMetrics(io.Discard, time.Now, "test"), Now: time.Now,
	})
	return e
}

type only string

func (s only) Values(context.Context, string) ([]string, error) { return []string{string(s)}, nil }

type discarded struct{}

func (discarded) Send(context.Context, string) error { return nil }

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	e.requests++
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if len(e.statuses) > 0 {
		status := e.statuses[0]
		e.statuses = e.statuses[1:]
		return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {"5"}}, Body: http.NoBody}, nil
	}
	_, name, _ := strings.Cut(r.URL.Path, "/webhook/")
	response := e.intake.Handle(r.Context(), intake.Request{
		Method: r.Method, Resource: "/webhook/" + name, URL: "https://" + r.URL.Host + r.URL.Path, Header: r.Header, Body: string(body),
	})
	return &http.Response{StatusCode: response.Status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(response.Body))}, nil
}

// accept stores what an event tells, as if it had been delivered.
func (e *endpoint) accept(t *testing.T, d provider.Declaration, secret string, events ...reconciletest.Event) {
	t.Helper()
	for _, event := range events {
		url := "https://pay.example.com/webhook/" + d.Name
		header, body, err := d.Sender.Sign(provider.Attempt{Secret: secret, Body: []byte(event.Body), URL: url, At: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		header.Set("Content-Type", "application/json")
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = header
		response, err := e.RoundTrip(request)
		if err != nil || response.StatusCode != http.StatusAccepted {
			t.Fatalf("%s: %+v, %v", event.ID, response, err)
		}
	}
	e.requests = 0
}

// compare lists the events of the last days and compares them.
func compare(t *testing.T, name, credentials string, api http.RoundTripper, l reconcile.Ledger, delivery *reconcile.Delivery) (reconcile.Report, error) {
	t.Helper()
	source, err := reconcile.Open(name, reconcile.Access{Credentials: credentials, Transport: api})
	if err != nil {
		t.Fatal(err)
	}
	from, to, err := source.Window(time.Time{}, time.Time{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if delivery != nil {
		if err := delivery.Prepare(source); err != nil {
			t.Fatal(err)
		}
	}
	return reconcile.Run(t.Context(), reconcile.Config{Source: source, Ledger: l, From: from, To: to, Now: time.Now, Delivery: delivery})
}

// states returns what a report lists, by transaction or event.
func states(r reconcile.Report) map[string]string {
	found := map[string]string{}
	for _, item := range r.Items {
		key := item.TransactionID
		if key == "" {
			key = item.EventID
		}
		found[key] = string(item.State)
		for _, field := range item.Differs {
			found[key] += fmt.Sprintf(" %s %s %s", field.Name, field.Provider, field.Ledger)
		}
	}
	return found
}

var _ reconcile.Ledger = (*ledgertest.Memory)(nil)

// failing is a ledger that cannot be read.
type failing struct{ err error }

func (f failing) Get(context.Context, ledger.Key) (ledger.Record, error) {
	return ledger.Record{}, f.err
}
