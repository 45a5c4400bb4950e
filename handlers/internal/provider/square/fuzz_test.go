package square_test

import (
	"context"
	"crypto/hmac"
	"errors"
	"testing"

	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/providertest"
	"payment-webhooks/handlers/internal/provider/square"
)

// FuzzSignature: only the signature itself verifies.
func FuzzSignature(f *testing.F) {
	body := fixture(f, "payment")
	good := sign(url, body, key)
	for _, seed := range []string{good, "", good + " ", good[:43], "v1=" + good, good + "," + good} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, signature string) {
		err := verify(delivery(body, signature), key)
		if (err == nil) != hmac.Equal([]byte(signature), []byte(good)) || err != nil && !errors.Is(err, provider.ErrSignature) {
			t.Errorf("%q: %v", signature, err)
		}
	})
}

// FuzzDecode: whatever arrives, it is a sound transaction, ignored or
// unreadable; and it never breaks the check of the time.
func FuzzDecode(f *testing.F) {
	providertest.Seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		d := delivery(body, sign(url, body, key))
		if err := verify(d, key); err != nil && !errors.Is(err, provider.ErrSignature) {
			t.Errorf("Verify: %v", err)
		}
		events, err := square.New().Decode(d)
		providertest.CheckDecoded(t, square.Name, events, err)
	})
}

func BenchmarkVerify(b *testing.B) {
	body := fixture(b, "payment")
	d, s := delivery(body, sign(url, body, key)), square.New()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Verify(context.Background(), d, []string{otherKey, key}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDeliver(b *testing.B) {
	body := fixture(b, "payment")
	d, s := delivery(body, sign(url, body, key)), square.New()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Verify(context.Background(), d, []string{key}); err != nil {
			b.Fatal(err)
		}
		events, err := s.Decode(d)
		if err != nil || events[0].Transaction == nil {
			b.Fatal(events, err)
		}
	}
}
