package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"payment-webhooks/local/assembly"
)

const (
	tableARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/transactions"
	roleARN  = "arn:aws:iam::123456789012:role/fn"
	ruleARN  = "arn:aws:events:eu-west-1:123456789012:rule/bus/high"
	queueARN = "arn:aws:sqs:eu-west-1:123456789012:dlq"
	topicARN = "arn:aws:sns:eu-west-1:123456789012:alerts"
)

// read reads a stack of resources, with a role fn.
func read(t *testing.T, resources string) (*Policies, error) {
	t.Helper()
	var parsed map[string]struct {
		Type       string
		Properties any
	}
	if err := json.Unmarshal([]byte(resources), &parsed); err != nil {
		t.Fatalf("%v in %s", err, resources)
	}
	stack := &assembly.Stack{Name: "S", Resources: map[string]assembly.Resource{
		"Role": {LogicalID: "Role", Type: "AWS::IAM::Role", Properties: map[string]any{"RoleName": "fn", "AssumeRolePolicyDocument": map[string]any{}}},
	}}
	for id, r := range parsed {
		stack.Resources[id] = assembly.Resource{LogicalID: id, Type: r.Type, Properties: r.Properties}
	}
	types := assembly.NewTypes(Types, []assembly.Type{
		{Name: "AWS::SQS::Queue", IDs: named("sqs", "")},
		{Name: "AWS::SNS::Topic", IDs: named("sns", "")},
		{Name: "AWS::DynamoDB::Table", IDs: named("dynamodb", "table/")},
		{Name: "AWS::Events::EventBus", IDs: named("events", "event-bus/")},
		{Name: "AWS::Events::Archive", IDs: named("events", "archive/")},
		{Name: "AWS::Logs::LogGroup", IDs: func(i *assembly.Instance) assembly.IDs {
			return assembly.IDs{Ref: "g", Attributes: map[string]string{"Arn": i.ARN("logs", "log-group:g:*")}}
		}},
		{Name: "AWS::S3::Bucket", IDs: func(*assembly.Instance) assembly.IDs {
			return assembly.IDs{Ref: "audit", Attributes: map[string]string{"Arn": "arn:aws:s3:::audit"}}
		}},
	})
	env := assembly.Env{Account: "123456789012", Region: "eu-west-1"}
	return New(stack, assembly.NewResolver(stack, types, env), Scope{env.Account, env.Region}, nil)
}

// named has the ARN of a resource whose name is its logical id in lower case.
func named(service, prefix string) func(*assembly.Instance) assembly.IDs {
	return func(i *assembly.Instance) assembly.IDs {
		arn := i.ARN(service, prefix+strings.ToLower(i.LogicalID))
		return assembly.IDs{Ref: arn, Attributes: map[string]string{"Arn": arn}}
	}
}

// identity is the policy of the role fn, as a member of the resources.
func identity(statements string) string {
	return `"Policy": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "p", "Roles": [{"Ref": "Role"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": ` + statements + `}}}`
}

// policies reads a stack whose one role has the statements.
func policies(t *testing.T, statements string) *Policies {
	t.Helper()
	p, err := read(t, "{"+identity(statements)+"}")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func expect(t *testing.T, err error, allowed bool) {
	t.Helper()
	if allowed && err != nil || !allowed && !errors.Is(err, ErrDenied) {
		t.Errorf("allowed %v, got %v", allowed, err)
	}
}

func TestIdentityPolicies(t *testing.T) {
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
	put := Call{Action: "dynamodb:PutItem", Resources: []string{tableARN}}
	t.Run("allow calls", func(t *testing.T) {
		cases := map[string]struct {
			statements string
			call       Call
			allowed    bool
		}{
			"exact":                        {`[{"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "` + tableARN + `"}]`, put, true},
			"one statement, no list":       {`{"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "` + tableARN + `"}`, put, true},
			"another action":               {`[{"Effect": "Allow", "Action": "dynamodb:UpdateItem", "Resource": "` + tableARN + `"}]`, put, false},
			"another table":                {`[{"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "` + tableARN + `2"}]`, put, false},
			"the table is not its index":   {`[{"Effect": "Allow", "Action": "dynamodb:Query", "Resource": "` + tableARN + `"}]`, Call{Action: "dynamodb:Query", Resources: []string{tableARN + "/index/by-hour"}}, false},
			"no statement":                 {`[]`, put, false},
			"wildcards":                    {`[{"Effect": "Allow", "Action": ["dynamodb:*Item"], "Resource": ["arn:aws:dynamodb:*:*:table/tr?nsactions"]}]`, put, true},
			"a wildcard within its part":   {`[{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:*:table/transactions"}]`, put, false},
			"action names ignore case":     {`[{"Effect": "Allow", "Action": "DynamoDB:putitem", "Resource": "*"}]`, put, true},
			"explicit deny wins":           {`[{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "` + tableARN + `"}]`, put, false},
			"every resource must be":       {`[{"Effect": "Allow", "Action": "events:PutEvents", "Resource": "a"}]`, Call{Action: "events:PutEvents", Resources: []string{"a", "b"}}, false},
			"NotAction, another action":    {`[{"Effect": "Allow", "NotAction": "dynamodb:DeleteItem", "Resource": "*"}]`, put, true},
			"NotAction, that action":       {`[{"Effect": "Allow", "NotAction": ["s3:*", "dynamodb:Put*"], "Resource": "*"}]`, put, false},
			"NotResource, another":         {`[{"Effect": "Allow", "Action": "dynamodb:*", "NotResource": "` + tableARN + `2"}]`, put, true},
			"NotResource, that one":        {`[{"Effect": "Allow", "Action": "dynamodb:*", "NotResource": "` + tableARN + `"}]`, put, false},
			"deny of all other actions":    {`[{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "NotAction": "dynamodb:PutItem", "Resource": "*"}]`, put, true},
			"condition that holds":         {`[{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": true}}}]`, put, true},
			"condition that does not hold": {`[{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]`, put, false},
			"deny with a condition that does not hold": {`[{"Effect": "Allow", "Action": "*", "Resource": "*"},
				{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]`, put, true},
			"condition on the role": {`[{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/fn"}}}]`, put, true},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				err := policies(t, c.statements).Check(Role(roleARN), c.call)
				expect(t, err, c.allowed)
				if err != nil && !strings.Contains(err.Error(), c.call.Action) {
					t.Errorf("error does not name the action: %v", err)
				}
			})
		}
	})
	t.Run("with unsupported elements are rejected", func(t *testing.T) {
		for name, statement := range map[string]string{
			"Condition on Statement[0]":   `"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "x"}}`,
			"a resource policy's element": `"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", "Principal": "*"`,
			"a policy variable":           `"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/${aws:PrincipalAccount}"`,
			"no action":                   `"Effect": "Allow", "Resource": "*"`,
			"no resource":                 `"Effect": "Allow", "Action": "*"`,
			"another effect":              `"Effect": "allow", "Action": "*", "Resource": "*"`,
		} {
			if _, err := read(t, "{"+identity("[{"+statement+"}]")+"}"); err == nil || !strings.Contains(err.Error(), "Policy: Statement[0]: ") {
				t.Errorf("%s: error %v, want one that names the policy and the statement", name, err)
			}
		}
	})
	t.Run("of AWS are known or rejected", func(t *testing.T) {
		role := func(name string) string {
			return `{"R2": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r2", "AssumeRolePolicyDocument": {}, "ManagedPolicyArns": ["arn:aws:iam::aws:policy/` + name + `"]}}}`
		}
		p, err := read(t, role("service-role/AWSLambdaBasicExecutionRole"))
		if err != nil {
			t.Fatal(err)
		}
		expect(t, p.Check(Role("arn:aws:iam::123456789012:role/r2"), Call{Action: "logs:PutLogEvents", Resources: []string{"x"}}), true)
		expect(t, p.Check(Role("arn:aws:iam::123456789012:role/r2"), Call{Action: "logs:GetLogEvents", Resources: []string{"x"}}), false)
		if _, err := read(t, role("AdministratorAccess")); err == nil || !strings.Contains(err.Error(), "R2: managed policy") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("have access keys for roles", func(t *testing.T) {
		p := policies(t, `[]`)
		key, err := p.AccessKey(roleARN)
		if err != nil {
			t.Fatal(err)
		}
		if caller, checked := p.Checks(key); !checked || caller != Role(roleARN) {
			t.Errorf("key %s: %v, %v", key, caller, checked)
		}
		if _, checked := p.Checks("test"); checked {
			t.Error("calls of a user are checked")
		}
	})
	t.Run("have a user for a managed policy", func(t *testing.T) {
		p, err := read(t, `{"Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"ManagedPolicyName": "ops", "PolicyDocument": {"Version": "2012-10-17", "Statement":
			[{"Effect": "Allow", "Action": ["logs:FilterLogEvents", "sqs:ReceiveMessage"], "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalType": "User"}}}]}}}}`)
		if err != nil {
			t.Fatal(err)
		}
		user, checked := p.Checks("ops")
		if !checked {
			t.Error("calls are not checked")
		}
		for action, allowed := range map[string]bool{"logs:FilterLogEvents": true, "sqs:ReceiveMessage": true, "logs:PutLogEvents": false} {
			expect(t, p.Check(user, Call{Action: action, Resources: []string{"x"}}), allowed)
		}
	})
}

// resourcePolicy is a policy of a resource, as a member of the resources.
func resourcePolicy(kind, statement string) string {
	properties := map[string]string{
		"AWS::SQS::QueuePolicy": `"Queues": ["http://127.0.0.1:4566/123456789012/dlq"]`,
		"AWS::SNS::TopicPolicy": `"Topics": ["` + topicARN + `"]`,
		"AWS::S3::BucketPolicy": `"Bucket": "audit"`,
	}[kind]
	return fmt.Sprintf(`"Attached": {"Type": %q, "Properties": {%s, "PolicyDocument": {"Statement": [%s]}}}`, kind, properties, statement)
}

func TestResourcePolicies(t *testing.T) {
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
	const queueKind, topicKind, bucketKind = "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy"
	queue := resourcePolicy(queueKind, `{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "`+queueARN+`",
		"Condition": {"ArnEquals": {"aws:SourceArn": "`+ruleARN+`"}}}`)
	broad := resourcePolicy(queueKind, `{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}`)
	logs := `"L": {"Type": "AWS::Logs::ResourcePolicy", "Properties": {"PolicyName": "n", "PolicyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"Service\": [\"events.amazonaws.com\", \"delivery.logs.amazonaws.com\"]}, \"Action\": [\"logs:PutLogEvents\"], \"Resource\": \"arn:aws:logs:eu-west-1:123456789012:log-group:g:*\"}]}"}}`
	group := `"G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "g", "ResourcePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "logs:PutLogEvents", "Resource": "*"}]}}}`
	invoke := `"P": {"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": "fn", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com", "SourceArn": "arn:aws:execute-api:eu-west-1:123456789012:api/v1/POST/webhook/*"}}`
	denied := resourcePolicy(topicKind, `{"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": "`+topicARN+`"},
		{"Effect": "Deny", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": "*"}`)
	foreign := resourcePolicy(topicKind, `{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": "`+topicARN+`"},
		{"Effect": "Deny", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": "`+topicARN+`",
		 "Condition": {"Null": {"aws:SourceAccount": "false"}, "StringNotEquals": {"aws:SourceAccount": "ACCOUNT"}}}`)
	bus := `"B": {"Type": "AWS::Events::EventBusPolicy", "Properties": {"EventBusName": "bus", "StatementId": "s", "Statement": {"Effect": "Deny", "Principal": "*", "Action": "events:PutEvents", "Resource": "*"}}}`
	const busARN = "arn:aws:events:eu-west-1:123456789012:event-bus/bus"
	all := identity(`[{"Effect": "Allow", "Action": "*", "Resource": "*"}]`)
	const send = "sqs:SendMessage"
	rule, role := Service("events.amazonaws.com", ruleARN), Role(roleARN)

	cases := map[string]struct {
		resources        string
		caller           Caller
		action, resource string
		allowed          bool
	}{
		"queue, its rule":               {queue, rule, send, queueARN, true},
		"queue, another rule":           {queue, Service("events.amazonaws.com", ruleARN+"2"), send, queueARN, false},
		"queue, another service":        {queue, Service("sns.amazonaws.com", ruleARN), send, queueARN, false},
		"queue, another action":         {queue, rule, "sqs:PurgeQueue", queueARN, false},
		"another queue":                 {queue, rule, send, queueARN + "2", false},
		"a policy on its queue":         {broad, rule, send, queueARN, true},
		"a policy on another queue":     {broad, rule, send, queueARN + "2", false},
		"no policy at all":              {identity(`[]`), rule, send, queueARN, false},
		"log stream of the group":       {logs, rule, "logs:PutLogEvents", "arn:aws:logs:eu-west-1:123456789012:log-group:g:log-stream:x", true},
		"log stream, second principal":  {logs, Service("delivery.logs.amazonaws.com", ""), "logs:PutLogEvents", "arn:aws:logs:eu-west-1:123456789012:log-group:g:log-stream:x", true},
		"log group's own policy":        {group, rule, "logs:PutLogEvents", "arn:aws:logs:eu-west-1:123456789012:log-group:g:log-stream:x", true},
		"another group's policy":        {group, rule, "logs:PutLogEvents", "arn:aws:logs:eu-west-1:123456789012:log-group:h:log-stream:x", false},
		"log stream of another group":   {logs, rule, "logs:PutLogEvents", "arn:aws:logs:eu-west-1:123456789012:log-group:h:log-stream:x", false},
		"function, method under path":   {invoke, Service("apigateway.amazonaws.com", "arn:aws:execute-api:eu-west-1:123456789012:api/v1/POST/webhook/*"), "lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:123456789012:function:fn", true},
		"function, another method":      {invoke, Service("apigateway.amazonaws.com", "arn:aws:execute-api:eu-west-1:123456789012:api/v1/GET/webhook/a"), "lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:123456789012:function:fn", false},
		"explicit deny":                 {denied, rule, "sns:Publish", topicARN, false},
		"everybody but the denied":      {denied, Service("cloudwatch.amazonaws.com", "arn:alarm"), "sns:Publish", topicARN, true},
		"deny of other accounts":        {strings.ReplaceAll(foreign, "ACCOUNT", "123456789012"), rule, "sns:Publish", topicARN, true},
		"deny of this account":          {strings.ReplaceAll(foreign, "ACCOUNT", "2"), rule, "sns:Publish", topicARN, false},
		"two keys: one that is absent":  {strings.ReplaceAll(foreign, "ACCOUNT", "2"), Service("events.amazonaws.com", ""), "sns:Publish", topicARN, true},
		"role, by its identity policy":  {all, role, send, queueARN, true},
		"role, by the resource policy":  {resourcePolicy(queueKind, `{"Effect": "Allow", "Principal": {"AWS": "`+roleARN+`"}, "Action": "sqs:*", "Resource": "*"}`), role, send, queueARN, true},
		"another role":                  {resourcePolicy(queueKind, `{"Effect": "Allow", "Principal": {"AWS": "`+roleARN+`2"}, "Action": "sqs:*", "Resource": "*"}`), role, send, queueARN, false},
		"the account delegates only":    {resourcePolicy(queueKind, `{"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sqs:*", "Resource": "*"}`), role, send, queueARN, false},
		"role, denied by the resource":  {all + "," + resourcePolicy(queueKind, `{"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}`), role, send, queueARN, false},
		"role, denied on another queue": {all + "," + resourcePolicy(queueKind, `{"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}`), role, send, queueARN + "2", true},
		"role, denied without TLS":      {all + "," + resourcePolicy(queueKind, `{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sqs:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}`), role, send, queueARN, true},
		"object of a denied bucket":     {all + "," + resourcePolicy(bucketKind, `{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::audit/*"}`), role, "s3:GetObject", "arn:aws:s3:::audit/a/b", false},
		"object of another bucket":      {all + "," + resourcePolicy(bucketKind, `{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}`), role, "s3:GetObject", "arn:aws:s3:::audit2/a/b", true},
		"bus, denied":                   {all + "," + bus, role, "events:PutEvents", busARN, false},
		"another bus":                   {all + "," + bus, role, "events:PutEvents", busARN + "2", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := read(t, "{"+c.resources+"}")
			if err != nil {
				t.Fatal(err)
			}
			expect(t, p.Check(c.caller, Call{Action: c.action, Resources: []string{c.resource}}), c.allowed)
		})
	}
	t.Run("with unsupported elements are rejected", func(t *testing.T) {
		for part, statement := range map[string]string{
			"condition IpAddress on aws:SourceIp": `"Principal": "*", "Action": "sqs:*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}`,
			"NotPrincipal":                        `"NotPrincipal": {"AWS": "` + roleARN + `"}, "Action": "sqs:*", "Resource": "*"`,
			"needs a Principal":                   `"Action": "sqs:*", "Resource": "*"`,
			"Federated":                           `"Principal": {"Federated": "x"}, "Action": "sqs:*", "Resource": "*"`,
		} {
			_, err := read(t, "{"+resourcePolicy(queueKind, `{"Effect": "Allow", `+statement+`}`)+"}")
			if err == nil || !strings.Contains(err.Error(), "Attached") || !strings.Contains(err.Error(), part) {
				t.Errorf("error %v, want one about %s", err, part)
			}
		}
	})
}
