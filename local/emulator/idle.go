package emulator

import (
	"context"
	"fmt"
	"strings"
	"time"

	"payment-webhooks/local/clock"
	"payment-webhooks/local/eventsource"
)

// idle waits until nothing is under way: every record that an enabled mapping reads is
// processed, its queue is empty, every event is delivered or given up, every execution and asynchronous
// invocation has ended, and what they logged is in CloudWatch. They are waited for in the
// order in which one leads to another. Requests to the API are not waited for.
func (e *Emulator) idle(ctx context.Context) error {
	if err := e.idleMappings(ctx, "dynamodb"); err != nil {
		return err
	}
	if err := e.deliveries.Idle(ctx); err != nil {
		return fmt.Errorf("events are under way: %w", err)
	}
	if err := e.idleMappings(ctx, "sqs"); err != nil {
		return err
	}
	for name, function := range e.functions {
		for function.Queued() > 0 {
			if !clock.Sleep(ctx, 5*time.Millisecond) {
				return fmt.Errorf("%d asynchronous events of %s are under way: %w", function.Queued(), name, context.Cause(ctx))
			}
		}
	}
	for arn, machine := range e.machines {
		if err := machine.Idle(ctx); err != nil {
			return fmt.Errorf("executions of %s are under way: %w", arn, err)
		}
	}
	e.writer.Flush(context.WithoutCancel(ctx))
	return ctx.Err()
}

// idleMappings waits for the enabled mappings whose sources are of a service.
func (e *Emulator) idleMappings(ctx context.Context, service string) error {
	for _, m := range e.mappings {
		if m.Configuration().State == eventsource.Disabled || !strings.HasPrefix(m.EventSourceARN(), "arn:aws:"+service+":") {
			continue
		}
		if err := m.Idle(ctx); err != nil {
			return fmt.Errorf("records of %s are under way: %w", m.EventSourceARN(), err)
		}
	}
	return nil
}
