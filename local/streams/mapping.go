package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"payment-webhooks/local/events"
	"payment-webhooks/local/eventsource"
	"payment-webhooks/local/faults"
)

// ErrMapping is wrapped by the error of a mapping that is invalid or not supported.
var ErrMapping = errors.New("event source mapping")

// Destination sends the on-failure record.
type Destination interface {
	Send(ctx context.Context, queueARN string, body []byte) error
}

// Config configures a mapping. Fields that are nil or zero get the defaults in the comments.
type Config struct {
	Function    eventsource.Function
	FunctionARN string
	Destination Destination
	Faults      *faults.Set      // none
	Log         *slog.Logger     // slog.Default
	Now         func() time.Time // time.Now
	NewID       func() string    // random; for records of batches that were never invoked

	// Metric receives the values of AWS/Lambda that the mapping records; nil: they are not
	// recorded. See metrics.go.
	Metric func(name string, value float64, at time.Time)

	// PollInterval is the time from one read to the next, unless the stream has more records
	// than a read returns: 250 ms, as Lambda polls DynamoDB streams four times a second.
	// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
	PollInterval time.Duration

	// TimeScale divides the waits between retries; 0 and 1 leave them as they are. The age of
	// records counts real time.
	TimeScale float64
}

// Mapping is a loaded event source mapping.
type Mapping struct {
	*eventsource.State
	config          Config
	logicalID       string
	start           string // TRIM_HORIZON or LATEST
	filters         []*events.Pattern
	batchSize       int
	window          time.Duration
	parallelization int
	bisect          bool
	retries         int           // -1: until the records expire
	maxAge          time.Duration // of records
	partial         bool          // ReportBatchItemFailures
	onFailure       string        // queue ARN

	mu        sync.Mutex
	positions map[string]string // by shard: an iterator of the first record that is not processed yet
	reads     int               // reads that found nothing while nothing was buffered
	quiet     *sync.Cond
}

// retention is how long a stream keeps records, and so how long they are retried at most.
const retention = 24 * time.Hour

// Load reads an AWS::Lambda::EventSourceMapping. Defaults and bounds are those of the
// developer guide, "Lambda parameters for Amazon DynamoDB event source mappings"
// (services-ddb-params). The error wraps ErrMapping.
func Load(logicalID string, p eventsource.Properties, c Config) (*Mapping, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = uuid.NewString
	}
	if c.PollInterval == 0 {
		c.PollInterval = 250 * time.Millisecond
	}
	if c.TimeScale == 0 {
		c.TimeScale = 1
	}
	m := &Mapping{
		State: eventsource.NewState(p, c.FunctionARN, c.Now), config: c, logicalID: logicalID, start: p.StartingPosition, positions: map[string]string{},
		bisect: p.BisectBatchOnFunctionError, window: time.Duration(p.MaximumBatchingWindowInSeconds) * time.Second,
	}
	m.quiet = sync.NewCond(&m.mu)

	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	number := func(name string, value *int, fallback, least, most int) int {
		if value == nil {
			return fallback
		}
		if *value < least || *value > most {
			problem("%s %d is not %d to %d", name, *value, least, most)
		}
		return *value
	}
	m.batchSize = number("BatchSize", p.BatchSize, 100, 1, 10000)
	m.parallelization = number("ParallelizationFactor", p.ParallelizationFactor, 1, 1, 10)
	m.retries = number("MaximumRetryAttempts", p.MaximumRetryAttempts, -1, -1, 10000)
	number("MaximumBatchingWindowInSeconds", &p.MaximumBatchingWindowInSeconds, 0, 0, 300)
	m.maxAge = retention
	// The API rejects 0 to 59: it wants -1 or at least a minute.
	if age := number("MaximumRecordAgeInSeconds", p.MaximumRecordAgeInSeconds, -1, -1, 604800); age != -1 {
		if age < 60 {
			problem("MaximumRecordAgeInSeconds %d is neither -1 nor at least 60", age)
		}
		m.maxAge = min(time.Duration(age)*time.Second, retention)
	}
	if !slices.Contains([]string{"TRIM_HORIZON", "LATEST"}, p.StartingPosition) {
		problem("StartingPosition %q is not TRIM_HORIZON or LATEST", p.StartingPosition)
	}
	if p.ScalingConfig != nil {
		problem("ScalingConfig does not apply to a stream")
	}
	if !strings.HasPrefix(p.EventSourceArn, "arn:aws:dynamodb:") {
		problem("EventSourceArn %q is not a DynamoDB stream: nothing else is supported", p.EventSourceArn)
	}
	for _, response := range p.FunctionResponseTypes {
		if response != "ReportBatchItemFailures" {
			problem("FunctionResponseTypes %s does not exist", response)
		}
		m.partial = true
	}
	if p.DestinationConfig != nil && p.DestinationConfig.OnFailure != nil {
		m.onFailure = p.DestinationConfig.OnFailure.Destination
		if !strings.HasPrefix(m.onFailure, "arn:aws:sqs:") {
			problem("the destination %q is not an SQS queue: nothing else is supported", m.onFailure)
		}
	}
	if p.FilterCriteria != nil {
		for _, f := range p.FilterCriteria.Filters {
			pattern, err := events.ParsePattern([]byte(f.Pattern))
			if err != nil {
				problem("FilterCriteria: %w", err)
			}
			for _, operator := range []string{"$or", "wildcard", "cidr"} {
				if strings.Contains(f.Pattern, `"`+operator+`"`) {
					problem("FilterCriteria: Lambda's filters do not have %s", operator)
				}
			}
			m.filters = append(m.filters, pattern)
		}
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w %s: %w", ErrMapping, logicalID, errors.Join(problems...))
	}
	return m, nil
}

// Continue makes the mapping go on after the records that another mapping of the stream has
// processed, instead of at its StartingPosition. Call it when Run of the other one has returned, and
// before Run.
func (m *Mapping) Continue(before *Mapping) {
	before.mu.Lock()
	defer before.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.Copy(m.positions, before.positions)
}

func (m *Mapping) reached(shard, iterator string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.positions[shard] = iterator
}

func (m *Mapping) position(shard string) (iterator string, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	iterator, known = m.positions[shard]
	return iterator, known
}

// Idle waits until a read that began after the call has found no records, and every record
// read before is delivered or discarded, or until ctx ends.
func (m *Mapping) Idle(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.quiet.Broadcast()
	})
	defer stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	// The current read may have begun before the caller's write; the one after it has not.
	for from := m.reads; m.reads < from+2; {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		m.quiet.Wait()
	}
	return nil
}

// selects reports whether a filter matches the record, in the form that the function receives (developer guide, "Control which events Lambda sends to your function").
func (m *Mapping) selects(record []byte) (bool, error) {
	if len(m.filters) == 0 {
		return true, nil
	}
	for _, f := range m.filters {
		if ok, err := f.Matches(record); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}
