package lambda

import (
	"errors"
	"time"
)

// The metrics of AWS/Lambda by FunctionName. Two of them are recorded where their events are: an
// asynchronous event that is given up counts as AsyncEventsDropped also when it went to the
// on-failure destination, and one that the destination did not accept as
// DestinationDeliveryFailures. Those of the event source mapping are recorded by package streams.
//
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html

func (f *Function) record(name string, value float64, at time.Time) {
	if f.config.Metric != nil {
		f.config.Metric(name, value, at)
	}
}

// recordInvocation records an invocation. The timestamp of Errors "reflects when the function was
// invoked, not when the error occurred".
func (f *Function) recordInvocation(r Response, began time.Time) {
	failed := 0.0
	if r.FunctionError != "" {
		failed = 1
	}
	f.record("Invocations", 1, began)
	f.record("Errors", failed, began)
	f.record("Throttles", 0, began)
	f.record("Duration", float64(time.Since(began))/float64(time.Millisecond), began)
}

// recordRejected records an invocation that did not begin. Throttled ones "aren't counted as
// either Invocations or Errors".
func (f *Function) recordRejected(err error) {
	if errors.Is(err, ErrThrottled) {
		f.record("Throttles", 1, time.Now())
	}
}
