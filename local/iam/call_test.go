package iam

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIdentify(t *testing.T) {
	// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
	t.Run("returns action and resources", func(t *testing.T) {
		scope := Scope{Account: "123456789012", Region: "eu-west-1"}
		type request struct{ service, method, target, url, body string }
		cases := map[string]struct {
			request request
			want    Call
		}{
			"PutItem":                  {request{"dynamodb", "POST", "DynamoDB_20120810.PutItem", "/", `{"TableName":"transactions"}`}, Call{Action: "dynamodb:PutItem", Resources: []string{tableARN}}},
			"Query on index":           {request{"dynamodb", "POST", "DynamoDB_20120810.Query", "/", `{"TableName":"transactions","IndexName":"by-hour"}`}, Call{Action: "dynamodb:Query", Resources: []string{tableARN + "/index/by-hour"}}},
			"BatchGetItem":             {request{"dynamodb", "POST", "DynamoDB_20120810.BatchGetItem", "/", `{"RequestItems":{"transactions":{}}}`}, Call{Action: "dynamodb:BatchGetItem", Resources: []string{tableARN}}},
			"GetRecords":               {request{"dynamodb", "POST", "DynamoDBStreams_20120810.GetRecords", "/", `{"ShardIterator":"` + tableARN + `/stream/x|1|abc"}`}, Call{Action: "dynamodb:GetRecords", Resources: []string{tableARN + "/stream/x"}}},
			"SendMessage":              {request{"sqs", "POST", "AmazonSQS.SendMessage", "/", `{"QueueUrl":"http://127.0.0.1:4566/123456789012/dlq"}`}, Call{Action: "sqs:SendMessage", Resources: []string{"arn:aws:sqs:eu-west-1:123456789012:dlq"}}},
			"PutEvents":                {request{"events", "POST", "AWSEvents.PutEvents", "/", `{"Entries":[{"EventBusName":"bus"},{}]}`}, Call{Action: "events:PutEvents", Resources: []string{"arn:aws:events:eu-west-1:123456789012:event-bus/bus", "arn:aws:events:eu-west-1:123456789012:event-bus/default"}}},
			"EnableRule":               {request{"events", "POST", "AWSEvents.EnableRule", "/", `{"Name":"r","EventBusName":"bus"}`}, Call{Action: "events:EnableRule", Resources: []string{"arn:aws:events:eu-west-1:123456789012:rule/bus/r"}}},
			"DescribeRule":             {request{"events", "POST", "AWSEvents.DescribeRule", "/", `{"Name":"daily"}`}, Call{Action: "events:DescribeRule", Resources: []string{"arn:aws:events:eu-west-1:123456789012:rule/daily"}}},
			"ListTargets":              {request{"events", "POST", "AWSEvents.ListTargetsByRule", "/", `{"Rule":"r","EventBusName":"arn:aws:events:eu-west-1:123456789012:event-bus/bus"}`}, Call{Action: "events:ListTargetsByRule", Resources: []string{"arn:aws:events:eu-west-1:123456789012:rule/bus/r"}}},
			"StartReplay":              {request{"events", "POST", "AWSEvents.StartReplay", "/", `{"ReplayName":"again","EventSourceArn":"arn:aws:events:eu-west-1:123456789012:archive/all"}`}, Call{Action: "events:StartReplay", Resources: []string{"arn:aws:events:eu-west-1:123456789012:archive/all"}}},
			"DescribeReplay":           {request{"events", "POST", "AWSEvents.DescribeReplay", "/", `{"ReplayName":"again"}`}, Call{Action: "events:DescribeReplay", Resources: []string{"arn:aws:events:eu-west-1:123456789012:replay/again"}}},
			"UpdateMapping":            {request{"lambda", "PUT", "", "/2015-03-31/event-source-mappings/id-1", `{"Enabled":false}`}, Call{Action: "lambda:UpdateEventSourceMapping", Resources: []string{"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:id-1"}}},
			"GetMapping":               {request{"lambda", "GET", "", "/2015-03-31/event-source-mappings/id-1", ``}, Call{Action: "lambda:GetEventSourceMapping", Resources: []string{"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:id-1"}}},
			"ListMappings":             {request{"lambda", "GET", "", "/2015-03-31/event-source-mappings", ``}, Call{Action: "lambda:ListEventSourceMappings", Resources: []string{"*"}}},
			"Publish":                  {request{"sns", "POST", "", "/", "Action=Publish&TopicArn=arn:topic"}, Call{Action: "sns:Publish", Resources: []string{"arn:topic"}}},
			"Invoke":                   {request{"lambda", "POST", "", "/2015-03-31/functions/fn/invocations", `{}`}, Call{Action: "lambda:InvokeFunction", Resources: []string{"arn:aws:lambda:eu-west-1:123456789012:function:fn"}}},
			"PutObject":                {request{"s3", "PUT", "", "/bucket/a/b?x-id=PutObject", ""}, Call{Action: "s3:PutObject", Resources: []string{"arn:aws:s3:::bucket/a/b"}}},
			"UploadPart":               {request{"s3", "PUT", "", "/bucket/k?partNumber=1&uploadId=u", ""}, Call{Action: "s3:PutObject", Resources: []string{"arn:aws:s3:::bucket/k"}}},
			"AbortMultipart":           {request{"s3", "DELETE", "", "/bucket/k?uploadId=u", ""}, Call{Action: "s3:AbortMultipartUpload", Resources: []string{"arn:aws:s3:::bucket/k"}}},
			"HeadObject":               {request{"s3", "HEAD", "", "/bucket/k", ""}, Call{Action: "s3:GetObject", Resources: []string{"arn:aws:s3:::bucket/k"}}},
			"ListObjectsV2":            {request{"s3", "GET", "", "/bucket?list-type=2&prefix=manifests/", ""}, Call{Action: "s3:ListBucket", Resources: []string{"arn:aws:s3:::bucket"}}},
			"GetSecretValue":           {request{"secretsmanager", "POST", "secretsmanager.GetSecretValue", "/", `{"SecretId":"stripe"}`}, Call{Action: "secretsmanager:GetSecretValue", Resources: []string{"arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-aaaaaa"}}},
			"GetFunctionConfiguration": {request{"lambda", "GET", "", "/2015-03-31/functions/fn/configuration", ``}, Call{Action: "lambda:GetFunctionConfiguration", Resources: []string{"arn:aws:lambda:eu-west-1:123456789012:function:fn"}}},
			"PutLogEvents":             {request{"logs", "POST", "Logs_20140328.PutLogEvents", "/", `{"logGroupName":"g","logStreamName":"s"}`}, Call{Action: "logs:PutLogEvents", Resources: []string{"arn:aws:logs:eu-west-1:123456789012:log-group:g:log-stream:s"}}},
			"FilterLogEvents":          {request{"logs", "POST", "Logs_20140328.FilterLogEvents", "/", `{"logGroupName":"g"}`}, Call{Action: "logs:FilterLogEvents", Resources: []string{"arn:aws:logs:eu-west-1:123456789012:log-group:g:"}}},
			"PutMetricData":            {request{"monitoring", "POST", "", "/", "Action=PutMetricData&Namespace=N"}, Call{Action: "cloudwatch:PutMetricData", Resources: []string{"*"}}},
			"PutTraceSegments":         {request{"xray", "POST", "", "/TraceSegments", ""}, Call{Action: "xray:PutTraceSegments", Resources: []string{"*"}}},
			"Decrypt":                  {request{"kms", "POST", "TrentService.Decrypt", "/", `{"KeyId":"k"}`}, Call{Action: "kms:Decrypt", Resources: []string{"arn:aws:kms:eu-west-1:123456789012:key/k"}}},
			"GetCallerIdentity":        {request{"sts", "POST", "", "/", "Action=GetCallerIdentity"}, Call{Action: "sts:GetCallerIdentity"}},
			"DescribeStacks":           {request{"cloudformation", "POST", "", "/", "Action=DescribeStacks&StackName=S"}, Call{Action: "cloudformation:DescribeStacks", Resources: []string{"arn:aws:cloudformation:eu-west-1:123456789012:stack/S/id"}}},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				r := httptest.NewRequest(c.request.method, c.request.url, bytes.NewReader([]byte(c.request.body)))
				r.Header.Set("X-Amz-Target", c.request.target)
				got, err := scope.Identify(c.request.service, r, []byte(c.request.body))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, Call{Action: got.Action, Resources: got.Resources}); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	})
	t.Run("returns what the service asks of the key", func(t *testing.T) {
		scope := Scope{Account: "123456789012", Region: "eu-west-1"}
		for name, c := range map[string]struct {
			method, url, header string
			want                []string
		}{
			"PutObject":                       {"PUT", "/bucket/k", "", []string{"kms:GenerateDataKey"}},
			"part of an upload":               {"PUT", "/bucket/k?partNumber=1&uploadId=u", "", []string{"kms:GenerateDataKey", "kms:Decrypt"}},
			"GetObject":                       {"GET", "/bucket/k", "", []string{"kms:Decrypt"}},
			"GetObject of a version":          {"GET", "/bucket/k?versionId=v", "", []string{"kms:Decrypt"}},
			"HeadObject":                      {"HEAD", "/bucket/k", "", []string{}},
			"HeadObject that wants checksums": {"HEAD", "/bucket/k", "X-Amz-Checksum-Mode", []string{"kms:Decrypt"}},
			"ListBucket":                      {"GET", "/bucket?list-type=2", "", nil},
		} {
			r := httptest.NewRequest(c.method, c.url, nil)
			if c.header != "" {
				r.Header.Set(c.header, "ENABLED")
			}
			got, err := scope.Identify("s3", r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Key); diff != "" {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
		}
	})
	t.Run("returns the condition keys of a request", func(t *testing.T) {
		r := httptest.NewRequest("GET", "/bucket?list-type=2&prefix=manifests/&max-keys=1", nil)
		r.Header.Set("X-Amz-Acl", "private")
		got, err := (Scope{}).Identify("s3", r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Context{"s3:prefix": {"manifests/"}, "s3:max-keys": {"1"}, "s3:x-amz-acl": {"private"}}, got.Context); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
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
