package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/transaction"
)

// Ledger keeps transactions. All methods are safe for concurrent use.
type Ledger interface {
	// Store keeps a valid, redacted transaction if its key is new. The error is
	// ErrConflict when the key is taken by other content, or ErrUnavailable.
	Store(ctx context.Context, t transaction.Transaction) (Outcome, error)

	// RecordFraud adds the result to a stored transaction if it has none yet,
	// and returns the result that is now stored, as Result.Canonical makes it;
	// recorded reports whether it is the given one. The error is ErrNotFound
	// when the transaction is absent, or ErrUnavailable.
	RecordFraud(ctx context.Context, key Key, result fraud.Result) (stored fraud.Result, recorded bool, err error)

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
	Fingerprint string        // of the transaction as stored
	Fraud       *fraud.Result // nil until it is scored
}

// Compare orders records as Ledger.Hour does.
func Compare(a, b Record) int {
	return cmp.Or(
		a.Transaction.ReceivedAt.Compare(b.Transaction.ReceivedAt),
		cmp.Compare(a.Transaction.ID, b.Transaction.ID),
		cmp.Compare(a.Transaction.Provider, b.Transaction.Provider),
	)
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
