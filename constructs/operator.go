package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// ContextOperatorPolicy is the context that adds the policy of operators.
const ContextOperatorPolicy = "operatorPolicy"

// OperatorPolicyFromContext reads the context: true, false or nothing, which is false. The
// error wraps [ErrConfig].
func OperatorPolicyFromContext(settings *Settings) (bool, error) {
	r := contextReader{settings: settings}
	wanted := r.boolean(ContextOperatorPolicy, settings.Value(ContextOperatorPolicy))
	return wanted, r.err()
}

// OperatorProps names what scripts/ops reads and writes.
type OperatorProps struct {
	Suffix     string
	Key        awskms.IKey        // of the table, the queues, the topic and the bucket
	Table      awsdynamodb.ITable // of the transactions
	Bus        awsevents.IEventBus
	Topic      awssns.ITopic
	Workflow   awsstepfunctions.IStateMachine
	Bucket     awss3.IBucket         // of the archive
	Configured []awslambda.IFunction // whose settings decide how a delivery is decoded, and what is compared
	Functions  []awslambda.IFunction // that are invoked by events: the archiver, and others
	Rules      []string              // names of the rules that invoke them, which are on the default bus
	Queues     []awssqs.IQueue       // for what could not be processed, beside those of the tiers
	Secrets    Providers             // whose secrets reconcile reads, if providers are compared daily
	Digests    bool                  // a tier has a digest
}

// Operator is a policy for the people who run scripts/ops.
type Operator struct{ policy awsiam.ManagedPolicy }

// NewOperator adds the managed policy payment-webhooks-operator-<suffix>. It allows what the
// commands of scripts/ops do, and nothing else. Names of what a tier has end in the suffix, so
// a pattern covers up to 30 tiers within the 6 144 characters of a policy.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
func NewOperator(scope cdkconstructs.Construct, id string, p OperatorProps) *Operator {
	this := cdkconstructs.NewConstruct(scope, &id)
	policy := awsiam.NewManagedPolicy(this, jsii.String("Policy"), &awsiam.ManagedPolicyProps{
		ManagedPolicyName: jsii.String(contract.OperatorPolicyPrefix + p.Suffix),
		Description:       jsii.String("What scripts/ops does with " + *awscdk.Stack_Of(this).StackName()),
	})
	arn := func(service, resource, name string, format awscdk.ArnFormat) *string {
		return awscdk.Stack_Of(this).FormatArn(&awscdk.ArnComponents{
			Service: jsii.String(service), Resource: jsii.String(resource), ResourceName: jsii.String(name), ArnFormat: format,
		})
	}
	slash, colon := awscdk.ArnFormat_SLASH_RESOURCE_NAME, awscdk.ArnFormat_COLON_RESOURCE_NAME
	queue := func(name string) *string {
		return awscdk.Stack_Of(this).FormatArn(&awscdk.ArnComponents{Service: jsii.String("sqs"), Resource: jsii.String(name), ArnFormat: awscdk.ArnFormat_NO_RESOURCE_NAME})
	}
	logGroup := func(name, streams string) *string { return arn("logs", "log-group", name+":"+streams, colon) }
	allowed := func(resources []*string, actions ...string) {
		policy.AddStatements(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: &resources}))
	}

	// Every command: outputs and resources.
	allowed([]*string{arn("cloudformation", "stack", *awscdk.Stack_Of(this).StackName()+"/*", slash)}, "cloudformation:DescribeStacks", "cloudformation:ListStackResources")

	// Dead-letter queues, and the queues that rules fill.
	dead := []*string{queue("*" + contract.TierDeadLetterInfix + p.Suffix)}
	for _, q := range p.Queues {
		dead = append(dead, q.QueueArn())
	}
	filled := []*string{queue("*" + contract.TierRuleInfix + p.Suffix)} // by rules
	if p.Digests {
		dead = append(dead, queue("*"+contract.TierDigestDeadLetterInfix+p.Suffix))
		filled = append(filled, queue("*"+contract.TierDigestInfix+p.Suffix))
	}
	allowed(dead, "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage")
	allowed(filled, "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage")
	// Reading from and sending to what the key encrypts.
	allowed([]*string{p.Key.KeyArn()}, "kms:Decrypt", "kms:GenerateDataKey")

	// The table: publishing again and finding; storing a delivery that is decoded again.
	allowed([]*string{p.Table.TableArn()}, "dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem")
	allowed([]*string{awscdk.Fn_Join(jsii.String(""), &[]*string{p.Table.TableArn(), jsii.String("/index/" + contract.IndexByHour)})}, "dynamodb:Query")
	allowed([]*string{p.Table.TableStreamArn()}, "dynamodb:GetShardIterator", "dynamodb:GetRecords")
	allowed(functionARNs(p.Configured), "lambda:GetFunctionConfiguration")

	// Rules and their targets.
	rules := []*string{arn("events", "rule", *p.Bus.EventBusName()+"/*", slash)}
	for _, name := range p.Rules {
		rules = append(rules, arn("events", "rule", name, slash))
	}
	allowed(rules, "events:DescribeRule", "events:ListTargetsByRule")
	allowed([]*string{p.Bus.EventBusArn()}, "events:PutEvents")
	allowed([]*string{p.Workflow.StateMachineArn()}, "states:StartExecution")
	allowed([]*string{p.Topic.TopicArn()}, "sns:Publish")
	allowed(functionARNs(p.Functions), "lambda:InvokeFunction")
	tierLogs := contract.EventLogGroupPrefix + "*" + contract.TierRuleInfix + p.Suffix
	allowed([]*string{logGroup(tierLogs, "*")}, "logs:CreateLogStream", "logs:PutLogEvents")

	// Replays of the bus's archive.
	allowed([]*string{arn("events", "archive", *p.Bus.EventBusName(), slash)}, "events:DescribeArchive", "events:StartReplay")
	allowed([]*string{arn("events", "replay", "*", slash)}, "events:DescribeReplay")

	// Finding a transaction in the archive and in the logs; verifying the archive, which
	// reads the versions that its manifests name and asks for the table's age.
	allowed([]*string{p.Bucket.BucketArn()}, "s3:ListBucket")
	objects := p.Bucket.ArnForObjects(jsii.String(contract.AuditTransactionsPrefix + "*"))
	allowed([]*string{p.Bucket.ArnForObjects(jsii.String(contract.AuditManifestsPrefix + "*")), objects}, "s3:GetObject")
	allowed([]*string{objects}, "s3:GetObjectVersion")
	allowed([]*string{p.Table.TableArn()}, "dynamodb:DescribeTable")
	groups := []*string{logGroup(tierLogs, "*")}
	for _, handler := range []string{contract.WebhookValidator, contract.EventRelay, contract.FraudDetector, contract.TransactionArchival} {
		groups = append(groups, logGroup(contract.FunctionLogGroupPrefix+handler+"-"+p.Suffix, "*"))
	}
	allowed(groups, "logs:FilterLogEvents")

	// Comparing with providers.
	p.Secrets.allowSecrets(this, policy)
	return &Operator{policy}
}

func functionARNs(functions []awslambda.IFunction) []*string {
	var arns []*string
	for _, fn := range functions {
		arns = append(arns, fn.FunctionArn())
	}
	return arns
}

// PolicyARN returns the ARN of the policy.
func (o *Operator) PolicyARN() *string { return o.policy.ManagedPolicyArn() }
