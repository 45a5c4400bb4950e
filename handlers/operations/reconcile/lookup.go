package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/transaction"
)

// lookups is how many transactions are looked up at a time: enough to hide the distance to
// the table, and far below its limits.
const lookups = 16

// lookUp finds what the ledger has of the transactions that events tell.
func (r *run) lookUp(ctx context.Context, events []told) error {
	var facts []*fact
	for i := range events {
		for j := range events[i].facts {
			facts = append(facts, &events[i].facts[j])
		}
	}
	return concurrently(ctx, facts, func(ctx context.Context, f *fact) (err error) {
		f.stored, err = r.stored(ctx, ledger.KeyOf(f.transaction))
		return err
	})
}

// stored returns the transaction under a key, nil if there is none.
func (r *run) stored(ctx context.Context, key ledger.Key) (*transaction.Transaction, error) {
	record, err := r.Ledger.Get(ctx, key)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look up %s of %s: %w", key.TransactionID, key.Provider, err)
	}
	return &record.Transaction, nil
}

// concurrently calls do for each item, lookups at a time, and returns the first error, after
// which it begins no more.
func concurrently[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan T)
	var workers sync.WaitGroup
	for range min(lookups, len(items)) {
		workers.Go(func() {
			for item := range next {
				if err := do(ctx, item); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	for _, item := range items {
		select {
		case next <- item:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}
