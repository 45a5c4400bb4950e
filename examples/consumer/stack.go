package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

const (
	// deliveryAttempts and deliveryHours bound how long EventBridge tries to write
	// to the queue, whichever ends first. A queue that cannot be written to for
	// hours has a wrong policy or key, which time does not fix.
	deliveryAttempts = 20
	deliveryHours    = 2

	// processingAttempts is how often a message is received without being deleted
	// before it moves to the dead-letter queue.
	processingAttempts = 5

	// processingSeconds is how long a received message is hidden from the others
	// that read the queue. Longer than processing one takes.
	processingSeconds = 60

	// retentionDays is the longest that SQS keeps a message.
	retentionDays = 14
)

// NewStack adds the stack PaymentConsumer<suffix>: a rule on the bus
// payment-events-<suffix>, the queue that it feeds, a dead-letter queue and the
// key of both. The bus must be in the same account and region.
func NewStack(scope constructs.Construct, suffix string) awscdk.Stack {
	stack := awscdk.NewStack(scope, jsii.String("PaymentConsumer"+suffix), &awscdk.StackProps{
		Description: jsii.String("Receives the events of payment-events-" + suffix),
	})

	key := awskms.NewKey(stack, jsii.String("Key"), &awskms.KeyProps{
		Description:       jsii.String("Payment consumer " + suffix + ": its queues"),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_DESTROY,
	})
	// EventBridge encrypts what it writes to either queue, which it cannot do with
	// an AWS-managed key.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("LetEventBridgeWriteToTheQueues"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil)},
		Actions:    jsii.Strings("kms:Decrypt", "kms:GenerateDataKey*"),
		Resources:  jsii.Strings("*"),
	}), nil)

	// This queue has the events that EventBridge could not deliver, and those that
	// were received too often; both have the same form.
	deadLetters := newQueue(stack, "DeadLetters", "payment-consumer-dlq-"+suffix, key, nil)
	queue := newQueue(stack, "Queue", "payment-consumer-"+suffix, key, &awssqs.DeadLetterQueue{
		Queue: deadLetters, MaxReceiveCount: jsii.Number(processingAttempts),
	})

	bus := awsevents.EventBus_FromEventBusName(stack, jsii.String("Bus"), jsii.String("payment-events-"+suffix))
	rule := awsevents.NewRule(stack, jsii.String("Rule"), &awsevents.RuleProps{
		RuleName:    jsii.String("payment-consumer-" + suffix),
		Description: jsii.String("Every stored transaction"),
		EventBus:    bus,
		// Add Detail, such as {"kind": ["refund"]}, to receive fewer events.
		EventPattern: &awsevents.EventPattern{
			Source:     jsii.Strings(contract.EventSource),
			DetailType: jsii.Strings(contract.DetailTypeTransactionReceived),
		},
	})
	rule.AddTarget(awseventstargets.NewSqsQueue(queue, &awseventstargets.SqsQueueProps{
		DeadLetterQueue: deadLetters,
		RetryAttempts:   jsii.Number(deliveryAttempts),
		MaxEventAge:     awscdk.Duration_Hours(jsii.Number(deliveryHours)),
	}))

	for _, output := range []struct {
		name, description string
		value             *string
	}{
		{"QueueUrl", "Where the events are received", queue.QueueUrl()},
		{"QueueArn", "Grant its reader sqs:ReceiveMessage, DeleteMessage and GetQueueAttributes", queue.QueueArn()},
		{"KeyArn", "Grant the queue's reader kms:Decrypt", key.KeyArn()},
		{"DeadLetterQueueUrl", "Events that were not delivered or not processed; alarm on its length", deadLetters.QueueUrl()},
	} {
		awscdk.NewCfnOutput(stack, jsii.String(output.name), &awscdk.CfnOutputProps{
			Value: output.value, Description: jsii.String(output.description),
		})
	}
	return stack
}

func newQueue(scope constructs.Construct, id, name string, key awskms.IKey, deadLetters *awssqs.DeadLetterQueue) awssqs.Queue {
	return awssqs.NewQueue(scope, &id, &awssqs.QueueProps{
		QueueName:           &name,
		Encryption:          awssqs.QueueEncryption_KMS,
		EncryptionMasterKey: key,
		EnforceSSL:          jsii.Bool(true),
		RetentionPeriod:     awscdk.Duration_Days(jsii.Number(retentionDays)),
		VisibilityTimeout:   awscdk.Duration_Seconds(jsii.Number(processingSeconds)),
		DeadLetterQueue:     deadLetters,
		RemovalPolicy:       awscdk.RemovalPolicy_DESTROY,
	})
}
