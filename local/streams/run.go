package streams

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"payment-webhooks/local/clock"
	"payment-webhooks/local/eventsource"
	"payment-webhooks/local/faults"
)

// ErrShardEnded is returned at the end of a shard, which is not supported.
var ErrShardEnded = errors.New("the shard has ended")

// Source reads a stream, with the operations of the DynamoDB Streams API.
type Source interface {
	Shards(ctx context.Context, streamARN string) ([]string, error)
	// Iterator returns an iterator at position, TRIM_HORIZON or LATEST.
	Iterator(ctx context.Context, streamARN, shard, position string) (string, error)
	// Records returns up to limit records and the next iterator, "" after a shard's end.
	Records(ctx context.Context, iterator string, limit int) ([]Record, string, error)
}

// maxReadWait bounds the wait after consecutive failed reads. Lambda goes on trying for as long
// as the records are kept: nobody hears of a mapping that has lost its permission.
const maxReadWait = 5 * time.Second

// Run reads the stream until ctx ends, and returns nil then. A mapping runs once.
func (m *Mapping) Run(ctx context.Context, source Source) error {
	shards, err := source.Shards(ctx, m.EventSourceARN())
	if err != nil {
		return fmt.Errorf("stream %s: %w", m.EventSourceARN(), err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, shard := range shards {
		group.Go(func() error {
			err := m.read(ctx, source, shard)
			if ctx.Err() != nil && !errors.Is(err, ErrShardEnded) {
				return nil
			}
			return fmt.Errorf("stream %s, shard %s: %w", m.EventSourceARN(), shard, err)
		})
	}
	return group.Wait()
}

// read polls one shard and delivers its records in order.
func (m *Mapping) read(ctx context.Context, source Source, shard string) error {
	iterator, known := m.position(shard)
	if !known {
		var err error
		if iterator, err = source.Iterator(ctx, m.EventSourceARN(), shard, m.start); err != nil {
			return err
		}
	}
	m.reached(shard, iterator)
	var buffer []item
	var since time.Time // when the first record of buffer was read
	wait := m.config.PollInterval
	for {
		if ok, _ := m.AwaitEnabled(ctx); !ok {
			return ctx.Err()
		}
		begin, limit := m.config.Now(), min(m.batchSize, 1000)
		records, next, err := source.Records(ctx, iterator, limit)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			m.ReadFailed("stream", err)
			m.config.Log.WarnContext(ctx, "stream cannot be read, will retry", "mapping", m.logicalID, "error", err)
			clock.Sleep(ctx, wait)
			wait = min(2*wait, maxReadWait)
			continue
		}
		wait, iterator = m.config.PollInterval, next
		selected, err := m.filter(records)
		if err != nil {
			return err
		}
		if len(buffer) == 0 {
			since = m.config.Now()
		}
		buffer = append(buffer, selected...)
		if len(buffer) > 0 && (len(buffer) >= m.batchSize || m.config.Now().Sub(since) >= m.window) {
			m.deliver(ctx, shard, buffer)
			buffer = nil
		}
		if next == "" {
			return ErrShardEnded
		}
		if len(buffer) == 0 && ctx.Err() == nil {
			m.reached(shard, next)
		}
		if len(records) == 0 {
			m.foundNothing(len(buffer) == 0)
		}
		// A full read has left records behind. After any other, those of the next quarter of a
		// second are read together: each read and each batch costs time of its own.
		if len(records) < limit {
			clock.Sleep(ctx, m.config.PollInterval-m.config.Now().Sub(begin))
		}
	}
}

// foundNothing counts a read without records.
func (m *Mapping) foundNothing(nothingBuffered bool) {
	if !nothingBuffered {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	m.quiet.Broadcast()
}

// item is a record with the text that the function receives.
type item struct {
	record Record
	text   json.RawMessage
}

func (m *Mapping) filter(records []Record) ([]item, error) {
	var selected []item
	var skew time.Duration
	if len(records) > 0 {
		skew = m.config.Faults.Skew()
	}
	for _, r := range records {
		stamped := r
		stamped.Created = r.Created.Add(skew)
		text, err := json.Marshal(stamped.event(m.EventSourceARN()))
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", r.SequenceNumber, err)
		}
		ok, err := m.selects(text)
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", r.SequenceNumber, err)
		}
		if !ok {
			m.Count(func(s *eventsource.Stats) { s.Filtered++ })
			continue
		}
		selected = append(selected, item{r, text})
	}
	return selected, nil
}

// perBatch is how many records a concurrent batch has before there is a further one. Lambda
// would have a batch per record when records are few; here the processor is shared with all
// services, and an invocation costs more than the records in it.
const perBatch = 10

// deliver delivers items, or acts out the fault that strikes them.
func (m *Mapping) deliver(ctx context.Context, shard string, items []item) {
	switch m.config.Faults.Strike(faults.Stream, "").Fault {
	case faults.Reorder:
		m.distribute(ctx, shard, lastFirst(items))
	case faults.Duplicate:
		m.distribute(ctx, shard, items)
		m.distribute(ctx, shard, items)
	default:
		m.distribute(ctx, shard, items)
	}
}

// lastFirst reverses the order of the items' keys. The records of each key keep theirs.
func lastFirst(items []item) []item {
	var keys []string
	byKey := map[string][]item{}
	for _, i := range items {
		key := string(i.record.Keys)
		if byKey[key] == nil {
			keys = append(keys, key)
		}
		byKey[key] = append(byKey[key], i)
	}
	var all []item
	for _, key := range slices.Backward(keys) {
		all = append(all, byKey[key]...)
	}
	return all
}

// distribute distributes items over the concurrent batches by item key, which keeps the order per
// key, and waits until all are processed.
func (m *Mapping) distribute(ctx context.Context, shard string, items []item) {
	parts := make([][]item, min(m.parallelization, (len(items)+perBatch-1)/perBatch))
	for _, i := range items {
		h := fnv.New32a()
		_, _ = h.Write(i.record.Keys) // never fails
		part := h.Sum32() % uint32(len(parts))
		parts[part] = append(parts[part], i)
	}
	var group errgroup.Group
	for _, part := range parts {
		group.Go(func() error {
			for len(part) > 0 {
				n := m.batch(part)
				m.process(ctx, shard, part[:n], 0)
				part = part[n:]
			}
			return nil
		})
	}
	_ = group.Wait() // no part returns an error: failed records are discarded
}

// batch returns how many of the items fit in one event.
func (m *Mapping) batch(items []item) int {
	size := 0
	for n, i := range items {
		size += len(i.text) + 1
		if n == m.batchSize || (n > 0 && size > eventsource.MaxEventBytes) {
			return n
		}
	}
	return len(items)
}

// Conditions of the on-failure record.
const (
	conditionRetries = "RetryAttemptsExhausted"
	conditionAge     = "RecordAgeExceeded"
)

// Waits between retries: Lambda "retries with exponential backoff", without documented numbers.
const (
	firstWait = 500 * time.Millisecond
	maxWait   = 30 * time.Second
)

// process invokes the function with a batch until all of its records are processed or
// discarded. invoked counts the invocations of the larger batches that this one was split off
// from, which do not count as its retries (developer guide, "Retaining discarded records for a
// DynamoDB event source").
func (m *Mapping) process(ctx context.Context, shard string, batch []item, invoked int) {
	wait := firstWait
	for retries := 0; m.AwaitInvocation(ctx); {
		batch = m.dropExpired(ctx, shard, batch, invoked)
		if len(batch) == 0 {
			m.EndInvocation(eventsource.ResultOK)
			return
		}
		m.recordAge(batch)
		result, err := m.config.Function.Invoke(ctx, event(batch))
		invoked++
		from, failed := m.firstFailed(batch, result, err)
		if failed {
			m.EndInvocation(eventsource.ResultCall)
		} else {
			m.EndInvocation(eventsource.ResultOK)
		}
		if ctx.Err() != nil {
			return
		}
		m.Count(func(s *eventsource.Stats) {
			s.Batches++
			s.Delivered += from
			if failed {
				s.Failed++
			}
		})
		if !failed {
			return
		}
		m.config.Log.WarnContext(ctx, "batch failed", "mapping", m.logicalID, "records", len(batch), "first_failed", batch[from].record.SequenceNumber,
			"function_error", result.FunctionError, "retries", retries, "error", err)
		progress := from > 0
		batch = batch[from:]
		switch {
		case progress && m.bisect: // bisected at the returned sequence number
		case m.bisect && len(batch) > 1:
			m.process(ctx, shard, batch[:len(batch)/2], invoked)
			m.process(ctx, shard, batch[len(batch)/2:], invoked)
			return
		case m.retries >= 0 && retries >= m.retries:
			m.discard(ctx, shard, batch, conditionRetries, invoked, result)
			return
		default:
			retries++
			clock.Sleep(ctx, time.Duration(float64(wait)/m.config.TimeScale))
			wait = min(2*wait, maxWait)
		}
	}
}

// dropExpired discards the records that are too old and returns the others.
func (m *Mapping) dropExpired(ctx context.Context, shard string, batch []item, invoked int) []item {
	now := m.config.Now()
	var expired, fresh []item
	for _, i := range batch {
		if now.Sub(i.record.Created) > m.maxAge {
			expired = append(expired, i)
		} else {
			fresh = append(fresh, i)
		}
	}
	if len(expired) > 0 {
		m.discard(ctx, shard, expired, conditionAge, invoked, eventsource.Result{})
	}
	return fresh
}

// firstFailed returns the position of the first record that the function did not process, and
// whether there is one: developer guide, "Configuring partial batch response with DynamoDB
// and Lambda" (services-ddb-batchfailurereporting).
func (m *Mapping) firstFailed(batch []item, result eventsource.Result, err error) (from int, failed bool) {
	if err != nil || result.FunctionError != "" {
		return 0, true
	}
	if !m.partial {
		return len(batch), false
	}
	identifiers, ok := eventsource.FailedItems(result.Payload)
	switch {
	case !ok:
		return 0, true
	case len(identifiers) == 0:
		return len(batch), false
	}
	from = len(batch)
	for _, identifier := range identifiers {
		// An identifier that is not a record's fails the whole batch.
		position := slices.IndexFunc(batch, func(i item) bool { return i.record.SequenceNumber == identifier })
		from = min(from, max(0, position))
	}
	return from, true
}

// event returns the event of a batch.
func event(batch []item) []byte {
	var b bytes.Buffer
	b.WriteString(`{"Records":[`)
	for n, i := range batch {
		if n > 0 {
			b.WriteByte(',')
		}
		b.Write(i.text)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// onFailureRecord is what the destination receives: the position of the records, not their
// contents. Developer guide, "Retaining discarded records for a DynamoDB event source", and recorded
// on AWS in localstack/localstack, test_dynamodb_report_batch_item_failures.
type onFailureRecord struct {
	RequestContext struct {
		RequestID              string `json:"requestId"`
		FunctionARN            string `json:"functionArn"`
		Condition              string `json:"condition"`
		ApproximateInvokeCount int    `json:"approximateInvokeCount"`
	} `json:"requestContext"`
	ResponseContext *responseContext `json:"responseContext,omitempty"` // nil when the function was not invoked
	Version         string           `json:"version"`
	Timestamp       string           `json:"timestamp"`
	BatchInfo       struct {
		ShardID                         string `json:"shardId"`
		StartSequenceNumber             string `json:"startSequenceNumber"`
		EndSequenceNumber               string `json:"endSequenceNumber"`
		ApproximateArrivalOfFirstRecord string `json:"approximateArrivalOfFirstRecord"`
		ApproximateArrivalOfLastRecord  string `json:"approximateArrivalOfLastRecord"`
		BatchSize                       int    `json:"batchSize"`
		StreamARN                       string `json:"streamArn"`
	} `json:"DDBStreamBatchInfo"`
}

type responseContext struct {
	StatusCode      int     `json:"statusCode"`
	ExecutedVersion string  `json:"executedVersion"`
	FunctionError   *string `json:"functionError"` // null when the function reported failed items
}

// bounds returns the records with the lowest and the highest sequence number.
func bounds(batch []item) (first, last Record) {
	bySequence := func(a, b item) int {
		return cmp.Or(cmp.Compare(len(a.record.SequenceNumber), len(b.record.SequenceNumber)), cmp.Compare(a.record.SequenceNumber, b.record.SequenceNumber))
	}
	return slices.MinFunc(batch, bySequence).record, slices.MaxFunc(batch, bySequence).record
}

// discard sends the batch's position in the stream to the on-failure destination.
func (m *Mapping) discard(ctx context.Context, shard string, batch []item, condition string, invoked int, result eventsource.Result) {
	m.Count(func(s *eventsource.Stats) { s.Discarded += len(batch) })
	first, last := bounds(batch)
	log := []any{
		"mapping", m.logicalID, "condition", condition, "records", len(batch),
		"first", first.SequenceNumber, "last", last.SequenceNumber,
	}
	if m.onFailure == "" {
		m.config.Log.ErrorContext(ctx, "records dropped: the mapping has no on-failure destination", log...)
		return
	}
	var r onFailureRecord
	r.RequestContext.RequestID = result.RequestID
	if result.RequestID == "" {
		r.RequestContext.RequestID = m.config.NewID()
	}
	r.RequestContext.FunctionARN = m.config.FunctionARN
	r.RequestContext.Condition = condition
	r.RequestContext.ApproximateInvokeCount = invoked
	if result.StatusCode != 0 {
		r.ResponseContext = &responseContext{StatusCode: result.StatusCode, ExecutedVersion: result.ExecutedVersion}
		if result.FunctionError != "" {
			r.ResponseContext.FunctionError = &result.FunctionError
		}
	}
	r.Version = "1.0"
	r.Timestamp = m.config.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	r.BatchInfo.ShardID = shard
	r.BatchInfo.StartSequenceNumber = first.SequenceNumber
	r.BatchInfo.EndSequenceNumber = last.SequenceNumber
	r.BatchInfo.ApproximateArrivalOfFirstRecord = first.Created.UTC().Format(time.RFC3339)
	r.BatchInfo.ApproximateArrivalOfLastRecord = last.Created.UTC().Format(time.RFC3339)
	r.BatchInfo.BatchSize = len(batch)
	r.BatchInfo.StreamARN = m.EventSourceARN()
	body, _ := json.Marshal(r) // strings and numbers encode
	if err := m.config.Destination.Send(ctx, m.onFailure, body); err != nil {
		m.record("DestinationDeliveryFailures", 1)
		m.config.Log.ErrorContext(ctx, "records dropped: the on-failure destination rejected them", append(log, "error", err)...)
		return
	}
	m.config.Log.ErrorContext(ctx, "records sent to the on-failure destination", append(log, "destination", m.onFailure)...)
}
