package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
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
	rows [][]graph
}

// graph is a widget of a third of a dashboard's 24 columns.
type graph struct {
	title string
	left  []awscloudwatch.IMetric
	right []awscloudwatch.IMetric // with an axis of their own
}

func (g graph) widget() awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: jsii.String(g.title), Width: jsii.Number(8), Height: jsii.Number(6), Left: &g.left, Right: &g.right,
	})
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

// dashboards are two, the second for what the first makes one ask. What an alarm watches and
// nobody looks at otherwise is on neither.
func (m metrics) dashboards() []dashboard {
	return []dashboard{
		{"Dashboard", contract.DashboardPrefix + m.p.Suffix, m.overview()},
		{"Details", contract.DetailsPrefix + m.p.Suffix, m.details()},
	}
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
	rows := [][]graph{
		{
			{"Transactions by tier", m.perTier("MatchedEvents"), nil},
			{"Deliveries", graphed{
				m.business(contract.MetricAccepted, "Sum", "accepted"),
				m.business(contract.MetricDuplicates, "Sum", "duplicate"),
				m.business(contract.MetricConflicts, "Sum", "conflicting"),
				m.business(contract.MetricRejected, "Sum", "rejected"),
				m.business(contract.MetricQuarantined, "Sum", "quarantined"),
				m.business(contract.MetricStoreUnavailable, "Sum", "store unavailable"),
			}, nil},
			{"Fraud scores by risk level", each([]string{contract.RiskLow, contract.RiskMedium, contract.RiskHigh}, func(level string) awscloudwatch.IMetric {
				return m.business(contract.MetricScored, "Sum", level, jsii.String(contract.DimensionRiskLevel), jsii.String(level))
			}), nil},
		},
		// The books, as alarms compare them: a gap between two lines is what did not happen.
		{
			{"Books: publications, 15 minutes later", graphed{
				m.business(contract.MetricPublicationsDue, "Sum", "due"), m.business(contract.MetricPublicationsDone, "Sum", "done"),
			}, nil},
			{"Books: fraud scores, 15 minutes later", graphed{
				m.business(contract.MetricScoresDue, "Sum", "due"), m.business(contract.MetricScoresDone, "Sum", "done"),
			}, nil},
			{"Dead letters", each(m.queues(), func(q namedQueue) awscloudwatch.IMetric { return m.depth(q, q.name) }), nil},
		},
		{
			{"API requests and errors", graphed{
				m.api("Count", "Sum", "requests"), m.api("4XXError", "Sum", "4XX"), m.api("5XXError", "Sum", "5XX"),
				m.business(contract.MetricThrottled, "Sum", "429"),
			}, nil},
			{"API latency (ms)", graphed{m.api("Latency", "p50", "p50"), m.api("Latency", "p99", "p99")}, nil},
			{"Lambda errors", m.perFunction("Errors", "Sum"), nil},
		},
		{
			{
				"Relay (ms)",
				graphed{m.business(contract.MetricRelayLag, "p99", "lag p99"), m.lambda(m.functions()[1], "IteratorAge", "Maximum", "iterator age")},
				nil,
			},
			{"Workflow executions", graphed{
				m.workflow("ExecutionsStarted", "started"),
				m.workflow("ExecutionsSucceeded", "succeeded"),
				m.workflow("ExecutionsFailed", "failed"),
				m.workflow("ExecutionsTimedOut", "timed out"),
			}, nil},
			{"Alerts delivered", graphed{m.topic("NumberOfNotificationsDelivered", "delivered"), m.topic("NumberOfNotificationsFailed", "failed")}, nil},
		},
	}
	last := []graph{{
		"Archive",
		graphed{m.business(contract.MetricArchiveRuns, "Sum", "complete runs")},
		graphed{m.business(contract.MetricArchiveBacklog, "Maximum", "hours overdue")},
	}}
	if len(m.providers()) > 0 {
		last = append(last, graph{"Refused deliveries by provider", m.perProvider(contract.MetricRefused), nil})
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
			{"Lambda invocations", m.perFunction("Invocations", "Sum"), nil},
			{"Lambda duration p99 (ms)", m.perFunction("Duration", "p99"), nil},
			{
				"Time to acknowledge (ms)",
				graphed{
					m.business(contract.MetricAckLatency, "p50", "p50"), m.business(contract.MetricAckLatency, "p99", "p99"),
					m.api("IntegrationLatency", "p99", "integration p99"),
				},
				nil,
			},
		},
		{
			{"Books: events expected by tier", each(m.p.Routing.Routes(), func(r Route) awscloudwatch.IMetric {
				return m.business(contract.MetricEventsExpected, "Sum", r.Name, jsii.String(contract.DimensionTier), jsii.String(r.Name))
			}), nil},
			{"Rule failures", append(m.perTier("FailedInvocations"), onDefaultBus("FailedInvocations")...), nil},
			{"Runs started by rules", onDefaultBus("Invocations"), nil},
		},
		{
			{"Relay", graphed{
				m.business(contract.MetricEventsPublished, "Sum", "published"),
				m.business(contract.MetricEventsFailed, "Sum", "to be repeated"),
			}, nil},
			{"Table capacity consumed", graphed{
				m.table("ConsumedWriteCapacityUnits", "Sum", "write"),
				m.table("ConsumedReadCapacityUnits", "Sum", "read"),
				m.index("ConsumedWriteCapacityUnits", "Sum", "index write"),
				m.index("ConsumedReadCapacityUnits", "Sum", "index read"),
			}, nil},
			{"Table throttles", graphed{
				m.table("WriteThrottleEvents", "Sum", "write"),
				m.table("ReadThrottleEvents", "Sum", "read"),
				m.index("WriteThrottleEvents", "Sum", "index write"),
			}, nil},
		},
		{
			{"Signatures", graphed{
				m.business(contract.MetricForged, "Sum", "forged or stale"),
				m.business(contract.MetricVerificationFailing, "Sum", "not verifiable"),
				m.business(contract.MetricSecretReadsFailing, "Sum", "secret not read"),
			}, nil},
			{"Authentic, with something unusual", graphed{
				m.business(contract.MetricIgnored, "Sum", "of an ignored kind"),
				m.business(contract.MetricUnknownEvents, "Sum", "of an unknown event type"),
				m.business(contract.MetricCardNumbersMasked, "Sum", "card numbers masked"),
			}, nil},
			{"Archived", graphed{
				m.business(contract.MetricArchived, "Sum", "transactions"),
				m.business(contract.MetricHoursArchived, "Sum", "hours"),
			}, nil},
		},
	}
	if len(m.providers()) > 0 {
		rows = append(rows, []graph{
			{"Verified deliveries by provider", m.perProvider(contract.MetricVerified), nil},
			{"Unknown event types by name", graphed{m.unknownEvents()}, nil},
		})
	}
	if queues := m.tierQueues(); len(queues) > 0 {
		rows = append(rows, []graph{
			{"Events in the queues of tiers", each(queues, func(q namedQueue) awscloudwatch.IMetric { return m.depth(q, q.name) }), nil},
			{"Oldest event in the queues of tiers (s)", each(queues, func(q namedQueue) awscloudwatch.IMetric { return m.oldestMessage(q, q.name) }), nil},
		})
	}
	return rows
}
