package paypal

import (
	"bytes"
	"crypto/sha256"
	"hash/crc32"
	"math/bits"
	"net/http"
	"strings"
	"testing"

	"payment-webhooks/handlers/internal/provider"
)

// withCRC returns a copy of a body that has another CRC-32, by changing some of its free
// characters: a run of at least 64 "A" in a member that is not read.
//
// CRC-32 is linear: to change a certain bit of the body changes the same bits of the
// checksum whatever the rest of the body is. So each free character, which may be "A" or
// "C", is a vector of 32 bits, and the difference that is wanted is a sum of some of
// them (Gaussian elimination over two elements).
func withCRC(tb testing.TB, body []byte, want uint32) []byte {
	tb.Helper()
	const free = 64
	start := bytes.Index(body, []byte(strings.Repeat("A", free)))
	if start < 0 {
		tb.Fatal("the body has no free characters")
	}
	body = bytes.Clone(body)
	flip := func(chosen uint64) {
		for i := range free {
			if chosen>>i&1 == 1 {
				body[start+i] ^= 'A' ^ 'C'
			}
		}
	}
	// basis[b] is a vector whose highest bit is b, and the characters that it is made of.
	var basis [32]struct {
		vector uint32
		chosen uint64
	}
	reduce := func(vector uint32, chosen uint64) (uint32, uint64) {
		for vector != 0 {
			b := basis[bits.Len32(vector)-1]
			if b.vector == 0 {
				break
			}
			vector, chosen = vector^b.vector, chosen^b.chosen
		}
		return vector, chosen
	}
	before := crc32.ChecksumIEEE(body)
	for i := range free {
		flip(1 << i)
		vector, chosen := reduce(before^crc32.ChecksumIEEE(body), 1<<i)
		flip(1 << i)
		if vector != 0 {
			b := &basis[bits.Len32(vector)-1]
			b.vector, b.chosen = vector, chosen
		}
	}
	rest, chosen := reduce(before^want, 0)
	flip(chosen)
	if rest != 0 || crc32.ChecksumIEEE(body) != want {
		tb.Fatal("the free characters cannot make the checksum")
	}
	return body
}

// The signature covers no more of a body than its CRC-32, so that it alone does not make
// a delivery authentic: the binding does.
func TestCapturedSignature(t *testing.T) {
	w := newWorld(t)
	p, genuine := w.paypal(), w.delivery(t, "payment")
	forged := genuine
	forged.Body = bytes.Replace(genuine.Body, []byte(`"value": "15000.00"`), []byte(`"value": "99000.00"`), 1)
	forged.Body = bytes.Replace(forged.Body, []byte(`{`), []byte(`{"free": "`+strings.Repeat("A", 64)+`", `), 1)
	forged.Body = withCRC(t, forged.Body, crc32.ChecksumIEEE(genuine.Body))
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
