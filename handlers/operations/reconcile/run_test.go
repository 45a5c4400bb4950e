package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/provider/history"
	"payment-webhooks/handlers/internal/provider/stripe"
	"payment-webhooks/handlers/operations/reconcile"
	"payment-webhooks/handlers/operations/reconcile/reconciletest"
)

const hour = time.Hour

func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		there := payment(t, now.Add(-3*hour), 1)
		before := stripeEvent(t, now.Add(-4*hour), "evt_before", "payment", "pi_3RkExamplePayment000001", "pi_changed", `"amount_received": 1500000`, `"amount_received": 99`)
		e := newEndpoint(t, stripe.Declaration, stripeSecret)
		e.accept(t, stripe.Declaration, stripeSecret, there, before)
		api := reconciletest.NewStripe(time.Now, stripeKey,
			there,
			payment(t, now.Add(-48*hour), 2), // never delivered
			payment(t, now.Add(-time.Minute), 3),
			stripeEvent(t, now.Add(-2*hour), "evt_changed", "payment", "pi_3RkExamplePayment000001", "pi_changed"),
			stripeEvent(t, now.Add(-hour), "evt_ignored", "ignored"),
			reconciletest.Event{ID: "evt_new", CreatedAt: now.Add(-hour), Body: fmt.Sprintf(`{"id":"evt_new","object":"event","type":"payment_intent.invented","created":%d,"data":{"object":{}}}`, now.Add(-hour).Unix())},
			stripeEvent(t, now.Add(-hour), "evt_odd", "payment", `"currency": "usd"`, `"currency": "xxx"`),
			payment(t, now.Add(-8*24*hour), 9), // before the window
		)
		report, err := compare(t, "stripe", stripeKey, api, e, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"pi_2": "missing", "pi_3": "in flight", "pi_changed": "different amount 15000 0.99", "evt_new": "unknown", "evt_odd": "unreadable",
		}
		if diff := cmp.Diff(want, states(report)); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		counts := map[reconcile.State]int{}
		for _, kind := range report.Types {
			for state, n := range kind.States {
				counts[state] += n
			}
		}
		wantCounts := map[reconcile.State]int{
			reconcile.Present: 1, reconcile.Missing: 1, reconcile.Flying: 1, reconcile.Different: 1, reconcile.Ignored: 1, reconcile.Unknown: 1, reconcile.Unreadable: 1,
		}
		if diff := cmp.Diff(wantCounts, counts); diff != "" || report.Listed != 7 {
			t.Errorf("%d events; -want +got\n%s", report.Listed, diff)
		}
		if report.Balanced() || !report.Complete {
			t.Errorf("balanced %v, complete %v", report.Balanced(), report.Complete)
		}
		missing := report.Items[0]
		if missing.Kind != "payment" || missing.Amount != "15000" || missing.Currency != "USD" || missing.EventID != "evt_2" ||
			missing.AgeSeconds != 48*60*60 || !missing.KeptUntil.Equal(now.Add(-48*hour).Add(30*24*hour)) {
			t.Errorf("missing: %+v", missing)
		}
	})
	t.Run("are balanced when everything is present or ignored", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEndpoint(t, stripe.Declaration, stripeSecret)
			there := payment(t, time.Now().Add(-hour), 1)
			e.accept(t, stripe.Declaration, stripeSecret, there)
			api := reconciletest.NewStripe(time.Now, stripeKey, there, stripeEvent(t, time.Now().Add(-hour), "evt_i", "ignored"))
			report, err := compare(t, "stripe", stripeKey, api, e, nil)
			if err != nil || !report.Balanced() || len(report.Items) != 0 || report.Listed != 2 {
				t.Errorf("%+v, %v", report, err)
			}
		})
	})
	t.Run("are warned about when events are ahead of our clock", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			// The provider's clock is an hour ahead, so the event is within what it lists.
			source := open(t, stripeKey, reconciletest.NewStripe(time.Now, stripeKey, payment(t, time.Now().Add(hour), 1)))
			report, err := reconcile.Run(t.Context(), reconcile.Config{
				Source: source, Ledger: newEndpoint(t, stripe.Declaration, stripeSecret), Now: time.Now,
				From: time.Now().Add(-hour), To: time.Now().Add(2 * hour),
			})
			if err != nil || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "1h0m0s after now") {
				t.Errorf("%v, %v", report.Warnings, err)
			}
			if got := states(report); got["pi_1"] != "in flight" {
				t.Errorf("%v", got)
			}
		})
	})
	t.Run("count a transaction once when several events tell it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			at := time.Now().Add(-5 * hour)
			api := reconciletest.NewStripe(time.Now, stripeKey,
				stripeEvent(t, at, "evt_created", "refund"), stripeEvent(t, at.Add(hour), "evt_updated", "refund", `"refund.created"`, `"refund.updated"`),
				stripeEvent(t, at.Add(2*hour), "evt_failed", "refund_failed"))
			report, err := compare(t, "stripe", stripeKey, api, newEndpoint(t, stripe.Declaration, stripeSecret), nil)
			if err != nil || report.Transactions[reconcile.Missing] != len(report.Items) {
				t.Fatalf("%+v, %v", report, err)
			}
			ids := map[string]bool{}
			for _, item := range report.Items {
				if ids[item.TransactionID] {
					t.Errorf("%s is listed twice", item.TransactionID)
				}
				ids[item.TransactionID] = true
			}
		})
	})
}

func open(t *testing.T, key string, api http.RoundTripper) *reconcile.Source {
	t.Helper()
	source, err := reconcile.Open("stripe", reconcile.Access{Credentials: key, Transport: api})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// payments returns events about payments 1 to n, a minute apart, the last an hour old.
func payments(t *testing.T, n int) (events []reconciletest.Event) {
	t.Helper()
	for i := range n {
		events = append(events, payment(t, time.Now().Add(-hour-time.Duration(i)*time.Minute), i+1))
	}
	return events
}

func TestFaults(t *testing.T) {
	const events = 250 // three pages
	for name, c := range map[string]struct {
		faults   func(s *reconciletest.Server) []reconciletest.Fault
		waits    time.Duration // at least
		requests int
		repeated int
		failure  error
	}{
		"none":                         {func(*reconciletest.Server) []reconciletest.Fault { return nil }, 0, 3, 0, nil},
		"429 with Retry-After":         {one(reconciletest.Status(429, "Retry-After", "60")), time.Minute, 4, 0, nil},
		"429 with a date":              {one(reconciletest.Status(429, "Retry-After", "Fri, 27 Nov 2026 14:01:00 GMT", "Date", "Fri, 27 Nov 2026 14:00:00 GMT")), time.Minute, 4, 0, nil},
		"429 without Retry-After":      {one(reconciletest.Status(429)), 1, 4, 0, nil},
		"500 twice":                    {one(reconciletest.Status(500), reconciletest.Status(502)), 1, 5, 0, nil},
		"500 forever":                  {many(reconciletest.Status(500)), 1, 8, 0, history.ErrResponse},
		"429 for an hour":              {one(reconciletest.Status(429, "Retry-After", "3600")), 0, 1, 0, history.ErrResponse},
		"409 that may be repeated":     {one(reconciletest.Status(409, "Stripe-Should-Retry", "true")), 1, 4, 0, nil},
		"500 that may not be repeated": {one(reconciletest.Status(500, "Stripe-Should-Retry", "false")), 0, 1, 0, history.ErrResponse},
		"400":                          {one(reconciletest.Status(400)), 0, 1, 0, history.ErrResponse},
		"403":                          {one(reconciletest.Status(403)), 0, 1, 0, reconcile.ErrCredentials},
		"redirection":                  {one(reconciletest.Status(302, "Location", "https://elsewhere.example.com/v1/events")), 0, 1, 0, history.ErrResponse},
		"a response that is cut off":   {one(reconciletest.Truncated()), 1, 4, 0, nil},
		"one that is always cut off":   {many(reconciletest.Truncated()), 1, 8, 0, history.ErrResponse},
		"a connection that breaks":     {one(reconciletest.Cut()), 1, 4, 0, nil},
		"another document":             {many(reconciletest.Replaced(`{"object": "account"}`)), 0, 1, 0, history.ErrResponse},
		"a page that comes twice": {func(s *reconciletest.Server) []reconciletest.Fault {
			return []reconciletest.Fault{reconciletest.Good(), s.Again()}
		}, 0, 4, 0, nil},
		"a page that comes for ever": {func(s *reconciletest.Server) []reconciletest.Fault {
			return append([]reconciletest.Fault{reconciletest.Good()}, times(20, s.Again())...)
		}, 0, 4, 0, history.ErrStuck},
		"has_more without an event":     {one(reconciletest.Replaced(`{"object": "list", "data": [], "has_more": true}`)), 0, 1, 0, history.ErrResponse},
		"a page that is larger than is": {one(reconciletest.Replaced(`{"object": "list", "data": ["` + strings.Repeat("x", 33<<20) + `"]}`)), 0, 1, 0, history.ErrResponse},
	} {
		t.Run("when there is "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := reconciletest.NewStripe(time.Now, stripeKey, payments(t, events)...)
				api.Fail(c.faults(api)...)
				start := time.Now()
				report, err := compare(t, "stripe", stripeKey, api, newEndpoint(t, stripe.Declaration, stripeSecret), nil)
				if !errors.Is(err, c.failure) || (err == nil) != (c.failure == nil) {
					t.Fatalf("%v, want %v", err, c.failure)
				}
				if err != nil && (report.Complete || report.Balanced() || strings.Contains(err.Error(), stripeKey) || strings.Contains(err.Error(), "4111")) {
					t.Errorf("complete %v, balanced %v, %v", report.Complete, report.Balanced(), err)
				}
				if waited := time.Since(start); waited < c.waits || waited > 10*time.Minute {
					t.Errorf("it waited %v, want %v", waited, c.waits)
				}
				if got := len(api.Requests()); got != c.requests {
					t.Errorf("%d requests, want %d: %q", got, c.requests, api.Requests())
				}
				if err == nil && (report.Transactions[reconcile.Missing] != events || report.Listed != events || report.Repeated != c.repeated) {
					t.Errorf("%d missing of %d, %d repeated", report.Transactions[reconcile.Missing], report.Listed, report.Repeated)
				}
			})
		})
	}
	t.Run("when the provider is slow, the deadline ends it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := reconciletest.NewStripe(time.Now, stripeKey)
			api.Fail(reconciletest.Slow())
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			start := time.Now()
			report, err := reconcile.Run(ctx, reconcile.Config{
				Source: open(t, stripeKey, api), Ledger: newEndpoint(t, stripe.Declaration, stripeSecret), Now: time.Now, From: start.Add(-hour), To: start,
			})
			if !errors.Is(err, context.DeadlineExceeded) || report.Complete || time.Since(start) != 10*time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		})
	})
	t.Run("when one request is slow, it is repeated", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := reconciletest.NewStripe(time.Now, stripeKey, payments(t, 1)...)
			api.Fail(reconciletest.Slow())
			report, err := compare(t, "stripe", stripeKey, api, newEndpoint(t, stripe.Declaration, stripeSecret), nil)
			if err != nil || report.Listed != 1 || len(api.Requests()) != 2 {
				t.Errorf("%v, %d events, %d requests", err, report.Listed, len(api.Requests()))
			}
		})
	})
	t.Run("when the ledger cannot be read, nothing is called missing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := reconciletest.NewStripe(time.Now, stripeKey, payments(t, 3)...)
			report, err := compare(t, "stripe", stripeKey, api, failing{ledger.ErrUnavailable}, nil)
			if !errors.Is(err, ledger.ErrUnavailable) || report.Complete || report.Transactions[reconcile.Missing] != 0 {
				t.Errorf("%+v, %v", report, err)
			}
		})
	})
	t.Run("when the key is another one, the error names no part of it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := reconciletest.NewStripe(time.Now, "sk_test_another_0123456789")
			_, err := compare(t, "stripe", stripeKey, api, failing{}, nil)
			if !errors.Is(err, reconcile.ErrCredentials) || strings.Contains(err.Error(), "sk_test") || strings.Contains(err.Error(), "rk_test") {
				t.Errorf("%v", err)
			}
		})
	})
}

func one(faults ...reconciletest.Fault) func(*reconciletest.Server) []reconciletest.Fault {
	return func(*reconciletest.Server) []reconciletest.Fault { return faults }
}

func many(fault reconciletest.Fault) func(*reconciletest.Server) []reconciletest.Fault {
	return one(times(20, fault)...)
}

func times(n int, fault reconciletest.Fault) (faults []reconciletest.Fault) {
	for range n {
		faults = append(faults, fault)
	}
	return faults
}

func TestCredentials(t *testing.T) {
	for _, text := range []string{"", "sk_live_short", "pk_test_0123456789abcdef0123", "whsec_0123456789abcdef0123456789abcdef", `{"key": "rk_test_0123456789abcdef0123"}`} {
		t.Run("are rejected when they are "+text[:min(len(text), 8)], func(t *testing.T) {
			_, err := reconcile.Open("stripe", reconcile.Access{Credentials: text})
			if !errors.Is(err, reconcile.ErrCredentials) || !strings.Contains(err.Error(), "rk_live_") || text != "" && strings.Contains(err.Error(), text) {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("may have white space around them", func(t *testing.T) {
		if _, err := reconcile.Open("stripe", reconcile.Access{Credentials: stripeKey + "\n"}); err != nil {
			t.Error(err)
		}
	})
	for _, address := range []string{"http://api.stripe.com", "api.stripe.com", "https://user@api.stripe.com", "https://api.stripe.com/?a=b", "ftp://127.0.0.1"} {
		t.Run("are sent nowhere when the address is "+address, func(t *testing.T) {
			if _, err := reconcile.Open("stripe", reconcile.Access{Credentials: stripeKey, URL: address}); !errors.Is(err, reconcile.ErrURL) {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("are of no use for a provider without such an API", func(t *testing.T) {
		if _, err := reconcile.Open("adyen", reconcile.Access{}); !errors.Is(err, reconcile.ErrProvider) || !strings.Contains(err.Error(), "stripe") {
			t.Errorf("%v", err)
		}
	})
}

func TestWindow(t *testing.T) {
	source := open(t, stripeKey, nil)
	now := time.Date(2026, 11, 27, 14, 0, 30, 0, time.UTC)
	t.Run("is the last seven days when nothing is given", func(t *testing.T) {
		from, to, err := source.Window(time.Time{}, time.Time{}, now)
		if err != nil || !to.Equal(now) || now.Sub(from) != 7*24*hour {
			t.Errorf("%v to %v, %v", from, to, err)
		}
	})
	t.Run("ends now when the end is in the future", func(t *testing.T) {
		if _, to, err := source.Window(now.Add(-hour), now.Add(hour), now); err != nil || !to.Equal(now) {
			t.Errorf("to %v, %v", to, err)
		}
	})
	t.Run("is refused when it begins too early, with the time that is possible", func(t *testing.T) {
		_, _, err := source.Window(now.Add(-31*24*hour), time.Time{}, now)
		if !errors.Is(err, reconcile.ErrWindow) || !strings.Contains(err.Error(), "30 days") || !strings.Contains(err.Error(), "2026-10-28T15:10:00Z") {
			t.Fatalf("%v", err)
		}
		if _, _, err := source.Window(time.Date(2026, 10, 28, 15, 10, 0, 0, time.UTC), time.Time{}, now.Add(8*time.Minute)); err != nil {
			t.Errorf("the time that it names is refused: %v", err)
		}
	})
	t.Run("is refused when it is empty", func(t *testing.T) {
		if _, _, err := source.Window(now, now.Add(-hour), now); !errors.Is(err, reconcile.ErrWindow) {
			t.Errorf("%v", err)
		}
	})
}

func delivery(e *endpoint, execute bool) *reconcile.Delivery {
	return &reconcile.Delivery{
		Endpoint: "https://pay.example.com/v1/webhook/stripe", Secret: stripeSecret, Rate: 10, Execute: execute, Transport: e,
	}
}

func TestDeliver(t *testing.T) {
	setup := func(t *testing.T) (*endpoint, *reconciletest.Server) {
		e := newEndpoint(t, stripe.Declaration, stripeSecret)
		at := time.Now().Add(-20 * 24 * hour / 3)
		there := payment(t, at, 1000)
		e.accept(t, stripe.Declaration, stripeSecret, there)
		return e, reconciletest.NewStripe(time.Now, stripeKey, append(payments(t, 120), there,
			stripeEvent(t, at, "evt_created", "refund"), stripeEvent(t, at.Add(hour), "evt_failed", "refund_failed"),
			stripeEvent(t, at.Add(hour), "evt_ignored", "ignored"), payment(t, time.Now(), 2000))...)
	}
	t.Run("sends nothing when it is a dry run", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e, api := setup(t)
			report, err := compare(t, "stripe", stripeKey, api, e, delivery(e, false))
			if err != nil || e.requests != 0 || report.Delivery == nil || report.Delivery.Executed || report.Delivery.Events < 121 || report.Balanced() {
				t.Errorf("%d requests, %+v, %v", e.requests, report.Delivery, err)
			}
		})
	})
	t.Run("brings in what is missing when it is executed, each event once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e, api := setup(t)
			start := time.Now()
			report, err := compare(t, "stripe", stripeKey, api, e, delivery(e, true))
			if err != nil || !report.Balanced() {
				t.Fatalf("%+v, %v", report.Delivery, err)
			}
			d := report.Delivery
			if e.requests != d.Events || d.Statuses[202] != d.Events || d.StillGone != 0 || d.NowPresent != report.Transactions[reconcile.Missing]+d.NowPresent {
				t.Errorf("%d requests, %+v", e.requests, d)
			}
			if took := time.Since(start); took < time.Duration(d.Events-1)*100*time.Millisecond {
				t.Errorf("%d deliveries in %v, want at most 10 a second", d.Events, took)
			}
			for _, item := range report.Items {
				if item.TransactionID == "pi_2000" && item.State != reconcile.Flying || item.TransactionID != "pi_2000" && (item.State != reconcile.Present || item.Delivery != "202") {
					t.Errorf("%+v", item)
				}
			}
			again, err := compare(t, "stripe", stripeKey, api, e, delivery(e, true))
			if err != nil || !again.Balanced() || again.Delivery.Events != 0 || e.requests != d.Events {
				t.Errorf("the second run: %+v, %v", again.Delivery, err)
			}
		})
	})
	t.Run("waits when the endpoint asks it to", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEndpoint(t, stripe.Declaration, stripeSecret)
			e.statuses = []int{503, 429}
			start := time.Now()
			report, err := compare(t, "stripe", stripeKey, reconciletest.NewStripe(time.Now, stripeKey, payments(t, 1)...), e, delivery(e, true))
			if err != nil || !report.Balanced() || e.requests != 3 || time.Since(start) < 10*time.Second {
				t.Errorf("%d requests, %+v, %v", e.requests, report.Delivery, err)
			}
		})
	})
	t.Run("says so when the endpoint rejects it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEndpoint(t, stripe.Declaration, "whsec_9876543210fedcba9876543210fedcba")
			report, err := compare(t, "stripe", stripeKey, reconciletest.NewStripe(time.Now, stripeKey, payments(t, 2)...), e, delivery(e, true))
			if err != nil || report.Balanced() || report.Delivery.StillGone != 2 || report.Delivery.NowPresent != 0 || e.requests != 2 {
				t.Fatalf("%d requests, %+v, %v", e.requests, report.Delivery, err)
			}
			if !strings.HasPrefix(report.Items[0].Delivery, "failed: ") || report.Items[0].State != reconcile.Missing {
				t.Errorf("%+v", report.Items[0])
			}
		})
	})
	t.Run("is not repeated when the connection breaks after it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEndpoint(t, stripe.Declaration, stripeSecret)
			e.statuses = []int{504}
			report, err := compare(t, "stripe", stripeKey, reconciletest.NewStripe(time.Now, stripeKey, payments(t, 1)...), e, delivery(e, true))
			if err != nil || e.requests != 1 || report.Delivery.Statuses[504] != 1 || report.Balanced() {
				t.Errorf("%d requests, %+v, %v", e.requests, report.Delivery, err)
			}
		})
	})
	t.Run("is refused when the secret is none", func(t *testing.T) {
		source := open(t, stripeKey, nil)
		for _, secret := range []string{"", "whsec_", stripeKey, "whsec_" + strings.Repeat("x", 32)} {
			d := reconcile.Delivery{Secret: secret, Rate: 1}
			if err := d.Prepare(source); !errors.Is(err, reconcile.ErrDelivery) || secret != "" && strings.Contains(err.Error(), secret+" ") {
				t.Errorf("%q: %v", secret, err)
			}
		}
	})
}

func TestReportJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		report, err := compare(t, "stripe", stripeKey, reconciletest.NewStripe(time.Now, stripeKey, payments(t, 1)...), newEndpoint(t, stripe.Declaration, stripeSecret), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"transactions":{"different":0,"in flight":0,"missing":1}`, `"state":"missing"`, `"transaction_id":"pi_1"`, `"kept_until":"`, `"complete":true`, `"types":[{"type":"payment_intent.succeeded","events":1,`} {
			if !strings.Contains(string(text), want) {
				t.Errorf("no %s in %s", want, text)
			}
		}
	})
}
