package constructs

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
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

	// unverifiedHours is for how long none of a provider's deliveries may be verified while
	// some are rejected. Providers repeat what is rejected within minutes or hours, and
	// for a day or more, so that even a single delivery is seen as rejected before its
	// last repeat. An hour would ring for any stranger in a quiet one.
	unverifiedHours = 6

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

	// unarchivedDays is for how many days in a row no run of the archiver may be complete,
	// while there is one every day. The table keeps items for 35.
	unarchivedDays = 3

	// unconsumedDays is how old an event in the queue of a tier may become. A
	// nightly consumer leaves none older than a day; SQS keeps them for 14.
	unconsumedDays = 2

	// expiringDays is how old a message may become, of the 14 days that SQS keeps it,
	// until operators are told once more.
	expiringDays = 10

	// settledQuarters is for how many quarters of an hour in a row fewer may have happened
	// than expected, when one side is counted by AWS: its counts may be minutes late.
	settledQuarters = 2
)

// alarm describes a CloudWatch alarm that notifies the alerts topic.
type alarm struct {
	id          string
	name        string // with the suffix, the physical name
	description string // what it means and what to do
	metric      awscloudwatch.IMetric
	threshold   float64 // alarms above it
	periods     float64 // of the metric, all of them above

	// missing is how periods without data count; by default they do not breach: no traffic is no fault.
	missing awscloudwatch.TreatMissingData
}

// over returns a metric over another period.
func over(metric awscloudwatch.IMetric, period awscdk.Duration) awscloudwatch.IMetric {
	return metric.(awscloudwatch.Metric).With(&awscloudwatch.MetricOptions{Period: period})
}

// metricsByID are the metrics of an expression by their ids in it.
type metricsByID map[string]awscloudwatch.IMetric

// expressionOf returns an expression of metrics with a common period.
func expressionOf(expression, label string, period awscdk.Duration, metrics metricsByID) awscloudwatch.IMetric {
	using := map[string]awscloudwatch.IMetric{}
	for id, metric := range metrics {
		using[id] = over(metric, period)
	}
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String(expression), UsingMetrics: &using, Label: jsii.String(label), Period: period,
	})
}

// filled is the expression of a metric that counts as 0 where it has no value, even if it never
// had one, wherever the other metric has a value in the evaluated range.
//
// CloudWatch documents FILL for the missing values of a time series, and nothing about a metric
// without any, which has no time series: the result may have no value either, and an alarm that
// compares it then stays silent. No alarm depends on it: a metric that is filled alone has values
// whenever the alarm is to be raised, and beside a second one it is filled by this. SUM of an array
// adds the values that there are.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func filled(metric, other string) string {
	return fmt.Sprintf("FILL(SUM([%s, 0 * %s]), 0)", metric, other)
}

// addAlarms adds the alarms and returns them.
func (m metrics) addAlarms(scope cdkconstructs.Construct) (added []interfacesawscloudwatch.IAlarmRef) {
	day, hour := awscdk.Duration_Days(jsii.Number(1)), awscdk.Duration_Hours(jsii.Number(1))
	alarms := []alarm{
		{
			id: "ApiServerErrors", name: "api-5xx",
			description: "Providers get 5XX answers and will repeat. Read the validator's log.",
			metric:      over(m.api("5XXError", "Sum", ""), minutes(5)), periods: 1,
		},
		{
			id: "AckLatency", name: "ack-p99",
			description: "The slowest hundredth of answers takes more than a second, for 15 minutes. Look for cold starts, throttled writes or a slow secret store.",
			metric:      over(m.api("Latency", "p99", ""), minutes(5)), threshold: ackP99Milliseconds, periods: 3,
		},
		{
			id: "VerificationUnavailable", name: "verification-unavailable",
			description: "Notifications are answered with 503, because a signing secret or certificate is missing, malformed or cannot be read. Read the validator's log, which names it, and correct it; providers repeat for hours or days.",
			metric:      over(m.business(contract.MetricVerificationFailing, "Sum", ""), minutes(5)), periods: 1,
		},
		{
			id: "SecretReadsFailed", name: "secret-reads-failed",
			description: "Signing secrets cannot be read, for 15 minutes. Notifications are verified with values read before, for an hour at most, and answered with 503 after that. Read the validator's log, which names the secret and the error.",
			metric:      over(m.business(contract.MetricSecretReadsFailing, "Sum", ""), minutes(5)), periods: unreadableSecretPeriods,
		},
		{
			id: "ForgedSurge", name: "forged-surge",
			description: "Signatures keep failing: somebody probes the API, or a provider signs with a secret that is not the configured one. Compare the validator's log with the provider's dashboard.",
			metric:      over(m.business(contract.MetricForged, "Sum", ""), minutes(5)), threshold: forgedIn5Minutes, periods: 3,
		},
		{
			id: "ClientErrors", name: "api-4xx",
			description: "More than half of the requests get 4XX answers, over a hundred in each quarter of an hour, for an hour: a sender does not follow the API, or somebody floods it. Find their routes and addresses in the access log, the reasons in the validator's.",
			metric: expressionOf(fmt.Sprintf("IF(FILL(errors, 0) > %d AND 2 * FILL(errors, 0) > %s, 1, 0)", clientErrorsIn15Minutes, filled("requests", "errors")), "mostly 4XX", minutes(15),
				metricsByID{"errors": m.api("4XXError", "Sum", ""), "requests": m.api("Count", "Sum", "")}),
			periods: clientErrorPeriods,
		},
		{
			id: "Throttled", name: "api-429",
			description: "Requests to /webhook or to a configured provider's route get 429, for 15 minutes. Find the route and the addresses in the access log. If they are the provider's, raise the route's limits; if not, block them.",
			metric:      over(m.business(contract.MetricThrottled, "Sum", ""), minutes(5)), periods: throttledPeriods,
		},
		{
			id: "UnknownEvents", name: "unknown-event-types",
			description: "A provider sent authentic events of types that are not in its list, within a day. They were ignored. The validator's log and the dashboard name them; read the provider's page about each and decide what it becomes.",
			metric:      over(m.business(contract.MetricUnknownEvents, "Sum", ""), day), periods: 1,
		},
		{
			id: "RelayIteratorAge", name: "relay-iterator-age",
			description: fmt.Sprintf("event-relay is more than %d minutes behind the table's stream, which keeps records for a day. Read its log. What it gives up is in relay-dlq, and shown by `scripts/ops dlq list`.", relayIteratorAgeMinutes),
			metric:      m.lambda(m.functions()[1], "IteratorAge", "Maximum", ""), threshold: relayIteratorAgeMinutes * 60_000, periods: 3,
		},
		{
			id: "WorkflowFailed", name: "workflow-failed",
			description: "Executions of the workflow failed. What they were about is in workflow-dlq, or else only in its log. Read both: `scripts/ops dlq list`; `scripts/ops find ID` shows what became of a transaction.",
			metric:      over(m.workflow("ExecutionsFailed", ""), minutes(5)), periods: 1,
		},
		{
			id: "WorkflowTimedOut", name: "workflow-timed-out",
			description: "Executions ran out of time, which nothing can catch: find them in the workflow's log, look at their transactions with `scripts/ops find ID`, and publish those without a fraud result again: `scripts/ops republish --id ID`.",
			metric:      over(m.workflow("ExecutionsTimedOut", ""), minutes(5)), periods: 1,
		},
		{
			id: "AlertsFailed", name: "alerts-failed",
			description: "Alerts were not delivered to someone. Check the subscriptions and the SMS spending limit.",
			metric:      over(m.topic("NumberOfNotificationsFailed", ""), minutes(5)), periods: 1,
		},
		{
			id: "ArchiveBacklog", name: "archive-backlog",
			description: "After a run, hours were still due for the archive. Read the archiver's log, then `scripts/ops archive status` and `scripts/ops archive run`.",
			metric:      over(m.business(contract.MetricArchiveBacklog, "Maximum", ""), hour), periods: 1,
		},
	}
	alarms = slices.Concat(alarms, m.bookAlarms(), m.lossAlarms(), m.queueAlarms(), m.digestAlarms(), m.reconcileAlarms())
	within := awscdk.Duration_Hours(jsii.Number(unverifiedHours))
	for _, name := range m.providers() {
		alarms = append(alarms, alarm{
			id: "Unverified" + tiers.Title(name), name: "unverified-" + name,
			description: fmt.Sprintf("Deliveries of %s were rejected and none was verified, for %d hours. Compare the secret in Secrets Manager with the one on the provider's dashboard, and the address there with this API's. The validator's log has the reasons.", name, unverifiedHours),
			metric: expressionOf("IF(FILL(unverified, 0) > 0 AND "+filled("verified", "unverified")+" == 0, 1, 0)", "rejected, none verified", within,
				metricsByID{"unverified": m.provider(contract.MetricUnverified, name, ""), "verified": m.provider(contract.MetricVerified, name, "")}),
			periods: 1,
		})
	}
	for _, fn := range m.functions() {
		alarms = append(
			alarms,
			alarm{
				id: fn.id + "Errors", name: fn.name + "-errors", description: "The function failed or timed out. Read its log. " + fn.failed,
				metric: over(m.lambda(fn, "Errors", "Sum", ""), minutes(5)), periods: 1,
			},
			alarm{
				id: fn.id + "Throttles", name: fn.name + "-throttles",
				description: "The function was throttled. Look at the account's concurrency, and at the function's if it is limited. " + fn.failed,
				metric:      over(m.lambda(fn, "Throttles", "Sum", ""), minutes(5)), periods: 1,
			},
		)
	}

	action := awscloudwatchactions.NewSnsAction(m.p.Alerts.Topic())
	for _, a := range alarms {
		one := awscloudwatch.NewAlarm(scope, jsii.String(a.id), &awscloudwatch.AlarmProps{
			AlarmName:          jsii.String(contract.AlarmPrefix + a.name + "-" + m.p.Suffix),
			AlarmDescription:   jsii.String(a.description),
			Metric:             a.metric,
			Threshold:          jsii.Number(a.threshold),
			EvaluationPeriods:  jsii.Number(a.periods),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
			TreatMissingData:   cmp.Or(a.missing, awscloudwatch.TreatMissingData_NOT_BREACHING),
		})
		one.AddAlarmAction(action)
		added = append(added, one)
	}
	return added
}

func minutes(n float64) awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(n)) }
