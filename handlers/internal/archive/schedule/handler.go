// Package schedule connects package archive to Lambda: to its daily schedule, and
// to an operator who asks for given hours.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"payment-webhooks/handlers/internal/archive"
)

// Archiver is archive.Archiver, as far as it is needed here.
type Archiver interface {
	Due(ctx context.Context, now time.Time) (archive.Report, error)
	Hours(ctx context.Context, hours []time.Time) (archive.Report, error)
}

// Request is a scheduled event of EventBridge, or what an operator sends.
type Request struct {
	Time *time.Time `json:"time"` // used as the current time; the schedule sets it
	From string     `json:"from"` // first hour to archive, archived before or not: "2026-11-20T15"
	To   string     `json:"to"`   // last one
}

// ErrRequest says that a Request makes no sense.
var ErrRequest = errors.New("request rejected")

// Handler returns the Lambda function that archives what is due, or exactly the
// hours asked for. now is the time of an event without one. Failed hours make the
// invocation fail, so that Lambda tries it again; what is archived stays so.
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
