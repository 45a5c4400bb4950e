package iam

import (
	"errors"
	"strings"
	"testing"
)

// keyARN is that of the key with the logical id Key.
func keyARN(t *testing.T) string {
	t.Helper()
	p, err := read(t, `{"Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": []}}}, "Dlq": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": {"Ref": "Key"}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	return p.encryption[queueARN].key
}

func TestKeys(t *testing.T) {
	const root = `{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"}`
	const eventsOwn = `{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": "*"}`
	const data = `"Dlq": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}},
		"Alerts": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": {"Ref": "Key"}}},
		"Plain": {"Type": "AWS::SQS::Queue", "Properties": {}},
		"Managed": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": "alias/aws/sqs"}},
		"Transactions": {"Type": "AWS::DynamoDB::Table", "Properties": {"SSESpecification": {"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "Key"}}}},
		"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"KmsKeyIdentifier": {"Ref": "Key"}}},
		"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}},
		"Audit": {"Type": "AWS::S3::Bucket", "Properties": {"BucketEncryption": {"ServerSideEncryptionConfiguration": [{"BucketKeyEnabled": true, "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Ref": "Key"}}}]}}}`
	const anybody = `{"Effect": "Allow", "Principal": "*", "Action": ["sqs:*"], "Resource": "*"}`
	key := keyARN(t)
	// stack is the data, all of which the role may use, under a key with policy statements; kms are the
	// role's statements about the key.
	stack := func(t *testing.T, keyPolicy, kms string) *Policies {
		t.Helper()
		p, err := read(t, `{`+data+`, "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": [`+keyPolicy+`]}}}, `+
			resourcePolicy("AWS::SQS::QueuePolicy", anybody)+`, `+
			strings.Replace(resourcePolicy("AWS::SNS::TopicPolicy", `{"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": "*"}`), "Attached", "Attached2", 1)+`, `+
			`"L": {"Type": "AWS::Logs::ResourcePolicy", "Properties": {"PolicyName": "n", "PolicyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"logs:*\", \"Resource\": \"*\"}]}"}}, `+
			identity(`[{"Effect": "Allow", "NotAction": "kms:*", "Resource": "*"}`+kms+`]`)+`}`)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	allow := func(actions, condition string) string {
		return `, {"Effect": "Allow", "Action": ` + actions + `, "Resource": "` + key + `"` + condition + `}`
	}
	both := allow(`["kms:GenerateDataKey*", "kms:Decrypt"]`, "")
	role, rule := Role(roleARN), Service("events.amazonaws.com", ruleARN)
	const objectARN, indexARN, groupARN, busARN = "arn:aws:s3:::audit/a/b", tableARN + "/index/by-hour", "arn:aws:logs:eu-west-1:123456789012:log-group:g:log-stream:s", "arn:aws:events:eu-west-1:123456789012:event-bus/bus"

	cases := map[string]struct {
		keyPolicy, kms string
		caller         Caller
		call           Call
		allowed        bool
	}{
		"queue: both actions":                           {root, both, role, NewCall("sqs:SendMessage", queueARN), true},
		"queue: no data key":                            {root, allow(`"kms:Decrypt"`, ""), role, NewCall("sqs:SendMessage", queueARN), false},
		"queue: no decryption":                          {root, allow(`"kms:GenerateDataKey"`, ""), role, NewCall("sqs:SendMessage", queueARN), false},
		"queue: receive":                                {root, allow(`"kms:Decrypt"`, ""), role, NewCall("sqs:ReceiveMessage", queueARN), true},
		"queue: delete asks nothing of the key":         {root, "", role, NewCall("sqs:DeleteMessage", queueARN), true},
		"queue without a key":                           {root, "", role, NewCall("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:plain"), true},
		"queue under the account's own key":             {root, "", role, NewCall("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:managed"), true},
		"queue: the key's policy does not delegate":     {eventsOwn, both, role, NewCall("sqs:SendMessage", queueARN), false},
		"queue: the key's policy names the role":        {`{"Effect": "Allow", "Principal": {"AWS": "` + roleARN + `"}, "Action": "kms:*", "Resource": "*"}`, "", role, NewCall("sqs:SendMessage", queueARN), true},
		"queue: the key's policy denies the role":       {root + `, {"Effect": "Deny", "Principal": {"AWS": "` + roleARN + `"}, "Action": "kms:Decrypt", "Resource": "*"}`, both, role, NewCall("sqs:SendMessage", queueARN), false},
		"queue: a service that the key's policy names":  {eventsOwn, "", rule, NewCall("sqs:SendMessage", queueARN), true},
		"queue: a service that it does not":             {root, "", rule, NewCall("sqs:SendMessage", queueARN), false},
		"queue: a service, for its source":              {`{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "kms:*", "Resource": "*", "Condition": {"ArnEquals": {"aws:SourceArn": "` + ruleARN + `"}}}`, "", rule, NewCall("sqs:SendMessage", queueARN), true},
		"topic: publish":                                {root, both, role, NewCall("sns:Publish", topicARN), true},
		"topic: no data key":                            {root, allow(`"kms:Decrypt"`, ""), role, NewCall("sns:Publish", topicARN), false},
		"topic: EventBridge names no source":            {`{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "kms:*", "Resource": "*", "Condition": {"ArnEquals": {"aws:SourceArn": "` + ruleARN + `"}}}`, "", rule, NewCall("sns:Publish", topicARN), false},
		"table: a write decrypts the table's key":       {root, allow(`"kms:Decrypt"`, ""), role, NewCall("dynamodb:PutItem", tableARN), true},
		"table: no decryption":                          {root, allow(`"kms:GenerateDataKey*"`, ""), role, NewCall("dynamodb:PutItem", tableARN), false},
		"index":                                         {root, "", role, NewCall("dynamodb:Query", indexARN), false},
		"stream":                                        {root, "", role, NewCall("dynamodb:GetRecords", tableARN+"/stream/x"), false},
		"stream: its description asks nothing":          {root, "", role, NewCall("dynamodb:DescribeStream", tableARN+"/stream/x"), true},
		"table: through DynamoDB only":                  {root, allow(`"kms:Decrypt"`, `, "Condition": {"StringEquals": {"kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"}}`), role, NewCall("dynamodb:PutItem", tableARN), true},
		"queue: through DynamoDB only":                  {root, allow(`["kms:Decrypt", "kms:GenerateDataKey"]`, `, "Condition": {"StringEquals": {"kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"}}`), role, NewCall("sqs:SendMessage", queueARN), false},
		"table: for this table":                         {root, allow(`"kms:Decrypt"`, `, "Condition": {"StringEquals": {"kms:EncryptionContext:aws:dynamodb:tableName": "transactions"}}`), role, NewCall("dynamodb:PutItem", tableARN), true},
		"table: for another table":                      {root, allow(`"kms:Decrypt"`, `, "Condition": {"StringEquals": {"kms:EncryptionContext:aws:dynamodb:tableName": "other"}}`), role, NewCall("dynamodb:PutItem", tableARN), false},
		"table: any key of the context":                 {root, allow(`"kms:Decrypt"`, `, "Condition": {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "aws:dynamodb:tableName"}}`), role, NewCall("dynamodb:PutItem", tableARN), true},
		"object: write":                                 {root, allow(`"kms:GenerateDataKey"`, `, "Condition": {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::audit"}}`), role, NewCall("s3:PutObject", objectARN), true},
		"object: read needs decryption":                 {root, allow(`"kms:GenerateDataKey"`, ""), role, NewCall("s3:GetObject", objectARN), false},
		"log group: the service's own principal":        {`{"Effect": "Allow", "Principal": {"Service": "logs.eu-west-1.amazonaws.com"}, "Action": "kms:GenerateDataKey*", "Resource": "*", "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-west-1:123456789012:log-group:g"}}}`, "", role, NewCall("logs:PutLogEvents", groupARN), true},
		"log group: not by the caller's grant":          {root, both, role, NewCall("logs:PutLogEvents", groupARN), false},
		"bus: the service's own principal":              {`{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "kms:*", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceArn": "` + busARN + `", "aws:SourceAccount": "123456789012", "kms:EncryptionContext:aws:events:event-bus:arn": "` + busARN + `"}}}`, "", role, NewCall("events:PutEvents", busARN), true},
		"bus: for another bus":                          {`{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "kms:*", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceArn": "` + busARN + `2"}}}`, "", role, NewCall("events:PutEvents", busARN), false},
		"an AWS managed key does not serve EventBridge": {eventsOwn, "", Service("events.amazonaws.com", ruleARN), NewCall("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:managed"), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := stack(t, c.keyPolicy, c.kms).Check(c.caller, c.call)
			expect(t, err, c.allowed)
			denied, is := errors.AsType[*DeniedError](err)
			if is && !denied.Key && strings.HasPrefix(denied.Action, "kms:") {
				t.Errorf("%v is not marked as a denial of the key", err)
			}
		})
	}
	t.Run("that are not in the template are rejected", func(t *testing.T) {
		_, err := read(t, `{"Dlq": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": "alias/other"}}}`)
		if err == nil || !strings.Contains(err.Error(), "Dlq: the key alias/other is not in the template") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("are found by alias", func(t *testing.T) {
		p, err := read(t, `{"Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": []}}}, "Name": {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/mine", "TargetKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}},
			"Dlq": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": "alias/mine"}}}`)
		if err != nil || p.encryption[queueARN].key != key {
			t.Errorf("key %s (%v), want %s", p.encryption[queueARN].key, err, key)
		}
	})
}
