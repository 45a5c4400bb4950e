package ledgertest

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"testing"
	"time"

	"payment-webhooks/handlers/internal/ledger"
)

// RunBindings runs the contract test suite of ledger.Bindings. Each test opens its own
// empty bindings; open cleans up with t.Cleanup.
func RunBindings(t *testing.T, open func(t *testing.T) ledger.Bindings) {
	binding := func(provider, id, content string) ledger.Binding {
		return ledger.Binding{Provider: provider, ID: id, Content: sha256.Sum256([]byte(content)), Until: received.Add(time.Hour)}
	}
	t.Run("an id is bound to its first content", func(t *testing.T) {
		b := open(t)
		for _, tt := range []struct {
			binding ledger.Binding
			want    error
		}{
			{binding("paypal", "1", "first"), nil},
			{binding("paypal", "1", "other"), ledger.ErrBound},
			{binding("paypal", "1", "first"), nil},
			{binding("paypal", "1", "other"), ledger.ErrBound},
			{binding("paypal", "2", "other"), nil},
			{binding("adyen", "1", "other"), nil},
			{binding("adyen", "1", "first"), ledger.ErrBound},
		} {
			if err := b.Bind(t.Context(), tt.binding); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("Bind(%s %s) = %v, want %v", tt.binding.Provider, tt.binding.ID, err, tt.want)
			}
		}
	})
	t.Run("one of several concurrent contents wins", func(t *testing.T) {
		b := open(t)
		var wait sync.WaitGroup
		results := make([]error, 8)
		for i := range results {
			wait.Go(func() { results[i] = b.Bind(t.Context(), binding("paypal", "1", string(rune('a'+i)))) })
		}
		wait.Wait()
		won := 0
		for _, err := range results {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, ledger.ErrBound):
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d of %d were bound", won, len(results))
		}
	})
	t.Run("a cancelled call is unavailable", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := open(t).Bind(ctx, binding("paypal", "1", "")); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("Bind = %v", err)
		}
	})
}
