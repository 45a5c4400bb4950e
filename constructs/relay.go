package constructs

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdaeventsources"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/constructs/tiers"
	"payment-webhooks/handlers/contract"
)

// RelayProps configures the publishing of events from the table to the bus.
type RelayProps struct {
	Suffix   string
	Code     ImageCode
	Table    awsdynamodb.ITable // whose stream is read
	Key      awskms.IKey        // of the table and the queue
	Bus      awsevents.IEventBus
	Tiers    tiers.List // by which it counts events; the rules route them
	Untraced bool       // record no traces of batches
}

// Relay publishes an event for every new item of the table.
type Relay struct {
	function    awslambda.IFunction
	deadLetters awssqs.IQueue
}

// NewRelay adds event-relay and its stream mapping.
func NewRelay(scope cdkconstructs.Construct, id string, p RelayProps) *Relay {
	this := cdkconstructs.NewConstruct(scope, &id)
	policy, err := p.Tiers.Environment()
	if err != nil {
		panic(fmt.Sprintf("constructs: tiers: %v", err)) // strings and booleans always marshal
	}

	deadLetters := newQueue(this, "DeadLetters", contract.RelayDeadLetterPrefix+p.Suffix, p.Key)
	fn := newFunction(this, "Relay", functionProps{
		Handler:     contract.EventRelay,
		Description: "Publishes an event for every transaction that was stored",
		Untraced:    p.Untraced,
		Suffix:      p.Suffix,
		Code:        p.Code,
		MemoryMB:    512,
		// A batch of 100 is ten PutEvents calls of some 20 ms. A minute is for
		// the SDK's retries while EventBridge throttles; the stream keeps the
		// records meanwhile.
		Timeout: 60 * time.Second,
		Environment: map[string]string{
			contract.EnvEventBusName:     *p.Bus.EventBusName(),
			contract.EnvTiers:            string(policy),
			contract.EnvRelayDeadLetters: *deadLetters.QueueUrl(),
		},
	})
	allow(fn, []*string{p.Bus.EventBusArn()}, "events:PutEvents")
	// The stream is encrypted with the table's key.
	allow(fn, []*string{p.Key.KeyArn()}, "kms:Decrypt")

	// The mapping's OnFailure lets the function send to the queue.
	fn.AddEventSource(awslambdaeventsources.NewDynamoEventSource(p.Table, &awslambdaeventsources.DynamoEventSourceProps{
		// Items stored while the mapping is created must not be skipped.
		StartingPosition: awslambda.StartingPosition_TRIM_HORIZON,
		// Fraud results and TTL deletions are changes too, but publish no event.
		Filters: &[]*map[string]any{awslambda.FilterCriteria_Filter(&map[string]any{
			"eventName": awslambda.FilterRule_IsEqual("INSERT"),
		})},
		BatchSize: jsii.Number(100),
		// No batching window: it would only delay a single transaction.
		// Ten batches of a shard at once: transactions do not depend on each
		// other, and one item's records stay in order all the same.
		ParallelizationFactor:   jsii.Number(10),
		ReportBatchItemFailures: jsii.Bool(true),
		BisectBatchOnError:      jsii.Bool(true),
		// By age, not by count: ten crashes take minutes, an outage hours, and until it
		// ends, nothing is lost by trying on. A record that can never be published does
		// not block the others: the function itself sends it to the queue. What kills
		// the process each time is isolated by bisecting and blocks a tenth of its
		// shard until it is six hours old. Lambda then sends its sequence number to the
		// queue, while the stream keeps it for 18 hours more, and the table for 35 days.
		// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
		RetryAttempts: jsii.Number(-1),
		MaxRecordAge:  awscdk.Duration_Hours(jsii.Number(6)),
		OnFailure:     awslambdaeventsources.NewSqsDlq(onFailureQueue(this, deadLetters, fn, p.Key)),
	}))
	return &Relay{function: fn, deadLetters: deadLetters}
}

// Function returns the function event-relay.
func (r *Relay) Function() awslambda.IFunction { return r.function }

// DeadLetters returns the queue of the records that can never be published, and of the
// stream positions of those that became too old.
func (r *Relay) DeadLetters() awssqs.IQueue { return r.deadLetters }
