package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"payment-webhooks/local/clock"
	"payment-webhooks/local/eventsource"
)

// maxWait bounds the wait after consecutive failed calls: Lambda goes on trying.
const maxWait = 5 * time.Second

// Run receives messages until ctx ends, and returns nil then. A mapping runs once.
func (m *Mapping) Run(ctx context.Context, source Source) error {
	visibility, _, err := source.State(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("queue %s: %w", m.EventSourceARN(), err)
	}
	m.mu.Lock()
	m.source = source
	m.mu.Unlock()
	var batch []Message
	var bytes int
	var since time.Time // when the first message of the batch was received
	wait := m.config.PollInterval
	for {
		ok, waited := m.AwaitEnabled(ctx)
		if !ok {
			return nil
		}
		if waited { // what was received before is visible again, now or soon
			batch, bytes = nil, 0
		}
		received, err := source.Receive(ctx)
		if err != nil {
			m.failed(ctx, err)
			clock.Sleep(ctx, wait)
			wait = min(2*wait, maxWait)
			continue
		}
		wait = m.config.PollInterval
		if len(batch) == 0 {
			since = m.config.Now()
		}
		for _, message := range received {
			size := len(m.record(message))
			if len(batch) == m.batchSize || bytes+size > eventsource.MaxEventBytes {
				m.deliver(ctx, source, batch, visibility)
				batch, bytes, since = nil, 0, m.config.Now()
			}
			batch, bytes = append(batch, message), bytes+size
		}
		// A full response has left messages behind, which the same batch should hold however
		// slowly they are read.
		drained := len(received) < maxEntries
		if len(batch) > 0 && (len(batch) == m.batchSize || drained && m.config.Now().Sub(since) >= m.window) {
			m.deliver(ctx, source, batch, visibility)
			batch, bytes = nil, 0
		}
		if len(received) == 0 {
			clock.Sleep(ctx, m.config.PollInterval)
		}
	}
}

func (m *Mapping) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	m.ReadFailed("queue", err)
	m.config.Log.WarnContext(ctx, "queue cannot be read, will retry", "mapping", m.logicalID, "error", err)
}

// deliver invokes the function with a batch, and deletes what it processed. The rest is
// received again, until the queue's redrive policy moves it.
func (m *Mapping) deliver(ctx context.Context, source Source, batch []Message, visibility time.Duration) {
	if !m.BeginInvocation() {
		return
	}
	result, err := m.config.Function.Invoke(ctx, m.event(batch))
	done, rest := m.split(batch, result, err)
	outcome := eventsource.ResultOK
	if len(rest) > 0 {
		outcome = eventsource.ResultCall
		m.config.Log.WarnContext(ctx, "messages not processed, will be received again", "mapping", m.logicalID, "messages", len(rest), "error", err, "function_error", result.FunctionError)
	}
	if err := source.Delete(ctx, done); err != nil && ctx.Err() == nil {
		m.config.Log.WarnContext(ctx, "messages not deleted, will be received again", "mapping", m.logicalID, "messages", len(done), "error", err)
	}
	if m.config.TimeScale > 1 && len(rest) > 0 {
		if err := source.Hide(ctx, rest, m.scaled(visibility)); err != nil && ctx.Err() == nil {
			m.config.Log.WarnContext(ctx, "failed messages stay hidden for the visibility timeout", "mapping", m.logicalID, "error", err)
		}
	}
	m.EndInvocation(outcome)
	m.Count(func(s *eventsource.Stats) {
		s.Batches++
		s.Delivered += len(done)
		if len(rest) > 0 {
			s.Failed++
		}
	})
}

// split separates what the function processed from the rest. Developer guide, "Implementing
// partial batch responses" (services-sqs-errorhandling): an identifier that is null, empty or
// not a message's fails the whole batch.
func (m *Mapping) split(batch []Message, result eventsource.Result, err error) (done, rest []Message) {
	if err != nil || result.FunctionError != "" {
		return nil, batch
	}
	if !m.partial {
		return batch, nil
	}
	identifiers, ok := eventsource.FailedItems(result.Payload)
	if !ok {
		return nil, batch
	}
	failed := map[string]bool{}
	for _, identifier := range identifiers {
		failed[identifier] = true
	}
	for _, message := range batch {
		if failed[message.ID] {
			rest = append(rest, message)
		} else {
			done = append(done, message)
		}
		delete(failed, message.ID)
	}
	if len(failed) > 0 {
		return nil, batch
	}
	return done, rest
}

// event returns the event of a batch.
func (m *Mapping) event(batch []Message) []byte {
	records := make([]json.RawMessage, len(batch))
	for i, message := range batch {
		records[i] = m.record(message)
	}
	event, _ := json.Marshal(map[string]any{"Records": records}) // text encodes
	return event
}

// record is a message as functions receive it: developer guide, "Using Lambda with Amazon SQS"
// (with-sqs).
func (m *Mapping) record(message Message) json.RawMessage {
	record, _ := json.Marshal(map[string]any{ // text encodes
		"messageId": message.ID, "receiptHandle": message.Receipt, "body": message.Body, "attributes": message.Attributes,
		"messageAttributes": map[string]any{}, "md5OfBody": message.MD5, "eventSource": "aws:sqs",
		"eventSourceARN": m.EventSourceARN(), "awsRegion": strings.Split(m.EventSourceARN()+":::", ":")[3],
	})
	return record
}
