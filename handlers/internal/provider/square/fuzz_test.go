package square_test

import (
	"context"
	"crypto/hmac"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"payment-webhooks/handlers/internal/provider"
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
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d := delivery(body, sign(url, body, key))
		if err := verify(d, key); err != nil && !errors.Is(err, provider.ErrSignature) {
			t.Errorf("Verify: %v", err)
		}
		events, err := square.New().Decode(d)
		if err != nil {
			if !errors.Is(err, provider.ErrUnreadable) || events != nil {
				t.Errorf("%v with %v", err, events)
			}
			return
		}
		for _, e := range events {
			switch {
			case e.Transaction != nil && e.Err != nil, e.Err != nil && !errors.Is(e.Err, provider.ErrUnreadable):
				t.Errorf("%+v", e)
			case e.Transaction != nil:
				if err := e.Transaction.Check(); err != nil {
					t.Errorf("%+v: %v", e.Transaction, err)
				}
			}
		}
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
