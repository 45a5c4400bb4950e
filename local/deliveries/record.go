package deliveries

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"payment-webhooks/local/apigateway"
	"payment-webhooks/local/events"
	"payment-webhooks/local/sns"
	"payment-webhooks/local/states"
)

// MaxDeliveries bounds how many requests a record keeps.
const MaxDeliveries = 10_000

// maxFacts bounds what waits until the page asks: about ten facts for each of the deliveries.
const maxFacts = 1 << 17

// maxBody bounds what is kept of a response's body, in bytes.
const maxBody = 32 << 10

// Record keeps what was reported. It outlives an update of the stack, and is safe for concurrent use.
type Record struct {
	now     func() time.Time
	version atomic.Uint64 // how many facts were reported

	mu      sync.Mutex
	waiting []any // a ring of *request, line, event, progress, *execution and notification
	oldest  int
	count   int
	lost    int // requests that were forgotten before they were read
	last    uint64
	taken   uint64     // the last request that is no longer waiting
	recent  []*request // the last MaxDeliveries, by ID

	joined *joined
}

// NewRecord returns an empty record.
func NewRecord(now func() time.Time) *Record { return &Record{now: now, joined: newJoined()} }

// request is an exchange of the API, as it is shown.
type request struct {
	ID           uint64 // counts requests, from 1
	At           time.Time
	Took         time.Duration
	Integration  time.Duration
	RequestID    string
	InvocationID string
	Trace        string // the X-Ray header
	Method       string
	Path         string
	Resource     string
	Source       string
	Headers      []Header
	Status       int
	Response     []Header
	Body         string // of the response
}

// line is a log line of a function.
type line struct{ text string }

// event is an event that was put on the bus.
type event struct {
	at    time.Time
	text  []byte
	trace string // the X-Ray header of the entry
}

// progress is the delivery of an event to a target.
type progress struct {
	events.Progress
	rule string
}

// execution is an execution, as far as it is.
type execution struct {
	states.Execution
	steps []states.Step
}

// Request reports an exchange of the API.
func (r *Record) Request(x apigateway.Exchange) {
	q := &request{
		At: x.At, Took: x.Took, Integration: x.Integration, RequestID: x.ID, InvocationID: x.InvocationID, Trace: x.Trace,
		Method: clip(x.Method, maxHeader), Path: ofSender(x.Path), Resource: x.Resource, Source: x.Source,
		Headers: maskHeaders(x.Headers), Status: x.Status, Response: maskHeaders(x.Response.Headers), Body: clip(maskCards(string(x.Response.Body), false), maxBody),
	}
	r.mu.Lock()
	r.last++
	q.ID = r.last
	r.forget(q)
	r.add(q)
	r.mu.Unlock()
}

// forget makes the request that q is one too many for small, if it waits still: there may be more of them than
// are kept, when nobody looks at the page.
func (r *Record) forget(q *request) {
	if len(r.recent) < MaxDeliveries {
		r.recent = append(r.recent, q)
		return
	}
	at := (q.ID - 1) % MaxDeliveries
	if old := r.recent[at]; old.ID > r.taken {
		old.Headers, old.Response, old.Body, old.Path = nil, nil, "", ""
	}
	r.recent[at] = q
}

// Line reports a line of a function's log. Those of the platform and of metrics are not kept.
func (r *Record) Line(text string) {
	if !strings.HasPrefix(text, "{") || !strings.Contains(text, `"request_id":"`) || strings.Contains(text, `"_aws":`) {
		return
	}
	r.append(line{text})
}

// Event reports an event that PutEvents accepted, with the X-Ray header of its entry.
func (r *Record) Event(text []byte, trace string) { r.append(event{r.now(), text, trace}) }

// Progress reports the delivery of an event to a target. rule is the rule's name as it is shown.
func (r *Record) Progress(p events.Progress, rule string) { r.append(progress{p, rule}) }

// Execution reports an execution that has started or ended.
func (r *Record) Execution(x states.Execution, steps []states.Step) {
	r.append(&execution{x, steps})
}

// Notification reports a notification to a subscriber.
func (r *Record) Notification(n sns.Notification) { r.append(n) }

func (r *Record) append(fact any) {
	r.mu.Lock()
	r.add(fact)
	r.mu.Unlock()
}

// add appends a fact, in place of the oldest if there are maxFacts.
func (r *Record) add(fact any) {
	if r.count < maxFacts && r.count == len(r.waiting) {
		if r.oldest > 0 { // it must begin at 0 to grow
			r.waiting = append(append(make([]any, 0, 2*r.count), r.waiting[r.oldest:]...), r.waiting[:r.oldest]...)
			r.oldest = 0
		}
		r.waiting = append(r.waiting, nil)
	}
	if r.count == maxFacts {
		if _, is := r.waiting[r.oldest].(*request); is {
			r.lost++
		}
		r.waiting[r.oldest] = nil
		r.oldest = (r.oldest + 1) % len(r.waiting)
		r.count--
	}
	r.waiting[(r.oldest+r.count)%len(r.waiting)] = fact
	r.count++
	r.version.Add(1)
}

// take removes up to n facts, oldest first.
func (r *Record) take(n int) []any {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = min(n, r.count)
	taken := make([]any, n)
	for i := range taken {
		at := (r.oldest + i) % len(r.waiting)
		taken[i], r.waiting[at] = r.waiting[at], nil
		if q, is := taken[i].(*request); is {
			r.taken = q.ID
		}
	}
	r.count -= n
	if r.count == 0 {
		r.oldest = 0
	} else {
		r.oldest = (r.oldest + n) % len(r.waiting)
	}
	return taken
}

// batch is how many facts are taken at once: reporting waits for that long.
const batch = 1000

// read finds what belongs together in what was reported since the last call, and calls f with
// everything.
func (r *Record) read(f func(*joined)) {
	r.joined.mu.Lock()
	defer r.joined.mu.Unlock()
	for {
		facts := r.take(batch)
		if len(facts) == 0 {
			break
		}
		for _, fact := range facts {
			r.joined.add(fact)
		}
	}
	f(r.joined)
}
