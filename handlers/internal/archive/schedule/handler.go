// Package schedule is the Lambda function of package archive. Its daily schedule
// invokes it, and operators do to archive given hours.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"payment-webhooks/handlers/internal/archive"
)

// Archiver is the part of archive.Archiver that is used here.
type Archiver interface {
	Due(ctx context.Context, now time.Time) (archive.Report, error)
	Hours(ctx context.Context, hours []time.Time) (archive.Report, error)
}

// Request is a scheduled event of EventBridge or an operator's request.
type Request struct {
	Time *time.Time `json:"time"` // used as the current time; the schedule sets it
	From string     `json:"from"` // first hour to archive, even if archived before: "2026-11-20T15"
	To   string     `json:"to"`   // last hour to archive
}

// ErrRequest is the error of a Request with only one of From and To.
var ErrRequest = errors.New("request rejected")

// Handler returns the Lambda function that archives the hours of the request or, if it
// has none, the due hours. now is used if the request has no Time. If an hour fails, the
// invocation fails, so that Lambda retries it; hours that were archived stay archived.
func Handler(a Archiver, now func() time.Time) func(context.Context, Request) (archive.Report, error) {
	return func(ctx context.Context, r Request) (archive.Report, error) {
		if r.Time != nil {
			return run(ctx, a, r, *r.Time)
		}
		return run(ctx, a, r, now())
	}
}

func run(ctx context.Context, a Archiver, r Request, now time.Time) (archive.Report, error) {
	switch {
	case r.From == "" && r.To == "":
		return a.Due(ctx, now)
	case r.From == "" || r.To == "":
		return archive.Report{}, fmt.Errorf("%w: from and to come together; for one hour give it twice", ErrRequest)
	}
	hours, err := archive.ParseRange(r.From, r.To, now)
	if err != nil {
		return archive.Report{}, err
	}
	return a.Hours(ctx, hours)
}
