package digest

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"

	"payment-webhooks/handlers/internal/transaction"
)

// Alert is a transaction of which people are told.
type Alert struct {
	MessageID   string // the queue's id of the message that held its event
	Transaction transaction.Transaction
	Err         error // why the event could not be read; if not nil, there is no transaction
}

// ErrTooLarge is the error of a message that the topic accepts only if it is shorter.
var ErrTooLarge = errors.New("the message is too large")

// Topic delivers messages to people.
type Topic interface {
	// Publish returns nil when the topic has accepted the message. The error is ErrTooLarge
	// before anything is sent.
	Publish(ctx context.Context, m Message) error
}

// Digest sends alerts together. It is safe for concurrent use.
type Digest struct {
	topic Topic
	log   *slog.Logger
}

// New returns a digest for a topic.
func New(topic Topic, log *slog.Logger) *Digest { return &Digest{topic, log} }

// Send publishes the alerts of a tier, whose name is like "very-high", in as few messages as the
// topic accepts. It returns the MessageID of each alert that must be delivered again: its event
// cannot be read, or the topic has not accepted the message that names it.
func (d *Digest) Send(ctx context.Context, tier string, alerts []Alert) (failed []string) {
	var named []entry
	position := map[key]int{}
	for _, a := range alerts {
		if a.Err != nil {
			d.log.ErrorContext(ctx, "event cannot be read", "message_id", a.MessageID, "error", a.Err)
			failed = append(failed, a.MessageID)
			continue
		}
		k := key{a.Transaction.ID, a.Transaction.Provider}
		i, known := position[k]
		if !known {
			i = len(named)
			position[k] = i
			named = append(named, entry{transaction: a.Transaction})
		}
		named[i].messageIDs = append(named[i].messageIDs, a.MessageID)
	}
	slices.SortStableFunc(named, func(a, b entry) int {
		return cmp.Or(a.transaction.ReceivedAt.Compare(b.transaction.ReceivedAt), cmp.Compare(a.transaction.ID, b.transaction.ID))
	})
	return append(failed, d.publish(ctx, tier, named)...)
}

type key struct{ id, provider string }

// entry is a transaction and the messages that held its event.
type entry struct {
	transaction transaction.Transaction
	messageIDs  []string
}

// publish publishes the entries in one message or, if it is too large, each half of them.
func (d *Digest) publish(ctx context.Context, tier string, entries []entry) (failed []string) {
	if len(entries) == 0 {
		return nil
	}
	err := d.topic.Publish(ctx, describe(tier, entries))
	if errors.Is(err, ErrTooLarge) && len(entries) > 1 {
		half := len(entries) / 2
		return append(d.publish(ctx, tier, entries[:half]), d.publish(ctx, tier, entries[half:])...)
	}
	if err != nil {
		d.log.ErrorContext(ctx, "digest not published", "tier", tier, "transactions", len(entries), "error", err)
		for _, e := range entries {
			failed = append(failed, e.messageIDs...)
		}
		return failed
	}
	d.log.InfoContext(ctx, "digest published", "tier", tier, "transactions", len(entries))
	return nil
}
