package reconcile_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/history"
	"payment-webhooks/handlers/internal/provider/paypal"
	"payment-webhooks/handlers/internal/provider/square"
	"payment-webhooks/handlers/internal/provider/stripe"
	"payment-webhooks/handlers/operations/reconcile"
	"payment-webhooks/handlers/operations/reconcile/reconciletest"
)

// Credentials and secrets of the tests, made up.
const (
	squareToken  = "EAAAMadeUp0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"
	squareSecret = "1k9bIJKCeTmSQwyagtNRLg"
	paypalID     = "AMadeUpClientId0123456789"
	paypalSecret = "EMadeUpClientSecret0123456789"
	paypalLogin  = `{"client_id": "` + paypalID + `", "client_secret": "` + paypalSecret + `"}`
	webhookID    = "8PT597110X687430L"
)

// tried is a provider whose API is tried.
type tried struct {
	declared              provider.Declaration
	credentials           string
	server                func(events ...reconciletest.Event) *reconciletest.Server
	event                 func(t *testing.T, at time.Time, n int) reconciletest.Event
	wrong                 []string // credentials of another form
	firstPage, secondPage string   // a part of the request
}

var everyProvider = []tried{
	{
		stripe.Declaration, stripeKey,
		func(events ...reconciletest.Event) *reconciletest.Server {
			return reconciletest.NewStripe(time.Now, stripeKey, events...)
		},
		payment,
		[]string{"EAAA"},
		"limit=100", "starting_after=evt_100",
	},
	{
		square.Declaration, squareToken,
		func(events ...reconciletest.Event) *reconciletest.Server {
			return reconciletest.NewSquare(time.Now, squareToken, events...)
		},
		squarePayment,
		[]string{"", "EAAA", "sq0csp-0123456789abcdef0123456789abcdef0123456789a", squareSecret},
		"/v2/events", "/v2/events",
	},
	{
		paypal.Declaration, paypalLogin,
		func(events ...reconciletest.Event) *reconciletest.Server {
			return reconciletest.NewPayPal(time.Now, paypalID, paypalSecret, nil, events...)
		},
		paypalPayment,
		[]string{"", webhookID, `{}`, `{"client_id": "A", "client_secret": "B"}`, strings.TrimSuffix(paypalLogin, "}") + `, "other": 1}`},
		"page_size=100", "offset=100",
	},
}

func squarePayment(t *testing.T, at time.Time, n int) reconciletest.Event {
	t.Helper()
	return squareEvent(t, at, fmt.Sprintf("evt-%d", n), "payment", "hYy9pRFVxpDsO1FB05SunFWUe9JZY", fmt.Sprintf("payment_%d", n))
}

func squareEvent(t *testing.T, at time.Time, id, name string, replace ...string) reconciletest.Event {
	t.Helper()
	body := fixture(t, square.Declaration, name, replace...)
	body = regexp.MustCompile(`"event_id": "[^"]*"`).ReplaceAllString(body, `"event_id": "`+id+`"`)
	body = regexp.MustCompile(`(?m)^  "created_at": "[^"]*"`).ReplaceAllString(body, `  "created_at": "`+at.UTC().Format("2006-01-02T15:04:05.000Z")+`"`)
	return reconciletest.Event{ID: id, CreatedAt: at, Body: body}
}

func paypalPayment(t *testing.T, at time.Time, n int) reconciletest.Event {
	t.Helper()
	id := fmt.Sprintf("WH-%d", n)
	body := fixture(t, paypal.Declaration, "payment", "5TB61832KE940713M", fmt.Sprintf("5TB6PAYMENT%06d", n))
	body = regexp.MustCompile(`(?m)^  "id": "WH-[^"]*"`).ReplaceAllString(body, `  "id": "`+id+`"`)
	body = regexp.MustCompile(`(?m)^  "create_time": "[^"]*"`).ReplaceAllString(body, `  "create_time": "`+at.UTC().Format("2006-01-02T15:04:05.000Z")+`"`)
	return reconciletest.Event{ID: id, CreatedAt: at, Body: body}
}

func TestEveryProvider(t *testing.T) {
	for _, p := range everyProvider {
		name := p.declared.Name
		list := func(t *testing.T, n int) (events []reconciletest.Event) {
			for i := range n {
				events = append(events, p.event(t, time.Now().Add(-hour-time.Duration(i)*time.Minute), i+1))
			}
			return events
		}
		t.Run(name+" is read to the end when there are several pages", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := p.server(list(t, 201)...)
				report, err := compare(t, name, p.credentials, api, newEndpoint(t, p.declared, ""), nil)
				if err != nil || report.Listed != 201 || report.Transactions[reconcile.Missing] != 201 || report.Pages != 3 {
					t.Fatalf("%d events on %d pages, %v, %v", report.Listed, report.Pages, report.Transactions, err)
				}
				requests := strings.Join(api.Requests(), "\n")
				if !strings.Contains(requests, p.firstPage) || !strings.Contains(requests, p.secondPage) {
					t.Errorf("requests %s", requests)
				}
				for _, request := range api.Requests() {
					if host := map[string]string{"stripe": "https://api.stripe.com/", "square": "https://connect.squareup.com/", "paypal": "https://api-m.paypal.com/"}[name]; !strings.Contains(request, " "+host) {
						t.Errorf("%s, want %s", request, host)
					}
				}
			})
		})
		t.Run(name+" counts nothing twice when a page is repeated", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := p.server(list(t, 201)...)
				api.Fail(reconciletest.Good(), api.Again())
				report, err := compare(t, name, p.credentials, api, newEndpoint(t, p.declared, ""), nil)
				if err != nil || report.Listed != 201 || report.Transactions[reconcile.Missing] != 201 {
					t.Errorf("%d events, %v, %v", report.Listed, report.Transactions, err)
				}
			})
		})
		t.Run(name+" ends when a page is repeated for ever", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := p.server(list(t, 201)...)
				api.Fail(append([]reconciletest.Fault{reconciletest.Good()}, times(20, api.Again())...)...)
				if report, err := compare(t, name, p.credentials, api, newEndpoint(t, p.declared, ""), nil); !errors.Is(err, history.ErrStuck) || report.Complete {
					t.Errorf("%v", err)
				}
			})
		})
		t.Run(name+" is asked again when it is busy or broken", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := p.server(list(t, 101)...)
				api.Fail(reconciletest.Status(429, "Retry-After", "7"), reconciletest.Status(503), reconciletest.Truncated(), reconciletest.Cut())
				start := time.Now()
				report, err := compare(t, name, p.credentials, api, newEndpoint(t, p.declared, ""), nil)
				if err != nil || report.Listed != 101 || time.Since(start) < 7*time.Second {
					t.Errorf("%d events after %v, %v", report.Listed, time.Since(start), err)
				}
			})
		})
		t.Run(name+" has an event of a new type", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				event := p.event(t, time.Now().Add(-hour), 1)
				for _, known := range []string{"payment_intent.succeeded", "payment.updated", "PAYMENT.CAPTURE.COMPLETED"} {
					event.Body = strings.ReplaceAll(event.Body, `"`+known+`"`, `"PAYMENT.brand.new"`)
				}
				report, err := compare(t, name, p.credentials, p.server(event), newEndpoint(t, p.declared, ""), nil)
				if err != nil || len(report.Items) != 1 || report.Items[0].State != reconcile.Unknown || report.Items[0].EventType != "PAYMENT.brand.new" || !report.Balanced() {
					t.Errorf("%+v, %v", report, err)
				}
			})
		})
		t.Run(name+" has an event that is no event", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				event := p.event(t, time.Now().Add(-hour), 1)
				good := p.event(t, time.Now().Add(-hour), 2)
				event.Body = `{"twice": 1, "twice": 2}`
				report, err := compare(t, name, p.credentials, p.server(event, good), newEndpoint(t, p.declared, ""), nil)
				if err != nil || report.Listed != 2 || report.Transactions[reconcile.Missing] != 1 {
					t.Fatalf("%+v, %v", report, err)
				}
				if !slices.ContainsFunc(report.Items, func(i reconcile.Item) bool { return i.State == reconcile.Unreadable }) {
					t.Errorf("%+v", report.Items)
				}
			})
		})
		t.Run(name+" rejects other credentials", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				other := strings.NewReplacer("0123456789abcdef", "fedcba9876543210", "ClientSecret", "AnotherSecret").Replace(p.credentials)
				_, err := compare(t, name, other, p.server(), newEndpoint(t, p.declared, ""), nil)
				if !errors.Is(err, reconcile.ErrCredentials) || strings.Contains(err.Error(), "MadeUp") || strings.Contains(err.Error(), "MADEUP") {
					t.Errorf("%v", err)
				}
			})
		})
		for _, wrong := range p.wrong {
			t.Run(name+" says what it wants when the credentials are "+wrong, func(t *testing.T) {
				form, permission := reconcile.Describe(name)
				_, err := reconcile.Open(name, reconcile.Access{Credentials: wrong})
				if !errors.Is(err, reconcile.ErrCredentials) || !strings.Contains(err.Error(), form) || permission == "" || len(wrong) > 5 && strings.Contains(err.Error(), wrong) {
					t.Errorf("%v", err)
				}
			})
		}
	}
	t.Run("is one whose events can be listed", func(t *testing.T) {
		var names []string
		for _, p := range everyProvider {
			names = append(names, p.declared.Name)
		}
		if slices.Sort(names); !slices.Equal(names, reconcile.Providers()) {
			t.Errorf("%v are tried, want %v", names, reconcile.Providers())
		}
	})
}

func TestSquare(t *testing.T) {
	t.Run("accepts a delivery that is older than Square's own", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEndpoint(t, square.Declaration, squareSecret)
			api := reconciletest.NewSquare(time.Now, squareToken,
				squarePayment(t, time.Now().Add(-6*24*hour), 1), squarePayment(t, time.Now().Add(-hour), 2),
				squareEvent(t, time.Now().Add(-2*hour), "evt-refund", "refund_failed"))
			d := &reconcile.Delivery{Endpoint: "https://pay.example.com/v1/webhook/square", Secret: squareSecret, Rate: 10, Execute: true, Transport: e}
			report, err := compare(t, "square", squareToken, api, e, d)
			if err != nil || !report.Balanced() || report.Delivery.Statuses[202] != 3 || report.Delivery.NowPresent != 4 {
				t.Errorf("%+v, %v", report.Delivery, err)
			}
		})
	})
	t.Run("signs the address that it knows when it is another one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEndpoint(t, square.Declaration, squareSecret)
			d := &reconcile.Delivery{
				Endpoint: "http://127.0.0.1:8080/v1/webhook/square", NotificationURL: "https://other.example.com/webhook/square",
				Secret: squareSecret, Rate: 10, Execute: true, Transport: e,
			}
			report, err := compare(t, "square", squareToken, reconciletest.NewSquare(time.Now, squareToken, squarePayment(t, time.Now().Add(-hour), 1)), e, d)
			if err != nil || report.Delivery.Statuses[401] != 1 { // this endpoint has no such address
				t.Errorf("%+v, %v", report.Delivery, err)
			}
		})
	})
	t.Run("may have events disabled when it lists none", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			report, err := compare(t, "square", squareToken, reconciletest.NewSquare(time.Now, squareToken), failing{}, nil)
			if err != nil || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "/v2/events/enable") {
				t.Errorf("%v, %v", report.Warnings, err)
			}
		})
	})
	t.Run("lists events for 28 days", func(t *testing.T) {
		source, err := reconcile.Open("square", reconcile.Access{Credentials: squareToken})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Date(2026, 11, 27, 14, 0, 0, 0, time.UTC)
		if _, _, err := source.Window(now.AddDate(0, 0, -28), time.Time{}, now); !errors.Is(err, reconcile.ErrWindow) || !strings.Contains(err.Error(), "2026-10-30T15:10:00Z") {
			t.Errorf("%v", err)
		}
	})
}

func TestPayPal(t *testing.T) {
	// arrives stores what an event tells as the endpoint does when PayPal delivers it.
	arrives := func(e *endpoint, after time.Duration) func(reconciletest.Event, string) {
		return func(event reconciletest.Event, webhook string) {
			time.Sleep(after)
			events, err := paypal.New(paypal.Options{}).Decode(provider.Delivery{Header: http.Header{}, Body: []byte(event.Body)})
			if err != nil || webhook != webhookID {
				return
			}
			for _, one := range events {
				_, _ = e.Store(t.Context(), *one.Transaction)
			}
		}
	}
	deliver := func(execute bool) *reconcile.Delivery {
		return &reconcile.Delivery{Secret: webhookID, Rate: 10, Execute: execute}
	}
	t.Run("is asked to send again when something is missing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEndpoint(t, paypal.Declaration, webhookID)
			api := reconciletest.NewPayPal(time.Now, paypalID, paypalSecret, arrives(e, 20*time.Second), paypalPayment(t, time.Now().Add(-hour), 1), paypalPayment(t, time.Now().Add(-2*hour), 2))
			report, err := compare(t, "paypal", paypalLogin, api, e, deliver(false))
			if err != nil || len(api.Resent()) != 0 || report.Delivery.Events != 2 {
				t.Fatalf("dry run: %v, %+v, %v", api.Resent(), report.Delivery, err)
			}
			report, err = compare(t, "paypal", paypalLogin, api, e, deliver(true))
			if err != nil || !report.Balanced() || report.Delivery.NowPresent != 2 || !slices.Equal(api.Resent(), []string{"WH-1", "WH-2"}) {
				t.Errorf("%v, %+v, %v", api.Resent(), report.Delivery, err)
			}
			if _, err = compare(t, "paypal", paypalLogin, api, e, deliver(true)); err != nil || len(api.Resent()) != 2 {
				t.Errorf("a second run: %v, %v", api.Resent(), err)
			}
		})
	})
	t.Run("is waited for only so long when nothing arrives", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEndpoint(t, paypal.Declaration, webhookID)
			api := reconciletest.NewPayPal(time.Now, paypalID, paypalSecret, nil, paypalPayment(t, time.Now().Add(-hour), 1))
			start := time.Now()
			report, err := compare(t, "paypal", paypalLogin, api, e, deliver(true))
			if err != nil || report.Balanced() || report.Delivery.StillGone != 1 || report.Delivery.Statuses[202] != 1 || time.Since(start) < reconcile.ResendTime {
				t.Errorf("%+v after %v, %v", report.Delivery, time.Since(start), err)
			}
		})
	})
	t.Run("gives another token once when the first has expired", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var events []reconciletest.Event
			for i := range 101 {
				events = append(events, paypalPayment(t, time.Now().Add(-hour), i))
			}
			api := reconciletest.NewPayPal(time.Now, paypalID, paypalSecret, nil, events...)
			api.Fail(reconciletest.Good(), func(w http.ResponseWriter, r *http.Request, serve http.Handler) {
				api.Expire()
				serve.ServeHTTP(w, r)
			})
			report, err := compare(t, "paypal", paypalLogin, api, newEndpoint(t, paypal.Declaration, webhookID), nil)
			tokens := 0
			for _, request := range api.Requests() {
				if strings.HasSuffix(request, "/v1/oauth2/token") {
					tokens++
				}
			}
			if err != nil || report.Listed != 101 || tokens != 2 {
				t.Errorf("%d tokens, %d events, %v", tokens, report.Listed, err)
			}
		})
	})
	t.Run("is not asked for tokens without end when it rejects each", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := reconciletest.NewPayPal(time.Now, paypalID, paypalSecret, nil)
			api.Fail(times(20, reconciletest.Status(401))...)
			if _, err := compare(t, "paypal", paypalLogin, api, failing{}, nil); !errors.Is(err, reconcile.ErrCredentials) || len(api.Requests()) != 2 {
				t.Errorf("%d requests, %v", len(api.Requests()), err)
			}
		})
	})
}
