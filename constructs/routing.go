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

	"payment-webhooks/handlers/contract"
)

// How long EventBridge tries to deliver: whichever ends first. Its default, a
// day, would show a broken target in the dead-letter queue a day late.
const (
	deliveryAttempts     = 10
	deliveryMaxAgeMinute = 60
)

// Tier is one route: the amounts it takes and the rule that takes them.
type Tier struct {
	Name        string // high, medium or low
	Rule        awsevents.IRule
	RuleName    string // physical; Ref of a rule on a custom bus is "bus|rule"
	DeadLetters awssqs.IQueue
}

// BusProps configures the event bus.
type BusProps struct {
	Suffix string
}

// Bus is where stored transactions are published.
type Bus struct{ bus awsevents.IEventBus }

// NewBus adds the bus and its archive.
func NewBus(scope cdkconstructs.Construct, id string, p BusProps) *Bus {
	this := cdkconstructs.NewConstruct(scope, &id)
	name := "payment-events-" + p.Suffix
	bus := awsevents.NewEventBus(this, jsii.String("Bus"), &awsevents.EventBusProps{
		EventBusName: jsii.String(name),
		Description:  jsii.String("Transactions that were stored"),
	})
	// A replay sends the events through the rules again: after a target was
	// repaired, or to try a new rule. As long as the table keeps the items.
	bus.Archive(jsii.String("Archive"), &awsevents.BaseArchiveProps{
		ArchiveName:  jsii.String(name),
		Description:  jsii.String("Every transaction's event, for replay"),
		EventPattern: &awsevents.EventPattern{Source: jsii.Strings(contract.EventSource)},
		Retention:    awscdk.Duration_Days(jsii.Number(contract.RetentionDays)),
	})
	return &Bus{bus: bus}
}

// EventBus is the bus itself.
func (b *Bus) EventBus() awsevents.IEventBus { return b.bus }

// RoutingProps configures where transactions go by amount.
type RoutingProps struct {
	Suffix     string
	Thresholds Thresholds
	Bus        awsevents.IEventBus
	Key        awskms.IKey                    // of the dead-letter queues
	Workflow   awsstepfunctions.IStateMachine // for high amounts
	Topic      awssns.ITopic                  // for medium amounts
}

// Routing is the three rules. The policy is in their patterns and nowhere
// else, so `cdk diff` shows a change of it.
type Routing struct {
	high, medium, low Tier
}

// NewRouting adds a rule, a target and a dead-letter queue for every tier.
func NewRouting(scope cdkconstructs.Construct, id string, p RoutingProps) *Routing {
	this := cdkconstructs.NewConstruct(scope, &id)
	tier := func(id, name, description string, detail map[string]any) Tier {
		t := Tier{Name: name, RuleName: name + "-value-transactions-" + p.Suffix}
		t.Rule = awsevents.NewRule(this, jsii.String(id), &awsevents.RuleProps{
			RuleName:    jsii.String(t.RuleName),
			Description: jsii.String(description),
			EventBus:    p.Bus,
			EventPattern: &awsevents.EventPattern{
				Source:     jsii.Strings(contract.EventSource),
				DetailType: jsii.Strings(contract.DetailTypeTransactionReceived),
				Detail:     &detail,
			},
		})
		t.DeadLetters = newQueue(this, id+"DeadLetters", name+"-value-dlq-"+p.Suffix, p.Key)
		return t
	}
	describe := func(what string) string { return what + " (limits by currency in cdk.json)" }

	high := tier("HighValue", "high", describe("High amounts: fraud detection and notification"), p.Thresholds.high())
	high.Rule.(awsevents.Rule).AddTarget(awseventstargets.NewSfnStateMachine(p.Workflow, &awseventstargets.SfnStateMachineProps{
		// The workflow starts with the transaction itself, not the envelope.
		Input:           awsevents.RuleTargetInput_FromEventPath(jsii.String("$.detail")),
		DeadLetterQueue: high.DeadLetters,
		RetryAttempts:   jsii.Number(deliveryAttempts),
		MaxEventAge:     awscdk.Duration_Minutes(jsii.Number(deliveryMaxAgeMinute)),
	}))

	medium := tier("MediumValue", "medium", describe("Medium amounts: notification"), p.Thresholds.medium())
	field := func(name string) string { return *awsevents.EventField_FromPath(jsii.String("$.detail." + name)) }
	medium.Rule.(awsevents.Rule).AddTarget(awseventstargets.NewSnsTopic(p.Topic, &awseventstargets.SnsTopicProps{
		Message: awsevents.RuleTargetInput_FromText(jsii.String(fmt.Sprintf(
			"Medium-value %s of %s reported by %s, transaction %s. No action is needed unless you did not expect it: then look it up by this id and contact the provider.",
			field(contract.AttrKind), field(contract.DetailAmountText), field(contract.AttrProvider), field(contract.AttrTransactionID)))),
		DeadLetterQueue: medium.DeadLetters,
		RetryAttempts:   jsii.Number(deliveryAttempts),
		MaxEventAge:     awscdk.Duration_Minutes(jsii.Number(deliveryMaxAgeMinute)),
	}))

	low := tier("LowValue", "low", describe("Low amounts: kept for batch processing"), p.Thresholds.low())
	addLogTarget(this, p.Suffix, low)

	return &Routing{high: high, medium: medium, low: low}
}

// Tiers returns the routes from high to low.
func (r *Routing) Tiers() []Tier { return []Tier{r.high, r.medium, r.low} }

// addLogTarget sends a rule's events to a log group. The library's own target
// would add a function in another language to do what one resource policy
// does. The group's name must start with /aws/events/.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions
func addLogTarget(scope cdkconstructs.Construct, suffix string, t Tier) {
	group := awslogs.NewLogGroup(scope, jsii.String("LowValueTransactions"), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String("/aws/events/low-value-transactions-" + suffix),
		Retention:     awslogs.RetentionDays_THREE_MONTHS,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	// The only such policy of the stack: an account has ten per region.
	group.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{
			awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil),
			awsiam.NewServicePrincipal(jsii.String("delivery.logs.amazonaws.com"), nil),
		},
		Actions:   jsii.Strings("logs:CreateLogStream", "logs:PutLogEvents"),
		Resources: &[]*string{group.LogGroupArn()},
	}))
	t.DeadLetters.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("AllowEventRule"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sqs:SendMessage"),
		Resources:  &[]*string{t.DeadLetters.QueueArn()},
		Conditions: &map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": t.Rule.RuleArn()}},
	}))
	target := &awsevents.CfnRule_TargetProperty{
		Id: jsii.String("Target0"),
		Arn: awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
			Service:      jsii.String("logs"),
			Resource:     jsii.String("log-group"),
			ResourceName: group.LogGroupName(),
			ArnFormat:    awscdk.ArnFormat_COLON_RESOURCE_NAME,
		}),
		DeadLetterConfig: &awsevents.CfnRule_DeadLetterConfigProperty{Arn: t.DeadLetters.QueueArn()},
		RetryPolicy: &awsevents.CfnRule_RetryPolicyProperty{
			MaximumRetryAttempts:     jsii.Number(deliveryAttempts),
			MaximumEventAgeInSeconds: jsii.Number(deliveryMaxAgeMinute * 60),
		},
	}
	t.Rule.Node().DefaultChild().(awsevents.CfnRule).SetTargets(&[]any{target})
}
