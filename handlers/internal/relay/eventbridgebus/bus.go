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

// ErrRejected is the error of an entry that EventBridge did not accept in an otherwise
// successful call. EventBridge's code and message follow it.
var ErrRejected = errors.New("EventBridge refused the entry")

// malformedDetail is the code of an entry whose detail EventBridge never accepts. Its
// other codes, retryable or not, are about the call, the bus or its permissions.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
const malformedDetail = "MalformedDetail"

// Limits of one PutEvents call.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
const (
	maxEntries = 10
	maxBytes   = 256*1024 - 1 // "must be less than 256KB", all entries together
)

// EventBridge rejects single entries because of throttling or internal failures, which
// are temporary. A retry here avoids Lambda's, which would repeat later records too.
const (
	rounds     = 3                      // attempts for each entry
	firstPause = 100 * time.Millisecond // doubled for each further one
)

// requestTimeout bounds one HTTP request; PutEvents normally takes some 20 ms.
const requestTimeout = 5 * time.Second

// PutEvents is the part of the client that Bus uses.
type PutEvents interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// NewClient returns a client with the timeout above.
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

// New returns the bus of that name. The function pause waits between attempts; nil means
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

// Publish implements relay.Publisher. An event's error is ErrRejected, with
// relay.ErrPoison if its content is why, or the error of the PutEvents call that contained
// it.
func (b *Bus) Publish(ctx context.Context, events []relay.Event) []error {
	errs := make([]error, len(events))
	entries := make([]types.PutEventsRequestEntry, len(events))
	for i, e := range events {
		entries[i] = b.entry(ctx, e)
	}
	for batch := range batches(entries) {
		b.put(ctx, entries[batch.from:batch.to], errs[batch.from:batch.to])
	}
	return errs
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

// put sends the entries of one call until EventBridge has accepted each, in at most
// rounds attempts. It does not repeat a call that fails as a whole, because the SDK has
// done so.
func (b *Bus) put(ctx context.Context, entries []types.PutEventsRequestEntry, errs []error) {
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
		response, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: request})
		if err != nil {
			err = fmt.Errorf("put events: %w", err)
			for _, index := range left {
				errs[index] = err
			}
			return
		}
		var rejected []int
		for i, index := range left {
			if errs[index] = entryError(response.Entries, i); errs[index] != nil && !errors.Is(errs[index], relay.ErrPoison) {
				rejected = append(rejected, index)
			}
		}
		if left = rejected; len(left) == 0 {
			return
		}
	}
}

// entryError returns the error of the i-th entry. Only an event id confirms an entry.
func entryError(results []types.PutEventsResultEntry, i int) error {
	if i >= len(results) {
		return fmt.Errorf("%w: no result for it", ErrRejected)
	}
	result := results[i]
	if aws.ToString(result.EventId) != "" {
		return nil
	}
	err := fmt.Errorf("%w: %s: %s", ErrRejected, aws.ToString(result.ErrorCode), aws.ToString(result.ErrorMessage))
	if aws.ToString(result.ErrorCode) == malformedDetail {
		err = fmt.Errorf("%w: %w", relay.ErrPoison, err)
	}
	return err
}

type span struct{ from, to int }

// batches divides the entries, in order, into calls within the limits of PutEvents.
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

// Size returns the size of an entry in bytes, as EventBridge counts it.
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
