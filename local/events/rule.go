package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"
)

// ErrRule is wrapped by the error of a rule that is invalid or not supported.
var ErrRule = errors.New("rule")

// Rule is one AWS::Events::Rule with its targets.
type Rule struct {
	LogicalID  string
	Name       string
	Bus        string // "default" for scheduled rules
	ARN        string
	Expression string // ScheduleExpression; empty for a rule with a pattern

	properties RuleProperties
	enabled    atomic.Bool
	pattern    *Pattern
	targets    []target
}

// Enabled reports whether the rule is enabled, by the template or since by an API call.
func (r *Rule) Enabled() bool { return r.enabled.Load() }

// Continue makes rules that have not changed as enabled as they were before an update of the stack.
func Continue(rules, before []*Rule) {
	for _, r := range rules {
		for _, old := range before {
			if old.ARN == r.ARN && reflect.DeepEqual(old.properties, r.properties) {
				r.enabled.Store(old.Enabled())
			}
		}
	}
}

// TargetRef identifies a target for a Resolver.
type TargetRef struct {
	RuleLogicalID string
	RuleARN       string
	ID            string // the target's Id in its rule
	ARN           string
	RoleARN       string // the role that EventBridge assumes; empty when the rule names none
}

// Resolver returns the target that an ARN stands for. An error stops the start.
type Resolver func(TargetRef) (Target, error)

// target is a rule's target with its settings for delivery.
type target struct {
	id            string
	arn           string
	deliver       Target
	input         input
	deadLetterARN string
	maxRetries    int
	maxAge        time.Duration
}

// The retry policy of a target without one: API reference, RetryPolicy.
const (
	defaultMaxRetries = 185
	defaultMaxAge     = 24 * time.Hour
)

// RuleProperties is AWS::Events::Rule.
type RuleProperties struct {
	Name               string
	Description        string
	EventBusName       string
	EventPattern       json.RawMessage
	ScheduleExpression string
	State              string
	Targets            []TargetProperties
	Tags               json.RawMessage
}

// TargetProperties is a target of a rule.
type TargetProperties struct {
	ID               string `json:"Id"`
	Arn              string
	RoleArn          string                      `json:",omitempty"`
	Input            string                      `json:",omitempty"`
	InputPath        string                      `json:",omitempty"`
	InputTransformer *InputTransformerProperties `json:",omitempty"`
	DeadLetterConfig *struct{ Arn string }       `json:",omitempty"`
	RetryPolicy      *struct {
		MaximumRetryAttempts     *int `json:",omitempty"`
		MaximumEventAgeInSeconds *int `json:",omitempty"`
	} `json:",omitempty"`
}

// strict decodes text and rejects fields that value does not have.
func strict(text []byte, value any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(value)
}

// Scope is the region, account and bus of a rule.
type Scope struct {
	Region, Account string
	Bus             string // "default" for scheduled rules
}

func (s Scope) busARN() string {
	return fmt.Sprintf("arn:aws:events:%s:%s:event-bus/%s", s.Region, s.Account, s.Bus)
}

// ruleARN is arn:…:rule/NAME on the default bus and arn:…:rule/BUS/NAME elsewhere.
func (s Scope) ruleARN(name string) string {
	if s.Bus != defaultBus {
		name = s.Bus + "/" + name
	}
	return fmt.Sprintf("arn:aws:events:%s:%s:rule/%s", s.Region, s.Account, name)
}

const defaultBus = "default"

// NewRule reads a rule. The error wraps ErrRule, starts with the logical id and lists
// everything that is invalid or not supported.
func NewRule(scope Scope, logicalID string, p RuleProperties, resolve Resolver) (*Rule, error) {
	if p.Name == "" {
		p.Name = logicalID
	}
	r := &Rule{
		LogicalID:  logicalID,
		Name:       p.Name,
		Bus:        scope.Bus,
		ARN:        scope.ruleARN(p.Name),
		Expression: p.ScheduleExpression,
		properties: p,
	}
	r.enabled.Store(p.State != "DISABLED")
	var problems []error
	if p.State != "" && p.State != "ENABLED" && p.State != "DISABLED" {
		problems = append(problems, fmt.Errorf("the State %s is not supported", p.State))
	}
	if bus := p.EventBusName; bus != scope.Bus && bus != scope.busARN() && (bus != "" || scope.Bus != defaultBus) {
		problems = append(problems, fmt.Errorf("EventBusName %q is not this bus, %q", bus, scope.Bus))
	}
	if (p.EventPattern == nil) == (p.ScheduleExpression == "") {
		problems = append(problems, errors.New("needs either an EventPattern or a ScheduleExpression"))
	}
	if p.EventPattern != nil {
		var err error
		if r.pattern, err = ParsePattern(p.EventPattern); err != nil {
			problems = append(problems, err)
		}
	}
	// Service quota: five targets per rule.
	if len(p.Targets) > 5 {
		problems = append(problems, fmt.Errorf("%d targets, EventBridge allows 5 per rule", len(p.Targets)))
	}
	for _, tp := range p.Targets {
		t, err := newTarget(tp, r, resolve)
		if err != nil {
			problems = append(problems, fmt.Errorf("target %s: %w", tp.ID, err))
			continue
		}
		r.targets = append(r.targets, t)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w %s: %w", ErrRule, logicalID, errors.Join(problems...))
	}
	return r, nil
}

func newTarget(p TargetProperties, r *Rule, resolve Resolver) (target, error) {
	t := target{id: p.ID, arn: p.Arn, maxRetries: defaultMaxRetries, maxAge: defaultMaxAge}
	var problems []error
	var err error
	if t.input, err = newInput(p); err != nil {
		problems = append(problems, err)
	}
	if t.deliver, err = resolve(TargetRef{r.LogicalID, r.ARN, p.ID, p.Arn, p.RoleArn}); err != nil {
		problems = append(problems, err)
	}
	if p.DeadLetterConfig != nil {
		t.deadLetterARN = p.DeadLetterConfig.Arn
	}
	if p.RetryPolicy != nil {
		if n := p.RetryPolicy.MaximumRetryAttempts; n != nil {
			t.maxRetries = *n
			if *n < 0 || *n > defaultMaxRetries {
				problems = append(problems, fmt.Errorf("MaximumRetryAttempts %d is not 0 to 185", *n))
			}
		}
		if n := p.RetryPolicy.MaximumEventAgeInSeconds; n != nil {
			t.maxAge = time.Duration(*n) * time.Second
			if *n < 60 || *n > 86400 {
				problems = append(problems, fmt.Errorf("MaximumEventAgeInSeconds %d is not 60 to 86400", *n))
			}
		}
	}
	return t, errors.Join(problems...)
}

// Selects reports whether the rule is enabled and its pattern matches.
func (r *Rule) Selects(event []byte) (bool, error) {
	if !r.Enabled() || r.pattern == nil {
		return false, nil
	}
	return r.pattern.Matches(event)
}
