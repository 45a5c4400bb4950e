package iam

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/local/assembly"
)

const (
	tableARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/transactions"
	roleARN  = "arn:aws:iam::123456789012:role/fn"
)

// policies reads a template whose one role has the statements.
func policies(t *testing.T, statements string) (*Policies, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"manifest.json": `{"artifacts": {"S": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "properties": {"templateFile": "t.json"}}}}`,
		"t.json": `{"Resources": {
			"Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "fn", "AssumeRolePolicyDocument": {}}},
			"Policy": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "p", "Roles": [{"Ref": "Role"}],
				"PolicyDocument": {"Version": "2012-10-17", "Statement": ` + statements + `}}}}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stack, err := assembly.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return New(stack, assembly.NewResolver(stack, assembly.NewTypes(Types), assembly.Env{Account: "123456789012", Region: "eu-west-1"}))
}

func TestPolicies(t *testing.T) {
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
	t.Run("allow calls", func(t *testing.T) {
		cases := map[string]struct {
			statements string
			call       Call
			allowed    bool
		}{
			"exact":                        {`[{"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "` + tableARN + `"}]`, Call{"dynamodb:PutItem", []string{tableARN}}, true},
			"another action":               {`[{"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "` + tableARN + `"}]`, Call{"dynamodb:UpdateItem", []string{tableARN}}, false},
			"another table":                {`[{"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "` + tableARN + `"}]`, Call{"dynamodb:PutItem", []string{tableARN + "2"}}, false},
			"the table is not its index":   {`[{"Effect": "Allow", "Action": "dynamodb:Query", "Resource": "` + tableARN + `"}]`, Call{"dynamodb:Query", []string{tableARN + "/index/by-hour"}}, false},
			"no statement":                 {`[]`, Call{"dynamodb:PutItem", []string{tableARN}}, false},
			"wildcards":                    {`[{"Effect": "Allow", "Action": ["dynamodb:*Item"], "Resource": ["arn:aws:dynamodb:*:*:table/tr?nsactions"]}]`, Call{"dynamodb:PutItem", []string{tableARN}}, true},
			"action names ignore case":     {`[{"Effect": "Allow", "Action": "DynamoDB:putitem", "Resource": "*"}]`, Call{"dynamodb:PutItem", []string{tableARN}}, true},
			"explicit deny wins":           {`[{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "` + tableARN + `"}]`, Call{"dynamodb:PutItem", []string{tableARN}}, false},
			"every resource must be":       {`[{"Effect": "Allow", "Action": "events:PutEvents", "Resource": "a"}]`, Call{"events:PutEvents", []string{"a", "b"}}, false},
			"statements about kms skipped": {`[{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": {"StringEquals": {"a": "b"}}}]`, Call{"dynamodb:PutItem", []string{tableARN}}, false},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				p, err := policies(t, c.statements)
				if err != nil {
					t.Fatal(err)
				}
				err = p.Check(roleARN, c.call)
				if c.allowed && err != nil || !c.allowed && !errors.Is(err, ErrDenied) {
					t.Errorf("allowed %v, got %v", c.allowed, err)
				}
				if err != nil && !strings.Contains(err.Error(), c.call.Action) {
					t.Errorf("error does not name the action: %v", err)
				}
			})
		}
	})
	t.Run("with unsupported elements are rejected", func(t *testing.T) {
		for name, statements := range map[string]string{
			"Condition":   `[{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]`,
			"NotAction":   `[{"Effect": "Allow", "NotAction": "s3:PutObject", "Resource": "*"}]`,
			"NotResource": `[{"Effect": "Allow", "Action": "s3:PutObject", "NotResource": "*"}]`,
			"Principal":   `[{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", "Principal": "*"}]`,
		} {
			if _, err := policies(t, statements); err == nil || !strings.Contains(err.Error(), "Policy") {
				t.Errorf("%s: error %v, want one that names the policy", name, err)
			}
		}
	})
	t.Run("have access keys for roles", func(t *testing.T) {
		p, err := policies(t, `[]`)
		if err != nil {
			t.Fatal(err)
		}
		key, err := p.AccessKey(roleARN)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			key, service, arn string
			checked           bool
		}{{key, "sqs", roleARN, true}, {key, "logs", roleARN, false}, {"test", "sqs", "", false}} {
			if arn, checked := p.Checks(c.key, c.service); arn != c.arn || checked != c.checked {
				t.Errorf("%s with key %s: %q, %v", c.service, c.key, arn, checked)
			}
		}
	})
	t.Run("have a user for a managed policy, whose every call is checked", func(t *testing.T) {
		p, err := policies(t, `[]}}}, "Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"ManagedPolicyName": "ops", "PolicyDocument": {"Version": "2012-10-17", "Statement":
			[{"Effect": "Allow", "Action": ["logs:FilterLogEvents", "sqs:ReceiveMessage"], "Resource": "*"}]`)
		if err != nil {
			t.Fatal(err)
		}
		user, checked := p.Checks("ops", "logs")
		if !checked {
			t.Error("calls of logs are not checked")
		}
		for action, allowed := range map[string]bool{"logs:FilterLogEvents": true, "sqs:ReceiveMessage": true, "logs:PutLogEvents": false} {
			if err := p.Check(user, Call{action, []string{"x"}}); (err == nil) != allowed {
				t.Errorf("%s: %v", action, err)
			}
		}
	})
}

func TestIdentify(t *testing.T) {
	// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
	t.Run("returns action and resources", func(t *testing.T) {
		scope := Scope{Account: "123456789012", Region: "eu-west-1"}
		type request struct{ service, method, target, url, body string }
		cases := map[string]struct {
			request request
			want    Call
		}{
			"PutItem":                  {request{"dynamodb", "POST", "DynamoDB_20120810.PutItem", "/", `{"TableName":"transactions"}`}, Call{"dynamodb:PutItem", []string{tableARN}}},
			"Query on index":           {request{"dynamodb", "POST", "DynamoDB_20120810.Query", "/", `{"TableName":"transactions","IndexName":"by-hour"}`}, Call{"dynamodb:Query", []string{tableARN + "/index/by-hour"}}},
			"BatchGetItem":             {request{"dynamodb", "POST", "DynamoDB_20120810.BatchGetItem", "/", `{"RequestItems":{"transactions":{}}}`}, Call{"dynamodb:BatchGetItem", []string{tableARN}}},
			"GetRecords":               {request{"dynamodb", "POST", "DynamoDBStreams_20120810.GetRecords", "/", `{"ShardIterator":"` + tableARN + `/stream/x|1|abc"}`}, Call{"dynamodb:GetRecords", []string{tableARN + "/stream/x"}}},
			"SendMessage":              {request{"sqs", "POST", "AmazonSQS.SendMessage", "/", `{"QueueUrl":"http://127.0.0.1:4566/123456789012/dlq"}`}, Call{"sqs:SendMessage", []string{"arn:aws:sqs:eu-west-1:123456789012:dlq"}}},
			"PutEvents":                {request{"events", "POST", "AWSEvents.PutEvents", "/", `{"Entries":[{"EventBusName":"bus"},{}]}`}, Call{"events:PutEvents", []string{"arn:aws:events:eu-west-1:123456789012:event-bus/bus", "arn:aws:events:eu-west-1:123456789012:event-bus/default"}}},
			"EnableRule":               {request{"events", "POST", "AWSEvents.EnableRule", "/", `{"Name":"r","EventBusName":"bus"}`}, Call{"events:EnableRule", []string{"arn:aws:events:eu-west-1:123456789012:rule/bus/r"}}},
			"DescribeRule":             {request{"events", "POST", "AWSEvents.DescribeRule", "/", `{"Name":"daily"}`}, Call{"events:DescribeRule", []string{"arn:aws:events:eu-west-1:123456789012:rule/daily"}}},
			"ListTargets":              {request{"events", "POST", "AWSEvents.ListTargetsByRule", "/", `{"Rule":"r","EventBusName":"arn:aws:events:eu-west-1:123456789012:event-bus/bus"}`}, Call{"events:ListTargetsByRule", []string{"arn:aws:events:eu-west-1:123456789012:rule/bus/r"}}},
			"StartReplay":              {request{"events", "POST", "AWSEvents.StartReplay", "/", `{"ReplayName":"again","EventSourceArn":"arn:aws:events:eu-west-1:123456789012:archive/all"}`}, Call{"events:StartReplay", []string{"arn:aws:events:eu-west-1:123456789012:archive/all"}}},
			"DescribeReplay":           {request{"events", "POST", "AWSEvents.DescribeReplay", "/", `{"ReplayName":"again"}`}, Call{"events:DescribeReplay", []string{"arn:aws:events:eu-west-1:123456789012:replay/again"}}},
			"UpdateMapping":            {request{"lambda", "PUT", "", "/2015-03-31/event-source-mappings/id-1", `{"Enabled":false}`}, Call{"lambda:UpdateEventSourceMapping", []string{"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:id-1"}}},
			"GetMapping":               {request{"lambda", "GET", "", "/2015-03-31/event-source-mappings/id-1", ``}, Call{"lambda:GetEventSourceMapping", []string{"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:id-1"}}},
			"ListMappings":             {request{"lambda", "GET", "", "/2015-03-31/event-source-mappings", ``}, Call{"lambda:ListEventSourceMappings", []string{"*"}}},
			"Publish":                  {request{"sns", "POST", "", "/", "Action=Publish&TopicArn=arn:topic"}, Call{"sns:Publish", []string{"arn:topic"}}},
			"Invoke":                   {request{"lambda", "POST", "", "/2015-03-31/functions/fn/invocations", `{}`}, Call{"lambda:InvokeFunction", []string{"arn:aws:lambda:eu-west-1:123456789012:function:fn"}}},
			"PutObject":                {request{"s3", "PUT", "", "/bucket/a/b?x-id=PutObject", ""}, Call{"s3:PutObject", []string{"arn:aws:s3:::bucket/a/b"}}},
			"UploadPart":               {request{"s3", "PUT", "", "/bucket/k?partNumber=1&uploadId=u", ""}, Call{"s3:PutObject", []string{"arn:aws:s3:::bucket/k"}}},
			"AbortMultipart":           {request{"s3", "DELETE", "", "/bucket/k?uploadId=u", ""}, Call{"s3:AbortMultipartUpload", []string{"arn:aws:s3:::bucket/k"}}},
			"HeadObject":               {request{"s3", "HEAD", "", "/bucket/k", ""}, Call{"s3:GetObject", []string{"arn:aws:s3:::bucket/k"}}},
			"ListObjectsV2":            {request{"s3", "GET", "", "/bucket?list-type=2&prefix=manifests/", ""}, Call{"s3:ListBucket", []string{"arn:aws:s3:::bucket"}}},
			"GetSecretValue":           {request{"secretsmanager", "POST", "secretsmanager.GetSecretValue", "/", `{"SecretId":"stripe"}`}, Call{"secretsmanager:GetSecretValue", []string{"arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-aaaaaa"}}},
			"GetFunctionConfiguration": {request{"lambda", "GET", "", "/2015-03-31/functions/fn/configuration", ``}, Call{"lambda:GetFunctionConfiguration", []string{"arn:aws:lambda:eu-west-1:123456789012:function:fn"}}},
			"PutLogEvents":             {request{"logs", "POST", "Logs_20140328.PutLogEvents", "/", `{"logGroupName":"g","logStreamName":"s"}`}, Call{"logs:PutLogEvents", []string{"arn:aws:logs:eu-west-1:123456789012:log-group:g:log-stream:s"}}},
			"FilterLogEvents":          {request{"logs", "POST", "Logs_20140328.FilterLogEvents", "/", `{"logGroupName":"g"}`}, Call{"logs:FilterLogEvents", []string{"arn:aws:logs:eu-west-1:123456789012:log-group:g:"}}},
			"DescribeStacks":           {request{"cloudformation", "POST", "", "/", "Action=DescribeStacks&StackName=S"}, Call{"cloudformation:DescribeStacks", []string{"arn:aws:cloudformation:eu-west-1:123456789012:stack/S/id"}}},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				r := httptest.NewRequest(c.request.method, c.request.url, bytes.NewReader([]byte(c.request.body)))
				r.Header.Set("X-Amz-Target", c.request.target)
				got, err := scope.Identify(c.request.service, r, []byte(c.request.body))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	})
	t.Run("fails for an unknown request", func(t *testing.T) {
		for name, r := range map[string]*http.Request{
			"object ACL": httptest.NewRequest("PUT", "/bucket/k?acl", nil),
			"copy": func() *http.Request {
				r := httptest.NewRequest("PUT", "/bucket/k", nil)
				r.Header.Set("X-Amz-Copy-Source", "b/k")
				return r
			}(),
			"policy": httptest.NewRequest("PUT", "/bucket?policy", nil),
		} {
			if call, err := (Scope{}).Identify("s3", r, nil); err == nil {
				t.Errorf("%s: taken for %v", name, call)
			}
		}
	})
}
