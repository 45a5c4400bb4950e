package constructs

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// functionProps configures one handler.
type functionProps struct {
	Handler     string // from handlers/contract; with the suffix, the function's name
	Description string // one sentence for the console
	Suffix      string
	Code        ImageCode
	MemoryMB    float64
	Timeout     time.Duration
	Environment map[string]string // beyond ENVIRONMENT_SUFFIX, which every function gets
	Untraced    bool              // record no invocation that comes without a trace
}

// newFunction adds a handler with its own log group and its own role. The role
// may only write to that log group and send traces; the part that uses the function
// grants everything else. (The managed
// policy AWSLambdaBasicExecutionRole would let it write to every log group of
// the account.)
func newFunction(scope cdkconstructs.Construct, id string, p functionProps) awslambda.DockerImageFunction {
	this := cdkconstructs.NewConstruct(scope, &id)
	name := p.Handler + "-" + p.Suffix

	logs := awslogs.NewLogGroup(this, jsii.String("Logs"), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String(contract.FunctionLogGroupPrefix + name),
		Retention:     awslogs.RetentionDays_ONE_MONTH,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	role := awsiam.NewRole(this, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description: jsii.String("What " + name + " may do"),
	})
	logs.GrantWrite(role)

	environment := map[string]*string{contract.EnvEnvironmentSuffix: jsii.String(p.Suffix)}
	for key, value := range p.Environment {
		environment[key] = jsii.String(value)
	}
	tracing := awslambda.Tracing_ACTIVE
	if p.Untraced {
		tracing = awslambda.Tracing_PASS_THROUGH
	}
	return awslambda.NewDockerImageFunction(this, jsii.String("Function"), &awslambda.DockerImageFunctionProps{
		FunctionName:  jsii.String(name),
		Description:   jsii.String(p.Description),
		Code:          p.Code(p.Handler),
		Architecture:  awslambda.Architecture_ARM_64(),
		MemorySize:    jsii.Number(p.MemoryMB),
		Timeout:       awscdk.Duration_Millis(jsii.Number(float64(p.Timeout.Milliseconds()))),
		Environment:   &environment,
		Role:          role,
		LogGroup:      logs,
		LoggingFormat: awslambda.LoggingFormat_JSON,
		// Of Lambda's own lines only those about failures and timeouts. The others, a start and
		// a report for each invocation, are a quarter of the log, and duration and errors are
		// metrics. Lines of handlers are not filtered: a metric's line has no level and would
		// count as INFO.
		// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
		SystemLogLevelV2: awslambda.SystemLogLevel_WARN,
		Tracing:          tracing,
	})
}

// allow lets a grantee do exactly these actions on exactly these resources.
func allow(grantee awsiam.IGrantable, resources []*string, actions ...string) {
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      grantee,
		Actions:      jsii.Strings(actions...),
		ResourceArns: &resources,
	})
}
