package logs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// ErrRejected is wrapped by the error of a log event that CloudWatch Logs did not store
// because of its time, although it accepted the call: RejectedLogEventsInfo.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_RejectedLogEventsInfo.html
var ErrRejected = errors.New("log event rejected")

// Delivery delivers log events and says whether CloudWatch Logs accepted each of them, which
// [Writer] does not. EventBridge's log group targets need it: an event that was not accepted
// is retried, or sent to a dead-letter queue. It is safe for concurrent use.
//
// One call at a time is under way for each stream. What is delivered during a call is sent
// with the next one.
type Delivery struct {
	client *cloudwatchlogs.Client

	mu      sync.Mutex
	streams map[streamKey]*waiting
}

type waiting struct {
	created bool // the stream, as far as is known; used by the sender only
	sending bool
	events  []*awaited
}

type awaited struct {
	entry
	accepted chan error // receives one result
}

// NewDelivery delivers with a client, whose timeout bounds each call.
func NewDelivery(client *cloudwatchlogs.Client) *Delivery {
	return &Delivery{client: client, streams: map[streamKey]*waiting{}}
}

// Put sends one log event and returns nil once CloudWatch Logs has accepted it. The stream is
// created when it does not exist. An error is that of the API, or wraps ErrRejected. When ctx
// ends first, the event may be accepted all the same.
func (d *Delivery) Put(ctx context.Context, group, stream string, at time.Time, text string) error {
	key := streamKey{group, stream}
	event := &awaited{entry{key, at, text}, make(chan error, 1)}
	d.mu.Lock()
	w := d.streams[key]
	if w == nil {
		w = &waiting{}
		d.streams[key] = w
	}
	w.events = append(w.events, event)
	if !w.sending {
		w.sending = true
		go d.send(key, w)
	}
	d.mu.Unlock()
	select {
	case err := <-event.accepted:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send sends what waits for a stream, until nothing does.
func (d *Delivery) send(key streamKey, w *waiting) {
	for {
		d.mu.Lock()
		if len(w.events) == 0 {
			w.sending = false
			d.mu.Unlock()
			return
		}
		n, size := 0, 0
		for n < len(w.events) && n < maxBatchEvents {
			if size += len(w.events[n].text) + eventOverhead; n > 0 && size > maxBatchBytes {
				break
			}
			n++
		}
		batch := w.events[:n:n]
		w.events = w.events[n:]
		d.mu.Unlock()

		results, err := d.put(key, w, batch)
		for i, event := range batch {
			if err == nil {
				event.accepted <- results[i]
			} else {
				event.accepted <- err
			}
		}
	}
}

// put makes one PutLogEvents call and returns the result of each event. Without the stream,
// which is gone when its group was deleted and created again, it creates the stream first.
func (d *Delivery) put(key streamKey, w *waiting, batch []*awaited) ([]error, error) {
	// PutLogEvents requires chronological order.
	slices.SortStableFunc(batch, func(a, b *awaited) int { return cmp.Compare(a.at.UnixMilli(), b.at.UnixMilli()) })
	events := make([]types.InputLogEvent, len(batch))
	for i, e := range batch {
		events[i] = types.InputLogEvent{Message: aws.String(e.text), Timestamp: aws.Int64(e.at.UnixMilli())}
	}
	// A caller that goes away does not take the others' events with it.
	ctx := context.Background()
	for {
		createdNow := !w.created
		if createdNow {
			_, err := d.client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String(key.group), LogStreamName: aws.String(key.stream)})
			if _, exists := errors.AsType[*types.ResourceAlreadyExistsException](err); err != nil && !exists {
				return nil, err
			}
			w.created = true
		}
		out, err := d.client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
			LogGroupName: aws.String(key.group), LogStreamName: aws.String(key.stream), LogEvents: events,
		})
		if err == nil {
			return rejected(out.RejectedLogEventsInfo, len(batch)), nil
		}
		if _, gone := errors.AsType[*types.ResourceNotFoundException](err); gone {
			w.created = false
			if !createdNow {
				continue
			}
		}
		return nil, err
	}
}

// rejected returns the result of each of n events.
func rejected(info *types.RejectedLogEventsInfo, n int) []error {
	results := make([]error, n)
	if info == nil {
		return results
	}
	mark := func(from, to int32, reason string) {
		for i := max(from, 0); i < to && int(i) < n; i++ {
			results[i] = fmt.Errorf("%w: %s", ErrRejected, reason)
		}
	}
	if info.ExpiredLogEventEndIndex != nil {
		mark(0, *info.ExpiredLogEventEndIndex, "it is older than the retention of its group")
	}
	if info.TooOldLogEventEndIndex != nil {
		mark(0, *info.TooOldLogEventEndIndex, "it is older than 14 days")
	}
	if info.TooNewLogEventStartIndex != nil {
		mark(*info.TooNewLogEventStartIndex, int32(n), "it is more than two hours in the future")
	}
	return results
}
