package cloudwatch

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Queues know the messages of SQS queues from the calls that send and delete them, and compute
// the metrics that SQS samples each minute: ApproximateNumberOfMessagesVisible and
// ApproximateAgeOfOldestMessage. They are safe for concurrent use.
//
// Messages that are received, and so invisible, are visible again in evaluations of the future.
// They are gone when their retention is over. "After a message is received three times (or more)
// and not processed, […] the ApproximateAgeOfOldestMessage metric points at the second-oldest
// message that hasn't been received more than three times."
//
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
type Queues struct {
	store *Store
	now   func() time.Time

	activity atomic.Uint64

	mu     sync.Mutex
	calls  uint64            // that were observed
	queues map[string]*queue // by name
}

type queue struct {
	retention time.Duration
	sent      map[string]time.Time // by message id
	received  map[string]int       // how often, by message id
	handles   map[string]string    // receipt handles to message ids
	samples   []sample             // oldest first
}

// sample is what a queue held in a minute and, as far as nothing else is known, in all later
// ones.
type sample struct {
	at      minute
	visible int         // in that minute
	sent    []time.Time // of all messages, oldest first
	fresh   []time.Time // of those that have an age, oldest first
}

// maxReceives is how often a message may be received that has an age.
const maxReceives = 3

// NewQueues returns queues whose metrics are in store.
func NewQueues(store *Store, now func() time.Time) *Queues {
	return &Queues{store: store, now: now, queues: map[string]*queue{}}
}

// Remove forgets a queue that has been deleted.
func (q *Queues) Remove(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.queues, name)
}

// Add adds an empty queue, or changes the retention of one that there is.
func (q *Queues) Add(name string, retention time.Duration) {
	one := &queue{retention: retention, sent: map[string]time.Time{}, received: map[string]int{}, handles: map[string]string{}}
	q.mu.Lock()
	if existing := q.queues[name]; existing != nil {
		existing.retention = retention
		q.mu.Unlock()
		return
	}
	q.queues[name] = one
	q.mu.Unlock()
	steady := func(from minute) bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		n := len(one.samples)
		return n == 0 || from > one.samples[n-1].at && len(one.alive(one.samples[n-1].sent, from)) == 0
	}
	metric := func(metric string, value func(sample, minute) (float64, bool)) {
		q.store.setGauge(NewMetric("AWS/SQS", metric, "QueueName", name), gauge{func(at minute) (float64, bool) {
			q.mu.Lock()
			defer q.mu.Unlock()
			s, has := one.sampleOf(at)
			if !has {
				return 0, false
			}
			return value(s, at)
		}, steady})
	}
	metric("ApproximateNumberOfMessagesVisible", func(s sample, at minute) (float64, bool) {
		alive := len(one.alive(s.sent, at))
		if at == s.at {
			alive = min(alive, s.visible)
		}
		return float64(alive), true
	})
	metric("ApproximateAgeOfOldestMessage", func(s sample, at minute) (float64, bool) {
		alive := one.alive(s.fresh, at)
		if len(alive) == 0 { // "reported if the queue contains at least one active message"
			return 0, false
		}
		return (at + 1).time().Sub(alive[0]).Seconds(), true
	})
}

// sampleOf returns the sample that describes a minute.
func (q *queue) sampleOf(at minute) (sample, bool) {
	for _, s := range slices.Backward(q.samples) {
		if s.at <= at {
			return s, true
		}
	}
	return sample{}, false
}

// alive returns when the messages were sent that are in the queue at a minute's end.
func (q *queue) alive(sent []time.Time, at minute) []time.Time {
	end := (at + 1).time()
	sentBy := func(limit time.Time) int {
		return sort.Search(len(sent), func(i int) bool { return sent[i].After(limit) })
	}
	return sent[min(sentBy(end.Add(-q.retention)), sentBy(end)):sentBy(end)]
}

// Counts are the messages of a queue by the attributes of GetQueueAttributes.
type Counts struct{ Visible, NotVisible int }

// Sample records the state of each queue in the last complete minute. count returns what the
// server has in a queue, which decides where it knows of more or fewer messages than were seen.
func (q *Queues) Sample(ctx context.Context, count func(ctx context.Context, queue string) (Counts, error)) error {
	q.mu.Lock()
	queues := maps.Clone(q.queues)
	q.mu.Unlock()
	for name, one := range queues {
		counts, err := count(ctx, name)
		if err != nil {
			return err
		}
		q.mu.Lock()
		one.sample(q.now(), counts)
		q.mu.Unlock()
	}
	return nil
}

func (q *queue) sample(now time.Time, counts Counts) {
	s := sample{at: minuteOf(now) - 1, visible: counts.Visible}
	for id, sent := range q.sent {
		s.sent = append(s.sent, sent)
		if q.received[id] <= maxReceives {
			s.fresh = append(s.fresh, sent)
		}
	}
	slices.SortFunc(s.sent, time.Time.Compare)
	slices.SortFunc(s.fresh, time.Time.Compare)
	total := counts.Visible + counts.NotVisible
	for len(s.sent) < total {
		s.sent, s.fresh = append(s.sent, now), append(s.fresh, now)
	}
	s.sent, s.fresh = s.sent[len(s.sent)-total:], s.fresh[max(0, len(s.fresh)-total):]
	q.samples = slices.DeleteFunc(q.samples, func(o sample) bool { return o.at >= s.at })
	if n := len(q.samples); n > 0 && q.samples[n-1].visible == s.visible && slices.EqualFunc(q.samples[n-1].sent, s.sent, time.Time.Equal) &&
		slices.EqualFunc(q.samples[n-1].fresh, s.fresh, time.Time.Equal) && s.visible == len(s.sent) {
		return // the last sample describes this minute too
	}
	q.samples = append(q.samples, s)
}

// Calls counts the calls that were observed: while it stays the same, so do the queues, except that messages
// become visible again and expire.
func (q *Queues) Calls() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.calls
}

// Oldest returns when the oldest message of each queue was sent that has any, as far as calls tell.
func (q *Queues) Oldest() map[string]time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	oldest := map[string]time.Time{}
	for name, one := range q.queues {
		for _, sent := range one.sent {
			if first, has := oldest[name]; q.now().Sub(sent) < one.retention && (!has || sent.Before(first)) {
				oldest[name] = sent
			}
		}
	}
	return oldest
}

// Observed takes note of an SQS call that succeeded, from the bodies of its request and response
// in the JSON protocol.
func (q *Queues) Observed(operation string, request, response []byte) {
	var in struct {
		QueueUrl, ReceiptHandle string
		Entries                 []struct{ Id, ReceiptHandle string }
	}
	var out struct {
		MessageId  string
		Successful []struct{ Id, MessageId string }
		Messages   []struct{ MessageId, ReceiptHandle string }
	}
	if json.Unmarshal(request, &in) != nil || len(response) > 0 && json.Unmarshal(response, &out) != nil {
		return // not a call of this protocol
	}
	q.activity.Add(1)
	name := in.QueueUrl[strings.LastIndex(in.QueueUrl, "/")+1:]
	now := q.now()
	q.mu.Lock()
	q.calls++
	one := q.queues[name]
	sent := 0
	if one != nil {
		switch operation {
		case "SendMessage":
			one.sent[out.MessageId] = now
			sent = 1
		case "SendMessageBatch":
			for _, m := range out.Successful {
				one.sent[m.MessageId] = now
				sent++
			}
		case "ReceiveMessage":
			for _, m := range out.Messages {
				one.handles[m.ReceiptHandle] = m.MessageId
				one.received[m.MessageId]++
			}
		case "DeleteMessage":
			one.delete(in.ReceiptHandle)
		case "DeleteMessageBatch":
			for _, m := range out.Successful {
				if i := slices.IndexFunc(in.Entries, func(e struct{ Id, ReceiptHandle string }) bool { return e.Id == m.Id }); i >= 0 {
					one.delete(in.Entries[i].ReceiptHandle)
				}
			}
		case "PurgeQueue", "DeleteQueue":
			clear(one.sent)
			clear(one.received)
			clear(one.handles)
		}
	}
	q.mu.Unlock()
	for range sent { // outside: the store's gauges lock the queues
		q.store.Put(NewMetric("AWS/SQS", "NumberOfMessagesSent", "QueueName", name), 1, now)
	}
}

func (q *queue) delete(handle string) {
	id, known := q.handles[handle]
	if !known {
		return
	}
	delete(q.sent, id)
	delete(q.received, id)
	for h, of := range q.handles {
		if of == id {
			delete(q.handles, h)
		}
	}
}
