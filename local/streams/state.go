package streams

import (
	"context"
	"time"
)

// States of a mapping, as Lambda names them.
const (
	Enabled   = "Enabled"
	Disabling = "Disabling" // an invocation that began before is still under way
	Disabled  = "Disabled"
)

// Values of LastProcessingResult.
const (
	resultNone = "No records processed"
	resultOK   = "OK"
	resultCall = "PROBLEM: Function call failed"
	resultRead = "PROBLEM: Cannot read the stream: "
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

// Configuration returns the mapping's properties and state.
func (m *Mapping) Configuration() Configuration {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := Configuration{m.properties, m.config.FunctionARN, Enabled, m.modified, m.result}
	switch {
	case !m.enabled && m.invoking > 0:
		c.State = Disabling
	case !m.enabled:
		c.State = Disabled
	}
	return c
}

// SetEnabled enables or disables the mapping. Once it returns, a disabled mapping neither reads
// the stream nor begins an invocation: the records wait, failed ones too. Enabled again, it goes
// on where it stopped.
func (m *Mapping) SetEnabled(enabled bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.enabled == enabled {
		return
	}
	m.enabled, m.modified = enabled, m.config.Now()
	if enabled {
		close(m.resumed)
	} else {
		m.resumed = make(chan struct{})
	}
}

// awaitEnabled waits until the mapping is enabled, and reports false when ctx ends before that.
// With invoke, an invocation has begun when it returns true.
func (m *Mapping) awaitEnabled(ctx context.Context, invoke bool) bool {
	for ctx.Err() == nil {
		m.mu.Lock()
		enabled, resumed := m.enabled, m.resumed
		if enabled && invoke {
			m.invoking++
		}
		m.mu.Unlock()
		if enabled {
			return true
		}
		select {
		case <-resumed:
		case <-ctx.Done():
		}
	}
	return false
}

func (m *Mapping) invoked(result string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.invoking--
	m.result = result
}

func (m *Mapping) readFailed(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.result = resultRead + err.Error()
}
