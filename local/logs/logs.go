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

// Limits of PutLogEvents and PutMetricData.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
const (
	maxBatchBytes  = 1 << 20
	maxBatchEvents = 10_000
	eventOverhead  = 26 // bytes that each event counts in addition to its text
	maxEventBytes  = 256*1024 - eventOverhead
	maxMetricBatch = 500
)

// maxQueued bounds the entries that wait for a reader, about 10 MB of log lines.
const maxQueued = 20_000

// closeTimeout bounds the last flush when moto hangs.
const closeTimeout = 10 * time.Second

// Writer sends log entries and metrics.
type Writer struct {
	logs    *cloudwatchlogs.Client
	metrics func(ctx context.Context, namespace string, batch []Metric) error
	report  func(error)

	observe func(group, text string, at time.Time) // see Observe

	mu      sync.Mutex
	queued  []entry
	sending sync.Mutex // one sender at a time keeps the order
	created map[streamKey]bool

	full chan struct{} // has an element when more than maxQueued entries are queued
	stop chan struct{}
	done chan struct{}
}

type streamKey struct{ group, stream string }

type entry struct {
	to   streamKey
	at   time.Time
	text string
}

// NewWriter starts a writer, which Close ends. metrics sends a batch of up to 500 metrics of
// one namespace. report is called, from another goroutine, with the error of what could not be
// sent.
func NewWriter(logs *cloudwatchlogs.Client, metrics func(ctx context.Context, namespace string, batch []Metric) error, report func(error)) *Writer {
	w := &Writer{
		logs: logs, metrics: metrics, report: report,
		created: map[streamKey]bool{}, full: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w
}

// Observe calls f with each log event when it is sent, with its text, for metric filters. It must
// be called before the first Put.
func (w *Writer) Observe(f func(group, text string, at time.Time)) { w.observe = f }

// Put queues one log event. The group must exist; the stream is created. A text above 256 KiB
// is split, as Lambda does.
func (w *Writer) Put(group, stream string, at time.Time, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		part := text[:min(len(text), maxEventBytes)]
		w.queued = append(w.queued, entry{streamKey{group, stream}, at, part})
		if text = text[len(part):]; text == "" {
			break
		}
	}
	if len(w.queued) > maxQueued {
		select {
		case w.full <- struct{}{}:
		default: // a flush is due already
		}
	}
}

// Flush sends everything that was queued before the call.
func (w *Writer) Flush(ctx context.Context) {
	w.sending.Lock()
	defer w.sending.Unlock()
	w.mu.Lock()
	entries := w.queued
	w.queued = nil
	w.mu.Unlock()

	byStream := map[streamKey][]entry{}
	var order []streamKey
	byNamespace := map[string][]Metric{}
	for _, e := range entries {
		if e.text == "" { // CloudWatch Logs rejects an empty message
			continue
		}
		if byStream[e.to] == nil {
			order = append(order, e.to)
		}
		byStream[e.to] = append(byStream[e.to], e)
	}
	for _, to := range order {
		if err := w.sendEvents(ctx, to, byStream[to]); err != nil {
			w.report(fmt.Errorf("%d log events for %s: %w", len(byStream[to]), to.group, err))
			continue // a log group that does not exist has no metrics
		}
		for _, e := range byStream[to] {
			if w.observe != nil {
				w.observe(to.group, e.text, e.at)
			}
			found, err := embeddedMetrics([]byte(e.text))
			if err != nil {
				w.report(fmt.Errorf("log group %s: %w", to.group, err))
			}
			for _, m := range found {
				byNamespace[m.Namespace] = append(byNamespace[m.Namespace], m)
			}
		}
	}
	for namespace, data := range byNamespace {
		for batch := range slices.Chunk(data, maxMetricBatch) {
			if err := w.metrics(ctx, namespace, batch); err != nil {
				w.report(fmt.Errorf("metrics of %s: %w", namespace, err))
			}
		}
	}
}

// Close sends everything queued and ends the writer.
func (w *Writer) Close() {
	close(w.stop)
	<-w.done
}

func (w *Writer) run() {
	defer close(w.done)
	for {
		select {
		case <-w.full:
			w.Flush(context.Background())
		case <-w.stop:
			ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
			w.Flush(ctx)
			cancel()
			return
		}
	}
}

func (w *Writer) sendEvents(ctx context.Context, to streamKey, entries []entry) error {
	if !w.created[to] {
		_, err := w.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{
			LogGroupName: aws.String(to.group), LogStreamName: aws.String(to.stream),
		})
		var exists *types.ResourceAlreadyExistsException
		if err != nil && !errors.As(err, &exists) {
			return err
		}
		w.created[to] = true
	}
	// PutLogEvents requires the events of a batch in chronological order.
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.at.UnixMilli(), b.at.UnixMilli()) })
	for len(entries) > 0 {
		var batch []types.InputLogEvent
		size := 0
		for len(batch) < len(entries) && len(batch) < maxBatchEvents {
			e := entries[len(batch)]
			if size += len(e.text) + eventOverhead; size > maxBatchBytes {
				break
			}
			batch = append(batch, types.InputLogEvent{Message: aws.String(e.text), Timestamp: aws.Int64(e.at.UnixMilli())})
		}
		entries = entries[len(batch):]
		_, err := w.logs.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
			LogGroupName: aws.String(to.group), LogStreamName: aws.String(to.stream), LogEvents: batch,
		})
		if err != nil {
			w.created[to] = false // the group may have been deleted and created again
			return err
		}
	}
	return nil
}
