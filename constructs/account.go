package constructs

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// ContextAPIGatewayAccount is the key in cdk.json's context of who sets the role with which API
// Gateway writes access logs.
const ContextAPIGatewayAccount = "apiGatewayAccount"

// APIGatewayAccount says who sets the role with which API Gateway writes the logs of all APIs of
// an account in a region. Without any, a stage with an access log cannot be created.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
type APIGatewayAccount string

const (
	// AccountShared keeps a role that the account has and that exists. Otherwise the deployment
	// creates one, which is the account's: it outlives the stack, and the account's other APIs
	// and stacks use it. The default.
	AccountShared APIGatewayAccount = "shared"

	// AccountOwn sets a role of the stack's, whatever the account has, and destroys it with the
	// stack. API Gateway then writes no logs of the region's other APIs. For accounts that have
	// this stack alone.
	AccountOwn APIGatewayAccount = "own"

	// AccountNone sets nothing: the account has its role, and the deployment may not change it.
	AccountNone APIGatewayAccount = "none"
)

// apiGatewayAccount reads the value of [ContextAPIGatewayAccount].
func (r *contextReader) apiGatewayAccount(value any) APIGatewayAccount {
	accepted := []APIGatewayAccount{AccountShared, AccountOwn, AccountNone}
	for _, account := range accepted {
		if value == string(account) {
			return account
		}
	}
	if value != nil {
		r.reject(ContextAPIGatewayAccount, value, fmt.Sprintf("want one of %q: see docs/operations.md, Neighbours", accepted))
	}
	return AccountShared
}

const (
	// accountRole is the physical name of the account's role. It has no suffix and no region:
	// one role serves all stacks in all regions of the account.
	accountRole = "payment-webhooks-api-gateway-logs"

	// accountTimeout is how long the function waits for its turn: some 15 attempts, 21 seconds
	// apart.
	accountTimeout = 6 * time.Minute

	// accountServiceTimeout is how long CloudFormation waits for a response; an hour by default.
	// If there is none because the function could not run, Lambda has invoked it three times.
	// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html
	accountServiceTimeout = 30 * time.Minute

	accountType = "Custom::ApiGatewayAccount"
)

// accountProps configures the custom resource of [AccountShared].
type accountProps struct {
	Suffix string
	Code   ImageCode
}

// newSharedAccount adds a function, and a custom resource that calls it, which make sure that API
// Gateway can write logs. CloudFormation invokes the function itself: the custom resource depends
// on the function, and so on the function's rights and its log group.
//
// CloudFormation's own AWS::ApiGateway::Account cannot look whether there is a role. Every stack
// would replace that of its neighbours, deployments side by side would exceed the limit of one
// UpdateAccount call in 20 seconds, and either destroying the stack would leave all other APIs
// without logs, or every stack would leave a role behind, of which an account has 1000:
// deleting the resource does not change the setting.
//
//   - https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-apigateway-account.html
//   - https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
//   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
func newSharedAccount(scope cdkconstructs.Construct, p accountProps) awscdk.CustomResource {
	stack := awscdk.Stack_Of(scope)
	arn := func(service, region, account, resource string) *string {
		return awscdk.Fn_Join(jsii.String(""), &[]*string{
			jsii.String("arn:"), stack.Partition(), jsii.String(":" + service + ":" + region + ":" + account + ":" + resource),
		})
	}
	account := *stack.Account()
	role := arn("iam", "", account, "role/"+accountRole)
	policy := arn("iam", "", "aws", "policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs")

	fn := newFunction(scope, "Account", functionProps{
		Handler:     contract.APIGatewayAccount,
		Description: "Sets the account's role for the logs of API Gateway, if it has none",
		Suffix:      p.Suffix,
		Code:        p.Code,
		MemoryMB:    256,
		Timeout:     accountTimeout,
	})
	allow(fn, []*string{arn("apigateway", *stack.Region(), "", "/account")}, "apigateway:GET", "apigateway:PATCH")
	// Whether the role that is set exists.
	allow(fn, []*string{arn("iam", "", account, "role/*")}, "iam:GetRole")
	allow(fn, []*string{role}, "iam:CreateRole", "iam:PutRolePolicy")
	allowIf(fn, role, "iam:AttachRolePolicy", "ArnEquals", "iam:PolicyARN", policy)
	allowIf(fn, role, "iam:PassRole", "StringEquals", "iam:PassedToService", jsii.String("apigateway.amazonaws.com"))

	return awscdk.NewCustomResource(scope, jsii.String("AccountSetting"), &awscdk.CustomResourceProps{
		ServiceToken:   fn.FunctionArn(),
		ServiceTimeout: awscdk.Duration_Seconds(jsii.Number(accountServiceTimeout.Seconds())),
		ResourceType:   jsii.String(accountType),
		Properties: &map[string]any{
			contract.AccountRoleName:       accountRole,
			contract.AccountRoleARN:        role,
			contract.AccountPolicyARN:      policy,
			contract.AccountLeavingPrefix:  *stack.StackName() + "-", // of the role that AccountOwn creates
			contract.AccountStackLogGroups: arn("logs", "*", account, "log-group:"+contract.AccessLogGroupPrefix+"*"),
		},
	})
}

// allowIf lets a grantee do an action on a resource if a key of the request has a value.
func allowIf(grantee awsiam.IGrantable, resource *string, action, operator, key string, value *string) {
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      grantee,
		Actions:      jsii.Strings(action),
		ResourceArns: &[]*string{resource},
		Conditions:   &map[string]*map[string]any{operator: {key: value}},
	})
}

// configureProvider makes the function of a custom resource like the others: arm64, and with a
// log group of its own that is deleted with the stack. The CDK has no props for either.
//
// It may write to that log group and do nothing else with logs, above all not create any: such
// functions run while the stack is destroyed, and a line that comes late would bring the log
// group back. The next deployment with the same suffix would fail then, because it exists. The
// CDK gives them AWSLambdaBasicExecutionRole, with logs:CreateLogGroup on everything.
// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaBasicExecutionRole.html
func configureProvider(scope cdkconstructs.Construct, provider awscdk.CustomResourceProviderBase, id, logGroup string) {
	logs := awslogs.NewLogGroup(scope, &id, &awslogs.LogGroupProps{
		LogGroupName:  &logGroup,
		Retention:     awslogs.RetentionDays_ONE_MONTH,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	handler := provider.Node().FindChild(jsii.String("Handler")).(awscdk.CfnResource)
	handler.AddPropertyOverride(jsii.String("Architectures"), jsii.Strings("arm64"))
	handler.AddPropertyOverride(jsii.String("LoggingConfig"), map[string]any{"LogGroup": logs.LogGroupName()})

	role := provider.Node().FindChild(jsii.String("Role")).(awscdk.CfnResource)
	role.AddPropertyDeletionOverride(jsii.String("ManagedPolicyArns"))
	provider.AddToRolePolicy(map[string]any{
		"Effect": "Allow", "Action": []string{"logs:CreateLogStream", "logs:PutLogEvents"}, "Resource": logs.LogGroupArn(),
	})
}
