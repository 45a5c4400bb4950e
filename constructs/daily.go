package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdadestinations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// dailyProps configures the runs of a function that starts once a day.
type dailyProps struct {
	Suffix                   string
	Key                      awskms.IKey // of the queues
	Function                 awslambda.Function
	Hour, Minute             string // in UTC; off the full hour, when everybody's schedules run
	Does                     string // begins the rules' descriptions, such as "Starts the archiver"
	RulePrefix               string // of the scheduled rule's physical name
	DeploymentPrefix         string // of the deployment's
	FailurePrefix            string // of the queues' physical names
	ScheduleDeadLetterPrefix string
}

// daily is a schedule with everything that keeps a run from being lost.
type daily struct {
	ruleNames           []string      // on the default bus; the scheduled one first
	scheduleDeadLetters awssqs.IQueue // runs that could not be started
	failures            awssqs.IQueue // runs that failed after their retries
}

// newDaily starts a function once a day and after each deployment. EventBridge invokes
// asynchronously and is done when Lambda has accepted the event. So its queue receives runs
// that could not be started, and the function's own queue runs that failed.
//
// A new stack has a run at once, so that days without one are days on which the function
// stopped, and every deployment shows that it still works. The event has a time, which is
// the function's current time, as a scheduled event has.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-stack-status-change.html
func newDaily(scope cdkconstructs.Construct, p dailyProps) daily {
	d := daily{
		failures:            newQueue(scope, "Failures", p.FailurePrefix+p.Suffix, p.Key),
		scheduleDeadLetters: newQueue(scope, "ScheduleDeadLetters", p.ScheduleDeadLetterPrefix+p.Suffix, p.Key),
	}
	p.Function.ConfigureAsyncInvoke(&awslambda.EventInvokeConfigOptions{
		RetryAttempts: jsii.Number(2),
		MaxEventAge:   awscdk.Duration_Hours(jsii.Number(6)),
		OnFailure:     awslambdadestinations.NewSqsDestination(onFailureQueue(scope, d.failures, p.Function, p.Key)),
	})
	start := func(id, name string, props awsevents.RuleProps) {
		props.RuleName = &name
		props.Targets = &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(p.Function, &awseventstargets.LambdaFunctionProps{
			DeadLetterQueue: d.scheduleDeadLetters,
			RetryAttempts:   jsii.Number(deliveryAttempts),
			MaxEventAge:     awscdk.Duration_Minutes(jsii.Number(deliveryMaxAgeMinute)),
		})}
		awsevents.NewRule(scope, &id, &props)
		d.ruleNames = append(d.ruleNames, name)
	}
	start("Daily", p.RulePrefix+p.Suffix, awsevents.RuleProps{
		Description: jsii.String(p.Does + " once a day"),
		Schedule:    awsevents.Schedule_Cron(&awsevents.CronOptions{Hour: &p.Hour, Minute: &p.Minute}),
	})
	start("Deployed", p.DeploymentPrefix+p.Suffix, awsevents.RuleProps{
		Description: jsii.String(p.Does + " after each deployment"),
		EventPattern: &awsevents.EventPattern{
			Source:     jsii.Strings("aws.cloudformation"),
			DetailType: jsii.Strings("CloudFormation Stack Status Change"),
			Detail: &map[string]any{
				"stack-id":       []any{awscdk.Stack_Of(scope).StackId()},
				"status-details": map[string]any{"status": []any{"CREATE_COMPLETE", "UPDATE_COMPLETE"}},
			},
		},
	})
	return d
}
