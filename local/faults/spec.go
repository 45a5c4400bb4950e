package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Fault is what happens to a call that is struck.
type Fault string

// The faults. Which of them a hop has is said by [Set.Add].
const (
	Throttle    Fault = "throttle"     // rejected as the service throttles
	Error       Fault = "error"        // the service's 5xx
	Timeout     Fault = "timeout"      // no response until the caller gives up; the service does not act
	Cut         Fault = "cut"          // the service acts, then the connection is cut without a response
	Partial     Fault = "partial"      // some entries of a batch fail, at least one
	Denied      Fault = "denied"       // rejected as if the caller's permission were removed
	CrashBefore Fault = "crash-before" // the process is killed when it is given the event
	CrashAfter  Fault = "crash-after"  // the process is killed when it returns its response, which is lost
	SlowStart   Fault = "slow-start"   // a new environment starts and takes Seconds longer
	Pending     Fault = "pending"      // Lambda rejects: the image is being prepared
	Duplicate   Fault = "duplicate"    // a batch that was processed is delivered once more
	Reorder     Fault = "reorder"      // the items of a read are delivered last first; each item's records keep their order
	ClockSkew   Fault = "clock-skew"   // a time that services stamp is off by Seconds
)

// Spec describes a fault to inject.
type Spec struct {
	Hop   string `json:"hop"`
	Fault Fault  `json:"fault"`
	// Probability that a call is struck, above 0 and up to 1. Nil means 1.
	Probability *float64 `json:"probability,omitempty"`
	// Times bounds how many calls are struck; 0 means no bound.
	Times int `json:"times,omitempty"`
	// Seconds is how long a slow start takes in addition (0 to 60; default 2), or how far the
	// clock is ahead (-86400 to 86400; not 0).
	Seconds float64 `json:"seconds,omitempty"`
	Where   Where   `json:"where,omitzero"`
}

// Where narrows an AWS call's hop.
type Where struct {
	// Caller is a handler's name or its function's ("webhook-validator",
	// "webhook-validator-dev"), a service of the emulator, or "user". Empty means everybody.
	Caller string `json:"caller,omitempty"`
}

// Callers of AWS calls besides the functions.
const (
	APIGateway = "apigateway" // invokes functions
	Events     = "events"     // EventBridge, delivering to targets and dead-letter queues
	Lambda     = "lambda"     // the stream mapping and on-failure destinations
	States     = "states"     // tasks of the state machine
	CloudWatch = "cloudwatch" // notifications of alarms
	User       = "user"       // anybody else
)

var services = []string{APIGateway, Events, Lambda, States, CloudWatch, User}

// ErrUnsupported is wrapped by the error for a fault that cannot be injected. Its text says
// what can be.
var ErrUnsupported = errors.New("fault not supported")

// Functions are the stack's functions: handler names by function name.
type Functions map[string]string

// handler returns the handler of a function that is given by either name.
func (f Functions) handler(name string) (string, bool) {
	if handler, ok := f[name]; ok {
		return handler, true
	}
	for _, handler := range f {
		if handler == name {
			return handler, true
		}
	}
	return "", false
}

func (f Functions) handlers() []string {
	var names []string
	for _, handler := range f {
		names = append(names, handler)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Hops that are no AWS call.
const (
	functionPrefix = "function:"
	Stream         = "stream" // the batches of the stream mapping
	Clock          = "clock"  // the times that services stamp
)

// FunctionHop returns the hop of a handler.
func FunctionHop(handler string) string { return functionPrefix + handler }

// awsCall matches "service:Action". The services are those whose calls the functions, the
// emulator and operators make; S3's actions are those of its permissions (GetObject,
// PutObject, ListBucket), all other services' are operations of their API.
var awsCall = regexp.MustCompile(`^(cloudformation|cloudwatch|dynamodb|events|lambda|logs|s3|secretsmanager|sns|sqs|states):[A-Z][A-Za-z]+$`)

// batches are the calls with entries that can fail one by one.
var batches = []string{
	"dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "events:PutEvents", "sqs:DeleteMessageBatch", "sqs:SendMessageBatch",
}

// supported returns the faults of a hop, or nil when the hop does not exist.
func supported(hop string, functions Functions) []Fault {
	switch {
	case hop == Stream:
		return []Fault{Duplicate, Reorder}
	case hop == Clock:
		return []Fault{ClockSkew}
	case strings.HasPrefix(hop, functionPrefix):
		if _, known := functions.handler(strings.TrimPrefix(hop, functionPrefix)); !known {
			return nil
		}
		return []Fault{Throttle, CrashBefore, CrashAfter, SlowStart, Pending}
	case awsCall.MatchString(hop):
		all := []Fault{Throttle, Error, Timeout, Cut, Denied}
		if slices.Contains(batches, hop) {
			all = append(all, Partial)
		}
		return all
	}
	return nil
}

// Bounds of Seconds.
const (
	defaultSlowStart = 2 // when the fault does not say
	maxSlowStart     = 60
	maxSkew          = 24 * 60 * 60
)

// check validates a spec and returns it with handler names in place of function names and
// with its defaults. The error wraps ErrUnsupported.
func (s Spec) check(functions Functions) (Spec, error) {
	unsupported := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
	}
	all := supported(s.Hop, functions)
	if all == nil {
		return s, unsupported("hop %q is neither %q, %q, an AWS call such as dynamodb:PutItem (services: %s) nor a function (%s%s)",
			s.Hop, Stream, Clock, "cloudformation, cloudwatch, dynamodb, events, lambda, logs, s3, secretsmanager, sns, sqs, states",
			functionPrefix, strings.Join(functions.handlers(), ", "+functionPrefix))
	}
	if !slices.Contains(all, s.Fault) {
		hint := ""
		if s.Fault == Partial {
			hint = "; partial failures have " + strings.Join(batches, ", ")
		}
		return s, unsupported("%s does not have %q, it has %s%s", s.Hop, s.Fault, join(all), hint)
	}
	if s.Probability != nil && !(*s.Probability > 0 && *s.Probability <= 1) {
		return s, unsupported("probability %v is not above 0 and up to 1", *s.Probability)
	}
	if s.Times < 0 {
		return s, unsupported("times %d is negative", s.Times)
	}
	switch {
	case s.Fault == SlowStart && s.Seconds == 0:
		s.Seconds = defaultSlowStart
	case s.Fault == SlowStart && !(s.Seconds > 0 && s.Seconds <= maxSlowStart):
		return s, unsupported("a slow start takes up to %d seconds, not %v", maxSlowStart, s.Seconds)
	case s.Fault == ClockSkew && (s.Seconds == 0 || !(math.Abs(s.Seconds) <= maxSkew)):
		return s, unsupported("a clock is off by %d to %d seconds, not %v", -maxSkew, maxSkew, s.Seconds)
	case s.Fault != SlowStart && s.Fault != ClockSkew && s.Seconds != 0:
		return s, unsupported("%s has no seconds", s.Fault)
	}
	if handler, ok := functions.handler(strings.TrimPrefix(s.Hop, functionPrefix)); ok && strings.HasPrefix(s.Hop, functionPrefix) {
		s.Hop = FunctionHop(handler)
	}
	if s.Where.Caller != "" {
		if !awsCall.MatchString(s.Hop) {
			return s, unsupported("%s has no callers: where.caller narrows AWS calls", s.Hop)
		}
		if handler, ok := functions.handler(s.Where.Caller); ok {
			s.Where.Caller = handler
		} else if !slices.Contains(services, s.Where.Caller) {
			return s, unsupported("caller %q is none of %s", s.Where.Caller, strings.Join(append(functions.handlers(), services...), ", "))
		}
	}
	return s, nil
}

func join(all []Fault) string {
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = string(f)
	}
	return strings.Join(names, ", ")
}

// Duration returns Seconds.
func (s Strike) Duration() time.Duration { return time.Duration(s.Seconds * float64(time.Second)) }

// Parse reads a spec from JSON text. A member that does not exist is an error.
func Parse(text string) (Spec, error) {
	return decode(json.NewDecoder(strings.NewReader(text)))
}

func decode(d *json.Decoder) (Spec, error) {
	d.DisallowUnknownFields()
	var s Spec
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("a fault is a JSON object such as %s: %w", example, err)
	}
	return s, nil
}

const example = `{"hop":"dynamodb:PutItem","fault":"throttle","probability":0.3,"times":5,"where":{"caller":"webhook-validator"}}`
