package events

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// eventTime is the format of an event's time: UTC, whole seconds.
const eventTime = "2006-01-02T15:04:05Z"

// maxEntriesBytes is the limit of all entries of a PutEvents call together, 256 KiB
// (API reference, PutEvents: "the total entry size must be less than 256KB"). AWS may accept
// more by now.
const maxEntriesBytes = 256 * 1024

// APIError is an error of the PutEvents API as a whole.
type APIError struct {
	Code    string // ValidationException
	Message string
}

func (e *APIError) Error() string { return e.Code + ": " + e.Message }

// BusConfig configures a bus. Now and NewID are the real clock and random UUIDs
// when nil.
type BusConfig struct {
	Name, Region, Account string
	Deliveries            *Deliveries
	Now                   func() time.Time
	NewID                 func() string
	// Scheduled returns the rules of the default bus, for Call. Nil: there are none.
	Scheduled func() []*Rule
	// Default is the bus of entries that name none. Nil: this bus if it has that name, or one
	// without rules.
	Default *Bus
	Log     *slog.Logger // events that reach no bus; nil: slog.Default
	// Observe receives each event that PutEvents accepts, before its delivery starts, with the X-Ray
	// header of the entry, which may be "". Nil: nobody looks. The event must not be changed.
	Observe func(event []byte, traceHeader string)
}

// Bus is one event bus with its rules. It is safe for concurrent use.
type Bus struct {
	config   BusConfig
	scope    Scope
	accepted atomic.Int64

	mu       sync.RWMutex
	rules    []*Rule
	archives []*Archive
	replays  []*replay
	lost     map[string]int
}

// NewBus returns a bus without rules.
func NewBus(c BusConfig) *Bus {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = uuid.NewString
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Bus{config: c, lost: map[string]int{}, scope: Scope{Region: c.Region, Account: c.Account, Bus: c.Name}}
}

// AddRule adds a rule with a pattern. See [NewRule] for the error.
func (b *Bus) AddRule(logicalID string, properties RuleProperties, resolve Resolver) error {
	r, err := NewRule(b.scope, logicalID, properties, resolve)
	if err != nil {
		return err
	}
	if r.Expression != "" {
		return fmt.Errorf("%w %s: a scheduled rule belongs to package schedule", ErrRule, logicalID)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules = append(b.rules, r)
	return nil
}

// Rules returns the rules in the order in which they were added.
func (b *Bus) Rules() []*Rule {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return append([]*Rule(nil), b.rules...)
}

type putEventsRequest struct {
	Entries    []putEventsEntry
	EndpointID *string `json:"EndpointId"`
}

type putEventsEntry struct {
	EventBusName string
	Source       string
	DetailType   string
	Detail       string
	Resources    []string
	Time         *json.Number // epoch seconds, as JSON 1.1 has timestamps
	TraceHeader  string
}

type putEventsResponse struct {
	FailedEntryCount int
	Entries          []putEventsResult
}

type putEventsResult struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

// PutEvents processes the body of a PutEvents call and returns that of the response. Rejected
// entries have their error in the response. The delivery of the others to the targets of every
// matching rule has started; those for a bus that does not exist are dropped, see Misdirected.
// The error is an *APIError.
func (b *Bus) PutEvents(_ context.Context, body []byte) ([]byte, error) {
	var request putEventsRequest
	if err := strict(body, &request); err != nil {
		return nil, &APIError{"SerializationException", err.Error()}
	}
	if n := len(request.Entries); n < 1 || n > 10 {
		return nil, &APIError{"ValidationException", fmt.Sprintf("Value at 'entries' failed to satisfy constraint: Member must have length between 1 and 10, has %d", n)}
	}
	total := 0
	for _, entry := range request.Entries {
		total += entry.size()
	}
	if total > maxEntriesBytes {
		return nil, &APIError{"ValidationException", "Total size of the entries in the request is over the limit."}
	}
	response := putEventsResponse{Entries: make([]putEventsResult, len(request.Entries))}
	for i, entry := range request.Entries {
		result := b.put(entry)
		if result.ErrorCode != "" {
			response.FailedEntryCount++
		}
		response.Entries[i] = result
	}
	return json.Marshal(response)
}

// size counts an entry as AWS does: user guide, "Calculating Amazon EventBridge event
// entry size" (eb-putevents).
func (e putEventsEntry) size() int {
	n := len(e.Source) + len(e.DetailType) + len(e.Detail)
	if e.Time != nil {
		n += 14
	}
	for _, resource := range e.Resources {
		n += len(resource)
	}
	return n
}

func (b *Bus) put(entry putEventsEntry) putEventsResult {
	if result := reject(entry); result != nil {
		return *result
	}
	at := b.config.Now()
	if entry.Time != nil {
		seconds, err := entry.Time.Float64()
		if err != nil {
			return putEventsResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Time is not valid. Reason: " + err.Error()}
		}
		at = time.Unix(int64(seconds), 0)
	}
	id := b.config.NewID()
	event := NewEvent(Envelope{
		ID: id, DetailType: entry.DetailType, Source: entry.Source, Account: b.config.Account, Time: at,
		Region: b.config.Region, Resources: entry.Resources, Detail: json.RawMessage(entry.Detail),
	})
	if b.config.Observe != nil {
		b.config.Observe(event, entry.TraceHeader)
	}
	b.route(entry.EventBusName, event, at)
	return putEventsResult{EventID: id}
}

// route passes an event to the bus that the entry names. EventBridge accepts one for a bus that
// does not exist, and drops it: recorded on AWS in localstack/localstack,
// test_put_events_nonexistent_event_bus. A name that is wrong is logged and counted instead.
func (b *Bus) route(name string, event []byte, at time.Time) {
	byDefault := b.scope
	byDefault.Bus = defaultBus
	switch name {
	case b.config.Name, b.scope.busARN():
		b.publish(event, at)
	case "", defaultBus, byDefault.busARN():
		bus := b.config.Default
		if bus == nil && b.config.Name == defaultBus {
			bus = b
		}
		if bus == nil || !bus.publish(event, at) {
			b.lose(defaultBus, "event dropped: it is on the default bus, where no rule matches it")
		}
	default:
		b.lose(name, "event dropped: its bus does not exist, and EventBridge accepts it all the same")
	}
}

func (b *Bus) lose(name, message string) {
	b.mu.Lock()
	b.lost[name]++
	b.mu.Unlock()
	b.config.Log.Error(message, "bus", name)
}

// Misdirected counts the events that PutEvents accepted and nobody received, by the bus that they
// named: one that does not exist, or the default bus if no rule there matched.
func (b *Bus) Misdirected() map[string]int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return maps.Clone(b.lost)
}

// Accepted counts the events that were put on the bus; replayed ones are not put again.
func (b *Bus) Accepted() int { return int(b.accepted.Load()) }

// publish archives an event and starts its delivery. It reports whether a rule matches.
func (b *Bus) publish(event []byte, at time.Time) bool {
	b.accepted.Add(1)
	for _, a := range b.allArchives() {
		a.add(at, event)
	}
	return b.deliver(event, func(*Rule) bool { return true })
}

// deliver starts the delivery of an event to the targets of those rules that match, and reports
// whether there is one.
func (b *Bus) deliver(event []byte, to func(*Rule) bool) (matched bool) {
	now := b.config.Now()
	for _, r := range b.Rules() {
		if ok, _ := r.Selects(event); ok && to(r) { // no error: the event is JSON
			matched = true
			b.config.Deliveries.Deliver(r, event, now)
		}
	}
	return matched
}

// reject returns the error of an entry that EventBridge would reject, or nil.
func reject(e putEventsEntry) *putEventsResult {
	var detail map[string]json.RawMessage
	switch {
	case e.Source == "":
		return &putEventsResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Source is not valid. Reason: Source is a required argument."}
	case strings.HasPrefix(e.Source, "aws."):
		return &putEventsResult{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}
	case e.DetailType == "":
		return &putEventsResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter DetailType is not valid. Reason: DetailType is a required argument."}
	case e.Detail == "":
		return &putEventsResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Detail is not valid. Reason: Detail is a required argument."}
	case json.Unmarshal([]byte(e.Detail), &detail) != nil || detail == nil:
		return &putEventsResult{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	}
	return nil
}

// Envelope holds the fields of an event: user guide, "Event structure
// reference" (eb-events-structure).
type Envelope struct {
	ID         string
	DetailType string
	Source     string
	Account    string
	Time       time.Time
	Region     string
	Resources  []string
	Detail     json.RawMessage // a JSON object; numbers keep their text
}

// NewEvent returns an event as JSON, with its fields in the order in which AWS has them.
func NewEvent(e Envelope) []byte {
	if e.Resources == nil {
		e.Resources = []string{}
	}
	resources := make([]string, len(e.Resources))
	for i, r := range e.Resources {
		resources[i] = string(quote(r))
	}
	var detail bytes.Buffer
	_ = json.Compact(&detail, e.Detail) // callers have checked that it is JSON
	return fmt.Appendf(nil, `{"version":"0","id":%s,"detail-type":%s,"source":%s,"account":%s,"time":%s,"region":%s,"resources":[%s],"detail":%s}`,
		quote(e.ID), quote(e.DetailType), quote(e.Source), quote(e.Account), quote(e.Time.UTC().Format(eventTime)), quote(e.Region),
		strings.Join(resources, ","), detail.Bytes())
}
