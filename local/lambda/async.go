package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"payment-webhooks/local/clock"
)

// AsyncConfig is an AWS::Lambda::EventInvokeConfig. The zero value is not the
// default: see [DefaultAsync].
type AsyncConfig struct {
	MaximumRetryAttempts int
	MaximumEventAge      time.Duration
	OnFailure            string // ARN of the destination, "" for none
	// Send sends the record of a failed invocation to the destination.
	Send func(ctx context.Context, destinationARN string, record []byte) error
}

// DefaultAsync is the configuration of a function without an EventInvokeConfig.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
var DefaultAsync = AsyncConfig{MaximumRetryAttempts: 2, MaximumEventAge: 6 * time.Hour}

// InvokeAsync queues the event and returns its request id (InvocationType
// Event). A function error is retried after one minute, then two; a throttle
// after 1 s, 2 s, 4 s … up to 5 minutes, until the event is too old.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
func (f *Function) InvokeAsync(request Request) (string, error) {
	if len(request.Payload) > maxAsyncBytes {
		return "", fmt.Errorf("%w: Request must be smaller than %d bytes for the InvokeFunction operation", ErrTooLarge, maxAsyncBytes)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return "", ErrClosed
	}
	requestID := uuid.NewString()
	f.wait.Add(1)
	f.queued++
	go func() {
		defer f.wait.Done()
		f.deliver(requestID, request)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.queued--
	}()
	return requestID, nil
}

// Queued is the number of asynchronous events that are neither processed nor given up.
func (f *Function) Queued() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.queued
}

func (f *Function) deliver(requestID string, request Request) {
	accepted := time.Now()
	var skipped time.Duration // the part of the waits that TimeScale removed
	invokes, throttles := 0, 0
	var last Response
	for {
		condition := ""
		var pause time.Duration
		response, err := f.invoke(f.ctx, requestID, request)
		switch {
		case err == nil:
			invokes++
			last = response
			if response.FunctionError == "" {
				return
			}
			if invokes > f.config.Async.MaximumRetryAttempts {
				condition = "RetriesExhausted"
			}
			pause = time.Duration(invokes) * time.Minute
		case f.ctx.Err() != nil || errors.Is(err, ErrClosed):
			f.lost(requestID, "the local run ended")
			return
		default: // throttled, or no environment could be started
			pause = min(time.Second<<min(throttles, 9), 5*time.Minute)
			throttles++
		}
		if condition == "" && time.Since(accepted)+skipped+pause > f.config.Async.MaximumEventAge {
			condition = "EventAgeExceeded"
		}
		if condition != "" {
			f.fail(requestID, request, last, condition, invokes)
			return
		}
		scaled := time.Duration(float64(pause) / f.config.TimeScale)
		skipped += pause - scaled
		if !clock.Sleep(f.ctx, scaled) {
			f.lost(requestID, "the local run ended")
			return
		}
	}
}

// fail sends the invocation record to the on-failure destination.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
func (f *Function) fail(requestID string, request Request, last Response, condition string, invokes int) {
	f.record("AsyncEventsDropped", 1, time.Now())
	if f.config.Async.OnFailure == "" {
		f.lost(requestID, condition+", and the function has no on-failure destination")
		return
	}
	type requestContext struct {
		RequestID              string `json:"requestId"`
		FunctionArn            string `json:"functionArn"`
		Condition              string `json:"condition"`
		ApproximateInvokeCount int    `json:"approximateInvokeCount"`
	}
	type responseContext struct {
		StatusCode      int    `json:"statusCode"`
		ExecutedVersion string `json:"executedVersion"`
		FunctionError   string `json:"functionError"`
	}
	record := struct {
		Version         string           `json:"version"`
		Timestamp       string           `json:"timestamp"`
		RequestContext  requestContext   `json:"requestContext"`
		RequestPayload  json.RawMessage  `json:"requestPayload"`
		ResponseContext *responseContext `json:"responseContext,omitempty"`
		ResponsePayload json.RawMessage  `json:"responsePayload,omitempty"`
	}{
		Version:        "1.0",
		Timestamp:      time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		RequestContext: requestContext{requestID, f.config.ARN + ":$LATEST", condition, invokes},
		RequestPayload: orNull(request.Payload),
	}
	if invokes > 0 {
		record.ResponseContext = &responseContext{200, "$LATEST", last.FunctionError}
		record.ResponsePayload = orNull(last.Payload)
	}
	body, err := json.Marshal(record)
	if err == nil {
		err = f.config.Async.Send(f.ctx, f.config.Async.OnFailure, body)
	}
	if err != nil {
		f.record("DestinationDeliveryFailures", 1, time.Now())
		f.lost(requestID, fmt.Sprintf("%s, and its record could not be sent to %s: %v", condition, f.config.Async.OnFailure, err))
	}
}

func (f *Function) lost(requestID, reason string) {
	f.config.Notices.Error("asynchronous event lost", "function", f.config.Name, "request_id", requestID, "reason", reason)
}

// orNull returns the payload if it is JSON, else null.
func orNull(payload []byte) json.RawMessage {
	if !json.Valid(payload) {
		return json.RawMessage("null")
	}
	return payload
}
