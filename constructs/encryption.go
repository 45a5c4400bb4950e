package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// encryptLogs puts every log group of the stack, those of the library included, under the key,
// and lets CloudWatch Logs use it for these groups and for no other. It comes last, when all
// groups are there. Neither who writes to a group nor who reads it needs the key.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
func encryptLogs(stack awscdk.Stack, key awskms.IKey) {
	var arns []*string
	for _, c := range *stack.Node().FindAll(cdkconstructs.ConstructOrder_PREORDER) {
		group, ok := c.(awslogs.CfnLogGroup)
		if !ok {
			continue
		}
		if group.LogGroupName() == nil {
			// The key's policy cannot refer to the group, which needs the key first.
			panic(fmt.Sprintf("constructs: log group %s has no name", *group.Node().Path()))
		}
		group.SetKmsKeyId(key.KeyArn())
		arns = append(arns, stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("logs"), Resource: jsii.String("log-group"), ResourceName: group.LogGroupName(), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
		}))
	}
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("LetLogsEncryptTheGroupsOfThisStack"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(awscdk.Fn_Join(jsii.String("."), &[]*string{
			jsii.String("logs"), stack.Region(), stack.UrlSuffix(),
		}), nil)},
		Actions:    jsii.Strings("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"),
		Resources:  jsii.Strings("*"),
		Conditions: &map[string]any{"ArnEquals": map[string]any{"kms:EncryptionContext:aws:logs:arn": arns}},
	}), nil)
}

// encryptBus puts a bus and its archive under the key. Senders and targets do not need the
// key for it: EventBridge itself uses it, in the context of the bus.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-cmkey.html
// https://docs.aws.amazon.com/eventbridge/latest/userguide/encryption-archives.html
//
// The library's own statements for an archive name the bus by its attribute, and a key whose
// policy needs the bus cannot exist before it.
func encryptBus(bus awsevents.EventBus, name string, archive awsevents.Archive, key awskms.IKey) {
	bus.Node().DefaultChild().(awsevents.CfnEventBus).SetKmsKeyIdentifier(key.KeyArn())
	archive.Node().DefaultChild().(awsevents.CfnArchive).SetKmsKeyIdentifier(key.KeyArn())
	arn := awscdk.Stack_Of(bus).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("events"), Resource: jsii.String("event-bus"), ResourceName: &name,
	})
	events := &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil)}
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("LetEventBridgeEncryptTheBusAndItsArchive"),
		Principals: events,
		Actions:    jsii.Strings("kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncrypt*"),
		Resources:  jsii.Strings("*"),
		Conditions: &map[string]any{"StringEquals": map[string]any{"kms:EncryptionContext:aws:events:event-bus:arn": arn}},
	}), nil)
	// A request to describe a key has no encryption context.
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("LetEventBridgeFindTheKey"),
		Principals: events,
		Actions:    jsii.Strings("kms:DescribeKey"),
		Resources:  jsii.Strings("*"),
	}), nil)
}

// What each service asks of the key in the name of its caller.
var (
	// Reading and writing a table. The two last are what the page's wildcards stand for.
	// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
	tableKeyActions = []string{
		"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
		"kms:ReEncryptFrom", "kms:ReEncryptTo",
	}
	// Reading a table alone.
	tableReadKeyActions = []string{"kms:Decrypt", "kms:DescribeKey"}
	// Sending to a queue and publishing to a topic.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
	// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
	sendKeyActions = []string{"kms:Decrypt", "kms:GenerateDataKey"}
)

// onFailureQueue returns a queue as the destination of a mapping or of asynchronous
// invocations, and lets the function's role use its key to send. Of the queue itself, the
// library would let the role use its key for everything, encrypting included.
func onFailureQueue(scope cdkconstructs.Construct, queue awssqs.IQueue, fn awsiam.IGrantable, key awskms.IKey) awssqs.IQueue {
	allow(fn, []*string{key.KeyArn()}, sendKeyActions...)
	return awssqs.Queue_FromQueueArn(scope, jsii.String("OnFailure"), queue.QueueArn())
}
