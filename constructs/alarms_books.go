package constructs

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// due is the expression of two metrics of the books that have the same time, see package
// contract: both have a value in every period in which something is due, so that nothing
// needs to be filled.
//
// Duplicates, conflicts and rejected deliveries are not due. An event that is published
// twice, a replay and a workflow that runs twice count as done once more, which never
// raises an alarm. A retry that succeeds within contract.AccountingDelay is done when the
// period begins. A new stack has neither side. Embedded metrics are delivered at least
// once, so in rare cases something due counts twice.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
const due = "due - done"

// fewer is the expression that is 1 while fewer than 99 of 100 expected things happened, by
// counts of which one is made by AWS, minutes late or a minute beside ours:
//
//   - One of few is missed, and of many more than those that a period's edge cuts off.
//   - A metric that never had a value counts as 0: SUM of an array adds the values that
//     there are, and 0 * expected has one wherever expected has.
//   - FILL with REPEAT keeps a result until there is another, so that a single thing
//     that was expected and did not happen still counts in the next period, when no
//     count can be late any more. Both periods must have too few.
//
// More than expected, as after a replay, is no fault.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
func fewer(happened string) string {
	return fmt.Sprintf("100 * (expected - SUM([%s, 0 * expected])) > expected", happened)
}

func settled(condition string) string { return "FILL(IF(" + condition + ", 1, 0), REPEAT)" }

// bookAlarms are raised when something did not happen that should have, even if nothing
// failed: they compare the counts of both sides.
func (m metrics) bookAlarms() []alarm {
	count := func(name string, dimensions ...*string) awscloudwatch.IMetric {
		return m.business(name, "Sum", "", dimensions...)
	}
	alarms := []alarm{
		{
			id: "Unpublished", name: "unpublished",
			description: "Transactions were stored and not published within 15 minutes: they are safe in the table, but nobody was alerted and nothing was scored. " +
				"See whether the mapping from the table's stream to event-relay is enabled and may read it, and whether event-relay's log group exists; read the log. What event-relay gave up shows `scripts/ops dlq list`. " +
				"Then `scripts/ops republish --from … --to …` for the time of the fault.",
			metric:  expressionOf(due, "stored, not published", minutes(5), metricsByID{"due": count(contract.MetricPublicationsDue), "done": count(contract.MetricPublicationsDone)}),
			periods: 1,
		},
		{
			id: "Unscored", name: "unscored",
			description: "Published events of tiers with the workflow have no fraud result after 15 minutes: they matched no rule, no execution of the workflow was started, or scoring failed. " +
				"Executions that failed are in workflow-dlq, events that the workflow did not accept in the tier's dead-letter queue: `scripts/ops dlq list`. Otherwise see whether the rule is enabled and has the workflow as its target, and read fraud-detector's log. " +
				"Then `scripts/ops republish --from … --to … --tier …` for the time of the fault; results are recorded once.",
			metric:  expressionOf(due, "published, not scored", minutes(5), metricsByID{"due": count(contract.MetricScoresDue), "done": count(contract.MetricScoresDone)}),
			periods: 1,
		},
		{
			id: "ValidatorUncounted", name: "validator-uncounted",
			description: "webhook-validator runs, and the metrics in its log do not arrive: nothing that it stores is counted, so that unpublished and others stay silent. " +
				"See whether its log group exists and the function may write to it; create it again by deploying the stack. " +
				"If webhook-validator-errors is raised as well, the function fails before it can count: read its log. Then check with `scripts/ops archive verify` that nothing is missing.",
			metric: expressionOf(settled(fewer("counted")), "invoked, not counted", minutes(15), metricsByID{
				"expected": m.lambda(m.functions()[0], "Invocations", "Sum", ""), "counted": m.business(contract.MetricAckLatency, "SampleCount", ""),
			}),
			periods: settledQuarters,
		},
		stopped(alarm{
			id: "ArchiveStopped", name: "archive-stopped",
			description: fmt.Sprintf("No run of the archiver has been complete for %d days. Items expire after %d days, and are lost then unless they are archived. ", unarchivedDays, contract.RetentionDays) +
				"See whether the daily rule is enabled, read the archiver's log, and look into archival-schedule-dlq and archival-failures: `scripts/ops dlq list`. Then `scripts/ops archive run`.",
			periods: unarchivedDays,
		}, count(contract.MetricArchiveRuns)),
	}
	for _, r := range m.p.Routing.Routes() {
		alarms = append(alarms, alarm{
			id: r.ID() + "Unmatched", name: r.Name + "-value-unmatched",
			description: "Published events of the tier matched no rule, or were sent to no target, for 15 minutes. See whether the rule " + r.RuleName + " is enabled, has its target, and has the pattern that `npx cdk diff` expects. " +
				"Then `scripts/ops republish --from … --to … --tier " + r.Name + "` for the time of the fault. " +
				"CloudWatch may lose a count of EventBridge: if the rule is in order and `scripts/ops find ID` shows what became of the events, there is nothing to do.",
			metric: expressionOf(settled(fewer("matched")+" OR "+fewer("invoked")), "published, not delivered", minutes(15), metricsByID{
				"expected": count(contract.MetricEventsExpected, jsii.String(contract.DimensionTier), jsii.String(r.Name)),
				"matched":  m.rule(r, "MatchedEvents", ""), "invoked": m.rule(r, "Invocations", ""),
			}),
			periods: settledQuarters,
		})
	}
	return alarms
}

// stopped is an alarm that is raised when a daily run did not end well, for the alarm's
// periods, of a day each.
//
// A day without a value is a day without a run, as long as there is one day with a value
// among those that CloudWatch retrieves, which are more than the periods: FILL of a series
// without values has none. The last run is among them when the alarm is due, and so is
// every transaction after it, where the validator writes zeros. After that, only a run can
// make it better: what is missing is ignored, and the state stays.
//
// A new stack has no value, and then one of today, because its deployment starts a run:
// neither is a day without a run that was due. (If FILL had values where there are none, the
// alarm would be raised once, until that run.)
func stopped(a alarm, runs awscloudwatch.IMetric) alarm {
	a.metric = expressionOf("IF(FILL(runs, 0) > 0, 0, 1)", "no complete run", awscdk.Duration_Days(jsii.Number(1)), metricsByID{"runs": runs})
	a.missing = awscloudwatch.TreatMissingData_IGNORE
	return a
}

// startedFunction is a function that rules of the default bus start, asynchronously.
type startedFunction struct {
	namedFunction
	rules              []string // physical names
	schedule, failures string   // names, before the suffix, of the queues of runs that could not be started and that failed
	again              string   // how to run it by hand
}

func (m metrics) startedFunctions() []startedFunction {
	return append([]startedFunction{{
		m.functions()[3], m.p.Archive.RuleNames(), contract.ScheduleDeadLetterPrefix, contract.ArchivalFailurePrefix,
		"Start it by hand: `scripts/ops archive run` archives every due hour that has no manifest.",
	}}, m.reconcileRuns()...)
}

// lossAlarms are raised when a service gave something up and could not put it into the
// queue for it either.
func (m metrics) lossAlarms() []alarm {
	var alarms []alarm
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
	rule := func(id, name, queue, again string, metric awscloudwatch.IMetric) {
		alarms = append(alarms, alarm{
			id: id + "Undeliverable", name: strings.TrimSuffix(name, "-"+m.p.Suffix) + "-undeliverable",
			description: "Events of the rule " + name + " reached neither its target nor its dead-letter queue " + queue + m.p.Suffix + ", and are lost to both. " +
				"See whether the queue exists, and whether its policy and the key's let EventBridge send to it. " + again,
			metric: over(metric, minutes(5)), periods: 1,
		})
	}
	function := func(fn namedFunction, what, queue, again string) {
		alarms = append(alarms, alarm{
			id: fn.id + "Undeliverable", name: fn.name + "-undeliverable",
			description: what + " could not be put into " + queue + m.p.Suffix + ". See whether the queue exists, and whether the function's role may send to it and use its key. " + again,
			metric:      over(m.lambda(fn, "DestinationDeliveryFailures", "Sum", ""), minutes(5)), periods: 1,
		})
	}
	for _, r := range m.p.Routing.Routes() {
		rule(r.ID(), r.RuleName, r.Name+contract.TierDeadLetterInfix,
			"Then `scripts/ops republish --from … --to … --tier "+r.Name+"`: the transactions are in the table.", m.rule(r, "InvocationsFailedToBeSentToDlq", ""))
	}
	// Lambda's own dead-letter queues, with the metric DeadLetterErrors, are not used: on-failure
	// destinations tell more.
	// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
	function(m.functions()[1], "Positions in the table's stream that event-relay gave up", contract.RelayDeadLetterPrefix,
		"Then `scripts/ops republish --from … --to …` for the time of the fault: the transactions are in the table.")
	for _, fn := range m.startedFunctions() {
		for i, name := range fn.rules {
			rule(fmt.Sprintf("%sRule%d", fn.id, i), name, fn.schedule, fn.again, m.defaultBusRule(name, "InvocationsFailedToBeSentToDlq", ""))
		}
		function(fn.namedFunction, "Runs of "+fn.name+" that failed", fn.failures, fn.again)
		alarms = append(alarms, alarm{
			id: fn.id + "Dropped", name: fn.name + "-dropped",
			description: "Lambda gave up runs of " + fn.name + ": they failed three times, or were not started for hours because of throttling or a concurrency of 0. " +
				"See the queue " + fn.failures + m.p.Suffix + " (`scripts/ops dlq list`) and the function's concurrency. " + fn.again,
			metric: over(m.lambda(fn.namedFunction, "AsyncEventsDropped", "Sum", ""), minutes(5)), periods: 1,
		})
	}
	return alarms
}
