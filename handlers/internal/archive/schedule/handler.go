// Package schedule is the Lambda function of package archive. Its daily schedule
// invokes it, and operators do to archive given hours.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"payment-webhooks/handlers/internal/archive"
	"payment-webhooks/handlers/internal/ledger"
)

// Archiver is the part of archive.Archiver that is used here.
type Archiver interface {
	Due(ctx context.Context, asOf time.Time) (archive.Report, error)
	Range(ctx context.Context, from, to string, asOf time.Time) (archive.Report, error)
	Late(ctx context.Context, hour string, scored ledger.Key) (archive.Report, error)
}

// Request is a scheduled event of EventBridge, an operator's request, or fraud-detector's.
type Request struct {
	// Time makes hours due that are due at that time; the schedule sets it. It has no
	// influence on how old an hour may be.
	Time *time.Time `json:"time"`

	From string `json:"from"` // first hour to archive, even if archived before: "2026-11-20T15"
	To   string `json:"to"`   // last hour to archive

	// Scored is a transaction of the one hour From whose fraud result was recorded after
	// the hour had been archived.
	Scored *Transaction `json:"scored"`
}

// Transaction identifies a transaction in a Request.
type Transaction struct {
	ID       string `json:"transaction_id"`
	Provider string `json:"provider"`
}

// ErrRequest is the error of a Request whose members do not fit together.
var ErrRequest = errors.New("request rejected")

// Handler returns the Lambda function that archives the hours of the request or, if it
// has none, the due hours. now is used if the request has no Time. If an hour fails, the
// invocation fails, so that Lambda retries it; hours that were archived stay archived.
func Handler(a Archiver, now func() time.Time) func(context.Context, Request) (archive.Report, error) {
	return func(ctx context.Context, r Request) (archive.Report, error) {
		asOf := now()
		if r.Time != nil {
			asOf = *r.Time
		}
		switch {
		case r.From == "" && r.To == "" && r.Scored == nil:
			return a.Due(ctx, asOf)
		case r.From == "" || r.To == "":
			return archive.Report{}, fmt.Errorf("%w: from and to come together; for one hour give it twice", ErrRequest)
		case r.Scored == nil:
			return a.Range(ctx, r.From, r.To, asOf)
		case r.From != r.To:
			return archive.Report{}, fmt.Errorf("%w: scored is a transaction of one hour, so from and to are equal", ErrRequest)
		}
		return a.Late(ctx, r.From, ledger.Key{TransactionID: r.Scored.ID, Provider: r.Scored.Provider})
	}
}
