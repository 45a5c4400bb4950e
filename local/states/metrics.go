package states

import "time"

// The metrics of AWS/States by StateMachineArn.
// https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html

func (m *Machine) record(name string, value float64, at time.Time) {
	if m.config.Metric != nil {
		m.config.Metric(name, value, at)
	}
}

func (m *Machine) recordEnd(end Execution) {
	name := map[Status]string{
		Succeeded: "ExecutionsSucceeded", Failed: "ExecutionsFailed", TimedOut: "ExecutionsTimedOut", Aborted: "ExecutionsAborted",
	}[end.Status]
	m.record(name, 1, *end.Stopped)
	m.record("ExecutionTime", float64(end.Stopped.Sub(end.Started))/float64(time.Millisecond), *end.Stopped)
}
