package ledger

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"payment-webhooks/handlers/internal/transaction"
)

// Memory is a Ledger for tests. Fail makes it unavailable on demand.
type Memory struct {
	mu          sync.Mutex
	records     map[Key]Record
	createdAt   time.Time
	unavailable error
}

// New returns an empty ledger that says it was created at the given time.
func New(createdAt time.Time) *Memory {
	return &Memory{records: map[Key]Record{}, createdAt: createdAt.UTC()}
}

var _ Ledger = (*Memory)(nil)

// Fail makes every call fail with ErrUnavailable because of the cause, until
// Fail(nil).
func (m *Memory) Fail(cause error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unavailable = cause
}

// lock takes the lock if the ledger may be used.
func (m *Memory) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	m.mu.Lock()
	if m.unavailable != nil {
		defer m.mu.Unlock()
		return fmt.Errorf("%w: %w", ErrUnavailable, m.unavailable)
	}
	return nil
}

// Store implements Ledger.
func (m *Memory) Store(ctx context.Context, t transaction.Transaction) (Outcome, error) {
	if err := m.lock(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	fingerprint := t.Fingerprint()
	if old, taken := m.records[KeyOf(t)]; taken {
		if old.Fingerprint != fingerprint {
			return 0, ErrConflict
		}
		return Duplicate, nil
	}
	t.ReceivedAt = t.ReceivedAt.UTC().Round(0)
	t.Metadata = slices.Clone(t.Metadata)
	m.records[KeyOf(t)] = Record{Transaction: t, Fingerprint: fingerprint}
	return Stored, nil
}

// RecordFraud implements Ledger.
func (m *Memory) RecordFraud(ctx context.Context, key Key, result FraudResult) (FraudResult, bool, error) {
	result, err := result.Canonical()
	if err != nil {
		return FraudResult{}, false, err
	}
	if err := m.lock(ctx); err != nil {
		return FraudResult{}, false, err
	}
	defer m.mu.Unlock()
	record, ok := m.records[key]
	if !ok {
		return FraudResult{}, false, ErrNotFound
	}
	if record.Fraud != nil {
		return *record.clone().Fraud, false, nil
	}
	record.Fraud = &result
	m.records[key] = record
	return *record.clone().Fraud, true, nil
}

// Hour implements Ledger.
func (m *Memory) Hour(ctx context.Context, hour time.Time, shard int) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		records, err := m.hour(ctx, HourShard(hour, shard))
		if err != nil {
			yield(Record{}, err)
			return
		}
		for _, record := range records {
			if !yield(record, nil) {
				return
			}
		}
	}
}

func (m *Memory) hour(ctx context.Context, hourShard string) ([]Record, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var records []Record
	for key, record := range m.records {
		if HourShard(record.Transaction.ReceivedAt, Shard(key.TransactionID)) == hourShard {
			records = append(records, record.clone())
		}
	}
	slices.SortFunc(records, Compare)
	return records, nil
}

// CreatedAt implements Ledger.
func (m *Memory) CreatedAt(ctx context.Context) (time.Time, error) {
	if err := m.lock(ctx); err != nil {
		return time.Time{}, err
	}
	defer m.mu.Unlock()
	return m.createdAt, nil
}

// Compare orders records as Ledger.Hour does.
func Compare(a, b Record) int {
	return cmp.Or(
		a.Transaction.ReceivedAt.Compare(b.Transaction.ReceivedAt),
		cmp.Compare(a.Transaction.ID, b.Transaction.ID),
		cmp.Compare(a.Transaction.Provider, b.Transaction.Provider),
	)
}

// clone shares nothing with r, so that a caller cannot change what is stored.
func (r Record) clone() Record {
	r.Transaction.Metadata = slices.Clone(r.Transaction.Metadata)
	if r.Fraud != nil {
		fraud := *r.Fraud
		fraud.RiskFactors = slices.Clone(fraud.RiskFactors)
		r.Fraud = &fraud
	}
	return r
}
