package ledgertest

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/transaction"
)

// Memory is a ledger.Ledger and ledger.Bindings in memory, for tests; it is safe for concurrent use.
// It is in a package that imports testing, so that no handler can use it.
type Memory struct {
	mu          sync.Mutex
	records     map[ledger.Key]ledger.Record
	bindings    map[bindingKey]ledger.Binding
	createdAt   time.Time
	unavailable error
}

// NewMemory returns an empty ledger whose CreatedAt is the given time.
func NewMemory(createdAt time.Time) *Memory {
	return &Memory{records: map[ledger.Key]ledger.Record{}, bindings: map[bindingKey]ledger.Binding{}, createdAt: createdAt.UTC()}
}

type bindingKey struct{ provider, id string }

var (
	_ ledger.Ledger   = (*Memory)(nil)
	_ ledger.Bindings = (*Memory)(nil)
)

// Fail makes every call fail with ledger.ErrUnavailable because of the cause, until
// Fail(nil).
func (m *Memory) Fail(cause error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unavailable = cause
}

// lock acquires the lock, or returns an error if the call must fail.
func (m *Memory) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	m.mu.Lock()
	if m.unavailable != nil {
		defer m.mu.Unlock()
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, m.unavailable)
	}
	return nil
}

// Store implements ledger.Ledger.
func (m *Memory) Store(ctx context.Context, t transaction.Transaction) (ledger.Outcome, error) {
	if err := m.lock(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	fingerprint := t.Fingerprint()
	if old, taken := m.records[ledger.KeyOf(t)]; taken {
		if old.Fingerprint != fingerprint {
			return 0, &ledger.ConflictError{Stored: clone(old).Transaction}
		}
		return ledger.Duplicate, nil
	}
	t.ReceivedAt = t.ReceivedAt.UTC().Round(0)
	m.records[ledger.KeyOf(t)] = ledger.Record{Transaction: t, Fingerprint: fingerprint}
	return ledger.Stored, nil
}

// Bind implements ledger.Bindings.
func (m *Memory) Bind(ctx context.Context, b ledger.Binding) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	key := bindingKey{b.Provider, b.ID}
	if old, bound := m.bindings[key]; bound && old.Content != b.Content {
		return ledger.ErrBound
	}
	m.bindings[key] = b
	return nil
}

// RecordFraud implements ledger.Ledger.
func (m *Memory) RecordFraud(ctx context.Context, key ledger.Key, result fraud.Result) (fraud.Result, bool, error) {
	result = result.Canonical()
	if err := m.lock(ctx); err != nil {
		return fraud.Result{}, false, err
	}
	defer m.mu.Unlock()
	record, ok := m.records[key]
	if !ok {
		return fraud.Result{}, false, ledger.ErrNotFound
	}
	if record.Fraud != nil {
		return *clone(record).Fraud, false, nil
	}
	record.Fraud = &result
	m.records[key] = record
	return *clone(record).Fraud, true, nil
}

// Hour implements ledger.Ledger.
func (m *Memory) Hour(ctx context.Context, hour time.Time, shard int) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		records, err := m.hour(ctx, ledger.HourShard(hour, shard))
		if err != nil {
			yield(ledger.Record{}, err)
			return
		}
		for _, record := range records {
			if !yield(record, nil) {
				return
			}
		}
	}
}

func (m *Memory) hour(ctx context.Context, hourShard string) ([]ledger.Record, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var records []ledger.Record
	for key, record := range m.records {
		if ledger.HourShard(record.Transaction.ReceivedAt, ledger.Shard(key.TransactionID)) == hourShard {
			records = append(records, clone(record))
		}
	}
	slices.SortFunc(records, ledger.Compare)
	return records, nil
}

// All returns the stored transactions, ordered as Hour orders them.
func (m *Memory) All() []transaction.Transaction {
	m.mu.Lock()
	defer m.mu.Unlock()
	records := slices.SortedFunc(maps.Values(m.records), ledger.Compare)
	transactions := make([]transaction.Transaction, len(records))
	for i, record := range records {
		transactions[i] = record.Transaction
	}
	return transactions
}

// CreatedAt implements ledger.Ledger.
func (m *Memory) CreatedAt(ctx context.Context) (time.Time, error) {
	if err := m.lock(ctx); err != nil {
		return time.Time{}, err
	}
	defer m.mu.Unlock()
	return m.createdAt, nil
}

// clone returns a copy that shares nothing with r, so that callers cannot change the
// ledger.
func clone(r ledger.Record) ledger.Record {
	if r.Fraud != nil {
		result := r.Fraud.Canonical()
		r.Fraud = &result
	}
	return r
}
