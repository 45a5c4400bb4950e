package constructs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/constructs/tiers"
	"payment-webhooks/handlers/contract"
)

const (
	// ackP99Milliseconds is the longest acceptable 99th percentile of response
	// times, measured at the gateway, cold starts included. Providers wait 5 to
	// 30 seconds and then repeat.
	ackP99Milliseconds = 1000

	// forgedIn5Minutes is how many bad signatures count as noise: any public
	// address is scanned. Three such periods in a row are a campaign or
	// a secret that does not match.
	forgedIn5Minutes = 10

	// refusedHours is for how long none of a provider's deliveries may be verified while
	// some are refused. Providers repeat what is refused within minutes or hours, and
	// for a day or more, so that even a single delivery is seen as refused before its
	// last repeat. An hour would ring for any stranger in a quiet one.
	refusedHours = 6

	// clientErrorsIn15Minutes and their share are what an hour of 4XX responses has in
	// each quarter before it is more than noise: any public address is scanned.
	clientErrorsIn15Minutes = 100
	clientErrorPeriods      = 4

	// throttledPeriods is for how many periods of 5 minutes in a row a route may respond
	// with 429. Providers repeat what a shorter flood displaced.
	throttledPeriods = 3

	// unreadableSecretPeriods is for how many periods of 5 minutes in a row
	// reads of secrets may fail: one that fails once is repeated after seconds.
	// Values read before are served for an hour, which leaves most of it. A
	// function without such values responds with 503, which has an alarm of its own.
	unreadableSecretPeriods = 3

	// relayIteratorAgeMinutes is how far the relay may be behind the table.
	// Its normal lag is below a second; the stream keeps records for a day.
	relayIteratorAgeMinutes = 5

	// unarchivedDays is for how many days running transactions may be stored
	// and none archived. One becomes due after 24 hours and its own hour, and
	// the next daily run can be a day later: 49 hours, so the first three days
	// of a new deployment may show it, wherever CloudWatch cuts its days. The
	// table keeps items for 35.
	unarchivedDays = 4

	// unconsumedDays is how old an event in the queue of a tier may become. A
	// nightly consumer leaves none older than a day; SQS keeps them for 14.
	unconsumedDays = 2
)

// ObservabilityProps lists the parts that the dashboard and the alarms observe.
type ObservabilityProps struct {
	Suffix    string
	Providers Providers
	Store     *Store
	Ingest    *Ingest
	Bus       *Bus
	Relay     *Relay
	Alerts    *Alerts
	Workflow  *Workflow
	Routing   *Routing
	Archive   *Archive
	Reconcile *Reconciliation // nil if no provider is compared daily
}

// Observability is the dashboard, and alarms that notify the alerts topic.
type Observability struct{ dashboardURL *string }

// NewObservability adds the dashboard and the alarms.
func NewObservability(scope cdkconstructs.Construct, id string, p ObservabilityProps) *Observability {
	this := cdkconstructs.NewConstruct(scope, &id)
	m := metrics{p}
	name := contract.DashboardPrefix + p.Suffix
	dashboard := awscloudwatch.NewDashboard(this, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		DashboardName: jsii.String(name),
	})
	for _, row := range m.rows() {
		dashboard.AddWidgets(row...)
	}
	m.addAlarms(this)
	m.addReconcileAlarms(this)

	stack := awscdk.Stack_Of(this)
	return &Observability{dashboardURL: awscdk.Fn_Join(jsii.String(""), &[]*string{
		jsii.String("https://console.aws.amazon.com/cloudwatch/home?region="), stack.Region(),
		jsii.String("#dashboards/dashboard/" + name),
	})}
}

// DashboardURL returns the address of the dashboard in the console.
func (o *Observability) DashboardURL() *string { return o.dashboardURL }

// metrics names the metrics of this stack's resources by their real dimensions.
type metrics struct{ p ObservabilityProps }

// of is a metric over a minute. Dimensions come as name, value, name, value.
// The label is for a graph's legend; alarms have none.
func (m metrics) of(namespace, name, statistic, label string, dimensions ...*string) awscloudwatch.IMetric {
	byName := map[string]*string{}
	for i := 0; i < len(dimensions); i += 2 {
		byName[*dimensions[i]] = dimensions[i+1]
	}
	props := &awscloudwatch.MetricProps{
		Namespace:     jsii.String(namespace),
		MetricName:    jsii.String(name),
		Statistic:     jsii.String(statistic),
		Period:        awscdk.Duration_Minutes(jsii.Number(1)),
		DimensionsMap: &byName,
	}
	if label != "" {
		props.Label = jsii.String(label)
	}
	return awscloudwatch.NewMetric(props)
}

func (m metrics) lambda(fn namedFunction, name, statistic, label string) awscloudwatch.IMetric {
	return m.of("AWS/Lambda", name, statistic, label, jsii.String("FunctionName"), fn.function.FunctionName())
}

func (m metrics) api(name, statistic, label string) awscloudwatch.IMetric {
	return m.of("AWS/ApiGateway", name, statistic, label,
		jsii.String("ApiName"), m.p.Ingest.api.RestApiName(), jsii.String("Stage"), jsii.String(stageName))
}

func (m metrics) table(name, statistic, label string, operation ...*string) awscloudwatch.IMetric {
	dimensions := []*string{jsii.String("TableName"), m.p.Store.Table().TableName()}
	if len(operation) == 1 {
		dimensions = append(dimensions, jsii.String("Operation"), operation[0])
	}
	return m.of("AWS/DynamoDB", name, statistic, label, dimensions...)
}

func (m metrics) index(name, statistic, label string) awscloudwatch.IMetric {
	return m.of("AWS/DynamoDB", name, statistic, label, jsii.String("TableName"), m.p.Store.Table().TableName(),
		jsii.String("GlobalSecondaryIndexName"), jsii.String(contract.IndexByHour))
}

func (m metrics) workflow(name, label string) awscloudwatch.IMetric {
	return m.of("AWS/States", name, "Sum", label, jsii.String("StateMachineArn"), m.p.Workflow.StateMachine().StateMachineArn())
}

// rule is a metric of a tier's rule, which is on the custom bus. Metrics with RuleName alone
// are those of the default bus.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
func (m metrics) rule(r Route, name, label string) awscloudwatch.IMetric {
	return m.of("AWS/Events", name, "Sum", label,
		jsii.String("EventBusName"), m.p.Bus.EventBus().EventBusName(), jsii.String("RuleName"), jsii.String(r.RuleName))
}

func (m metrics) dailyRule(name, label string) awscloudwatch.IMetric {
	return m.of("AWS/Events", name, "Sum", label, jsii.String("RuleName"), jsii.String(m.p.Archive.RuleName()))
}

func (m metrics) topic(name, label string) awscloudwatch.IMetric {
	return m.of("AWS/SNS", name, "Sum", label, jsii.String("TopicName"), m.p.Alerts.Topic().TopicName())
}

func (m metrics) oldestMessage(q namedQueue, label string) awscloudwatch.IMetric {
	return m.of("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", label, jsii.String("QueueName"), q.queue.QueueName())
}

func (m metrics) depth(q namedQueue, label string) awscloudwatch.IMetric {
	return m.of("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", label, jsii.String("QueueName"), q.queue.QueueName())
}

// business is a metric that a handler writes.
func (m metrics) business(name, statistic, label string, dimensions ...*string) awscloudwatch.IMetric {
	dimensions = append([]*string{jsii.String(contract.DimensionEnvironment), jsii.String(m.p.Suffix)}, dimensions...)
	return m.of(contract.MetricNamespace, name, statistic, label, dimensions...)
}

// providers returns the names of the providers whose deliveries are verified.
func (m metrics) providers() []string { return slices.Sorted(maps.Keys(m.p.Providers)) }

// provider is a metric that the validator writes for each provider.
func (m metrics) provider(metric, name, label string) awscloudwatch.IMetric {
	return m.business(metric, "Sum", label, jsii.String(contract.DimensionProvider), jsii.String(name))
}

// unknownEvents finds the event types that were unknown, whatever their names, by day.
func (m metrics) unknownEvents() awscloudwatch.IMetric {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String(fmt.Sprintf(`SEARCH('{%s,%s,%s} MetricName="%s" %s="%s"', 'Sum', 86400)`, contract.MetricNamespace,
			contract.DimensionEnvironment, contract.DimensionEventType, contract.MetricUnknownEvents, contract.DimensionEnvironment, m.p.Suffix)),
		UsingMetrics: &map[string]awscloudwatch.IMetric{},
		Label:        jsii.String(""),
		Period:       awscdk.Duration_Days(jsii.Number(1)),
	})
}

type namedFunction struct {
	id, name string
	function awslambda.IFunction
}

func (m metrics) functions() []namedFunction {
	return append([]namedFunction{
		{"Validator", contract.WebhookValidator, m.p.Ingest.Validator()},
		{"Relay", contract.EventRelay, m.p.Relay.Function()},
		{"FraudDetector", contract.FraudDetector, m.p.Workflow.Detector()},
		{"Archiver", contract.TransactionArchival, m.p.Archive.Archiver()},
	}, m.reconcileFunctions()...)
}

type namedQueue struct {
	id, name string // the name without the suffix
	queue    awssqs.IQueue
	todo     string // the alarm's description: what it means and what to do
}

// queues returns the queues in which a message needs an operator.
func (m metrics) queues() []namedQueue {
	queues := []namedQueue{
		{"Quarantine", "quarantine", m.p.Ingest.Quarantine(), "A provider's authentic notifications could not be stored: each message names the reason and keeps the body. The provider will not send them again."},
		{"Relay", "relay-dlq", m.p.Relay.DeadLetters(), "Stored transactions were not published: publish them from the table."},
		{"Workflow", "workflow-dlq", m.p.Workflow.DeadLetters(), "Scoring, notification or fraud alert failed: each message names the state, the error and the transaction."},
	}
	for _, r := range m.p.Routing.Routes() {
		queues = append(queues, namedQueue{
			r.ID(), r.Name + "-value-dlq", r.DeadLetters,
			"The rule's target did not take events: repair the target, then send the messages again.",
		})
	}
	queues = append(queues, m.reconcileQueues()...)
	return append(queues,
		namedQueue{"ArchivalSchedule", "archival-schedule-dlq", m.p.Archive.ScheduleDeadLetters(), "The daily archival could not be started: start it by hand."},
		namedQueue{"ArchivalFailures", "archival-failures", m.p.Archive.Failures(), "The archiver failed three times: read its log, then start it by hand."},
	)
}

// tierQueues are the queues of tiers with target queue. A message in one of
// them is no fault as long as somebody consumes it.
func (m metrics) tierQueues() (queues []namedQueue) {
	for _, r := range m.p.Routing.Routes() {
		if r.Queue != nil {
			queues = append(queues, namedQueue{
				r.ID(), r.Name + "-value-transactions", r.Queue,
				"Nobody has consumed the oldest event of the tier for two days; after 14 it is deleted. Repair or start the queue's consumer.",
			})
		}
	}
	return queues
}

func each[T any](items []T, metric func(T) awscloudwatch.IMetric) []awscloudwatch.IMetric {
	var list []awscloudwatch.IMetric
	for _, item := range items {
		list = append(list, metric(item))
	}
	return list
}

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
			graph("Rule invocations", append(each(routes, func(r Route) awscloudwatch.IMetric { return m.rule(r, "Invocations", r.Name) }),
				m.dailyRule("Invocations", "daily archival"))),
			graph("Rule failures", append(append(
				each(routes, func(r Route) awscloudwatch.IMetric { return m.rule(r, "FailedInvocations", r.Name+" failed") }),
				each(routes, func(r Route) awscloudwatch.IMetric { return m.rule(r, "InvocationsSentToDlq", r.Name+" to queue") })...),
				m.dailyRule("FailedInvocations", "daily archival failed"))),
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

// alarm describes a CloudWatch alarm that notifies the alerts topic.
type alarm struct {
	id          string
	name        string // with the suffix, the physical name
	description string // what it means and what to do
	metric      awscloudwatch.IMetric
	threshold   float64 // alarms above it
	periods     float64 // of the metric, all of them above
}

func (m metrics) addAlarms(scope cdkconstructs.Construct) {
	day := awscdk.Duration_Days(jsii.Number(1))
	quarter := &awscloudwatch.MetricOptions{Period: awscdk.Duration_Minutes(jsii.Number(15))}
	fiveMinutes := &awscloudwatch.MetricOptions{Period: awscdk.Duration_Minutes(jsii.Number(5))}
	over := func(metric awscloudwatch.IMetric, options *awscloudwatch.MetricOptions) awscloudwatch.IMetric {
		return metric.(awscloudwatch.Metric).With(options)
	}

	alarms := []alarm{
		{
			"ApiServerErrors", "api-5xx", "Providers get 5XX answers and will repeat. Read the validator's log.",
			over(m.api("5XXError", "Sum", ""), fiveMinutes), 0, 1,
		},
		{
			"AckLatency", "ack-p99", "The slowest hundredth of answers takes more than a second, for 15 minutes. Look for cold starts, throttled writes or a slow secret store.",
			over(m.api("Latency", "p99", ""), fiveMinutes), ackP99Milliseconds, 3,
		},
		{
			"VerificationUnavailable", "verification-unavailable", "Notifications are answered with 503, because a signing secret or certificate is missing, malformed or cannot be read. The validator's log names it; providers repeat for hours or days.",
			over(m.business(contract.MetricVerificationFailing, "Sum", ""), fiveMinutes), 0, 1,
		},
		{
			"SecretReadsFailed", "secret-reads-failed", "Signing secrets cannot be read, for 15 minutes. Notifications are verified with values read before, for an hour at most, and answered with 503 after that. The validator's log names the secret and the error.",
			over(m.business(contract.MetricSecretReadsFailing, "Sum", ""), fiveMinutes), 0, unreadableSecretPeriods,
		},
		{
			"ForgedSurge", "forged-surge", "Signatures keep failing: somebody probes the API, or a provider signs with a secret that is not the configured one. Compare the validator's log with the provider's dashboard.",
			over(m.business(contract.MetricForged, "Sum", ""), fiveMinutes), forgedIn5Minutes, 3,
		},
		{
			"ClientErrors", "api-4xx", "More than half of the requests get 4XX answers, over a hundred in each quarter of an hour, for an hour: a sender does not follow the API, or somebody floods it. The access log has their routes and addresses, the validator's log the reasons.",
			awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
				Expression: jsii.String(fmt.Sprintf("IF(FILL(errors, 0) > %d AND 2 * FILL(errors, 0) > FILL(requests, 0), 1, 0)", clientErrorsIn15Minutes)),
				UsingMetrics: &map[string]awscloudwatch.IMetric{
					"errors":   over(m.api("4XXError", "Sum", ""), quarter),
					"requests": over(m.api("Count", "Sum", ""), quarter),
				},
				Label:  jsii.String("mostly 4XX"),
				Period: awscdk.Duration_Minutes(jsii.Number(15)),
			}),
			0, clientErrorPeriods,
		},
		{
			"Throttled", "api-429", "Requests to /webhook or to a configured provider's route get 429, for 15 minutes. Find the route and the addresses in the access log. If they are the provider's, raise the route's limits; if not, block them.",
			over(m.business(contract.MetricThrottled, "Sum", ""), fiveMinutes), 0, throttledPeriods,
		},
		{
			"UnknownEvents", "unknown-event-types", "A provider sent authentic events of types that are not in its list, within a day. They were ignored. The validator's log and the dashboard name them; read the provider's page about each and decide what it becomes.",
			over(m.business(contract.MetricUnknownEvents, "Sum", ""), &awscloudwatch.MetricOptions{Period: day}), 0, 1,
		},
		{
			"RelayIteratorAge", "relay-iterator-age", "Stored transactions are not being published. Read event-relay's log.",
			m.lambda(m.functions()[1], "IteratorAge", "Maximum", ""), relayIteratorAgeMinutes * 60_000, 3,
		},
		{
			"WorkflowFailed", "workflow-failed", "Executions of the workflow failed. What they were about is in the workflow's dead-letter queue, or else only in its log.",
			over(m.workflow("ExecutionsFailed", ""), fiveMinutes), 0, 1,
		},
		{
			"WorkflowTimedOut", "workflow-timed-out", "Executions ran out of time, which nothing can catch: find them in the workflow's log and check their transactions by hand.",
			over(m.workflow("ExecutionsTimedOut", ""), fiveMinutes), 0, 1,
		},
		{
			"AlertsFailed", "alerts-failed", "Alerts were not delivered to someone. Check the subscriptions and the SMS spending limit.",
			over(m.topic("NumberOfNotificationsFailed", ""), fiveMinutes), 0, 1,
		},
		{
			"ArchiveBacklog", "archive-backlog", "After a run, hours were still due for the archive. Start the archiver by hand and read its log.",
			over(m.business(contract.MetricArchiveBacklog, "Maximum", ""), &awscloudwatch.MetricOptions{Period: awscdk.Duration_Hours(jsii.Number(1))}), 0, 1,
		},
		{
			"ArchiveStopped", "archive-stopped", "Transactions are stored but have not been archived for days. Check the daily rule, the archiver and its log; items expire after 35 days.",
			awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
				Expression: jsii.String("IF(FILL(stored, 0) > 0 AND FILL(archived, 0) == 0, 1, 0)"),
				UsingMetrics: &map[string]awscloudwatch.IMetric{
					"stored":   over(m.business(contract.MetricAccepted, "Sum", ""), &awscloudwatch.MetricOptions{Period: day}),
					"archived": over(m.business(contract.MetricArchived, "Sum", ""), &awscloudwatch.MetricOptions{Period: day}),
				},
				Label:  jsii.String("stored, not archived"),
				Period: day,
			}),
			0, unarchivedDays,
		},
	}
	hours := awscdk.Duration_Hours(jsii.Number(refusedHours))
	for _, name := range m.providers() {
		alarms = append(alarms, alarm{
			"Refused" + tiers.Title(name), "refused-" + name,
			fmt.Sprintf("Deliveries of %s were refused and none was verified, for %d hours. Compare the secret in Secrets Manager with the one on the provider's dashboard, and the address there with this API's. The validator's log has the reasons.", name, refusedHours),
			awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
				Expression: jsii.String("IF(FILL(refused, 0) > 0 AND FILL(verified, 0) == 0, 1, 0)"),
				UsingMetrics: &map[string]awscloudwatch.IMetric{
					"refused":  over(m.provider(contract.MetricRefused, name, ""), &awscloudwatch.MetricOptions{Period: hours}),
					"verified": over(m.provider(contract.MetricVerified, name, ""), &awscloudwatch.MetricOptions{Period: hours}),
				},
				Label:  jsii.String("refused, none verified"),
				Period: hours,
			}),
			0, 1,
		})
	}
	for _, fn := range m.functions() {
		alarms = append(alarms, alarm{
			fn.id + "Errors", fn.name + "-errors", "The function failed or timed out. Read its log.",
			over(m.lambda(fn, "Errors", "Sum", ""), fiveMinutes), 0, 1,
		}, alarm{
			fn.id + "Throttles", fn.name + "-throttles", "The function was throttled. Look at the account's concurrency.",
			over(m.lambda(fn, "Throttles", "Sum", ""), fiveMinutes), 0, 1,
		})
	}
	for _, q := range m.queues() {
		alarms = append(alarms, alarm{
			q.id + "DeadLetters", q.name + "-not-empty", q.todo, m.depth(q, ""), 0, 1,
		})
	}
	for _, q := range m.tierQueues() {
		alarms = append(alarms, alarm{
			q.id + "Unconsumed", q.name + "-unconsumed", q.todo, m.oldestMessage(q, ""), unconsumedDays * 24 * 60 * 60, 1,
		})
	}

	action := awscloudwatchactions.NewSnsAction(m.p.Alerts.Topic())
	for _, a := range alarms {
		awscloudwatch.NewAlarm(scope, jsii.String(a.id), &awscloudwatch.AlarmProps{
			AlarmName:          jsii.String(contract.AlarmPrefix + a.name + "-" + m.p.Suffix),
			AlarmDescription:   jsii.String(a.description),
			Metric:             a.metric,
			Threshold:          jsii.Number(a.threshold),
			EvaluationPeriods:  jsii.Number(a.periods),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
			// No traffic is no fault.
			TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
		}).AddAlarmAction(action)
	}
}
