package ledgertest

import (
	"context"

	"payment-webhooks/handlers/internal/ledger"
)

// Get returns the transaction that is stored under a key, as dynamodbledger.Ledger does.
func (m *Memory) Get(ctx context.Context, key ledger.Key) (ledger.Record, error) {
	if err := m.lock(ctx); err != nil {
		return ledger.Record{}, err
	}
	defer m.mu.Unlock()
	record, ok := m.records[key]
	if !ok {
		return ledger.Record{}, ledger.ErrNotFound
	}
	return clone(record), nil
}
