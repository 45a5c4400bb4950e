package secrets_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/secrets"
)

// store is a Source whose secrets a test changes.
type store struct {
	mu     sync.Mutex
	values []string
	err    error
	reads  int
	block  chan struct{} // when set, a read waits for it
}

func (s *store) Values(ctx context.Context, name string) ([]string, error) {
	if s.block != nil {
		select {
		case <-s.block:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if name != "payments/stripe" {
		return nil, errors.New("no such secret")
	}
	return s.values, s.err
}

type clock struct{ time.Time }

func (c *clock) now() time.Time             { return c.Time }
func (c *clock) pass(d time.Duration)       { c.Time = c.Add(d) }
func newClock() *clock                      { return &clock{time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)} }
func ignore(context.Context, string, error) {}

func get(t *testing.T, c *secrets.Cache) []string {
	t.Helper()
	values, err := c.Get(t.Context(), "payments/stripe")
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestWhiteSpaceIsNoPartOfASecret(t *testing.T) {
	for _, tt := range []struct {
		name         string
		stored, want []string // want nil: ErrUnavailable
	}{
		{"from a file", []string{"two\n", "one\r\n"}, []string{"two", "one"}},
		{"pasted", []string{" \ttwo "}, []string{"two"}},
		{"no previous text", []string{"two", "\n"}, []string{"two"}},
		{"no current text", []string{" \n", "one"}, nil},
		{"no value", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			values, err := secrets.NewCache(&store{values: tt.stored}, newClock().now, ignore).Get(t.Context(), "payments/stripe")
			if !cmp.Equal(values, tt.want) || (tt.want == nil) != errors.Is(err, secrets.ErrUnavailable) {
				t.Errorf("Get = %q, %v, want %q", values, err, tt.want)
			}
		})
	}
}

func TestSecretIsReadOnceAndRefreshed(t *testing.T) {
	s, c := &store{values: []string{"one"}}, newClock()
	cache := secrets.NewCache(s, c.now, ignore)
	for range 3 {
		get(t, cache)
	}
	c.pass(secrets.RefreshAfter - 1)
	get(t, cache)
	if s.reads != 1 {
		t.Fatalf("%d reads, want 1", s.reads)
	}
	s.values = []string{"two", "one"}
	c.pass(1)
	if got := get(t, cache); !cmp.Equal(got, []string{"two", "one"}) || s.reads != 2 {
		t.Errorf("%q after %d reads", got, s.reads)
	}
}

func TestFailedRefreshServesOldValues(t *testing.T) {
	s, c := &store{values: []string{"one"}}, newClock()
	var reported []string
	cache := secrets.NewCache(s, c.now, func(_ context.Context, name string, err error) {
		reported = append(reported, fmt.Sprint(name, ": ", err))
	})
	get(t, cache)
	s.values, s.err = nil, errors.New("throttled")
	c.pass(secrets.RefreshAfter)
	get(t, cache)
	if diff := cmp.Diff([]string{"payments/stripe: secret unavailable: payments/stripe: throttled"}, reported); diff != "" {
		t.Errorf("reported (-want +got):\n%s", diff)
	}
	c.pass(secrets.RetryAfter - 1)
	get(t, cache)
	if s.reads != 2 {
		t.Errorf("%d reads, want the next one only after a pause", s.reads)
	}
	c.pass(secrets.MaxAge - secrets.RefreshAfter - secrets.RetryAfter)
	get(t, cache)
	c.pass(1)
	if _, err := cache.Get(t.Context(), "payments/stripe"); !errors.Is(err, secrets.ErrUnavailable) {
		t.Errorf("a value as old as MaxAge is served: %v", err)
	}
	s.values, s.err = []string{"two"}, nil
	c.pass(secrets.RetryAfter)
	if got := get(t, cache); !cmp.Equal(got, []string{"two"}) {
		t.Errorf("%q after the store recovered", got)
	}
}

func TestMissingSecretIsNotReadEachTime(t *testing.T) {
	for name, s := range map[string]*store{
		"missing": {err: errors.New("not found")},
		"empty":   {},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			cache := secrets.NewCache(s, c.now, ignore)
			for range 3 {
				if values, err := cache.Get(t.Context(), "payments/stripe"); !errors.Is(err, secrets.ErrUnavailable) || values != nil {
					t.Fatalf("%q, %v", values, err)
				}
			}
			if s.reads != 1 {
				t.Errorf("%d reads, want 1", s.reads)
			}
			s.values, s.err = []string{"one"}, nil
			c.pass(secrets.RetryAfter)
			get(t, cache)
		})
	}
}

func TestRenew(t *testing.T) {
	s, c := &store{values: []string{"one"}}, newClock()
	cache := secrets.NewCache(s, c.now, ignore)
	used := get(t, cache)
	c.pass(secrets.RenewAfter)
	s.values = []string{"two", "one"}
	renewed, ok := cache.Renew(t.Context(), "payments/stripe", used)
	if !ok || !cmp.Equal(renewed, []string{"two", "one"}) {
		t.Fatalf("%q, %t", renewed, ok)
	}
	for range 100 {
		c.pass(secrets.RenewAfter / 200)
		if _, ok := cache.Renew(t.Context(), "payments/stripe", renewed); ok {
			t.Fatal("renewed without a change")
		}
	}
	if s.reads != 2 {
		t.Errorf("%d reads, want 2", s.reads)
	}
	// Another caller has renewed them since these were read.
	if got, ok := cache.Renew(t.Context(), "payments/stripe", used); !ok || !cmp.Equal(got, renewed) || s.reads != 2 {
		t.Errorf("%q, %t after %d reads", got, ok, s.reads)
	}
	s.err = errors.New("throttled")
	c.pass(secrets.RenewAfter)
	if _, ok := cache.Renew(t.Context(), "payments/stripe", renewed); ok {
		t.Error("renewed by a failing read")
	}
	if got := get(t, cache); !cmp.Equal(got, renewed) {
		t.Errorf("a failing renewal lost the values: %q", got)
	}
}

func TestConcurrentCallersShareOneRead(t *testing.T) {
	s, c := &store{values: []string{"one"}, block: make(chan struct{})}, newClock()
	cache := secrets.NewCache(s, c.now, ignore)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if values, err := cache.Get(t.Context(), "payments/stripe"); err != nil || len(values) != 1 {
				t.Errorf("%q, %v", values, err)
			}
			if _, ok := cache.Renew(t.Context(), "payments/stripe", []string{"one"}); ok {
				t.Error("renewed without a change")
			}
		})
	}
	close(s.block)
	wg.Wait()
	if s.reads != 1 {
		t.Errorf("%d reads, want 1", s.reads)
	}
}

func TestCallersCannotChangeValues(t *testing.T) {
	cache := secrets.NewCache(&store{values: []string{"one"}}, newClock().now, ignore)
	get(t, cache)[0] = "forged"
	if got := get(t, cache); got[0] != "one" {
		t.Errorf("%q", got)
	}
}

func TestReadTimeout(t *testing.T) {
	s := &slow{}
	cache := secrets.NewCache(s, newClock().now, ignore)
	_, _ = cache.Get(t.Context(), "payments/stripe")
	if s.left <= 0 || s.left > 3*time.Second {
		t.Errorf("a read may take %v", s.left)
	}
}

type slow struct{ left time.Duration }

func (s *slow) Values(ctx context.Context, _ string) ([]string, error) {
	if deadline, ok := ctx.Deadline(); ok {
		s.left = time.Until(deadline)
	}
	return []string{"one"}, nil
}
