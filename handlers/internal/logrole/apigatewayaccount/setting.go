// Package apigatewayaccount reads and changes the setting of the role with which API Gateway
// writes logs.
package apigatewayaccount

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"payment-webhooks/handlers/internal/logrole"
)

// Setting is the setting of the client's account and region.
type Setting struct{ client *apigateway.Client }

var _ logrole.Setting = Setting{}

// New returns the setting.
func New(client *apigateway.Client) Setting { return Setting{client} }

// Role implements logrole.Setting.
func (s Setting) Role(ctx context.Context) (string, error) {
	account, err := s.client.GetAccount(ctx, &apigateway.GetAccountInput{})
	if err != nil {
		return "", judged("get the account", err)
	}
	return aws.ToString(account.CloudwatchRoleArn), nil
}

// SetRole implements logrole.Setting.
func (s Setting) SetRole(ctx context.Context, arn string) error {
	_, err := s.client.UpdateAccount(ctx, &apigateway.UpdateAccountInput{
		PatchOperations: []types.PatchOperation{{Op: types.OpReplace, Path: aws.String("/cloudwatchRoleArn"), Value: &arn}},
	})
	return judged("update the account", err)
}

// judged returns the error of a call. API Gateway refuses more than one change in 20 seconds with
// TooManyRequestsException, and a role that IAM does not know everywhere yet with
// BadRequestException.
// https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateAccount.html
func judged(what string, err error) error {
	if err == nil {
		return nil
	}
	_, throttled := errors.AsType[*types.TooManyRequestsException](err)
	_, rejected := errors.AsType[*types.BadRequestException](err)
	if throttled || rejected {
		return fmt.Errorf("%s: %w: %w", what, logrole.ErrNotYet, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
