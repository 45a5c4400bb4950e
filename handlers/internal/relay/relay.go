package relay

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/telemetry"
)

// Insert is a record of the table's stream for a new item.
type Insert struct {
	SequenceNumber string
	Record         ledger.Record
	Err            error // why the item could not be read; if not nil, Record has at most its key
}

// Event is an event to be published.
type Event struct {
	Time   time.Time   // when the transaction was received
	Money  money.Money // by which Books finds its tier
	Detail []byte      // JSON object
}

// Publisher is the bus.
type Publisher interface {
	// Publish returns an error for each event, in their order: nil when the bus
	// has confirmed it. One event's failure does not keep others from being sent.
	Publish(ctx context.Context, events []Event) []error
}

// Relay publishes stored transactions. It is safe for concurrent use.
type Relay struct {
	publisher Publisher
	log       *slog.Logger
	metrics   *telemetry.Metrics
	now       func() time.Time
	published recent
}

// New returns a relay to a bus.
func New(publisher Publisher, log *slog.Logger, metrics *telemetry.Metrics, now func() time.Time) *Relay {
	return &Relay{publisher: publisher, log: log, metrics: metrics, now: now}
}

// Relay publishes an event for each insert. It returns the sequence numbers of the
// inserts that Lambda must deliver again, in their order; nil if there are none.
func (r *Relay) Relay(ctx context.Context, inserts []Insert) []string {
	errs := make([]error, len(inserts)) // nil means published
	var events []Event
	var sent []int // events[i] belongs to inserts[sent[i]]
	for i, insert := range inserts {
		if insert.Err != nil {
			errs[i] = insert.Err
			continue
		}
		if r.published.has(identity(insert)) {
			continue
		}
		detail, err := event.Encode(insert.Record.Transaction, insert.Record.Fingerprint)
		if err != nil {
			errs[i] = err
			continue
		}
		events = append(events, Event{Time: insert.Record.Transaction.ReceivedAt, Money: insert.Record.Transaction.Money, Detail: detail})
		sent = append(sent, i)
	}

	var lags []time.Duration
	for i, err := range r.publish(ctx, events) {
		insert := inserts[sent[i]]
		errs[sent[i]] = err
		if err == nil {
			r.published.add(identity(insert))
			lags = append(lags, r.now().Sub(insert.Record.Transaction.ReceivedAt))
		}
	}
	return r.report(ctx, inserts, errs, lags)
}

// headroom is how long before the deadline of its context Relay stops publishing, so
// that it can still report. If Lambda killed it, the whole batch would be published
// again.
const headroom = 3 * time.Second

func (r *Relay) publish(ctx context.Context, events []Event) (errs []error) {
	if len(events) == 0 {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-headroom))
		defer cancel()
	}
	_ = telemetry.Step(ctx, contract.SubsegmentPublish, func(ctx context.Context) error {
		errs = r.publisher.Publish(ctx, events)
		for _, err := range errs {
			if err != nil {
				return err // shown in the trace; report logs it
			}
		}
		return nil
	})
	return errs
}

// report writes log lines and metrics, and returns the sequence numbers that failed.
func (r *Relay) report(ctx context.Context, inserts []Insert, errs []error, lags []time.Duration) (failed []string) {
	for i, err := range errs {
		if err == nil {
			continue
		}
		t := inserts[i].Record.Transaction
		r.log.ErrorContext(ctx, "event not published", "sequence_number", inserts[i].SequenceNumber,
			telemetry.KeyTransactionID, t.ID, telemetry.KeyProvider, t.Provider, "error", err)
		failed = append(failed, inserts[i].SequenceNumber)
	}
	if len(inserts) > 0 {
		r.metrics.Emit(
			telemetry.Count(contract.MetricEventsPublished, len(lags)),
			telemetry.Count(contract.MetricEventsFailed, len(failed)),
			telemetry.Milliseconds(contract.MetricRelayLag, lags...),
		)
		r.log.InfoContext(ctx, "batch relayed", "records", len(inserts), "published", len(lags), "failed", len(failed))
	}
	return failed
}

// insertion identifies an insert. A sequence number alone is unique only within a shard
// of the stream.
type insertion struct {
	sequenceNumber string
	key            ledger.Key
}

func identity(i Insert) insertion {
	return insertion{i.SequenceNumber, ledger.KeyOf(i.Record.Transaction)}
}

// remembered is the capacity of recent: the largest batch that Lambda reads from a
// stream. It takes about 1 MB, 100 bytes for each insertion.
const remembered = 10_000

// recent is a set of the last insertions published by this process.
type recent struct {
	mu   sync.Mutex
	set  map[insertion]struct{}
	ring []insertion
	next int
}

func (r *recent) has(i insertion) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.set[i]
	return ok
}

func (r *recent) add(i insertion) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.set == nil {
		r.set = make(map[insertion]struct{})
	}
	if len(r.ring) < remembered {
		r.ring = append(r.ring, i)
	} else {
		delete(r.set, r.ring[r.next])
		r.ring[r.next] = i
		r.next = (r.next + 1) % remembered
	}
	r.set[i] = struct{}{}
}
