package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"payment-webhooks/local/clock"
	"payment-webhooks/local/events"
)

// Errors of Fire.
var (
	ErrUnknownRule = errors.New("no scheduled rule has this name")
	ErrDisabled    = errors.New("the scheduled rule is disabled")
)

// Config configures schedules. Now and NewID are the real clock and random UUIDs when nil.
type Config struct {
	Region, Account string
	Deliveries      *events.Deliveries
	Now             func() time.Time
	NewID           func() string
}

// Schedules are the scheduled rules of the default bus. It is safe for concurrent use.
type Schedules struct {
	config Config
	mu     sync.Mutex
	rules  []*scheduled
}

type scheduled struct {
	rule       *events.Rule
	expression Expression
	since      time.Time
	next       time.Time // zero: never again
}

// Info describes a scheduled rule. Next is zero when the rule will not fire by itself.
type Info struct {
	LogicalID  string    `json:"logicalId"`
	Name       string    `json:"name"`
	ARN        string    `json:"arn"`
	Expression string    `json:"expression"`
	Enabled    bool      `json:"enabled"`
	Next       time.Time `json:"next,omitzero"`
}

// New returns schedules without rules.
func New(c Config) *Schedules {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = uuid.NewString
	}
	return &Schedules{config: c}
}

// AddRule adds a rule with a ScheduleExpression; call it before Run. The error wraps
// events.ErrRule, and ErrExpression where that is the reason, and starts with the logical id.
func (s *Schedules) AddRule(logicalID string, properties events.RuleProperties, resolve events.Resolver) error {
	// "You can only create scheduled rules using the default event bus."
	rule, err := events.NewRule(events.Scope{Region: s.config.Region, Account: s.config.Account, Bus: "default"}, logicalID, properties, resolve)
	if err != nil {
		return err
	}
	expression, err := Parse(rule.Expression)
	if err != nil {
		return fmt.Errorf("%w %s: %w", events.ErrRule, logicalID, err)
	}
	now := s.config.Now()
	r := &scheduled{rule: rule, expression: expression, since: now}
	r.next, _ = expression.Next(now, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, r)
	return nil
}

// List returns the rules in the order in which they were added.
func (s *Schedules) List() []Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Info, len(s.rules))
	for i, r := range s.rules {
		all[i] = Info{LogicalID: r.rule.LogicalID, Name: r.rule.Name, ARN: r.rule.ARN, Expression: r.rule.Expression, Enabled: r.rule.Enabled()}
		if all[i].Enabled {
			all[i].Next = r.next
		}
	}
	return all
}

// Rules returns the rules in the order in which they were added.
func (s *Schedules) Rules() []*events.Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*events.Rule, len(s.rules))
	for i, r := range s.rules {
		all[i] = r.rule
	}
	return all
}

// Fire delivers the rule's event now, with the time at. The name may be the logical id. Errors
// are ErrUnknownRule and ErrDisabled.
func (s *Schedules) Fire(_ context.Context, name string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if r.rule.Name != name && r.rule.LogicalID != name {
			continue
		}
		if !r.rule.Enabled() {
			return fmt.Errorf("%w: %s", ErrDisabled, name)
		}
		s.deliver(r, at)
		return nil
	}
	return fmt.Errorf("%w: %s", ErrUnknownRule, name)
}

// longestWait bounds the time until Run reads the clock again, so that rules fire soon after
// the machine wakes from sleep.
const longestWait = time.Minute

// Run fires rules when they are due, until ctx ends. A rule that became due while the machine
// was asleep fires once, late.
func (s *Schedules) Run(ctx context.Context) {
	for {
		if !clock.Sleep(ctx, s.fireDue()) {
			return
		}
	}
}

// fireDue fires every rule that is due and returns the time until the next one.
func (s *Schedules) fireDue() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Now()
	wait := longestWait
	for _, r := range s.rules {
		if r.next.IsZero() {
			continue
		}
		if !r.next.After(now) {
			if r.rule.Enabled() {
				s.deliver(r, r.next)
			}
			r.next, _ = r.expression.Next(r.since, now)
		}
		if !r.next.IsZero() {
			wait = min(wait, r.next.Sub(now))
		}
	}
	return wait
}

// deliver starts the delivery of the scheduled event: EventBridge user guide, "Events from
// scheduled rules".
func (s *Schedules) deliver(r *scheduled, at time.Time) {
	event := events.NewEvent(events.Envelope{
		ID: s.config.NewID(), DetailType: "Scheduled Event", Source: "aws.events", Account: s.config.Account, Time: at,
		Region: s.config.Region, Resources: []string{r.rule.ARN}, Detail: json.RawMessage(`{}`),
	})
	s.config.Deliveries.Deliver(r.rule, event, s.config.Now())
}
