package emulator

import (
	"reflect"
	"strings"
	"testing"

	"payment-webhooks/local/assembly"
)

func TestTypes(t *testing.T) {
	for name, declared := range types {
		if (declared.Properties == nil) != (declared.Inert != "") {
			t.Errorf("%s has to have either Properties or a reason to be inert", name)
		}
		if declared.Properties == nil {
			continue
		}
		err := assembly.Decode("Id", name, map[string]any{"Unheard": true}, reflect.New(reflect.TypeOf(declared.Properties)).Interface())
		if want := "Id (" + name + "): property Unheard is not supported"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
}

// Return values: "Return values" on each type's page in
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-template-resource-type-ref.html
func TestTypes_IDs(t *testing.T) {
	stack := &assembly.Stack{Name: "TapStacktest", Resources: map[string]assembly.Resource{}}
	for id, r := range map[string]assembly.Resource{
		"Table":   {Type: "AWS::DynamoDB::Table", Properties: map[string]any{"TableName": "transactions"}},
		"Queue":   {Type: "AWS::SQS::Queue", Properties: map[string]any{"QueueName": "dlq"}},
		"Topic":   {Type: "AWS::SNS::Topic", Properties: map[string]any{"TopicName": "alerts"}},
		"Bucket":  {Type: "AWS::S3::Bucket", Properties: map[string]any{}},
		"Logs":    {Type: "AWS::Logs::LogGroup", Properties: map[string]any{"LogGroupName": "/x"}},
		"Bus":     {Type: "AWS::Events::EventBus", Properties: map[string]any{"Name": "bus"}},
		"Rule":    {Type: "AWS::Events::Rule", Properties: map[string]any{"Name": "high", "EventBusName": "arn:aws:events:eu-west-1:123456789012:event-bus/bus"}},
		"Daily":   {Type: "AWS::Events::Rule", Properties: map[string]any{"Name": "daily"}},
		"Role":    {Type: "AWS::IAM::Role", Properties: map[string]any{"RoleName": "fn"}},
		"Fn":      {Type: "AWS::Lambda::Function", Properties: map[string]any{"FunctionName": "relay"}},
		"Machine": {Type: "AWS::StepFunctions::StateMachine", Properties: map[string]any{"StateMachineName": "workflow"}},
		"Alarm":   {Type: "AWS::CloudWatch::Alarm", Properties: map[string]any{"AlarmName": "late"}},
		"Acl":     {Type: "AWS::WAFv2::WebACL", Properties: map[string]any{"Name": "firewall"}},
		"Archive": {Type: "AWS::Events::Archive", Properties: map[string]any{"ArchiveName": "all"}},
	} {
		r.LogicalID = id
		stack.Resources[id] = r
	}
	resolver := assembly.NewResolver(stack, types, assembly.Env{Account: "123456789012", Region: "eu-west-1", Endpoint: "http://127.0.0.1:4566"})
	for of, want := range map[string]string{
		"Table": "transactions", "Table.Arn": "arn:aws:dynamodb:eu-west-1:123456789012:table/transactions",
		"Queue": "http://127.0.0.1:4566/123456789012/dlq", "Queue.Arn": "arn:aws:sqs:eu-west-1:123456789012:dlq",
		"Topic": "arn:aws:sns:eu-west-1:123456789012:alerts", "Topic.TopicName": "alerts",
		"Logs": "/x", "Logs.Arn": "arn:aws:logs:eu-west-1:123456789012:log-group:/x:*",
		"Bus": "bus", "Bus.Arn": "arn:aws:events:eu-west-1:123456789012:event-bus/bus",
		"Rule": "bus|high", "Rule.Arn": "arn:aws:events:eu-west-1:123456789012:rule/bus/high",
		"Daily": "daily", "Daily.Arn": "arn:aws:events:eu-west-1:123456789012:rule/daily",
		"Role": "fn", "Role.Arn": "arn:aws:iam::123456789012:role/fn",
		"Fn": "relay", "Fn.Arn": "arn:aws:lambda:eu-west-1:123456789012:function:relay",
		"Machine": "arn:aws:states:eu-west-1:123456789012:stateMachine:workflow", "Machine.Name": "workflow",
		"Alarm": "late", "Alarm.Arn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:late",
		"Archive.Arn": "arn:aws:events:eu-west-1:123456789012:archive/all",
	} {
		id, attribute, isAttribute := strings.Cut(of, ".")
		got, err := resolver.Ref(id)
		if isAttribute {
			got, err = resolver.Att(id, attribute)
		}
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", of, got, err, want)
		}
	}
	if arn, err := resolver.Att("Acl", "Arn"); err != nil || !strings.HasPrefix(arn, "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/firewall/") {
		t.Errorf("Acl.Arn: got %s, %v", arn, err)
	}
	// Bucket names are lower-case: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
	if name, err := resolver.Ref("Bucket"); err != nil || !strings.HasPrefix(name, "tapstacktest-bucket-") {
		t.Errorf("Bucket: got %s, %v", name, err)
	}
}
