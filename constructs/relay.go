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
	Suffix string
	Code   ImageCode
	Table  awsdynamodb.ITable // whose stream is read
	Key    awskms.IKey        // of the table and the queue
	Bus    awsevents.IEventBus
	Tiers  tiers.List // by which it counts events; the rules route them
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

	fn := newFunction(this, "Relay", functionProps{
		Handler:     contract.EventRelay,
		Description: "Publishes an event for every transaction that was stored",
		Suffix:      p.Suffix,
		Code:        p.Code,
		MemoryMB:    512,
		// A batch of 100 is ten PutEvents calls of some 20 ms. A minute is for
		// the SDK's retries while EventBridge throttles; the stream keeps the
		// records meanwhile.
		Timeout: 60 * time.Second,
		Environment: map[string]string{
			contract.EnvEventBusName: *p.Bus.EventBusName(),
			contract.EnvTiers:        string(policy),
		},
	})
	allow(fn, []*string{p.Bus.EventBusArn()}, "events:PutEvents")
	// The stream is encrypted with the table's key.
	allow(fn, []*string{p.Key.KeyArn()}, "kms:Decrypt")

	deadLetters := newQueue(this, "DeadLetters", contract.RelayDeadLetterPrefix+p.Suffix, p.Key)
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
		// A record that cannot be published blocks the records after it until
		// Lambda discards it. Ten attempts outlast a throttled minute; six hours, well
		// within the stream's 24, bound an outage in which the function is not
		// invoked. The queue then has the record's sequence number, and the
		// table still has the item.
		RetryAttempts: jsii.Number(10),
		MaxRecordAge:  awscdk.Duration_Hours(jsii.Number(6)),
		OnFailure:     awslambdaeventsources.NewSqsDlq(deadLetters),
	}))
	return &Relay{function: fn, deadLetters: deadLetters}
}

// Function returns the function event-relay.
func (r *Relay) Function() awslambda.IFunction { return r.function }

// DeadLetters returns the queue of the stream positions of discarded records.
func (r *Relay) DeadLetters() awssqs.IQueue { return r.deadLetters }
