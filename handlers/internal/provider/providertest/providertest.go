// Package providertest has helpers for the tests of several providers.
package providertest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"payment-webhooks/handlers/internal/provider"
)

// Fixture returns testdata/<name>.json of the package under test.
func Fixture(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// Seed adds every fixture to the corpus of a fuzz test of bodies.
func Seed(f *testing.F) {
	f.Helper()
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
}

// CheckDecoded checks the result of a provider's Decode for an arbitrary body: an error,
// or events each of which is a valid transaction, unreadable or ignored.
func CheckDecoded(t *testing.T, name string, events []provider.Event, err error) {
	t.Helper()
	if err != nil {
		if !errors.Is(err, provider.ErrUnreadable) || events != nil {
			t.Errorf("Decode = %+v, %v", events, err)
		}
		return
	}
	for _, e := range events {
		switch {
		case e.Err != nil:
			if e.Transaction != nil || !errors.Is(e.Err, provider.ErrUnreadable) {
				t.Errorf("Decode = %+v", e)
			}
		case e.Type == "":
			t.Errorf("an event without a type: %+v", e)
		case e.Transaction != nil:
			if err := e.Transaction.Check(); err != nil || e.Transaction.Provider != name {
				t.Errorf("%+v: %v", e.Transaction, err)
			}
		}
	}
}

// CheckTolerance checks that verify accepts a delivery that is received within
// provider.Tolerance of its signed time, and otherwise returns provider.ErrSignature.
func CheckTolerance(t *testing.T, verify func(sentAt, receivedAt time.Time) error) {
	sentAt := time.Unix(1795340405, 0)
	for _, tt := range []struct {
		name string
		skew time.Duration // our clock ahead of theirs
		good bool
	}{
		{"now", 0, true},
		{"five minutes old", 5 * time.Minute, true},
		{"older", 5*time.Minute + time.Nanosecond, false},
		{"five minutes ahead", -5 * time.Minute, true},
		{"further ahead", -5*time.Minute - time.Nanosecond, false},
		{"a day old", 24 * time.Hour, false},
		{"a day ahead", -24 * time.Hour, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := verify(sentAt, sentAt.Add(tt.skew))
			if tt.good != (err == nil) || err != nil && !errors.Is(err, provider.ErrSignature) {
				t.Error(err)
			}
		})
	}
	far := time.Unix(999_999_999_999, 0) // the difference overflows a Duration
	if err := verify(far, sentAt); !errors.Is(err, provider.ErrSignature) {
		t.Errorf("in thirty thousand years: %v", err)
	}
}
