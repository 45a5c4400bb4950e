package events

import "time"

// The metrics of AWS/Events. Invocations "includes successful and failed invocations, but doesn't
// include throttled or retried attempts until they fail permanently"; FailedInvocations "the number
// of invocations that failed permanently".
//
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html

func (d *Deliveries) record(r *Rule, name string) {
	if d.config.Metric != nil {
		d.config.Metric(r, name, time.Now())
	}
}

// recordMatch records an event that a rule's pattern matched. A schedule matches none.
func (d *Deliveries) recordMatch(r *Rule) {
	if r.Expression == "" {
		d.record(r, "MatchedEvents")
	}
}

// MetricDimensions returns the dimensions of the rule's metrics as name, value, name, value:
// "Metrics that specify only the RuleName dimension refer to the default event bus."
func (r *Rule) MetricDimensions() []string {
	if r.Bus == defaultBus {
		return []string{"RuleName", r.Name}
	}
	return []string{"EventBusName", r.Bus, "RuleName", r.Name}
}
