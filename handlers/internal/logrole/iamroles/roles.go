// Package iamroles creates roles for API Gateway in IAM.
package iamroles

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"

	"payment-webhooks/handlers/internal/logrole"
)

// denial is the name of the inline policy that reserves log groups for their stacks.
const denial = "stacks-create-their-log-groups"

// Roles are the roles of the client's account.
type Roles struct{ client *iam.Client }

var _ logrole.Roles = Roles{}

// New returns the roles.
func New(client *iam.Client) Roles { return Roles{client} }

// Exists implements logrole.Roles.
func (r Roles) Exists(ctx context.Context, name string) (bool, error) {
	_, err := r.client.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if _, none := errors.AsType[*types.NoSuchEntityException](err); none {
		return false, nil
	}
	return err == nil, judged("get the role", err)
}

// Create implements logrole.Roles.
func (r Roles) Create(ctx context.Context, name string) error {
	_, err := r.client.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName:    &name,
		Description: aws.String("API Gateway writes the logs of all APIs of this account with it. No stack deletes it"),
		AssumeRolePolicyDocument: document(statement{
			Effect: "Allow", Action: "sts:AssumeRole", Principal: map[string]string{"Service": "apigateway.amazonaws.com"},
		}),
	})
	if _, exists := errors.AsType[*types.EntityAlreadyExistsException](err); exists {
		return fmt.Errorf("create the role %s: %w", name, logrole.ErrExists)
	}
	return judged("create the role", err)
}

// AllowLogs implements logrole.Roles.
func (r Roles) AllowLogs(ctx context.Context, name, policyARN, logGroups string) error {
	if _, err := r.client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: &policyARN}); err != nil {
		return judged("attach the policy", err)
	}
	_, err := r.client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: &name, PolicyName: aws.String(denial),
		PolicyDocument: document(statement{Effect: "Deny", Action: "logs:CreateLogGroup", Resource: logGroups}),
	})
	return judged("put the policy", err)
}

// judged returns the error of a call. IAM refuses changes of one role at the same time with
// ConcurrentModification.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
func judged(what string, err error) error {
	if err == nil {
		return nil
	}
	// Not by the error's type, which the SDK does not have for AttachRolePolicy.
	if failure, ok := errors.AsType[smithy.APIError](err); ok && failure.ErrorCode() == "ConcurrentModification" {
		return fmt.Errorf("%s: %w: %w", what, logrole.ErrNotYet, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

type statement struct {
	Effect    string
	Action    string
	Principal map[string]string `json:",omitempty"`
	Resource  string            `json:",omitempty"`
}

// document returns a policy of one statement.
func document(s statement) *string {
	text, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []statement{s}}) // strings always marshal
	return aws.String(string(text))
}
