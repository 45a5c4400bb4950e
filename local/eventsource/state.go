package eventsource

import (
	"context"
	"sync"
	"time"
)

// States of a mapping, as Lambda names them.
const (
	Enabled   = "Enabled"
	Disabling = "Disabling" // an invocation that began before is still under way
	Disabled  = "Disabled"
)

// Values of LastProcessingResult. ResultRead is followed by the source and the error.
const (
	ResultNone = "No records processed"
	ResultOK   = "OK"
	ResultCall = "PROBLEM: Function call failed"
	ResultRead = "PROBLEM: Cannot read the "
)

// Configuration is what Lambda's API says of a mapping.
// https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
type Configuration struct {
	Properties
	FunctionARN          string
	State                string
	LastModified         time.Time
	LastProcessingResult string
}

// State is the part of a mapping that changes: whether it is enabled, what is under way, and
// what it counts. It is safe for concurrent use.
type State struct {
	properties  Properties
	functionARN string
	now         func() time.Time

	mu       sync.Mutex
	enabled  bool
	resumed  chan struct{} // closed while the mapping is enabled
	invoking int           // invocations under way
	modified time.Time
	result   string // of the last batch or read
	stats    Stats
}

// NewState returns the state of a mapping that is enabled unless its properties say otherwise.
func NewState(p Properties, functionARN string, now func() time.Time) *State {
	s := &State{properties: p, functionARN: functionARN, now: now, enabled: true, resumed: make(chan struct{}), modified: now(), result: ResultNone}
	close(s.resumed)
	if p.Enabled != nil {
		s.SetEnabled(*p.Enabled)
	}
	return s
}

// EventSourceARN is the ARN of the source.
func (s *State) EventSourceARN() string { return s.properties.EventSourceArn }

// FunctionName is the function's name or ARN.
func (s *State) FunctionName() string { return s.properties.FunctionName }

// Configuration returns the mapping's properties and state.
func (s *State) Configuration() Configuration {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Configuration{s.properties, s.functionARN, Enabled, s.modified, s.result}
	switch {
	case !s.enabled && s.invoking > 0:
		c.State = Disabling
	case !s.enabled:
		c.State = Disabled
	}
	return c
}

// SetEnabled enables or disables the mapping. Once it returns, a disabled mapping neither reads
// its source nor begins an invocation: what is there waits. Enabled again, it goes on.
func (s *State) SetEnabled(enabled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.enabled == enabled {
		return
	}
	s.enabled, s.modified = enabled, s.now()
	if enabled {
		close(s.resumed)
	} else {
		s.resumed = make(chan struct{})
	}
}

// AwaitEnabled waits until the mapping is enabled, and reports false when ctx ends before that,
// and whether it had to wait.
func (s *State) AwaitEnabled(ctx context.Context) (ok, waited bool) {
	return s.await(ctx, func() {})
}

// AwaitInvocation is AwaitEnabled; an invocation has begun when it returns true.
func (s *State) AwaitInvocation(ctx context.Context) bool {
	ok, _ := s.await(ctx, func() { s.invoking++ })
	return ok
}

func (s *State) await(ctx context.Context, begin func()) (ok, waited bool) {
	for ; ctx.Err() == nil; waited = true {
		s.mu.Lock()
		enabled, resumed := s.enabled, s.resumed
		if enabled {
			begin()
		}
		s.mu.Unlock()
		if enabled {
			return true, waited
		}
		select {
		case <-resumed:
		case <-ctx.Done():
		}
	}
	return false, waited
}

// BeginInvocation begins an invocation, and reports false when the mapping is disabled.
func (s *State) BeginInvocation() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.enabled {
		s.invoking++
	}
	return s.enabled
}

// EndInvocation ends one that has begun, with its result.
func (s *State) EndInvocation(result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invoking--
	s.result = result
}

// ReadFailed records that a source, such as "queue", could not be read.
func (s *State) ReadFailed(source string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result = ResultRead + source + ": " + err.Error()
}

// Count changes the counts.
func (s *State) Count(change func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.stats)
}

// Stats returns the counts.
func (s *State) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}
