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
	Arrived        time.Time // in the stream, to the second or so; zero if the record does not say
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
	// has confirmed it, and one that wraps ErrPoison when the bus will never accept it.
	// One event's failure does not keep others from being sent.
	Publish(ctx context.Context, events []Event) []error
}

// Relay publishes stored transactions. It is safe for concurrent use.
type Relay struct {
	publisher   Publisher
	deadLetters DeadLetters
	log         *slog.Logger
	metrics     *telemetry.Metrics
	now         func() time.Time
	done        recent // published, or in the dead-letter queue
}

// New returns a relay to a bus, with the queue for records that can never be published.
func New(publisher Publisher, deadLetters DeadLetters, log *slog.Logger, metrics *telemetry.Metrics, now func() time.Time) *Relay {
	return &Relay{publisher: publisher, deadLetters: deadLetters, log: log, metrics: metrics, now: now}
}

// Relay publishes an event for each insert, or sends it to the dead-letter queue if it
// can never be published. It returns the sequence numbers of the inserts that Lambda must
// deliver again, in their order; nil if there are none.
func (r *Relay) Relay(ctx context.Context, inserts []Insert) []string {
	ctx, cancel := bound(ctx)
	defer cancel()
	errs := make([]error, len(inserts)) // nil means done
	var events []Event
	var sent []int // events[i] belongs to inserts[sent[i]]
	for i, insert := range inserts {
		if r.done.has(identity(insert)) {
			continue
		}
		detail, err := encode(insert)
		if err != nil {
			errs[i] = err
			continue
		}
		events = append(events, Event{Time: insert.Record.Transaction.ReceivedAt, Money: insert.Record.Transaction.Money, Detail: detail})
		sent = append(sent, i)
	}
	// Poison goes first, so that a bus that does not respond leaves it the time.
	r.bury(ctx, inserts, errs)

	var lags []time.Duration
	for i, err := range r.publish(ctx, events) {
		insert := inserts[sent[i]]
		errs[sent[i]] = err
		if err == nil {
			r.done.add(identity(insert))
			lags = append(lags, r.now().Sub(insert.Record.Transaction.ReceivedAt))
		}
	}
	r.bury(ctx, inserts, errs)
	return r.report(ctx, inserts, errs, lags)
}

// headroom is how long before the deadline of its context Relay stops, so that it can
// still report. If Lambda killed it, the whole batch would be published again.
const headroom = 3 * time.Second

func bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-headroom))
	}
	return context.WithCancel(ctx)
}

// encode returns the detail of an insert's event. The error wraps ErrPoison.
func encode(insert Insert) (detail []byte, err error) {
	if insert.Err != nil {
		return nil, poison(ReasonUnreadable, insert.Err)
	}
	if panicked := Guard(func() {
		detail, err = event.Encode(insert.Record.Transaction, insert.Record.Fingerprint)
	}); panicked != nil {
		return nil, panicked
	}
	if err != nil {
		return nil, poison(ReasonNotEncodable, err)
	}
	return detail, nil
}

func (r *Relay) publish(ctx context.Context, events []Event) (errs []error) {
	if len(events) == 0 {
		return nil
	}
	_ = telemetry.Step(ctx, contract.SubsegmentPublish, func(ctx context.Context) error {
		if panicked := Guard(func() { errs = r.publisher.Publish(ctx, events) }); panicked != nil {
			errs = r.publishAlone(ctx, events)
		}
		for _, err := range errs {
			if err != nil {
				return err // shown in the trace; report logs it
			}
		}
		return nil
	})
	return errs
}

// publishAlone publishes each event in a call of its own, after one of them made the
// publisher panic. Those that the panicking call had published are published twice.
func (r *Relay) publishAlone(ctx context.Context, events []Event) []error {
	errs := make([]error, len(events))
	for i := range events {
		if panicked := Guard(func() { errs[i] = r.publisher.Publish(ctx, events[i:i+1])[0] }); panicked != nil {
			errs[i] = panicked
		}
	}
	return errs
}

// report writes log lines and metrics, and returns the sequence numbers that failed.
func (r *Relay) report(ctx context.Context, inserts []Insert, errs []error, lags []time.Duration) (failed []string) {
	for i, err := range errs {
		if err != nil {
			r.log.ErrorContext(ctx, "event not published", append(describe(inserts[i]), "error", masked(err.Error()))...)
			failed = append(failed, inserts[i].SequenceNumber)
		}
	}
	if len(inserts) > 0 {
		r.metrics.Emit(
			telemetry.Count(contract.MetricEventsPublished, len(lags)),
			telemetry.Count(contract.MetricEventsFailed, len(failed)),
			telemetry.Milliseconds(contract.MetricRelayLag, lags...),
		)
	}
	return failed
}

// describe returns what log lines say of an insert.
func describe(i Insert) []any {
	t := i.Record.Transaction
	return []any{
		"sequence_number", i.SequenceNumber,
		telemetry.KeyTransactionID, loggable(i, t.ID), telemetry.KeyProvider, loggable(i, t.Provider),
	}
}

// loggable returns a part of an insert's key. That of an item that could not be read was
// perhaps never redacted.
func loggable(i Insert, part string) string {
	if i.Err == nil {
		return part
	}
	return masked(part)
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

// recent is a set of the last insertions that this process has done.
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
