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

// Ledger stores transactions. All methods are safe for concurrent use.
type Ledger interface {
	// Store stores a valid, redacted transaction if its key is new. The error is a
	// *ConflictError if the key is stored with other content, or ErrUnavailable.
	Store(ctx context.Context, t transaction.Transaction) (Outcome, error)

	// RecordFraud adds the result to a stored transaction that has none yet. It
	// returns the result that is stored afterwards, in the form of Result.Canonical;
	// recorded reports whether this call stored it. The error is ErrNotFound if the
	// transaction is not stored, or ErrUnavailable.
	RecordFraud(ctx context.Context, key Key, result fraud.Result) (stored fraud.Result, recorded bool, err error)

	// Hour yields the transactions of a shard (0 to contract.HourShards-1) that were
	// received in the UTC hour that contains the given time, ordered by ReceivedAt,
	// then transaction id, then provider. It reads page by page, and holds no more
	// than a page and the transactions of one nanosecond in memory. The sequence ends
	// after the first error, which is ErrUnavailable unless an item cannot be
	// decoded. Hour is eventually consistent: a write is normally visible within a
	// second, so read only hours that are over.
	Hour(ctx context.Context, hour time.Time, shard int) iter.Seq2[Record, error]

	// CreatedAt returns when the ledger was created. It has no older transactions.
	CreatedAt(ctx context.Context) (time.Time, error)
}

// Errors of a Ledger, judged with errors.Is.
var (
	ErrConflict    = errors.New("the key is taken by another transaction")
	ErrNotFound    = errors.New("no such transaction")
	ErrUnavailable = errors.New("the ledger is unavailable")
)

// ConflictError is the error of a transaction whose key is stored with other content. It
// wraps ErrConflict.
type ConflictError struct {
	Stored transaction.Transaction // what is stored under the key and stays
}

func (e *ConflictError) Error() string { return ErrConflict.Error() }
func (e *ConflictError) Unwrap() error { return ErrConflict }

// Outcome tells what a successful Store did.
type Outcome int

// Outcomes.
const (
	Stored    Outcome = iota + 1 // the transaction was stored now
	Duplicate                    // the same transaction had been stored before
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

// Key identifies a stored transaction.
type Key struct{ TransactionID, Provider string }

// KeyOf returns the key of a transaction.
func KeyOf(t transaction.Transaction) Key { return Key{t.ID, t.Provider} }

// Record is a stored transaction.
type Record struct {
	Transaction transaction.Transaction
	Fingerprint string        // Transaction.Fingerprint when it was stored
	Fraud       *fraud.Result // nil until the transaction is scored
}

// Compare orders records as Ledger.Hour does.
func Compare(a, b Record) int {
	return cmp.Or(
		a.Transaction.ReceivedAt.Compare(b.Transaction.ReceivedAt),
		cmp.Compare(a.Transaction.ID, b.Transaction.ID),
		cmp.Compare(a.Transaction.Provider, b.Transaction.Provider),
	)
}

// Shard returns the shard of its hour to which a transaction belongs. It is the FNV-1a
// hash of the id, so that writes spread over contract.HourShards partitions.
func Shard(transactionID string) int {
	h := fnv.New32a()
	h.Write([]byte(transactionID))
	return int(h.Sum32() % contract.HourShards)
}

// HourShard returns the name of a shard of a UTC hour: "2026-11-22T15#3".
func HourShard(hour time.Time, shard int) string {
	return fmt.Sprintf("%s#%d", hour.UTC().Format("2006-01-02T15"), shard)
}
