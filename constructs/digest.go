package constructs

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdaeventsources"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/constructs/tiers"
	"payment-webhooks/handlers/contract"
)

const (
	// digestTimeout is for a few messages to a topic that responds slowly. One takes some 50 ms.
	digestTimeout = 30 * time.Second

	// digestAttempts is how often Lambda may receive an event until it is moved to the
	// dead-letter queue: the least that AWS recommends, because throttling counts too.
	// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
	digestAttempts = 5

	// maxDigestBatch is the most messages of an invocation. Lambda sends fewer when they
	// have 6 MB together.
	// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
	maxDigestBatch = 10_000

	// digestConcurrency is the most batches at once, and the least that Lambda allows.
	digestConcurrency = 2

	// digestDelayedMinutes is how old an event may become in a digest's queue. One failed
	// attempt delays it by less than 20 minutes.
	digestDelayedMinutes = 30
)

// digestQueues are the queues of a tier with a digest.
type digestQueues struct {
	waiting     awssqs.IQueue // events that the next digest contains
	deadLetters awssqs.IQueue // events that no digest could contain
}

// newDigestQueues adds the queues of a tier. Events that a digest did not contain are received
// again after the visibility timeout, which is six times the function's plus the time for which
// Lambda gathers messages.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
func newDigestQueues(scope cdkconstructs.Construct, t tiers.Tier, p RoutingProps) *digestQueues {
	deadLetters := newQueue(scope, t.ID()+"DigestDeadLetters", t.DigestDeadLetterQueueName(p.Suffix), p.Key)
	props := queueProps(t.DigestQueueName(p.Suffix), p.Key)
	props.VisibilityTimeout = awscdk.Duration_Seconds(jsii.Number(6*digestTimeout.Seconds() + float64(t.Digest*60)))
	props.DeadLetterQueue = &awssqs.DeadLetterQueue{Queue: deadLetters, MaxReceiveCount: jsii.Number(digestAttempts)}
	return &digestQueues{awssqs.NewQueue(scope, jsii.String(t.ID()+"Digest"), props), deadLetters}
}

// DigestProps configures the function that sends the alerts of tiers with a digest.
type DigestProps struct {
	Suffix string
	Code   ImageCode
	Topic  awssns.ITopic
	Key    awskms.IKey // of the queues and the topic
	Routes []Route     // of all tiers; at least one has a digest
}

// Digest is the function alert-digest.
type Digest struct{ function awslambda.IFunction }

// NewDigest adds alert-digest and, for each tier with a digest, the mapping from its queue.
func NewDigest(scope cdkconstructs.Construct, id string, p DigestProps) *Digest {
	this := cdkconstructs.NewConstruct(scope, &id)
	fn := newFunction(this, "Digest", functionProps{
		Handler:     contract.AlertDigest,
		Description: "Sends the alerts of tiers with a digest together",
		Suffix:      p.Suffix,
		Code:        p.Code,
		MemoryMB:    512, // a batch of 6 MB is there as bytes, as messages and as text
		Timeout:     digestTimeout,
		Environment: map[string]string{contract.EnvTopicARN: *p.Topic.TopicArn()},
	})
	allow(fn, []*string{p.Topic.TopicArn()}, "sns:Publish")
	allow(fn, []*string{p.Key.KeyArn()}, sendKeyActions...)
	for _, r := range p.Routes {
		if r.Digest == nil {
			continue
		}
		// It lets the function receive and delete messages.
		fn.AddEventSource(awslambdaeventsources.NewSqsEventSource(r.Digest.waiting, &awslambdaeventsources.SqsEventSourceProps{
			BatchSize:         jsii.Number(maxDigestBatch),
			MaxBatchingWindow: awscdk.Duration_Minutes(jsii.Number(r.Tier.Digest)),
			// The fewer batches at once, the fewer messages to people. Two is the least.
			// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
			MaxConcurrency:          jsii.Number(digestConcurrency),
			ReportBatchItemFailures: jsii.Bool(true),
		}))
	}
	return &Digest{fn}
}

// digestFunctions returns the function of digests, if there is one.
func (m metrics) digestFunctions() []namedFunction {
	if m.p.Digest == nil {
		return nil
	}
	return []namedFunction{{
		"Digest", contract.AlertDigest, m.p.Digest.function,
		"Lambda repeats; what is given up is in the tier's value-digest-dlq: `scripts/ops dlq list`.",
	}}
}

// digestDeadLetters returns the queues of events that no digest could contain.
func (m metrics) digestDeadLetters() (queues []namedQueue) {
	for _, r := range m.p.Routing.Routes() {
		if r.Digest == nil {
			continue
		}
		queues = append(queues, namedQueue{
			id: r.ID() + "Digest", name: r.Name + "-value-digest-dlq", queue: r.Digest.deadLetters, moved: true,
			todo: fmt.Sprintf("Alerts were not sent after %d attempts. Read alert-digest's log and `scripts/ops dlq list %s`; then send them again: `scripts/ops dlq redrive`.",
				digestAttempts, r.DigestDeadLetterQueueName(m.p.Suffix)),
		})
	}
	return queues
}

// digestAlarms are two for each queue in which events wait: nobody fetches them, and they will
// be deleted soon.
func (m metrics) digestAlarms() (alarms []alarm) {
	for _, r := range m.p.Routing.Routes() {
		if r.Digest == nil {
			continue
		}
		q := namedQueue{id: r.ID() + "Digest", name: r.Name + "-value-digest", queue: r.Digest.waiting}
		todo := "See whether the mapping from the queue " + r.DigestQueueName(m.p.Suffix) + " to alert-digest is enabled and may read it, and read the function's log. " +
			"The alerts are sent when it works again; what it gives up shows `scripts/ops dlq list`."
		alarms = append(
			alarms,
			alarm{
				id: q.id + "Delayed", name: q.name + "-delayed",
				description: fmt.Sprintf("Alerts of the tier have waited for %d minutes, and are sent every %d. ", digestDelayedMinutes, r.Tier.Digest) + todo,
				metric:      over(m.oldestMessage(q, ""), minutes(5)), threshold: digestDelayedMinutes * 60, periods: 1,
			},
			expiring(m, q.id+"Queue", q, todo),
		)
	}
	return alarms
}
