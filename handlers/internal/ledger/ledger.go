package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"slices"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/transaction"
)

// Ledger keeps transactions. All methods are safe for concurrent use.
type Ledger interface {
	// Store keeps a valid, redacted transaction if its key is new. The error is
	// ErrConflict when the key is taken by other content, or ErrUnavailable.
	Store(ctx context.Context, t transaction.Transaction) (Outcome, error)

	// RecordFraud adds the result to a stored transaction if it has none yet,
	// and returns the result that is now stored; recorded says whether it is the
	// given one. The error is ErrNotFound when the transaction is absent, or
	// ErrUnavailable.
	RecordFraud(ctx context.Context, key Key, result FraudResult) (stored FraudResult, recorded bool, err error)

	// Hour yields the transactions received in the UTC hour that contains the
	// given time and belonging to a shard (0 to contract.HourShards-1), ordered by
	// ReceivedAt, then transaction id, then provider. It reads page by page: no
	// more than a page is in memory, beyond transactions received in the same
	// nanosecond. The sequence ends after the first error, which is
	// ErrUnavailable unless an item cannot be read. A write shows up here some
	// time later, normally within a second: read only hours that are closed.
	Hour(ctx context.Context, hour time.Time, shard int) iter.Seq2[Record, error]

	// CreatedAt is when the ledger came to be: there is nothing older in it.
	CreatedAt(ctx context.Context) (time.Time, error)
}

// Errors of a Ledger, judged with errors.Is.
var (
	ErrConflict    = errors.New("the key is taken by another transaction")
	ErrNotFound    = errors.New("no such transaction")
	ErrUnavailable = errors.New("the ledger is unavailable")
)

// Outcome is what a successful Store did.
type Outcome int

// Outcomes.
const (
	Stored    Outcome = iota + 1 // for the first time
	Duplicate                    // the same was there already
)

func (o Outcome) String() string {
	switch o {
	case Stored:
		return "stored"
	case Duplicate:
		return "duplicate"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}

// Key names a stored transaction.
type Key struct{ TransactionID, Provider string }

// KeyOf is the key of a transaction.
func KeyOf(t transaction.Transaction) Key { return Key{t.ID, t.Provider} }

// Record is a stored transaction.
type Record struct {
	Transaction transaction.Transaction
	Fingerprint string       // of the transaction as stored
	Fraud       *FraudResult // nil until it is scored
}

// Compare orders records as Ledger.Hour does.
func Compare(a, b Record) int {
	return cmp.Or(
		a.Transaction.ReceivedAt.Compare(b.Transaction.ReceivedAt),
		cmp.Compare(a.Transaction.ID, b.Transaction.ID),
		cmp.Compare(a.Transaction.Provider, b.Transaction.Provider),
	)
}

// FraudResult is what the fraud model said of a transaction.
type FraudResult struct {
	Score        string       // exact decimal between 0 and 1
	RiskLevel    string       // low, medium or high
	RiskFactors  []RiskFactor // what made the score, nil when nothing did
	RiskSummary  string       // one sentence for a person
	ModelVersion string
	ScoredAt     time.Time
}

// RiskFactor is one reason for a score.
type RiskFactor struct {
	Name   string
	Weight string // exact decimal
	Detail string
}

// Canonical is the result as every ledger returns it: decimals reduced ("0.870"
// is "0.87"), ScoredAt in UTC. It fails on a Score or Weight that is no number.
func (f FraudResult) Canonical() (FraudResult, error) {
	score, err := jsonvalue.ParseNumber(f.Score)
	if err != nil {
		return FraudResult{}, fmt.Errorf("score %q: %w", f.Score, err)
	}
	f.Score = string(score)
	f.ScoredAt = f.ScoredAt.UTC().Round(0)
	f.RiskFactors = slices.Clone(f.RiskFactors)
	if len(f.RiskFactors) == 0 {
		f.RiskFactors = nil
	}
	for i, factor := range f.RiskFactors {
		weight, err := jsonvalue.ParseNumber(factor.Weight)
		if err != nil {
			return FraudResult{}, fmt.Errorf("weight %q of factor %q: %w", factor.Weight, factor.Name, err)
		}
		f.RiskFactors[i].Weight = string(weight)
	}
	return f, nil
}

// Shard is the shard of its hour that a transaction belongs to: FNV-1a of the
// id, so that deliveries spread over contract.HourShards partitions.
func Shard(transactionID string) int {
	h := fnv.New32a()
	h.Write([]byte(transactionID))
	return int(h.Sum32() % contract.HourShards)
}

// HourShard names one shard of one UTC hour: "2026-11-22T15#3".
func HourShard(hour time.Time, shard int) string {
	return fmt.Sprintf("%s#%d", hour.UTC().Format("2006-01-02T15"), shard)
}
