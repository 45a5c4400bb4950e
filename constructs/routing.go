package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/constructs/tiers"
	"payment-webhooks/handlers/contract"
)

// How long EventBridge tries to deliver: whichever ends first. Its default, a
// day, would show a broken target in the dead-letter queue a day late.
const (
	deliveryAttempts     = 10
	deliveryMaxAgeMinute = 60
)

// Route is a tier with its rule.
type Route struct {
	tiers.Tier
	Rule        awsevents.IRule
	RuleName    string        // physical; Ref of a rule on a custom bus is "bus|rule"
	DeadLetters awssqs.IQueue // events that the target did not accept
	Queue       awssqs.IQueue // of a tier with target queue, else nil
	Digest      *digestQueues // of a tier with a digest, else nil
}

// BusProps configures the event bus.
type BusProps struct {
	Suffix string
	Key    awskms.IKey // of the bus and its archive
}

// Bus is the event bus on which stored transactions are published.
type Bus struct{ bus awsevents.IEventBus }

// NewBus adds the bus and its archive.
func NewBus(scope cdkconstructs.Construct, id string, p BusProps) *Bus {
	this := cdkconstructs.NewConstruct(scope, &id)
	name := contract.BusPrefix + p.Suffix
	bus := awsevents.NewEventBus(this, jsii.String("Bus"), &awsevents.EventBusProps{
		EventBusName: jsii.String(name),
		Description:  jsii.String("Transactions that were stored"),
	})
	// A replay sends the events through the rules again, after a target was
	// repaired or to try a new rule. Events are kept as long as the table keeps items.
	archive := bus.Archive(jsii.String("Archive"), &awsevents.BaseArchiveProps{
		ArchiveName:  jsii.String(name),
		Description:  jsii.String("Every transaction's event, for replay"),
		EventPattern: &awsevents.EventPattern{Source: jsii.Strings(contract.EventSource)},
		Retention:    awscdk.Duration_Days(jsii.Number(contract.RetentionDays)),
	})
	encryptBus(bus, name, archive, p.Key)
	return &Bus{bus: bus}
}

// EventBus returns the bus.
func (b *Bus) EventBus() awsevents.IEventBus { return b.bus }

// RoutingProps configures the routing of transactions by amount.
type RoutingProps struct {
	Suffix   string
	Tiers    tiers.List
	Bus      awsevents.IEventBus
	Key      awskms.IKey                    // of the queues
	Workflow awsstepfunctions.IStateMachine // of tiers with target workflow
	Topic    awssns.ITopic                  // of tiers with target alert
}

// Routing is one rule for each tier. The policy is in their patterns and
// nowhere else, so `cdk diff` shows a change of it.
type Routing struct {
	routes []Route
}

// NewRouting adds a rule, a target and a dead-letter queue for every tier.
func NewRouting(scope cdkconstructs.Construct, id string, p RoutingProps) *Routing {
	this := cdkconstructs.NewConstruct(scope, &id)
	r := &Routing{}
	for i := len(p.Tiers) - 1; i >= 0; i-- {
		t := p.Tiers[i]
		route := newRoute(this, p, i)
		rule := route.Rule.(awsevents.Rule)
		switch t.Target {
		case tiers.Workflow:
			rule.AddTarget(awseventstargets.NewSfnStateMachine(p.Workflow, &awseventstargets.SfnStateMachineProps{
				// The workflow starts with the transaction itself, not the envelope.
				Input:           awsevents.RuleTargetInput_FromEventPath(jsii.String("$.detail")),
				DeadLetterQueue: route.DeadLetters,
				RetryAttempts:   jsii.Number(deliveryAttempts),
				MaxEventAge:     awscdk.Duration_Minutes(jsii.Number(deliveryMaxAgeMinute)),
			}))
		case tiers.Alert:
			if t.Digest > 0 {
				route.Digest = newDigestQueues(this, t, p)
				allowRule(route.Digest.waiting, rule)
				setTarget(route, route.Digest.waiting.QueueArn())
				break
			}
			rule.AddTarget(awseventstargets.NewSnsTopic(p.Topic, &awseventstargets.SnsTopicProps{
				Message:         alertText(t),
				DeadLetterQueue: route.DeadLetters,
				RetryAttempts:   jsii.Number(deliveryAttempts),
				MaxEventAge:     awscdk.Duration_Minutes(jsii.Number(deliveryMaxAgeMinute)),
			}))
		case tiers.Log:
			group := awslogs.NewLogGroup(this, jsii.String(t.ID()+"Transactions"), &awslogs.LogGroupProps{
				LogGroupName:  jsii.String(t.LogGroupName(p.Suffix)),
				Retention:     awslogs.RetentionDays_ONE_MONTH,
				RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
			})
			allowLogging(group, t.LogGroupName(p.Suffix))
			setTarget(route, awscdk.Stack_Of(this).FormatArn(&awscdk.ArnComponents{
				Service:      jsii.String("logs"),
				Resource:     jsii.String("log-group"),
				ResourceName: group.LogGroupName(),
				ArnFormat:    awscdk.ArnFormat_COLON_RESOURCE_NAME,
			}))
		case tiers.Queue:
			route.Queue = newQueue(this, t.ID()+"Queue", t.RuleName(p.Suffix), p.Key)
			allowRule(route.Queue, rule)
			setTarget(route, route.Queue.QueueArn())
		}
		r.routes = append(r.routes, route)
	}
	return r
}

// Routes returns the routes from the highest amounts to the lowest.
func (r *Routing) Routes() []Route { return r.routes }

// newRoute adds the rule of tier i and its dead-letter queue.
func newRoute(scope cdkconstructs.Construct, p RoutingProps, i int) Route {
	t := p.Tiers[i]
	pattern := &awsevents.EventPattern{
		Source:     jsii.Strings(contract.EventSource),
		DetailType: jsii.Strings(contract.DetailTypeTransactionReceived),
	}
	if detail := p.Tiers.Detail(i); detail != nil {
		pattern.Detail = &detail
	}
	purpose := purposes[t.Target]
	if t.Digest > 0 {
		purpose = fmt.Sprintf("notification in a digest, every %d minutes", t.Digest)
	}
	return Route{
		Tier:     t,
		RuleName: t.RuleName(p.Suffix),
		Rule: awsevents.NewRule(scope, jsii.String(t.ID()), &awsevents.RuleProps{
			RuleName:     jsii.String(t.RuleName(p.Suffix)),
			Description:  jsii.String(tiers.Title(t.Name) + " amounts: " + purpose + " (limits by currency in cdk.json)"),
			EventBus:     p.Bus,
			EventPattern: pattern,
		}),
		DeadLetters: newQueue(scope, t.ID()+"DeadLetters", t.DeadLetterQueueName(p.Suffix), p.Key),
	}
}

// purposes says in a rule's description what happens to its events.
var purposes = map[tiers.Target]string{
	tiers.Workflow: "fraud detection and notification",
	tiers.Alert:    "notification",
	tiers.Log:      "kept for batch processing",
	tiers.Queue:    "queued for a consumer of yours",
}

// alertText is the sentence that a tier with target alert publishes. As in the workflow's
// messages, nothing of it is free text of the sender's: a quotation mark or a backslash, which
// EventBridge would put into the JSON string as it is, is in none of these fields.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
func alertText(t tiers.Tier) awsevents.RuleTargetInput {
	field := func(name string) string { return *awsevents.EventField_FromPath(jsii.String("$.detail." + name)) }
	return awsevents.RuleTargetInput_FromText(jsii.String(fmt.Sprintf(
		contract.AlertSentence+" "+contract.AlertAdvice,
		tiers.Title(t.Name), field(contract.FieldKind), field(contract.DetailAmountText), field(contract.FieldProvider), field(contract.FieldTransactionID))))
}

// setTarget makes arn the target of a rule. It serves targets whose own
// permissions the library gets wrong: for a log group it would add a function
// in another language to do what one resource policy does, and to an encrypted
// queue it would let any rule send.
func setTarget(r Route, arn *string) {
	allowRule(r.DeadLetters, r.Rule)
	target := &awsevents.CfnRule_TargetProperty{
		Id:               jsii.String("Target0"),
		Arn:              arn,
		DeadLetterConfig: &awsevents.CfnRule_DeadLetterConfigProperty{Arn: r.DeadLetters.QueueArn()},
		RetryPolicy: &awsevents.CfnRule_RetryPolicyProperty{
			MaximumRetryAttempts:     jsii.Number(deliveryAttempts),
			MaximumEventAgeInSeconds: jsii.Number(deliveryMaxAgeMinute * 60),
		},
	}
	r.Rule.Node().DefaultChild().(awsevents.CfnRule).SetTargets(&[]any{target})
}

// allowRule lets one rule, and no other, send to a queue.
func allowRule(queue awssqs.IQueue, rule awsevents.IRule) {
	queue.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("AllowEventRule"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sqs:SendMessage"),
		Resources:  &[]*string{queue.QueueArn()},
		Conditions: &map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": rule.RuleArn()}},
	}))
}

// allowLogging lets EventBridge write to a log group, by a policy of that log group. Of policies
// without a log group, as AWS::Logs::ResourcePolicy makes them, an account has ten per region,
// and so ten stacks at most.
//
//   - https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
//   - https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-logs-loggroup.html#cfn-logs-loggroup-resourcepolicydocument
//   - https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions
func allowLogging(group awslogs.LogGroup, name string) {
	document := awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
		awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{
				awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil),
				awsiam.NewServicePrincipal(jsii.String("delivery.logs.amazonaws.com"), nil),
			},
			Actions: jsii.Strings("logs:CreateLogStream", "logs:PutLogEvents"),
			// The log group cannot refer to itself.
			Resources: &[]*string{awscdk.Stack_Of(group).FormatArn(&awscdk.ArnComponents{
				Service: jsii.String("logs"), Resource: jsii.String("log-group"), ResourceName: jsii.String(name + ":*"),
				ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
			})},
		}),
	}})
	group.Node().DefaultChild().(awslogs.CfnLogGroup).SetResourcePolicyDocument(document)
}
