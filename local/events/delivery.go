package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"payment-webhooks/local/clock"
)

// Target is the service behind a rule's target.
type Target interface {
	// Deliver passes payload to the service once and returns nil when the service accepted
	// it. See DeliveryError for the errors.
	Deliver(ctx context.Context, payload []byte) error
}

// DeadLetters sends to the dead-letter queues of rules.
type DeadLetters interface {
	// Send sends one message with string attributes to the queue.
	Send(ctx context.Context, queueARN string, body []byte, attributes map[string]string) error
}

// Codes of a DeliveryError, as they appear in ERROR_CODE (EventBridge user guide,
// "Using dead-letter queues to process undelivered events", eb-rule-dlq).
const (
	CodeNoPermissions   = "NO_PERMISSIONS"    // permanent: the target denies EventBridge access
	CodeNoResource      = "NO_RESOURCE"       // permanent: the target does not exist
	CodeInvalidJSON     = "INVALID_JSON"      // permanent: the input transformation gives no JSON
	CodeInvalidParam    = "INVALID_PARAMETER" // permanent: the target rejects the payload
	CodeThrottling      = "THROTTLING"
	CodeTimeout         = "TIMEOUT"
	CodeErrorFromTarget = "ERROR_FROM_TARGET"
	CodeSDKClientError  = "SDK_CLIENT_ERROR" // any error without a code
)

// DeliveryError is an error of Target.Deliver with a code.
type DeliveryError struct {
	Code      string // one of the codes above
	Message   string
	Permanent bool // a retry cannot fix it: the event goes to the dead-letter queue at once
}

func (e *DeliveryError) Error() string { return e.Code + ": " + e.Message }

// DeliveryConfig configures deliveries. DeadLetters may be nil when no rule has a dead-letter
// queue.
type DeliveryConfig struct {
	DeadLetters DeadLetters
	Log         *slog.Logger // nil: slog.Default

	// TimeScale divides the waits between attempts; 0 and 1 leave them as they are.
	// The age of an event counts waits unscaled.
	TimeScale float64

	// Metric receives the values of AWS/Events, each 1; nil: they are not recorded. See metrics.go.
	Metric func(r *Rule, name string, at time.Time)

	// Observe receives the delivery of each event to each target twice: when it starts, and when it
	// ends. Nil: nobody looks.
	Observe func(Progress)

	// Jitter spreads a wait; nil takes a random time between half and all of it.
	Jitter func(time.Duration) time.Duration
}

// Progress is the delivery of an event to one target, as it starts or as it ended.
type Progress struct {
	Rule      *Rule
	TargetARN string
	Event     []byte // must not be changed
	Started   time.Time
	Ended     time.Time // zero: it has only started
	Retries   int
	Err       error  // why the event could not be delivered; nil: it was, or has only started
	QueueARN  string // of the dead-letter queue that has it then; "": none
}

// Deliveries delivers events to targets in the background. It is safe for concurrent use.
type Deliveries struct {
	config DeliveryConfig
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	// attempts holds an element for each attempt that is under way.
	attempts chan struct{}

	mu      sync.Mutex
	closed  bool
	pending int
	idle    chan struct{} // closed when pending falls to 0; nil while no call of Idle waits
	stats   map[string]Stats
	targets map[RuleTarget]TargetStats
}

// RuleTarget is a target of a rule.
type RuleTarget struct{ Rule, Target string } // the rule's logical id, the target's Id

// TargetStats counts what became of the events for a target.
type TargetStats struct {
	Delivered int // accepted by the target
	SentToDLQ int
}

// Stats counts a rule's events, like the CloudWatch metrics of the same names (EventBridge user guide, eb-monitoring).
type Stats struct {
	Invocations         int // attempts, first ones and retries
	FailedInvocations   int // events that could not be delivered
	SentToDLQ           int // of these, sent to a dead-letter queue
	FailedToBeSentToDLQ int
}

// NewDeliveries returns deliveries for buses and schedules.
func NewDeliveries(c DeliveryConfig) *Deliveries {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.TimeScale == 0 {
		c.TimeScale = 1
	}
	if c.Jitter == nil {
		c.Jitter = func(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Deliveries{config: c, ctx: ctx, cancel: cancel, attempts: make(chan struct{}, maxAttempts), stats: map[string]Stats{}, targets: map[RuleTarget]TargetStats{}}
}

// delivered is an event on its way to one target.
type delivered struct {
	event    []byte
	ingested time.Time
	rule     *Rule
	target   target
	started  time.Time
}

func (d *Deliveries) observe(p Progress) {
	if d.config.Observe != nil {
		d.config.Observe(p)
	}
}

// ended reports the end of a delivery.
func (d *Deliveries) ended(e delivered, retries int, err error, queueARN string) {
	d.observe(Progress{
		Rule: e.rule, TargetARN: e.target.arn, Event: e.event, Started: e.started, Ended: time.Now(), Retries: retries, Err: err, QueueARN: queueARN,
	})
}

// Deliver starts the delivery of event to every target of the rule and returns at once.
func (d *Deliveries) Deliver(r *Rule, event []byte, ingested time.Time) {
	d.recordMatch(r)
	for _, t := range r.targets {
		e := delivered{event: event, ingested: ingested, rule: r, target: t}
		d.mu.Lock()
		if d.closed {
			d.mu.Unlock()
			d.config.Log.Error("event dropped: the local run is ending", d.attrs(e)...)
			continue
		}
		d.pending++
		d.wg.Add(1)
		d.mu.Unlock()
		e.started = time.Now()
		d.observe(Progress{Rule: r, TargetARN: t.arn, Event: event, Started: e.started})
		go func() {
			defer d.done()
			d.run(e)
		}()
	}
}

func (d *Deliveries) done() {
	d.mu.Lock()
	d.pending--
	if d.pending == 0 && d.idle != nil {
		close(d.idle)
		d.idle = nil
	}
	d.mu.Unlock()
	d.wg.Done()
}

// Idle waits until no event is being delivered or waits for a retry, or ctx ends.
func (d *Deliveries) Idle(ctx context.Context) error {
	d.mu.Lock()
	if d.pending == 0 {
		d.mu.Unlock()
		return nil
	}
	if d.idle == nil {
		d.idle = make(chan struct{})
	}
	idle := d.idle
	d.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends all deliveries and waits for their goroutines.
func (d *Deliveries) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
	d.wg.Wait()
}

// Stats returns the counts by rule name.
func (d *Deliveries) Stats() map[string]Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make(map[string]Stats, len(d.stats))
	for name, s := range d.stats {
		all[name] = s
	}
	return all
}

func (d *Deliveries) count(r *Rule, change func(*Stats)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats[r.Name]
	change(&s)
	d.stats[r.Name] = s
}

func (d *Deliveries) countTarget(e delivered, change func(*TargetStats)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	of := RuleTarget{e.rule.LogicalID, e.target.id}
	s := d.targets[of]
	change(&s)
	d.targets[of] = s
}

// Targets returns the counts of each target that was sent something.
func (d *Deliveries) Targets() map[RuleTarget]TargetStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.targets)
}

// AWS documents "an exponential back off and jitter" without numbers. With these, 185 attempts
// take about a day, which are the two limits of the default policy.
const (
	firstWait = time.Second
	maxWait   = 8 * time.Minute
)

// Retry conditions, as they appear in EXHAUSTED_RETRY_CONDITION.
const (
	exhaustedAttempts = "MaximumRetryAttempts"
	exhaustedAge      = "MaximumEventAgeInSeconds"
)

// run delivers one event to one target, with retries until the target accepts it or the retry
// policy is exhausted.
func (d *Deliveries) run(e delivered) {
	payload, err := e.target.input.payload(e)
	if err != nil {
		d.giveUp(e, err, "", 0)
		return
	}
	var age time.Duration
	wait := firstWait
	for retries := 0; ; retries++ {
		started := time.Now()
		err := d.attempt(e.target.deliver, payload)
		age += time.Since(started)
		d.count(e.rule, func(s *Stats) { s.Invocations++ })
		if err == nil {
			d.countTarget(e, func(s *TargetStats) { s.Delivered++ })
			d.record(e.rule, "Invocations")
			d.ended(e, retries, nil, "")
			return
		}
		if failure, ok := errors.AsType[*DeliveryError](err); ok && failure.Permanent {
			d.giveUp(e, err, "", retries)
			return
		}
		if retries >= e.target.maxRetries {
			d.giveUp(e, err, exhaustedAttempts, retries)
			return
		}
		pause := d.config.Jitter(wait)
		if age += pause; age > e.target.maxAge {
			d.giveUp(e, err, exhaustedAge, retries)
			return
		}
		d.config.Log.Warn("delivery failed, will retry", append(d.attrs(e), "retries", retries, "error", err)...)
		if !clock.Sleep(d.ctx, time.Duration(float64(pause)/d.config.TimeScale)) {
			d.config.Log.Error("event dropped: the local run is ending", append(d.attrs(e), "error", err)...)
			return
		}
		wait = min(2*wait, maxWait)
	}
}

// maxAttempts bounds the concurrent calls to targets, so that the replay of many events does not
// open as many connections.
const maxAttempts = 64

func (d *Deliveries) attempt(t Target, payload []byte) error {
	select {
	case d.attempts <- struct{}{}:
		defer func() { <-d.attempts }()
		return t.Deliver(d.ctx, payload)
	case <-d.ctx.Done():
		return d.ctx.Err()
	}
}

// giveUp sends the original event to the dead-letter queue with the attributes that
// AWS documents (eb-rule-dlq). Where no retry was exhausted, because the error was
// permanent, there is no EXHAUSTED_RETRY_CONDITION: SQS takes no empty attribute.
func (d *Deliveries) giveUp(e delivered, cause error, condition string, retries int) {
	d.count(e.rule, func(s *Stats) { s.FailedInvocations++ })
	d.record(e.rule, "Invocations")
	d.record(e.rule, "FailedInvocations")
	log := append(d.attrs(e), "retries", retries, "error", cause)
	if e.target.deadLetterARN == "" {
		d.config.Log.Error("event dropped: the target has no dead-letter queue", log...)
		d.ended(e, retries, cause, "")
		return
	}
	failure, ok := errors.AsType[*DeliveryError](cause)
	if !ok {
		failure = &DeliveryError{Code: CodeSDKClientError, Message: cause.Error()}
	}
	attributes := map[string]string{
		"RULE_ARN":       e.rule.ARN,
		"TARGET_ARN":     e.target.arn,
		"ERROR_CODE":     failure.Code,
		"ERROR_MESSAGE":  failure.Message,
		"RETRY_ATTEMPTS": strconv.Itoa(retries),
	}
	if condition != "" {
		attributes["EXHAUSTED_RETRY_CONDITION"] = condition
	}
	if err := d.sendToDLQ(e, attributes); err != nil {
		d.count(e.rule, func(s *Stats) { s.FailedToBeSentToDLQ++ })
		d.record(e.rule, "InvocationsFailedToBeSentToDlq")
		d.config.Log.Error("event dropped: the dead-letter queue rejected it", append(log, "queue_error", err)...)
		d.ended(e, retries, errors.Join(cause, err), "")
		return
	}
	d.count(e.rule, func(s *Stats) { s.SentToDLQ++ })
	d.countTarget(e, func(s *TargetStats) { s.SentToDLQ++ })
	d.record(e.rule, "InvocationsSentToDlq")
	d.config.Log.Error("event sent to its dead-letter queue", append(log, "queue", e.target.deadLetterARN)...)
	d.ended(e, retries, cause, e.target.deadLetterARN)
}

func (d *Deliveries) sendToDLQ(e delivered, attributes map[string]string) error {
	if d.config.DeadLetters == nil {
		return fmt.Errorf("no queues are known, %s is not one", e.target.deadLetterARN)
	}
	return d.config.DeadLetters.Send(d.ctx, e.target.deadLetterARN, e.event, attributes)
}

// attrs names the delivery in a log line, without the event's content.
func (d *Deliveries) attrs(e delivered) []any {
	return []any{"rule", e.rule.Name, "target", e.target.arn}
}
