package constructs

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

type namedQueue struct {
	id, name string // the name without the suffix
	queue    awssqs.IQueue
	todo     string // the alarm's description: what it means and what to do
	moved    bool   // SQS moves messages here from another queue
}

// queues returns the queues in which a message needs an operator.
func (m metrics) queues() []namedQueue {
	list := func(name string) string { return "`scripts/ops dlq list " + name + m.p.Suffix + "`" }
	queues := []namedQueue{
		{
			id: "Quarantine", name: "quarantine", queue: m.p.Ingest.Quarantine(),
			todo: "A provider's authentic notifications could not be stored: each message names the reason and keeps the body. The provider will not send them again. Read them: " + list(contract.QuarantinePrefix) + ".",
		},
		{
			id: "Relay", name: "relay-dlq", queue: m.p.Relay.DeadLetters(),
			todo: "Stored transactions were not published. Find the cause in event-relay's log, then publish them from the table: " + list(contract.RelayDeadLetterPrefix) + ", then `scripts/ops dlq redrive`.",
		},
		{
			id: "Workflow", name: "workflow-dlq", queue: m.p.Workflow.DeadLetters(),
			todo: "Scoring, notification or fraud alert failed: each message names the state, the error and the transaction. Read them: " + list(contract.WorkflowDeadLetterPrefix) + ", then `scripts/ops dlq redrive`.",
		},
	}
	for _, r := range m.p.Routing.Routes() {
		queues = append(queues, namedQueue{
			id: r.ID(), name: r.Name + "-value-dlq", queue: r.DeadLetters,
			todo: "The rule's target did not accept events: " + list(r.Name+contract.TierDeadLetterInfix) + ". Repair the target, then send them again: `scripts/ops dlq redrive`.",
		})
	}
	return append(
		slices.Concat(queues, m.digestDeadLetters(), m.reconcileQueues()),
		namedQueue{
			id: "ArchivalSchedule", name: "archival-schedule-dlq", queue: m.p.Archive.ScheduleDeadLetters(),
			todo: "The archiver could not be started: " + list(contract.ScheduleDeadLetterPrefix) + ". Repair what its error names, then start it by hand: `scripts/ops archive run`.",
		},
		namedQueue{
			id: "ArchivalFailures", name: "archival-failures", queue: m.p.Archive.Failures(),
			todo: "The archiver failed three times: read its log, then start it by hand: `scripts/ops archive run`.",
		},
	)
}

// tierQueues are the queues of tiers with target queue. A message in one of
// them is no fault as long as somebody consumes it.
func (m metrics) tierQueues() (queues []namedQueue) {
	for _, r := range m.p.Routing.Routes() {
		if r.Queue != nil {
			queues = append(queues, namedQueue{
				id: r.ID(), name: r.Name + "-value-transactions", queue: r.Queue,
				todo: "Nobody has consumed the oldest event of the tier for two days; after 14 it is deleted. Repair or start the queue's consumer.",
			})
		}
	}
	return queues
}

// queueAlarms: an alarm acts when it is raised and not again while it lasts, so a message
// that waits would hide those that follow. Hence three for each queue: something is in it,
// something came, something will be deleted soon.
//
// What services send counts as NumberOfMessagesSent. What SQS itself moves from a queue to its
// dead-letter queue does not: there, a message came when there are more than before.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
//
// The age of a message that was received more than three times does not count any more, so
// whoever looks at messages must be able to handle them.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
func (m metrics) queueAlarms() (alarms []alarm) {
	for _, q := range m.queues() {
		alarms = append(
			alarms,
			alarm{id: q.id + "DeadLetters", name: q.name + "-not-empty", description: q.todo, metric: m.depth(q, ""), periods: 1},
			alarm{
				id: q.id + "Arrivals", name: q.name + "-arrivals", description: "New messages. " + q.todo,
				metric: m.arrivals(q, ""), periods: 1,
			},
			expiring(m, q.id, q, q.todo),
		)
	}
	for _, q := range m.tierQueues() {
		alarms = append(
			alarms,
			alarm{
				id: q.id + "Unconsumed", name: q.name + "-unconsumed", description: q.todo,
				metric: m.oldestMessage(q, ""), threshold: unconsumedDays * daySeconds, periods: 1,
			},
			expiring(m, q.id+"Queue", q, "Repair or start the queue's consumer."),
		)
	}
	return alarms
}

const daySeconds = 24 * 60 * 60

// expiring is raised when a message will be deleted soon.
func expiring(m metrics, id string, q namedQueue, todo string) alarm {
	return alarm{
		id: id + "Expiring", name: q.name + "-expiring",
		description: fmt.Sprintf("The oldest message has been in the queue for %d days; SQS deletes it after 14. ", expiringDays) + todo,
		metric:      over(m.oldestMessage(q, ""), awscdk.Duration_Hours(jsii.Number(1))), threshold: expiringDays * daySeconds, periods: 1,
	}
}

// arrivals is how many messages came to a queue, over five minutes.
func (m metrics) arrivals(q namedQueue, label string) awscloudwatch.IMetric {
	if q.moved {
		// A queue that is empty for hours reports nothing: its first message counts all the same,
		// because FILL has a value before it. Without any message there is nothing to count.
		return expressionOf("DIFF(FILL(visible, 0))", label, minutes(5), metricsByID{"visible": m.depth(q, "")})
	}
	return over(m.of("AWS/SQS", "NumberOfMessagesSent", "Sum", label, jsii.String("QueueName"), q.queue.QueueName()), minutes(5))
}
