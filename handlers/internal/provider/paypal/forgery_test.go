package paypal

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"

	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/providers/forgery"
)

// The signature covers no more of a body than its CRC-32, so that it alone does not make
// a delivery authentic: the binding does.
func TestCapturedSignature(t *testing.T) {
	w := newWorld(t)
	p, genuine := w.paypal(), w.delivery(t, "payment")
	forged := genuine
	forged.Body = bytes.Replace(genuine.Body, []byte(`"value": "15000.00"`), []byte(`"value": "99000.00"`), 1)
	var err error
	if forged.Body, err = forgery.SameCRC32(forged.Body, genuine.Body); err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]provider.Delivery{"genuine": genuine, "forged": forged} {
		if err := p.Verify(t.Context(), d, []string{webhookID}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	a, b := decodeWith(t, genuine), decodeWith(t, forged)
	if b.Err != nil || b.Transaction.Format() != "99000.00 USD" {
		t.Fatalf("the forged delivery is no payment: %+v", b)
	}
	if a.Binding.ID != genuine.Header.Get("PAYPAL-TRANSMISSION-ID") || b.Binding.ID != a.Binding.ID {
		t.Errorf("bound to %q and %q, want the transmission's id", a.Binding.ID, b.Binding.ID)
	}
	if a.Binding.Content == b.Binding.Content {
		t.Error("both bodies have the same binding")
	}
	if again := decodeWith(t, genuine); again.Binding != a.Binding {
		t.Errorf("a repeat has the binding %+v, want %+v", again.Binding, a.Binding)
	}
}

func decodeWith(tb testing.TB, d provider.Delivery) provider.Event {
	tb.Helper()
	events, err := New(Options{}).Decode(d)
	if err != nil || len(events) != 1 {
		tb.Fatalf("Decode = %v, %v, want one event", events, err)
	}
	return events[0]
}

func TestEveryEventIsBound(t *testing.T) {
	for name, body := range map[string]string{
		"stored":            string(fixture(t, "payment")),
		"ignored":           string(fixture(t, "ignored")),
		"of nothing":        string(capture("0.00", "USD")),
		"unreadable":        string(capture("many", "USD")),
		"without a type":    `{"id": "WH-1"}`,
		"not JSON":          "event_type=PAYMENT.CAPTURE.COMPLETED",
		"empty":             "",
		"of two facts":      payoutEvent("PAYMENT.PAYOUTS-ITEM.RETURNED", "RETURNED", "K7M2QXW5ZT9BE", "842.10"),
		"of a deep nesting": strings.Repeat("[", 100),
	} {
		t.Run(name, func(t *testing.T) {
			d := provider.Delivery{Header: http.Header{"Paypal-Transmission-Id": {"b2384410-f8d2-11e4"}}, Body: []byte(body)}
			events, err := New(Options{}).Decode(d)
			if err != nil || len(events) == 0 {
				t.Fatalf("Decode = %v, %v", events, err)
			}
			want := provider.Binding{ID: "b2384410-f8d2-11e4", Content: sha256.Sum256(d.Body), For: bindingTime}
			for _, e := range events {
				if e.Binding != want {
					t.Errorf("%s is bound to %+v, want %+v", e.Type, e.Binding, want)
				}
			}
		})
	}
}

// A time as far ahead as is accepted is too old when MaxAge has passed since then.
func TestBindingOutlivesTheReplay(t *testing.T) {
	w := newWorld(t)
	p, body := w.paypal(), fixture(t, "payment")
	d := provider.Delivery{Header: sign(t, w.leaf.key, webhookID, now.Add(provider.Tolerance), body), Body: body, ReceivedAt: now}
	if err := p.Verify(t.Context(), d, []string{webhookID}); err != nil {
		t.Fatal(err)
	}
	d.ReceivedAt = now.Add(bindingTime)
	if err := p.Verify(t.Context(), d, []string{webhookID}); err == nil {
		t.Error("a replay is accepted after the end of its binding")
	}
}
