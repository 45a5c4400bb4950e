package constructs

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodedeploy"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// canaries are CodeDeploy's ways to move requests from one version to the next, by the names
// in the context.
// https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html#deployment-configuration-lambda
var canaries = map[string]func() awscodedeploy.ILambdaDeploymentConfig{
	"Canary10Percent5Minutes":       awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_5MINUTES,
	"Canary10Percent10Minutes":      awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_10MINUTES,
	"Canary10Percent15Minutes":      awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_15MINUTES,
	"Canary10Percent30Minutes":      awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_30MINUTES,
	"Linear10PercentEvery1Minute":   awscodedeploy.LambdaDeploymentConfig_LINEAR_10PERCENT_EVERY_1MINUTE,
	"Linear10PercentEvery2Minutes":  awscodedeploy.LambdaDeploymentConfig_LINEAR_10PERCENT_EVERY_2MINUTES,
	"Linear10PercentEvery3Minutes":  awscodedeploy.LambdaDeploymentConfig_LINEAR_10PERCENT_EVERY_3MINUTES,
	"Linear10PercentEvery10Minutes": awscodedeploy.LambdaDeploymentConfig_LINEAR_10PERCENT_EVERY_10MINUTES,
}

func (r *contextReader) canary(value any) string {
	if unset(value) {
		return ""
	}
	name, _ := value.(string)
	if canaries[name] == nil {
		r.reject(ContextCanary, value, "want one of "+strings.Join(slices.Sorted(maps.Keys(canaries)), ", "))
	}
	return name
}

// addCanary moves the requests to each new version of the validator step by step, and back
// to the version before when an alarm is raised meanwhile. Only the validator has a provider
// waiting for its response: what the other functions fail to do is repeated from a stream or a
// queue, by the version after a rollback too.
func addCanary(scope cdkconstructs.Construct, suffix, canary string, live awslambda.Alias, alarms []interfacesawscloudwatch.IAlarmRef) {
	awscodedeploy.NewLambdaDeploymentGroup(scope, jsii.String("ValidatorDeployments"), &awscodedeploy.LambdaDeploymentGroupProps{
		Application: awscodedeploy.NewLambdaApplication(scope, jsii.String("ValidatorApplication"), &awscodedeploy.LambdaApplicationProps{
			ApplicationName: jsii.String(contract.WebhookValidator + "-" + suffix),
		}),
		DeploymentGroupName: jsii.String(contract.WebhookValidator + "-" + suffix),
		Alias:               live,
		DeploymentConfig:    canaries[canary](),
		Alarms:              &alarms,
		AutoRollback: &awscodedeploy.AutoRollbackConfig{
			FailedDeployment: jsii.Bool(true), StoppedDeployment: jsii.Bool(true), DeploymentInAlarm: jsii.Bool(true),
		},
	})
}
