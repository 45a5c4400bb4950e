// Package customresource decodes the requests that CloudFormation sends to the function
// api-gateway-account.
package customresource

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/cfn"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/logrole"
)

// headroom is the time before the function's deadline that is left to tell CloudFormation why the
// role was not set. Without a response, a deployment waits for its timeout.
const headroom = 20 * time.Second

// Account has a role for API Gateway's logs, or gets one.
type Account interface {
	Ensure(ctx context.Context, shared logrole.Shared) error
}

// Handler ensures the role when a stack is created or updated. When it is deleted, the account
// keeps the role. The physical id never changes, so no update is a replacement.
//
// Wrapped in cfn.LambdaWrap, its error is the reason of the response FAILED:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html
func Handler(account Account) cfn.CustomResourceFunction {
	return func(ctx context.Context, event cfn.Event) (string, map[string]any, error) {
		const physicalID = contract.APIGatewayAccount
		if event.RequestType == cfn.RequestDelete {
			return physicalID, nil, nil
		}
		shared, err := decode(event.ResourceProperties)
		if err != nil {
			return physicalID, nil, err
		}
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-headroom))
			defer cancel()
		}
		return physicalID, nil, account.Ensure(ctx, shared)
	}
}

// decode reads the properties of the custom resource, each of which is required: an empty
// LeavingPrefix would match every role.
func decode(properties map[string]any) (shared logrole.Shared, err error) {
	for name, field := range map[string]*string{
		contract.AccountRoleName:       &shared.Name,
		contract.AccountRoleARN:        &shared.ARN,
		contract.AccountPolicyARN:      &shared.PolicyARN,
		contract.AccountLeavingPrefix:  &shared.LeavingPrefix,
		contract.AccountStackLogGroups: &shared.StackLogGroups,
	} {
		if *field, _ = properties[name].(string); *field == "" {
			return shared, fmt.Errorf("property %s is not set", name)
		}
	}
	return shared, nil
}
