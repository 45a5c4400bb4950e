package iam

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"payment-webhooks/local/assembly"
)

func resourcePolicies(t *testing.T, resources string) (*ResourcePolicies, error) {
	t.Helper()
	var parsed map[string]struct {
		Type       string
		Properties any
	}
	if err := json.Unmarshal([]byte(resources), &parsed); err != nil {
		t.Fatal(err)
	}
	stack := &assembly.Stack{Name: "S", Resources: map[string]assembly.Resource{}}
	for id, r := range parsed {
		stack.Resources[id] = assembly.Resource{LogicalID: id, Type: r.Type, Properties: r.Properties}
	}
	return NewResourcePolicies(stack, assembly.NewResolver(stack, assembly.NewTypes(Types, []assembly.Type{{Name: "AWS::Logs::LogGroup", NameProperty: "LogGroupName"}}), assembly.Env{Account: "1", Region: "eu-west-1"}), "1")
}

func TestResourcePolicies(t *testing.T) {
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
	t.Run("allow services", func(t *testing.T) {
		queue := `{"Q": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": ["http://h/1/dlq"], "PolicyDocument": {"Version": "2012-10-17", "Statement": [
		{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sqs:*", "Resource": "arn:dlq", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
		{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "arn:dlq", "Condition": {"ArnEquals": {"aws:SourceArn": "arn:rule/high"}}}]}}}}`
		logs := `{"L": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "group", "RetentionInDays": 30, "ResourcePolicyDocument":
		{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["events.amazonaws.com"]}, "Action": ["logs:PutLogEvents"], "Resource": "arn:aws:logs:eu-west-1:1:log-group:*"}]}}},
		"N": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "none"}}}`
		permission := `{"P": {"Type": "AWS::Lambda::Permission", "Properties": {"Action": "lambda:InvokeFunction", "FunctionName": "arn:fn", "Principal": "apigateway.amazonaws.com", "SourceArn": "arn:api/v1/POST/webhook/*"}}}`
		denied := `{"T": {"Type": "AWS::SNS::TopicPolicy", "Properties": {"Topics": ["arn:t"], "PolicyDocument": {"Statement": [
		{"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": "arn:t"},
		{"Effect": "Deny", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": "*"}]}}}}`
		foreign := `{"T": {"Type": "AWS::SNS::TopicPolicy", "Properties": {"Topics": ["arn:t"], "PolicyDocument": {"Statement": [
		{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": "arn:t"},
		{"Effect": "Deny", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": "arn:t",
		 "Condition": {"Null": {"aws:SourceAccount": "false"}, "StringNotEquals": {"aws:SourceAccount": "ACCOUNT"}}}]}}}}`
		cases := map[string]struct {
			resources, service, action, resource, source string
			allowed                                      bool
		}{
			"queue, its rule":             {queue, "events.amazonaws.com", "sqs:SendMessage", "arn:dlq", "arn:rule/high", true},
			"queue, another rule":         {queue, "events.amazonaws.com", "sqs:SendMessage", "arn:dlq", "arn:rule/low", false},
			"queue, another service":      {queue, "sns.amazonaws.com", "sqs:SendMessage", "arn:dlq", "arn:rule/high", false},
			"queue, another action":       {queue, "events.amazonaws.com", "sqs:PurgeQueue", "arn:dlq", "arn:rule/high", false},
			"another queue":               {queue, "events.amazonaws.com", "sqs:SendMessage", "arn:other", "arn:rule/high", false},
			"log stream of the group":     {logs, "events.amazonaws.com", "logs:PutLogEvents", "arn:aws:logs:eu-west-1:1:log-group:group:log-stream:x", "arn:rule/low", true},
			"log group without a policy":  {logs, "events.amazonaws.com", "logs:PutLogEvents", "arn:aws:logs:eu-west-1:1:log-group:none:log-stream:x", "arn:rule/low", false},
			"function, method under path": {permission, "apigateway.amazonaws.com", "lambda:InvokeFunction", "arn:fn", "arn:api/v1/POST/webhook/*", true},
			"function, another method":    {permission, "apigateway.amazonaws.com", "lambda:InvokeFunction", "arn:fn", "arn:api/v1/GET/webhook/a", false},
			"explicit deny":               {denied, "events.amazonaws.com", "sns:Publish", "arn:t", "arn:rule", false},
			"everybody but the denied":    {denied, "cloudwatch.amazonaws.com", "sns:Publish", "arn:t", "arn:alarm", true},
			"deny of other accounts":      {strings.ReplaceAll(foreign, "ACCOUNT", "1"), "events.amazonaws.com", "sns:Publish", "arn:t", "arn:rule", true},
			"deny of this account":        {strings.ReplaceAll(foreign, "ACCOUNT", "2"), "events.amazonaws.com", "sns:Publish", "arn:t", "arn:rule", false},
			"no policy at all":            {`{}`, "events.amazonaws.com", "sns:Publish", "arn:t", "arn:rule", false},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				p, err := resourcePolicies(t, c.resources)
				if err != nil {
					t.Fatal(err)
				}
				err = p.Check(c.service, c.action, c.resource, c.source)
				if c.allowed && err != nil || !c.allowed && !errors.Is(err, ErrDenied) {
					t.Errorf("allowed %v, got %v", c.allowed, err)
				}
			})
		}
	})
	t.Run("with unsupported conditions are rejected", func(t *testing.T) {
		_, err := resourcePolicies(t, `{"Q": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [], "PolicyDocument": {"Statement": [
		{"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]}}}}`)
		if err == nil || !strings.Contains(err.Error(), "Q: Statement[0]: condition IpAddress on aws:SourceIp") {
			t.Errorf("error %v", err)
		}
	})
}
