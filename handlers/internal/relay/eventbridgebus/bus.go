package eventbridgebus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/relay"
	"payment-webhooks/handlers/internal/telemetry"
)

// ErrRefused says that EventBridge answered, but did not take this entry; the
// code and message it gave follow.
var ErrRefused = errors.New("EventBridge refused the entry")

// Limits of one PutEvents call.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
const (
	maxEntries = 10
	maxBytes   = 256*1024 - 1 // "must be less than 256KB", all entries together
)

// Single entries are refused for throttling and internal failures, which pass.
// Trying here spares Lambda's retry, which would repeat later records too.
const (
	rounds     = 3
	firstPause = 100 * time.Millisecond // doubled for the next
)

// requestTimeout bounds one HTTP request; PutEvents normally takes some 20 ms.
const requestTimeout = 5 * time.Second

// PutEvents is the part of the client that Bus uses.
type PutEvents interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// NewClient is a client whose requests end in time.
func NewClient(cfg aws.Config) *eventbridge.Client {
	return eventbridge.NewFromConfig(cfg, func(o *eventbridge.Options) {
		o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(requestTimeout)
	})
}

// Bus is a relay.Publisher.
type Bus struct {
	client PutEvents
	name   string
	pause  func(context.Context, time.Duration)
}

var _ relay.Publisher = (*Bus)(nil)

// New publishes to the bus of that name. Pause waits between tries; nil means
// Pause.
func New(client PutEvents, name string, pause func(context.Context, time.Duration)) *Bus {
	if pause == nil {
		pause = Pause
	}
	return &Bus{client, name, pause}
}

// Pause waits, or returns early when the context ends.
func Pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Publish implements relay.Publisher. An entry's error is ErrRefused, or that of
// the call it was in.
func (b *Bus) Publish(ctx context.Context, events []relay.Event) []error {
	outcomes := make([]error, len(events))
	entries := make([]types.PutEventsRequestEntry, len(events))
	for i, e := range events {
		entries[i] = b.entry(ctx, e)
	}
	for batch := range batches(entries) {
		b.put(ctx, entries[batch.from:batch.to], outcomes[batch.from:batch.to])
	}
	return outcomes
}

func (b *Bus) entry(ctx context.Context, e relay.Event) types.PutEventsRequestEntry {
	entry := types.PutEventsRequestEntry{
		EventBusName: &b.name,
		Source:       aws.String(contract.EventSource),
		DetailType:   aws.String(contract.DetailTypeTransactionReceived),
		Time:         aws.Time(e.Time),
		Detail:       aws.String(string(e.Detail)),
	}
	if header := telemetry.TraceHeader(ctx); header != "" {
		entry.TraceHeader = &header
	}
	return entry
}

// put sends one call's entries until each is taken or the rounds are over. A
// call that fails as a whole has already been retried by the SDK.
func (b *Bus) put(ctx context.Context, entries []types.PutEventsRequestEntry, outcomes []error) {
	left := make([]int, len(entries))
	for i := range left {
		left[i] = i
	}
	for round := range rounds {
		if round > 0 {
			b.pause(ctx, firstPause<<(round-1))
		}
		request := make([]types.PutEventsRequestEntry, len(left))
		for i, index := range left {
			request[i] = entries[index]
		}
		answer, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: request})
		if err != nil {
			err = fmt.Errorf("put events: %w", err)
			for _, index := range left {
				outcomes[index] = err
			}
			return
		}
		var refused []int
		for i, index := range left {
			if outcomes[index] = verdict(answer.Entries, i); outcomes[index] != nil {
				refused = append(refused, index)
			}
		}
		if left = refused; len(left) == 0 {
			return
		}
	}
}

// verdict on the i-th entry: only an event id confirms it.
func verdict(results []types.PutEventsResultEntry, i int) error {
	if i >= len(results) {
		return fmt.Errorf("%w: no result for it", ErrRefused)
	}
	if result := results[i]; aws.ToString(result.EventId) == "" {
		return fmt.Errorf("%w: %s: %s", ErrRefused, aws.ToString(result.ErrorCode), aws.ToString(result.ErrorMessage))
	}
	return nil
}

type span struct{ from, to int }

// batches cuts the entries, in order, into calls that PutEvents takes.
func batches(entries []types.PutEventsRequestEntry) func(yield func(span) bool) {
	return func(yield func(span) bool) {
		from, bytes := 0, 0
		for i, entry := range entries {
			size := Size(entry)
			if i > from && (i-from == maxEntries || bytes+size > maxBytes) {
				if !yield(span{from, i}) {
					return
				}
				from, bytes = i, 0
			}
			bytes += size
		}
		if from < len(entries) {
			yield(span{from, len(entries)})
		}
	}
}

// Size of an entry as EventBridge counts it, in bytes.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/calculate-putevents-entry-size.html
func Size(entry types.PutEventsRequestEntry) int {
	size := len(aws.ToString(entry.Source)) + len(aws.ToString(entry.DetailType)) + len(aws.ToString(entry.Detail))
	if entry.Time != nil {
		size += 14
	}
	for _, resource := range entry.Resources {
		size += len(resource)
	}
	return size
}
