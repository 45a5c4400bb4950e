package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// AlertsProps lists the subscribers to operator alerts.
type AlertsProps struct {
	Suffix string
	Key    awskms.IKey
	Emails []string
	Phones []string // E.164
}

// Alerts is the SNS topic of operator alerts.
type Alerts struct{ topic awssns.ITopic }

// NewAlerts adds the topic and its subscriptions. An e-mail subscription
// delivers nothing until its owner confirms it.
func NewAlerts(scope cdkconstructs.Construct, id string, p AlertsProps) *Alerts {
	this := cdkconstructs.NewConstruct(scope, &id)
	topic := awssns.NewTopic(this, jsii.String("Topic"), &awssns.TopicProps{
		TopicName:   jsii.String(contract.TopicPrefix + p.Suffix),
		DisplayName: jsii.String("Payment alerts"),
		MasterKey:   p.Key,
		EnforceSSL:  jsii.Bool(true),
	})
	// A rule with target alert gives the topic a policy, and a policy
	// replaces the default one that lets the account's alarms publish.
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("LetAlarmsPublish"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sns:Publish"),
		Resources:  &[]*string{topic.TopicArn()},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(this).Account()}},
	}))
	// The CDK lets EventBridge publish without a condition, so a rule of any
	// account could. Null limits the denial to requests that name an account:
	// EventBridge may omit aws:SourceAccount.
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("RefuseRulesOfOtherAccounts"),
		Effect:     awsiam.Effect_DENY,
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sns:Publish"),
		Resources:  &[]*string{topic.TopicArn()},
		Conditions: &map[string]any{
			"StringNotEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(this).Account()},
			"Null":            map[string]any{"aws:SourceAccount": "false"},
		},
	}))
	for _, address := range p.Emails {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(address), nil))
	}
	for _, number := range p.Phones {
		topic.AddSubscription(awssnssubscriptions.NewSmsSubscription(jsii.String(number), nil))
	}
	return &Alerts{topic: topic}
}

// Topic returns the topic to which alerts are published.
func (a *Alerts) Topic() awssns.ITopic { return a.topic }
