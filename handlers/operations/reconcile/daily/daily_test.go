package daily_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/secrets"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/operations/reconcile"
	"payment-webhooks/handlers/operations/reconcile/daily"
	"payment-webhooks/handlers/operations/reconcile/reconciletest"
)

const (
	stripeKey   = "rk_test_0123456789abcdefMADEUP"
	squareToken = "EAAAMadeUp0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"
)

// fakeSecrets has secrets by name.
type fakeSecrets map[string]string

func (f fakeSecrets) Values(_ context.Context, name string) ([]string, error) {
	if value, ok := f[name]; ok {
		return []string{value}, nil
	}
	return nil, secrets.ErrUnavailable
}

// hosts sends a request to the server of its host.
type hosts map[string]*reconciletest.Server

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) { return h[r.URL.Host].RoundTrip(r) }

func event(at time.Time, n int) reconciletest.Event {
	id := fmt.Sprintf("evt_%d", n)
	return reconciletest.Event{ID: id, CreatedAt: at, Body: fmt.Sprintf(
		`{"id": %q, "object": "event", "created": %d, "type": "payment_intent.succeeded", "livemode": true, "data": {"object":
		{"id": "pi_%d", "object": "payment_intent", "amount_received": 1000, "currency": "usd", "status": "succeeded"}}}`, id, at.Unix(), n)}
}

// run runs a reconciler once, and returns its log and its metrics by provider.
func run(t *testing.T, servers hosts, s fakeSecrets) (summary daily.Summary, log string, metrics map[string]map[string]float64, err error) {
	t.Helper()
	settings, err := daily.ParseSettings(`{"stripe": {"secret": "stripe-api"}, "square": {"secret": "square-api", "api_url": "https://sandbox.example.com"}}`)
	if err != nil {
		t.Fatal(err)
	}
	var lines, out bytes.Buffer
	r := daily.New(daily.Config{
		Settings: settings, Secrets: s, Ledger: ledgertest.NewMemory(time.Now()), Log: slog.New(slog.NewJSONHandler(&lines, nil)),
		Metrics: telemetry.NewMetrics(&out, time.Now, "dev"), Now: time.Now, Transport: servers,
	})
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	summary, err = r.Handle(ctx, nil)
	metrics = map[string]map[string]float64{}
	decoder := json.NewDecoder(&out)
	for decoder.More() {
		var line map[string]any
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		of := map[string]float64{}
		for name, value := range line {
			if n, ok := value.(float64); ok {
				of[name] = n
			}
		}
		metrics[line["Provider"].(string)] = of
	}
	return summary, lines.String(), metrics, err
}

func TestHandle(t *testing.T) {
	setup := func() hosts {
		now := time.Now()
		return hosts{
			"api.stripe.com":      reconciletest.NewStripe(time.Now, stripeKey, event(now.Add(-3*time.Hour), 1), event(now.Add(-47*time.Hour), 2), event(now.Add(-49*time.Hour), 3), event(now.Add(-time.Minute), 4)),
			"sandbox.example.com": reconciletest.NewSquare(time.Now, squareToken),
		}
	}
	all := fakeSecrets{"stripe-api": stripeKey + "\n", "square-api": squareToken}
	t.Run("counts what is missing within two days", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			summary, log, metrics, err := run(t, setup(), all)
			if err != nil {
				t.Fatal(err)
			}
			want := daily.Summary{"stripe": {Listed: 3, Missing: 2, InFlight: 1}, "square": {}}
			if diff := cmp.Diff(want, summary); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			wantMetrics := map[string]map[string]float64{
				"stripe": {"MissingTransactions": 2, "ReconcileRuns": 1}, "square": {"MissingTransactions": 0, "ReconcileRuns": 1},
			}
			if diff := cmp.Diff(wantMetrics, metrics); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			for _, want := range []string{`"transaction_id":"pi_1"`, `"event_id":"evt_2"`, "/v2/events/enable", `"provider compared"`} {
				if !strings.Contains(log, want) {
					t.Errorf("no %s in %s", want, log)
				}
			}
			if strings.Contains(log, "pi_4") || strings.Contains(log, "MADEUP") {
				t.Errorf("%s", log)
			}
		})
	})
	t.Run("compares the others when one cannot be listed, and fails", func(t *testing.T) {
		for name, c := range map[string]struct {
			secrets fakeSecrets
			fault   reconciletest.Fault
			want    error
		}{
			"because its secret is missing":    {fakeSecrets{"stripe-api": stripeKey}, reconciletest.Good(), secrets.ErrUnavailable},
			"because its secret is another":    {fakeSecrets{"stripe-api": stripeKey, "square-api": "EAAA"}, reconciletest.Good(), reconcile.ErrCredentials},
			"because the provider refuses it":  {all, reconciletest.Status(403), reconcile.ErrCredentials},
			"because the provider is too slow": {all, reconciletest.Slow(), context.DeadlineExceeded},
		} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					servers := setup()
					for range 50 {
						servers["sandbox.example.com"].Fail(c.fault)
					}
					start := time.Now()
					summary, log, metrics, err := run(t, servers, c.secrets)
					if !errors.Is(err, c.want) || !strings.Contains(err.Error(), "square") {
						t.Errorf("%v, want %v", err, c.want)
					}
					if len(summary) != 1 || summary["stripe"].Missing != 2 || time.Since(start) > 15*time.Minute-20*time.Second {
						t.Errorf("%+v after %v", summary, time.Since(start))
					}
					if _, counted := metrics["square"]["ReconcileRuns"]; counted || metrics["stripe"]["ReconcileRuns"] != 1 {
						t.Errorf("%v", metrics)
					}
					if !strings.Contains(log, `"comparison failed"`) || strings.Contains(log, "EAAA0") || strings.Contains(log, squareToken) {
						t.Errorf("%s", log)
					}
				})
			})
		}
	})
}

func TestParseSettings(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "not an object",
		"[]":                          "not an object",
		"{}":                          "names no provider",
		`{"adyen": {"secret": "s"}}`:  "adyen: unknown provider",
		`{"stripe": {}}`:              "stripe: secret is missing",
		`{"stripe": {"secret": " "}}`: "stripe: secret is missing",
		`{"stripe": {"key": "s"}}`:    `unknown member "key"`,
		`{"stripe": {"secret": 1}}`:   "not an object",
		`{"stripe": {"secret": "s", "api_url": "http://api.stripe.com"}}`: "api_url",
	} {
		t.Run("when it is "+text, func(t *testing.T) {
			if _, err := daily.ParseSettings(text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "RECONCILE") {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}
