package intake

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider/standardwebhooks"
	"payment-webhooks/handlers/internal/transaction"
	"payment-webhooks/handlers/providers"
)

// A notification about a stored transaction is a conflict only if they contradict each
// other about money.
func TestLaterDescriptions(t *testing.T) {
	const first = `{"Type":"refunded","ID":"r1","Kind":"refund","Payment":"p1","Amount":"5","Currency":"USD","Customer":"unknown","Note":"a"}`
	for _, tt := range []struct {
		name     string
		old, new string // what changes
		conflict string // the fields; "" for a duplicate
		differs  []any  // the fields that are logged for a duplicate
	}{
		{"nothing", "", "", "", nil},
		{"the notation of the amount", `"5"`, `"5.00"`, "", nil},
		{"the customer", `"unknown"`, `"cust_1"`, "", []any{"customer_id"}},
		{"a note", `"a"`, `"b"`, "", []any{"metadata.note"}},
		{"a note that is gone", `,"Note":"a"`, ``, "", []any{"metadata.note"}},
		{"an order that is new", `"Note"`, `"Order":"o1","Note"`, "", []any{"metadata.order"}},
		{"the payment, which is not named now", `"Payment":"p1",`, ``, "", []any{"payment_id"}},
		{"customer and note", `"unknown","Note":"a"`, `"c","Note":"b"`, "", []any{"customer_id", "metadata.note"}},
		{"the amount", `"5"`, `"6"`, "amount", nil},
		{"the currency", `"USD"`, `"EUR"`, "currency", nil},
		{"the kind", `"Kind":"refund"`, `"Kind":"dispute"`, "kind", nil},
		{"the payment", `"p1"`, `"p2"`, "payment_id", nil},
		{"amount and note", `"5","Currency":"USD","Customer":"unknown","Note":"a"`, `"6","Currency":"EUR","Customer":"c"`, "amount, currency", nil},
	} {
		t.Run("when it changes "+tt.name, func(t *testing.T) {
			d := newFixture()
			d.send(t, notify(array(first), "secret", now))
			d.out.Reset()
			response := d.send(t, notify(array(strings.Replace(first, tt.old, tt.new, 1)), "secret", now))
			logs, _ := d.lines(t)
			if tt.conflict != "" {
				if response.Body != `{"quarantined":"conflict"}` || len(d.quarantine.messages) != 1 || !strings.Contains(d.quarantine.messages[0], "differs in "+tt.conflict+`"`) {
					t.Errorf("%d %s, quarantined %s", response.Status, response.Body, d.quarantine.messages)
				}
				return
			}
			if response.Status != http.StatusOK || !strings.Contains(response.Body, `"duplicate":true`) || len(d.quarantine.messages) != 0 {
				t.Errorf("%d %s, quarantined %s", response.Status, response.Body, d.quarantine.messages)
			}
			var want any
			if tt.differs != nil {
				want = tt.differs
			}
			if diff := cmp.Diff(want, logs[0]["differing_fields"]); diff != "" {
				t.Errorf("logged (-want +got):\n%s", diff)
			}
			if stored := d.stored(t); len(stored) != 1 || stored[0].Transaction.CustomerID != "unknown" || stored[0].Transaction.Metadata.String() != `{"note":"a"}` {
				t.Errorf("stored: %+v", stored)
			}
		})
	}
	t.Run("any difference is a conflict on the canonical route", func(t *testing.T) {
		d := newFixture()
		d.send(t, post(valid))
		response := d.send(t, post(strings.Replace(valid, "cust_789", "cust_790", 1)))
		if response.Status != http.StatusConflict {
			t.Errorf("%d %s", response.Status, response.Body)
		}
	})
}

func TestOwnIDs(t *testing.T) {
	d := newFixture()
	d.send(t, notify(array(`{"Type":"paid","ID":"8RS6210148826604N","Kind":"payment","Amount":"5","Currency":"USD","Customer":"c",`+
		`"Order":"9WB4962459571177S","Note":"4111111111111111"}`), "secret", now))
	stored := d.stored(t)
	if len(stored) != 1 || stored[0].Transaction.ID != "8RS6210148826604N" ||
		stored[0].Transaction.Metadata.String() != `{"note":"411111******1111","order":"9WB4962459571177S"}` {
		t.Errorf("stored %+v", stored)
	}
}

func TestOwnIDsInQuarantine(t *testing.T) {
	const event = `{"Type":"refunded","ID":"8RS6210148826604N","Kind":"refund","Payment":"3ZT4952890786666M","Amount":"5","Currency":"USD","Customer":"c","Order":"x9WB4962459571177S","Note":"4952890786666"}`
	for name, events := range map[string][]string{
		"in conflict":       {event, strings.Replace(event, `"5"`, `"6"`, 1)},
		"against the rules": {strings.Replace(event, `"5"`, `"-5"`, 1)},
	} {
		t.Run("stay as they are when the event is "+name, func(t *testing.T) {
			d := newFixture()
			for _, e := range events {
				d.send(t, notify(array(e), "secret", now))
			}
			if len(d.quarantine.messages) != 1 {
				t.Fatal(d.quarantine.messages)
			}
			for _, part := range []string{"8RS6210148826604N", "3ZT4952890786666M", "x9WB4962459571177S", "495289***6666"} {
				if !strings.Contains(d.quarantine.messages[0], part) {
					t.Errorf("no %s in %s", part, d.quarantine.messages[0])
				}
			}
		})
	}
}

// Somebody who has captured a delivery, of which the signature binds only the id.
func TestCapturedSignatures(t *testing.T) {
	bound := func(event, signed, unsigned string) string {
		return strings.Replace(event, "{", fmt.Sprintf(`{"Signed":%q,"Unsigned":%q,`, signed, unsigned), 1)
	}
	for name, first := range map[string]string{"stored": paid, "ignored": pinged, "quarantined": garbled} {
		t.Run("are worth nothing after one of a delivery that was "+name, func(t *testing.T) {
			d := newFixture()
			deliver := func(event, signed, unsigned string) Response {
				return d.send(t, notify(array(bound(event, signed, unsigned)), "secret", now))
			}
			if response := deliver(first, "t1", "genuine"); response.Status >= 300 {
				t.Fatalf("%d %s", response.Status, response.Body)
			}
			queued, stored := len(d.quarantine.messages), len(d.stored(t))
			d.out.Reset()
			for _, event := range []string{strings.Replace(paid, "p1", "p2", 1), paid, other, pinged, garbled} {
				if response := deliver(event, "t1", "forged"); response.Status != http.StatusUnauthorized {
					t.Errorf("%s: %d %s", event, response.Status, response.Body)
				}
			}
			if len(d.quarantine.messages) != queued || len(d.stored(t)) != stored {
				t.Errorf("%d quarantined, %d stored, want %d and %d", len(d.quarantine.messages), len(d.stored(t)), queued, stored)
			}
			if _, metrics := d.lines(t); metrics[contract.MetricForged] == nil || metrics[contract.MetricUnverified] != 1.0 || metrics[contract.MetricVerified] != 0.0 {
				t.Errorf("metrics %v", metrics)
			}
			if response := deliver(first, "t1", "genuine"); response.Status >= 300 {
				t.Errorf("its own repeat: %d %s", response.Status, response.Body)
			}
			if response := deliver(strings.Replace(paid, "p1", "p3", 1), "t2", "genuine"); response.Status != http.StatusAccepted {
				t.Errorf("the next delivery: %d %s", response.Status, response.Body)
			}
		})
	}
	t.Run("are not bound to what could not be stored for another reason", func(t *testing.T) {
		d := newFixture()
		d.ledger.Fail(fmt.Errorf("cable cut"))
		request := notify(array(bound(paid, "t1", "genuine")), "secret", now)
		if response := d.send(t, request); response.Status != http.StatusServiceUnavailable {
			t.Errorf("%d %s", response.Status, response.Body)
		}
		d.ledger.Fail(nil)
		if response := d.send(t, request); response.Status != http.StatusAccepted {
			t.Errorf("%d %s", response.Status, response.Body)
		}
	})
}

func TestReservedNames(t *testing.T) {
	routes := func(t *testing.T, text string) Routes {
		t.Helper()
		routes, err := ParseRoutes(text, providers.All())
		if err != nil {
			t.Fatal(err)
		}
		return routes
	}
	as := func(provider string) string { return strings.Replace(valid, `"stripe"`, `"`+provider+`"`, 1) }
	for _, tt := range []struct {
		name       string
		configured string
		provider   string
		route      string // that the error names; "" if it is accepted
	}{
		{"any, without a provider", `{}`, "stripe", ""},
		{"any, with a secret for canonical alone", `{"canonical":{"secret":"payments/canonical"}}`, "stripe", ""},
		{"one that is configured", `{"stripe":{"secret":"s"}}`, "stripe", "/webhook/stripe"},
		{"one that is supported", `{"stripe":{"secret":"s"}}`, "adyen", "/webhook/adyen"},
		{"another one that is supported", `{"adyen":{"secret":"s"}}`, "paypal", "/webhook/paypal"},
		{"the last that is supported", `{"adyen":{"secret":"s"}}`, "square", "/webhook/square"},
		{"one of the sender's own", `{"stripe":{"secret":"s"}}`, "shop", ""},
		{"one that only begins alike", `{"stripe":{"secret":"s"}}`, "stripe-eu", ""},
	} {
		t.Run("when it is "+tt.name, func(t *testing.T) {
			d := newFixture()
			d.routes = routes(t, tt.configured)
			d.routes.canonical = Route{} // open
			response := d.send(t, post(as(tt.provider)))
			if tt.route == "" {
				if response.Status != http.StatusAccepted {
					t.Errorf("%d %s", response.Status, response.Body)
				}
				return
			}
			problem := parseProblem(t, response)
			if response.Status != http.StatusBadRequest || len(problem.Errors) != 1 || problem.Errors[0].Field != "/provider" ||
				!strings.Contains(problem.Errors[0].Detail, tt.route) || len(d.stored(t)) != 0 {
				t.Errorf("%d %s", response.Status, response.Body)
			}
		})
	}
	t.Run("when it is signed", func(t *testing.T) {
		d := newFixture()
		d.routes = routes(t, `{"stripe":{"secret":"s"}}`)
		d.routes.canonical = Route{name: contract.ProviderCanonical, secret: "payments/canonical", verify: fake{}.Verify}
		request := notify(valid, "canonical", now)
		request.Resource, request.Provider = "/webhook", ""
		if response := d.send(t, request); response.Status != http.StatusBadRequest {
			t.Errorf("%d %s", response.Status, response.Body)
		}
	})
	t.Run("when something else is wrong as well", func(t *testing.T) {
		d := newFixture()
		d.routes = routes(t, `{"stripe":{"secret":"s"}}`)
		problem := parseProblem(t, d.send(t, post(strings.Replace(valid, "15000", "-1", 1))))
		if len(problem.Errors) != 2 {
			t.Errorf("%+v", problem.Errors)
		}
	})
}

func TestMalformedSecrets(t *testing.T) {
	const clean = "0123456789abcdef"
	for _, tt := range []struct {
		name   string
		values []string // current, previous
		signed string
		status int
	}{
		{"none", []string{clean}, clean, http.StatusAccepted},
		{"white space", []string{"\t" + clean + " \r\n"}, clean, http.StatusAccepted},
		{"the current one is JSON", []string{`{"fake":"` + clean + `"}`}, clean, http.StatusServiceUnavailable},
		{"the current one is JSON, the previous is not", []string{`{"fake":"` + clean + `"}`, clean}, clean, http.StatusServiceUnavailable},
		{"the current one is too short", []string{"x"}, "x", http.StatusServiceUnavailable},
		{"the current one is a placeholder of the right form", []string{"0000000000000000"}, "0000000000000000", http.StatusServiceUnavailable},
		{"signed with the previous one, a placeholder of the right form", []string{clean, "deadbeefdeadbeef"}, "deadbeefdeadbeef", http.StatusUnauthorized},
		{"the previous one is a placeholder", []string{clean, "placeholder"}, clean, http.StatusAccepted},
		{"signed with the previous one, a placeholder", []string{clean, "placeholder"}, "placeholder", http.StatusUnauthorized},
		{"signed with the previous one", []string{clean, "fedcba9876543210"}, "fedcba9876543210", http.StatusAccepted},
	} {
		t.Run("when it is "+tt.name, func(t *testing.T) {
			d := newFixture()
			route := d.routes.providers["fake"]
			route.declared.Secret = "sixteen hex digits"
			route.declared.ValidSecret = func(s string) bool { return len(s) == 16 && strings.Trim(s, "0123456789abcdef") == "" }
			d.routes.providers["fake"] = route
			d.secretStore.put("payments/fake", tt.values...)
			response := d.send(t, notify(array(paid), tt.signed, now))
			if response.Status != tt.status {
				t.Errorf("%d %s, want %d", response.Status, response.Body, tt.status)
			}
			logs, metrics := d.lines(t)
			if malformed := tt.status == http.StatusServiceUnavailable; malformed != (metrics[contract.MetricVerificationFailing] != nil) ||
				malformed != strings.Contains(fmt.Sprint(logs), "secret malformed: the current value of payments/fake is not sixteen hex digits") {
				t.Errorf("log %v, metrics %v", logs, metrics)
			}
			if strings.Contains(d.out.String(), clean) {
				t.Error("the secret is in the log")
			}
		})
	}
}

func TestReportBySender(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		request              Request
		verified, unverified bool
		provider             any
	}{
		{"a verified delivery", notify(array(paid), "secret", now), true, false, "fake"},
		{"a verified delivery that is quarantined", notify(array(garbled), "secret", now), true, false, "fake"},
		{"a forged delivery", notify(array(paid), "forged", now), false, true, "fake"},
		{"a delivery of the wrong type", func() Request {
			r := notify(array(paid), "secret", now)
			r.Header["Content-Type"] = []string{"text/xml"}
			return r
		}(), false, true, "fake"},
		{"a delivery that is too large", notify(strings.Repeat(" ", transaction.MaxBodyBytes+1), "secret", now), false, true, "fake"},
		{"an open canonical route", post(valid), false, false, nil},
	} {
		t.Run("counts "+tt.name, func(t *testing.T) {
			d := newFixture()
			d.send(t, tt.request)
			_, metrics := d.lines(t)
			if (metrics[contract.MetricVerified] == 1.0) != tt.verified || (metrics[contract.MetricUnverified] == 1.0) != tt.unverified || metrics[contract.DimensionProvider] != tt.provider {
				t.Errorf("metrics %v", metrics)
			}
		})
	}
	t.Run("counts one that cannot be verified", func(t *testing.T) {
		d := newFixture()
		d.secretStore.put("payments/fake", "misshapen")
		d.send(t, notify(array(paid), "secret", now))
		if _, metrics := d.lines(t); metrics[contract.MetricUnverified] != 1.0 || metrics[contract.MetricVerificationFailing] == nil {
			t.Errorf("metrics %v", metrics)
		}
	})
	t.Run("counts one for which anyone can be the cause, without an alarm", func(t *testing.T) {
		d := newFixture()
		d.secretStore.put("payments/fake", "unproven")
		response := d.send(t, notify(array(paid), "secret", now))
		if parseProblem(t, response); response.Status != http.StatusTooManyRequests || response.Header["Retry-After"] == "" {
			t.Errorf("%d %s %v", response.Status, response.Body, response.Header)
		}
		logs, metrics := d.lines(t)
		if metrics[contract.MetricUnverified] != 1.0 || metrics[contract.MetricRejected] == nil || metrics[contract.MetricVerificationFailing] != nil ||
			metrics[contract.MetricStoreUnavailable] != nil || metrics[contract.MetricForged] != nil || logs[0]["level"] != "INFO" {
			t.Errorf("log %v, metrics %v", logs, metrics)
		}
	})
	t.Run("counts signed canonical deliveries", func(t *testing.T) {
		d := newFixture()
		d.routes.canonical = Route{name: contract.ProviderCanonical, declared: standardwebhooks.Declaration, secret: "payments/canonical", verify: fake{}.Verify}
		d.routes.canonical.declared.ValidSecret = nil
		request := notify(valid, "canonical", now)
		request.Resource, request.Provider = "/webhook", ""
		d.send(t, request)
		if _, metrics := d.lines(t); metrics[contract.MetricVerified] != 1.0 || metrics[contract.DimensionProvider] != contract.ProviderCanonical {
			t.Errorf("metrics %v", metrics)
		}
	})
}
