package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// graph is a widget of a third of the dashboard's 24 columns.
func graph(title string, left []awscloudwatch.IMetric, right ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: jsii.String(title), Width: jsii.Number(8), Height: jsii.Number(6), Left: &left, Right: &right,
	})
}

func (m metrics) rows() [][]awscloudwatch.IWidget {
	type list = []awscloudwatch.IMetric
	perFunction := func(metric, statistic string) list {
		return each(m.functions(), func(fn namedFunction) awscloudwatch.IMetric { return m.lambda(fn, metric, statistic, fn.name) })
	}
	durations := each(m.functions(), func(fn namedFunction) awscloudwatch.IMetric { return m.lambda(fn, "Duration", "p50", fn.name+" p50") })
	durations = append(durations, each(m.functions(), func(fn namedFunction) awscloudwatch.IMetric {
		return m.lambda(fn, "Duration", "p99", fn.name+" p99")
	})...)
	routes := m.p.Routing.Routes()

	rows := [][]awscloudwatch.IWidget{
		{
			graph("Transactions by tier", each(routes, func(r Route) awscloudwatch.IMetric { return m.rule(r, "MatchedEvents", r.Name) })),
			graph("Deliveries", list{
				m.business(contract.MetricAccepted, "Sum", "accepted"),
				m.business(contract.MetricDuplicates, "Sum", "duplicate"),
				m.business(contract.MetricConflicts, "Sum", "conflicting"),
				m.business(contract.MetricRejected, "Sum", "rejected"),
				m.business(contract.MetricStoreUnavailable, "Sum", "store unavailable"),
				m.business(contract.MetricCardNumbersMasked, "Sum", "card numbers masked"),
			}),
			graph("Fraud scores by risk level", each([]string{contract.RiskLow, contract.RiskMedium, contract.RiskHigh}, func(level string) awscloudwatch.IMetric {
				return m.business(contract.MetricScored, "Sum", level, jsii.String(contract.DimensionRiskLevel), jsii.String(level))
			})),
		},
		// The books, as alarms compare them: a gap between two lines is what did not happen.
		{
			graph("Books: publications, 15 minutes later", list{
				m.business(contract.MetricPublicationsDue, "Sum", "due"), m.business(contract.MetricPublicationsDone, "Sum", "done"),
			}),
			graph("Books: fraud scores, 15 minutes later", list{
				m.business(contract.MetricScoresDue, "Sum", "due"), m.business(contract.MetricScoresDone, "Sum", "done"),
			}),
			graph("Books: events expected by tier", each(routes, func(r Route) awscloudwatch.IMetric {
				return m.business(contract.MetricEventsExpected, "Sum", r.Name, jsii.String(contract.DimensionTier), jsii.String(r.Name))
			})),
		},
		{
			graph("API requests and errors", list{
				m.api("Count", "Sum", "requests"), m.api("4XXError", "Sum", "4XX"), m.api("5XXError", "Sum", "5XX"),
				m.business(contract.MetricThrottled, "Sum", "429"),
			}),
			graph("API latency (ms)", list{m.api("Latency", "p50", "p50"), m.api("Latency", "p99", "p99"), m.api("IntegrationLatency", "p99", "integration p99")}),
			graph("Time to acknowledge (ms)", list{m.business(contract.MetricAckLatency, "p50", "p50"), m.business(contract.MetricAckLatency, "p99", "p99")}),
		},
		{
			graph("Lambda invocations", perFunction("Invocations", "Sum")),
			graph("Lambda errors", perFunction("Errors", "Sum")),
			graph("Lambda throttles", perFunction("Throttles", "Sum")),
		},
		{
			graph("Lambda duration (ms)", durations),
			graph("Table capacity consumed", list{
				m.table("ConsumedWriteCapacityUnits", "Sum", "write"),
				m.table("ConsumedReadCapacityUnits", "Sum", "read"),
				m.index("ConsumedWriteCapacityUnits", "Sum", "index write"),
				m.index("ConsumedReadCapacityUnits", "Sum", "index read"),
			}),
			graph("Table throttles", list{
				m.table("WriteThrottleEvents", "Sum", "write"),
				m.table("ReadThrottleEvents", "Sum", "read"),
				m.index("WriteThrottleEvents", "Sum", "index write"),
				m.table("ThrottledRequests", "Sum", "PutItem", jsii.String("PutItem")),
				m.table("ThrottledRequests", "Sum", "UpdateItem", jsii.String("UpdateItem")),
				m.table("ThrottledRequests", "Sum", "Query", jsii.String("Query")),
			}),
		},
		{
			graph("Relay", list{
				m.business(contract.MetricEventsPublished, "Sum", "published"),
				m.business(contract.MetricEventsFailed, "Sum", "to be repeated"),
			}, m.business(contract.MetricRelayLag, "p99", "lag p99 (ms)"), m.lambda(m.functions()[1], "IteratorAge", "Maximum", "iterator age (ms)")),
			graph("Rule invocations", append(
				each(routes, func(r Route) awscloudwatch.IMetric { return m.rule(r, "Invocations", r.Name) }),
				each(m.startingRules(), func(name string) awscloudwatch.IMetric { return m.defaultBusRule(name, "Invocations", name) })...)),
			graph("Rule failures", append(append(
				each(routes, func(r Route) awscloudwatch.IMetric { return m.rule(r, "FailedInvocations", r.Name+" failed") }),
				each(routes, func(r Route) awscloudwatch.IMetric { return m.rule(r, "InvocationsSentToDlq", r.Name+" to queue") })...),
				each(m.startingRules(), func(name string) awscloudwatch.IMetric {
					return m.defaultBusRule(name, "FailedInvocations", name+" failed")
				})...)),
		},
		{
			graph("Workflow executions", list{
				m.workflow("ExecutionsStarted", "started"),
				m.workflow("ExecutionsSucceeded", "succeeded"),
				m.workflow("ExecutionsFailed", "failed"),
				m.workflow("ExecutionsTimedOut", "timed out"),
			}),
			graph("Alerts delivered", list{m.topic("NumberOfNotificationsDelivered", "delivered"), m.topic("NumberOfNotificationsFailed", "failed")}),
			graph("Dead letters", each(m.queues(), func(q namedQueue) awscloudwatch.IMetric { return m.depth(q, q.name) })),
		},
		{
			graph("Signatures", list{
				m.business(contract.MetricForged, "Sum", "forged or stale"),
				m.business(contract.MetricVerificationFailing, "Sum", "not verifiable"),
				m.business(contract.MetricSecretReadsFailing, "Sum", "secret not read"),
			}),
			graph("Authentic, not stored", list{
				m.business(contract.MetricIgnored, "Sum", "of an ignored kind"),
				m.business(contract.MetricQuarantined, "Sum", "quarantined"),
				m.business(contract.MetricUnknownEvents, "Sum", "of an unknown event type"),
			}),
			graph("Archive", list{
				m.business(contract.MetricArchived, "Sum", "transactions"),
				m.business(contract.MetricHoursArchived, "Sum", "hours"),
				m.business(contract.MetricArchiveRuns, "Sum", "complete runs"),
			}, m.business(contract.MetricArchiveBacklog, "Maximum", "hours overdue")),
		},
	}
	if names := m.providers(); len(names) > 0 {
		by := func(metric string) list {
			return each(names, func(name string) awscloudwatch.IMetric { return m.provider(metric, name, name) })
		}
		rows = append(rows, []awscloudwatch.IWidget{
			graph("Verified deliveries by provider", by(contract.MetricVerified)),
			graph("Refused deliveries by provider", by(contract.MetricRefused)),
			graph("Unknown event types by name", list{m.unknownEvents()}),
		})
	}
	if queues := m.tierQueues(); len(queues) > 0 {
		rows = append(rows, []awscloudwatch.IWidget{
			graph("Events in the queues of tiers", each(queues, func(q namedQueue) awscloudwatch.IMetric { return m.depth(q, q.name) })),
			graph("Oldest event in the queues of tiers (s)", each(queues, func(q namedQueue) awscloudwatch.IMetric { return m.oldestMessage(q, q.name) })),
		})
	}
	return rows
}
