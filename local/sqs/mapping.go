package sqs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"payment-webhooks/local/clock"
	"payment-webhooks/local/eventsource"
)

// ErrMapping is wrapped by the error of a mapping that is invalid or not supported.
var ErrMapping = errors.New("event source mapping of a queue")

// Source is a queue.
type Source interface {
	// Receive returns up to ten visible messages, which it hides for the queue's visibility
	// timeout; none if there are none.
	Receive(ctx context.Context) ([]Message, error)
	// Delete deletes messages.
	Delete(ctx context.Context, batch []Message) error
	// Hide makes messages visible again after a time, in seconds that are rounded up.
	Hide(ctx context.Context, batch []Message, d time.Duration) error
	// State returns the queue's visibility timeout and the number of its messages, hidden ones
	// included.
	State(ctx context.Context) (visibility time.Duration, messages int, err error)
}

// Message is a message that was received.
type Message struct {
	ID, Receipt, Body, MD5 string
	Attributes             map[string]string // SQS's own, such as ApproximateReceiveCount
}

// Config configures a mapping. Fields that are nil or zero get the defaults in the comments.
type Config struct {
	Function    eventsource.Function
	FunctionARN string
	Log         *slog.Logger     // slog.Default
	Now         func() time.Time // time.Now

	// PollInterval is the time from one empty response to the next call: 250 ms. Lambda lets
	// SQS wait for a message instead, which would keep other callers of the server waiting.
	PollInterval time.Duration

	// TimeScale divides the batching window, and the wait until failed messages are received
	// again; 0 and 1 leave them as they are.
	TimeScale float64
}

// Mapping is a loaded event source mapping.
type Mapping struct {
	*eventsource.State
	config    Config
	logicalID string
	batchSize int
	window    time.Duration
	partial   bool // ReportBatchItemFailures

	mu     sync.Mutex
	source Source // nil until Run
}

// Load reads an AWS::Lambda::EventSourceMapping. Defaults and bounds are those of the developer
// guide, "Lambda parameters for Amazon SQS event source mappings" (services-sqs-parameters).
// The error wraps ErrMapping.
func Load(logicalID string, p eventsource.Properties, c Config) (*Mapping, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.PollInterval == 0 {
		c.PollInterval = 250 * time.Millisecond
	}
	if c.TimeScale == 0 {
		c.TimeScale = 1
	}
	m := &Mapping{State: eventsource.NewState(p, c.FunctionARN, c.Now), config: c, logicalID: logicalID, batchSize: 10}
	m.window = m.scaled(time.Duration(p.MaximumBatchingWindowInSeconds) * time.Second)

	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if p.BatchSize != nil {
		m.batchSize = *p.BatchSize
	}
	if m.batchSize < 1 || m.batchSize > 10_000 {
		problem("BatchSize %d is not 1 to 10000", m.batchSize)
	}
	if window := p.MaximumBatchingWindowInSeconds; window < 0 || window > 300 {
		problem("MaximumBatchingWindowInSeconds %d is not 0 to 300", window)
	} else if m.batchSize > 10 && window == 0 {
		problem("BatchSize %d needs a MaximumBatchingWindowInSeconds of at least 1", m.batchSize)
	}
	if s := p.ScalingConfig; s != nil && s.MaximumConcurrency != nil && (*s.MaximumConcurrency < 2 || *s.MaximumConcurrency > 1000) {
		problem("MaximumConcurrency %d is not 2 to 1000", *s.MaximumConcurrency)
	}
	if strings.HasSuffix(p.EventSourceArn, ".fifo") {
		problem("EventSourceArn %q is a FIFO queue: it is not supported", p.EventSourceArn)
	}
	for _, response := range p.FunctionResponseTypes {
		if response != "ReportBatchItemFailures" {
			problem("FunctionResponseTypes %s does not exist", response)
		}
		m.partial = true
	}
	for name, given := range map[string]bool{
		"BisectBatchOnFunctionError": p.BisectBatchOnFunctionError, "DestinationConfig": p.DestinationConfig != nil,
		"MaximumRecordAgeInSeconds": p.MaximumRecordAgeInSeconds != nil, "MaximumRetryAttempts": p.MaximumRetryAttempts != nil,
		"ParallelizationFactor": p.ParallelizationFactor != nil, "StartingPosition": p.StartingPosition != "",
	} {
		if given {
			problem("%s does not apply to a queue", name)
		}
	}
	if p.FilterCriteria != nil {
		problem("FilterCriteria of a queue is not supported")
	}
	if len(problems) > 0 {
		slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, fmt.Errorf("%w %s: %w", ErrMapping, logicalID, errors.Join(problems...))
	}
	return m, nil
}

func (m *Mapping) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / m.config.TimeScale)
}

// Idle waits until the queue has no message, hidden ones included, or until ctx ends.
func (m *Mapping) Idle(ctx context.Context) error {
	for {
		m.mu.Lock()
		source := m.source
		m.mu.Unlock()
		if source != nil {
			_, messages, err := source.State(ctx)
			if err != nil || messages == 0 {
				return err
			}
		}
		if !clock.Sleep(ctx, m.config.PollInterval) {
			return ctx.Err()
		}
	}
}
