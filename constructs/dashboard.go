package constructs

import (
	"cmp"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// freeMetrics is how many metrics a dashboard may show to be one of the three that an account
// has for nothing; any other costs 3 dollars a month. Each line of a graph counts here, an
// expression as one: AWS does not say how it counts two statistics of one metric, or the
// metrics that a search finds.
// https://aws.amazon.com/cloudwatch/pricing/
const freeMetrics = 50

// dashboard is what one dashboard shows.
type dashboard struct {
	id   string
	name string // physical
	help string // Markdown, above the graphs
	rows [][]graph
}

// graph is a widget of a third of a dashboard's 24 columns.
type graph struct {
	title     string
	left      []awscloudwatch.IMetric
	unit      string                  // of the left axis; "": a count
	right     []awscloudwatch.IMetric // in another unit, with an axis of their own
	rightUnit string
}

// widget's axes begin at 0: CloudWatch would begin them near the smallest value, where a quiet hour looks like a steep one.
func (g graph) widget() awscloudwatch.IWidget {
	axis := func(unit string) *awscloudwatch.YAxisProps {
		return &awscloudwatch.YAxisProps{Label: jsii.String(cmp.Or(unit, "count")), Min: jsii.Number(0), ShowUnits: jsii.Bool(false)}
	}
	props := &awscloudwatch.GraphWidgetProps{
		Title: jsii.String(g.title), Width: jsii.Number(8), Height: jsii.Number(6), Left: &g.left, LeftYAxis: axis(g.unit),
	}
	if g.right != nil {
		props.Right, props.RightYAxis = &g.right, axis(g.rightUnit)
	}
	return awscloudwatch.NewGraphWidget(props)
}

// maxAlarmsInWidget is how many alarms a widget shows.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
const maxAlarmsInWidget = 100

// head is the first row: what is wrong now, and what to read. AWS counts the metrics of dashboards, and says nothing of the
// alarms that they show.
func (d dashboard) head(alarms []interfacesawscloudwatch.IAlarmRef) []awscloudwatch.IWidget {
	alarms = alarms[:min(len(alarms), maxAlarmsInWidget)]
	return []awscloudwatch.IWidget{
		awscloudwatch.NewTextWidget(&awscloudwatch.TextWidgetProps{Markdown: jsii.String(d.help), Width: jsii.Number(8), Height: jsii.Number(3)}),
		awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
			Title: jsii.String("In alarm"), Alarms: &alarms, States: &[]awscloudwatch.AlarmState{awscloudwatch.AlarmState_ALARM},
			Width: jsii.Number(16), Height: jsii.Number(3),
		}),
	}
}

// size is how many metrics the dashboard shows.
func (d dashboard) size() (n int) {
	for _, row := range d.rows {
		for _, g := range row {
			n += len(g.left) + len(g.right)
		}
	}
	return n
}

// warning says what a dashboard costs that is too large to be free, or "".
func (d dashboard) warning() string {
	if d.size() <= freeMetrics {
		return ""
	}
	return fmt.Sprintf("The dashboard %s shows %d metrics and costs 3 dollars a month: only dashboards of at most %d are free. "+
		"Each tier and each provider adds some; delete graphs in constructs/dashboard.go that you do not need.", d.name, d.size(), freeMetrics)
}

// What the dashboards say above their graphs.
const (
	overviewHelp = "An alarm's description says what to do. `scripts/ops find ID` shows what became of a payment, `scripts/ops dlq list` what was given up.\n\n" +
		"Rows: what comes in, what fails, what becomes of it, whether the books agree."
	detailsHelp = "For what the first dashboard makes one ask: where, and why. An empty graph of failures is a good one."
)

// dashboards are two, the second for what the first makes one ask. What an alarm watches and
// nobody looks at otherwise is on neither.
func (m metrics) dashboards() []dashboard {
	return []dashboard{
		{"Dashboard", contract.DashboardPrefix + m.p.Suffix, overviewHelp, m.overview()},
		{"Details", contract.DetailsPrefix + m.p.Suffix, detailsHelp, m.details()},
	}
}

// Colours of what is always good or bad, so that it is seen at a glance. CloudWatch would give the first line blue, the
// second orange, the third green and the fourth red, whatever they mean.
var (
	good, bad, poor, neutral, grey = awscloudwatch.Color_GREEN, awscloudwatch.Color_RED, awscloudwatch.Color_ORANGE, awscloudwatch.Color_BLUE, awscloudwatch.Color_GREY
)

func in(color func() *string, metric awscloudwatch.IMetric) awscloudwatch.IMetric {
	return metric.(awscloudwatch.Metric).With(&awscloudwatch.MetricOptions{Color: color()})
}

type graphed = []awscloudwatch.IMetric

// perFunction is a metric of every function.
func (m metrics) perFunction(metric, statistic string) graphed {
	return each(m.functions(), func(fn namedFunction) awscloudwatch.IMetric { return m.lambda(fn, metric, statistic, fn.name) })
}

// perTier is a metric of every tier's rule.
func (m metrics) perTier(metric string) graphed {
	return each(m.p.Routing.Routes(), func(r Route) awscloudwatch.IMetric { return m.rule(r, metric, r.Name) })
}

// perProvider is a metric of every provider whose deliveries are verified.
func (m metrics) perProvider(metric string) graphed {
	return each(m.providers(), func(name string) awscloudwatch.IMetric { return m.provider(metric, name, name) })
}

// overview is what somebody who was woken looks at first: does everything that comes in go
// out, and what was given up.
func (m metrics) overview() [][]graph {
	sum := func(color func() *string, name, label string, dimensions ...*string) awscloudwatch.IMetric {
		return in(color, m.business(name, "Sum", label, dimensions...))
	}
	level := func(color func() *string, name string) awscloudwatch.IMetric {
		return sum(color, contract.MetricScored, name, jsii.String(contract.DimensionRiskLevel), jsii.String(name))
	}
	archive := graph{
		title: "Archive",
		left:  graphed{sum(good, contract.MetricArchiveRuns, "complete runs")}, unit: "runs",
		right: graphed{in(bad, m.business(contract.MetricArchiveBacklog, "Maximum", "hours overdue"))}, rightUnit: "hours",
	}
	rows := [][]graph{
		{ // what comes in
			{title: "Deliveries", left: graphed{
				sum(good, contract.MetricAccepted, "accepted"),
				sum(grey, contract.MetricDuplicates, "duplicate"),
				sum(awscloudwatch.Color_PURPLE, contract.MetricConflicts, "conflicting"),
				sum(poor, contract.MetricRejected, "rejected"),
				sum(awscloudwatch.Color_BROWN, contract.MetricQuarantined, "quarantined"),
				sum(bad, contract.MetricStoreUnavailable, "store unavailable"),
			}},
			{title: "API requests and errors", left: graphed{
				in(neutral, m.api("Count", "Sum", "requests")), in(poor, m.api("4XXError", "Sum", "4XX")), in(bad, m.api("5XXError", "Sum", "5XX")),
				sum(awscloudwatch.Color_PURPLE, contract.MetricThrottled, "429"),
			}},
			{title: "API latency (ms)", left: graphed{m.api("Latency", "p50", "p50"), m.api("Latency", "p99", "p99")}, unit: "ms"},
		},
		{ // what fails
			{title: "Lambda errors", left: m.perFunction("Errors", "Sum")},
			{title: "Dead letters", left: each(m.queues(), func(q namedQueue) awscloudwatch.IMetric { return m.depth(q, q.name) }), unit: "messages"},
			{title: "Workflow executions", left: graphed{
				in(neutral, m.workflow("ExecutionsStarted", "started")),
				in(good, m.workflow("ExecutionsSucceeded", "succeeded")),
				in(bad, m.workflow("ExecutionsFailed", "failed")),
				in(poor, m.workflow("ExecutionsTimedOut", "timed out")),
			}},
		},
		{ // what becomes of it
			{title: "Transactions by tier", left: m.perTier("MatchedEvents")},
			{title: "Fraud scores by risk level", left: graphed{level(good, contract.RiskLow), level(poor, contract.RiskMedium), level(bad, contract.RiskHigh)}},
			{title: "Alerts delivered", left: graphed{
				in(good, m.topic("NumberOfNotificationsDelivered", "delivered")), in(bad, m.topic("NumberOfNotificationsFailed", "failed")),
			}},
		},
		// The books, as alarms compare them: a gap between two lines is what did not happen.
		{
			{title: "Books: publications, 15 minutes later", left: graphed{
				m.business(contract.MetricPublicationsDue, "Sum", "due"), m.business(contract.MetricPublicationsDone, "Sum", "done"),
			}},
			{title: "Books: fraud scores, 15 minutes later", left: graphed{
				m.business(contract.MetricScoresDue, "Sum", "due"), m.business(contract.MetricScoresDone, "Sum", "done"),
			}},
			{
				title: "Relay (ms)",
				left:  graphed{m.business(contract.MetricRelayLag, "p99", "lag p99"), m.lambda(m.functions()[1], "IteratorAge", "Maximum", "iterator age")}, unit: "ms",
			},
		},
	}
	last := []graph{archive}
	if len(m.providers()) > 0 {
		last = append(last, graph{title: "Unverified deliveries by provider", left: m.perProvider(contract.MetricUnverified)})
	}
	return append(rows, last)
}

// details are for finding out where and why.
func (m metrics) details() [][]graph {
	onDefaultBus := func(metric string) graphed {
		return each(m.startingRules(), func(name string) awscloudwatch.IMetric { return m.defaultBusRule(name, metric, name) })
	}
	rows := [][]graph{
		{
			{title: "Lambda invocations", left: m.perFunction("Invocations", "Sum")},
			{title: "Lambda duration p99 (ms)", left: m.perFunction("Duration", "p99"), unit: "ms"},
			{title: "Time to acknowledge (ms)", left: graphed{
				m.business(contract.MetricAckLatency, "p50", "p50"), m.business(contract.MetricAckLatency, "p99", "p99"),
				m.api("IntegrationLatency", "p99", "integration p99"),
			}, unit: "ms"},
		},
		{
			{title: "Books: events expected by tier", left: each(m.p.Routing.Routes(), func(r Route) awscloudwatch.IMetric {
				return m.business(contract.MetricEventsExpected, "Sum", r.Name, jsii.String(contract.DimensionTier), jsii.String(r.Name))
			})},
			{title: "Rule failures", left: append(m.perTier("FailedInvocations"), onDefaultBus("FailedInvocations")...)},
			{title: "Runs started by rules", left: onDefaultBus("Invocations")},
		},
		{
			{title: "Relay: events", left: graphed{
				in(good, m.business(contract.MetricEventsPublished, "Sum", "published")),
				in(poor, m.business(contract.MetricEventsFailed, "Sum", "to be repeated")),
			}},
			{title: "Table capacity consumed", left: graphed{
				m.table("ConsumedWriteCapacityUnits", "Sum", "write"),
				m.table("ConsumedReadCapacityUnits", "Sum", "read"),
				m.index("ConsumedWriteCapacityUnits", "Sum", "index write"),
				m.index("ConsumedReadCapacityUnits", "Sum", "index read"),
			}, unit: "units"},
			{title: "Table throttles", left: graphed{
				m.table("WriteThrottleEvents", "Sum", "write"),
				m.table("ReadThrottleEvents", "Sum", "read"),
				m.index("WriteThrottleEvents", "Sum", "index write"),
			}},
		},
		{
			{title: "Signatures", left: graphed{
				in(poor, m.business(contract.MetricForged, "Sum", "forged or stale")),
				in(bad, m.business(contract.MetricVerificationFailing, "Sum", "not verifiable")),
				in(awscloudwatch.Color_PURPLE, m.business(contract.MetricSecretReadsFailing, "Sum", "secret not read")),
			}},
			{title: "Authentic, with something unusual", left: graphed{
				m.business(contract.MetricIgnored, "Sum", "of an ignored kind"),
				m.business(contract.MetricUnknownEvents, "Sum", "of an unknown event type"),
				m.business(contract.MetricCardNumbersMasked, "Sum", "card numbers masked"),
			}},
			{
				title: "Archived",
				left:  graphed{m.business(contract.MetricArchived, "Sum", "transactions")}, unit: "transactions",
				right: graphed{m.business(contract.MetricHoursArchived, "Sum", "hours")}, rightUnit: "hours",
			},
		},
	}
	if len(m.providers()) > 0 {
		rows = append(rows, []graph{
			{title: "Verified deliveries by provider", left: m.perProvider(contract.MetricVerified)},
			{title: "Unknown event types by name", left: graphed{m.unknownEvents()}},
		})
	}
	if queues := m.tierQueues(); len(queues) > 0 {
		rows = append(rows, []graph{
			{title: "Events in the queues of tiers", left: each(queues, func(q namedQueue) awscloudwatch.IMetric { return m.depth(q, q.name) }), unit: "messages"},
			{title: "Oldest event in the queues of tiers (s)", left: each(queues, func(q namedQueue) awscloudwatch.IMetric { return m.oldestMessage(q, q.name) }), unit: "s"},
		})
	}
	return rows
}
