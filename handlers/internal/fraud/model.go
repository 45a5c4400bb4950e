package fraud

import (
	"context"
	"errors"

	"payment-webhooks/handlers/internal/transaction"
)

// Payment is what a model scores: a transaction as the event carries it, with
// card numbers already masked.
type Payment struct {
	transaction.Transaction
	MetadataUnseen bool // the transaction has metadata, but too much for the event
}

// Model scores payments. Implementations are safe for concurrent use.
//
// Score returns an Assessment that passes Check, or an error. It ends when ctx
// does, and long enough before the deadline of ctx that the result can still be
// recorded. An error should wrap one of the errors below, which decide what WithFallback
// writes into the model version; its text must be fit for a log. The caller does not
// retry; Step Functions retries the whole function.
type Model interface {
	Score(ctx context.Context, p Payment) (Assessment, error)
}

// Errors of a Model, judged with errors.Is.
var (
	ErrTimeout     = errors.New("fraud model timed out")      // no response within the model's own deadline
	ErrUnavailable = errors.New("fraud model unavailable")    // not reached, or it reported an error
	ErrMalformed   = errors.New("malformed fraud assessment") // its response is not a valid Assessment
)
