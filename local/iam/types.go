package iam

import (
	"encoding/json"
	"strings"

	"payment-webhooks/local/assembly"
)

// Types are the resource types that this package emulates.
var Types = []assembly.Type{
	{
		Name: "AWS::IAM::Role", Properties: roleProperties{}, NameProperty: "RoleName",
		IDs: func(i *assembly.Instance) assembly.IDs {
			return assembly.IDs{Ref: i.Name, Attributes: map[string]string{
				"Arn": "arn:aws:iam::" + i.Account + ":role/" + i.Name, "RoleId": "AROA" + strings.ToUpper(i.Hash(12)),
			}}
		},
	},
	{Name: "AWS::IAM::Policy", Properties: namedPolicy{}},
	{
		Name: "AWS::IAM::ManagedPolicy", Properties: managedPolicy{}, NameProperty: "ManagedPolicyName",
		IDs: func(i *assembly.Instance) assembly.IDs {
			arn := "arn:aws:iam::" + i.Account + ":policy/" + i.Name
			return assembly.IDs{Ref: arn, Attributes: map[string]string{"PolicyArn": arn}}
		},
	},
	{
		Name: "AWS::KMS::Key", Properties: keyProperties{},
		IDs: func(i *assembly.Instance) assembly.IDs {
			return assembly.IDs{Ref: i.UUID(), Attributes: map[string]string{"Arn": i.ARN("kms", "key/"+i.UUID()), "KeyId": i.UUID()}}
		},
	},
	{Name: "AWS::KMS::Alias", Properties: aliasProperties{}, NameProperty: "AliasName"},
	{Name: "AWS::SQS::QueuePolicy", Properties: queuePolicy{}},
	{Name: "AWS::SNS::TopicPolicy", Properties: topicPolicy{}},
	{Name: "AWS::S3::BucketPolicy", Properties: bucketPolicy{}},
	{Name: "AWS::Logs::ResourcePolicy", Properties: logPolicy{}},
	{Name: "AWS::Events::EventBusPolicy", Properties: eventBusPolicy{}},
	{Name: "AWS::Lambda::Permission", Properties: permission{}},
}

// roleProperties is AWS::IAM::Role.
type roleProperties struct {
	RoleName, Description, Path string
	AssumeRolePolicyDocument    json.RawMessage // inert: nobody assumes a role here
	ManagedPolicyArns           []string
	Policies                    []namedPolicy
	MaxSessionDuration          json.RawMessage // inert: keys do not expire here
	Tags                        json.RawMessage
}

// namedPolicy is AWS::IAM::Policy, and an inline policy of a role.
type namedPolicy struct {
	PolicyName     string
	PolicyDocument policyDocument
	Roles          []string
	Users, Groups  json.RawMessage // rejected when present
}

// managedPolicy is AWS::IAM::ManagedPolicy.
type managedPolicy struct {
	ManagedPolicyName, Description, Path string
	PolicyDocument                       policyDocument
	Users, Groups, Roles                 json.RawMessage // rejected when present
}

// keyProperties is AWS::KMS::Key. moto stores data without encryption; the key's policy is
// checked all the same.
type keyProperties struct {
	KeyPolicy policyDocument

	Description, Enabled, EnableKeyRotation, RotationPeriodInDays, PendingWindowInDays, KeySpec, KeyUsage, MultiRegion, Origin,
	BypassPolicyLockoutSafetyCheck, Tags json.RawMessage // inert
}

// aliasProperties is AWS::KMS::Alias.
type aliasProperties struct{ AliasName, TargetKeyId string }

// queuePolicy is AWS::SQS::QueuePolicy.
type queuePolicy struct {
	PolicyDocument policyDocument
	Queues         []string
}

// topicPolicy is AWS::SNS::TopicPolicy.
type topicPolicy struct {
	PolicyDocument policyDocument
	Topics         []string
}

// bucketPolicy is AWS::S3::BucketPolicy.
type bucketPolicy struct {
	Bucket         string
	PolicyDocument policyDocument
}

// logPolicy is AWS::Logs::ResourcePolicy. The document is JSON text.
type logPolicy struct{ PolicyName, PolicyDocument string }

// eventBusPolicy is AWS::Events::EventBusPolicy.
type eventBusPolicy struct {
	EventBusName, StatementId string
	Statement                 statementList
}

// permission is AWS::Lambda::Permission.
type permission struct{ FunctionName, Action, Principal, SourceArn, SourceAccount string }
