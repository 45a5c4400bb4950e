package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"payment-webhooks/handlers/internal/archive"
)

// archiver is package archive's, as far as it is needed here.
type archiver interface {
	Due(ctx context.Context, now time.Time) (archive.Report, error)
	Hours(ctx context.Context, hours []time.Time) (archive.Report, error)
}

type handler struct {
	archiver archiver
	now      func() time.Time // for events without a time
}

// request is a scheduled event of EventBridge, or what an operator sends.
type request struct {
	Time *time.Time `json:"time"` // what the run takes for now; the schedule sets it
	From string     `json:"from"` // first hour to archive, archived before or not: "2026-11-20T15"
	To   string     `json:"to"`   // last one
}

var errRequest = errors.New("request refused")

// handle archives what is due, or exactly the hours asked for. Failed hours make
// the invocation fail, so that Lambda tries it again; what is archived stays so.
func (h *handler) handle(ctx context.Context, r request) (archive.Report, error) {
	now := h.now()
	if r.Time != nil {
		now = *r.Time
	}
	switch {
	case r.From == "" && r.To == "":
		return h.archiver.Due(ctx, now)
	case r.From == "" || r.To == "":
		return archive.Report{}, fmt.Errorf("%w: from and to come together; for one hour give it twice", errRequest)
	}
	hours, err := archive.ParseRange(r.From, r.To, now)
	if err != nil {
		return archive.Report{}, err
	}
	return h.archiver.Hours(ctx, hours)
}
