package flow

import (
	"slices"
	"strings"

	"payment-webhooks/local/cloudwatch"
)

// Watch is an alarm of the template, for what it says is to be done.
type Watch struct {
	Name, Description string // AlarmName and AlarmDescription
	// Metric is namespace and name of the metric that the alarm watches; "" if it calculates.
	Metric     string
	Dimensions []string // name, value, name, value of all metrics that it reads, in their order
}

// has reports whether the alarm watches a metric with this dimension.
func (w Watch) has(name, value string) bool {
	for pair := range slices.Chunk(w.Dimensions, 2) {
		if pair[0] == name && pair[1] == value {
			return true
		}
	}
	return false
}

// notEmpty is the metric of a queue's messages.
const notEmpty = "AWS/SQS ApproximateNumberOfMessagesVisible"

// failureMetrics are the metrics of a kind whose values above 0 mean that a hop failed.
//
//   - https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
//   - https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
//   - https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
//   - https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
//   - https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
var failureMetrics = map[Kind][]failureMetric{
	API: {{"AWS/ApiGateway", "5XXError", "response", " with a status of 500 or more"}},
	Function: {
		{"AWS/Lambda", "Errors", "failed invocation", ""},
		{"AWS/Lambda", "Throttles", "throttled invocation", ""},
		{"AWS/Lambda", "DestinationDeliveryFailures", "failed event", " that its destination did not accept"},
	},
	Rule:     ruleFailures,
	Schedule: ruleFailures,
	Machine: {
		{"AWS/States", "ExecutionsFailed", "failed execution", ""},
		{"AWS/States", "ExecutionsTimedOut", "execution", " that ran out of time"},
		{"AWS/States", "ExecutionsAborted", "aborted execution", ""},
	},
	Topic: {{"AWS/SNS", "NumberOfNotificationsFailed", "notification", " not delivered"}},
}

var ruleFailures = []failureMetric{
	{"AWS/Events", "FailedInvocations", "event", " that the target did not accept"},
	{"AWS/Events", "InvocationsFailedToBeSentToDlq", "event", " that its dead-letter queue did not accept"},
}

// failureMetric is a metric with the words for what it counts: "3 events that the target did not accept".
type failureMetric struct{ namespace, name, noun, rest string }

// dimensions returns the dimensions that CloudWatch has for a node's metrics.
func (n *Node) dimensions(g *Graph) []string {
	switch n.Kind {
	case API:
		return []string{"ApiName", n.Physical, "Stage", n.stage}
	case Function:
		return []string{"FunctionName", n.Physical}
	case Queue:
		return []string{"QueueName", n.Physical}
	case Machine:
		return []string{"StateMachineArn", n.arn}
	case Topic:
		return []string{"TopicName", n.Physical}
	case Rule, Schedule:
		for _, e := range g.Edges {
			if e.To != n.ID || e.From == "" {
				continue
			}
			if bus := g.Node(e.From); bus.Kind == Bus && bus.Physical != defaultBus {
				return []string{"EventBusName", bus.Physical, "RuleName", n.Physical}
			}
		}
		return []string{"RuleName", n.Physical}
	}
	return nil
}

// of reports whether the alarm watches this metric with these dimensions, in any order, and nothing else.
func (w Watch) of(m failureMetric, dimensions []string) bool {
	if w.Metric != m.namespace+" "+m.name || len(w.Dimensions) != len(dimensions) {
		return false
	}
	for pair := range slices.Chunk(dimensions, 2) {
		if !w.has(pair[0], pair[1]) {
			return false
		}
	}
	return true
}

// concerns reports whether an alarm watches a node, by one of its own dimensions.
func (w Watch) concerns(n *Node) bool {
	for _, name := range map[Kind][]string{
		API: {"ApiName"}, Function: {"FunctionName"}, Queue: {"QueueName"}, Machine: {"StateMachineArn"}, Topic: {"TopicName"}, Rule: {"RuleName"}, Schedule: {"RuleName"},
	}[n.Kind] {
		if w.has(name, n.Physical) || n.Kind == Machine && w.has(name, n.arn) {
			return true
		}
	}
	return false
}

func (r *reader) watches() (list []Watch) {
	for _, resource := range r.stack.ByType("AWS::CloudWatch::Alarm") {
		var p cloudwatch.AlarmProperties
		if err := r.resolver.Into(resource, &p); err != nil {
			r.problems = append(r.problems, err)
			continue
		}
		w := Watch{Name: p.AlarmName, Description: p.AlarmDescription}
		if p.MetricName != "" {
			w.Metric = p.Namespace + " " + p.MetricName
		}
		add := func(dimensions []cloudwatch.Dimension) {
			for _, d := range dimensions {
				w.Dimensions = append(w.Dimensions, d.Name, d.Value)
			}
		}
		add(p.Dimensions)
		for _, q := range p.Metrics {
			if q.MetricStat != nil {
				add(q.MetricStat.Metric.Dimensions)
			}
		}
		list = append(list, w)
	}
	slices.SortFunc(list, func(a, b Watch) int { return strings.Compare(a.Name, b.Name) })
	return list
}
