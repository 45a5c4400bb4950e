package main

// describes are the resource types that need nothing played, each with the
// reason. Their references are still resolved.
var describes = map[string]string{
	"AWS::KMS::Key":               "moto does not encrypt, so there is no key to refuse anybody",
	"AWS::KMS::Alias":             "names a key",
	"AWS::CloudWatch::Alarm":      "watches metrics over minutes; nothing here evaluates it",
	"AWS::Events::Archive":        "keeps events for a replay, which the local run does not play",
	"AWS::S3::BucketPolicy":       "refuses requests without TLS and other accounts; there are neither",
	"AWS::ApiGateway::Account":    "lets API Gateway write logs, which the local run does itself",
	"AWS::ApiGateway::Deployment": "a snapshot of the API; the template is the only one there is",
	"AWS::CDK::Metadata":          "tells AWS which constructs were used",
	"Custom::S3AutoDeleteObjects": "empties the bucket when the stack is deleted; the bucket ends with moto",
}

// played are the types that the bench hands to the packages that play them.
var played = map[string]bool{
	"AWS::DynamoDB::Table": true, "AWS::SQS::Queue": true, "AWS::SNS::Topic": true, "AWS::SNS::Subscription": true,
	"AWS::S3::Bucket": true, "AWS::Logs::LogGroup": true, "AWS::CloudWatch::Dashboard": true,
	"AWS::IAM::Role": true, "AWS::IAM::Policy": true,
	"AWS::SQS::QueuePolicy": true, "AWS::SNS::TopicPolicy": true, "AWS::Lambda::Permission": true, "AWS::Logs::ResourcePolicy": true,
	"AWS::Lambda::Function": true, "AWS::Lambda::EventInvokeConfig": true, "AWS::Lambda::EventSourceMapping": true,
	"AWS::ApiGateway::RestApi": true, "AWS::ApiGateway::Resource": true, "AWS::ApiGateway::Method": true,
	"AWS::ApiGateway::Stage": true, "AWS::ApiGateway::GatewayResponse": true,
	"AWS::Events::EventBus": true, "AWS::Events::Rule": true, "AWS::StepFunctions::StateMachine": true,
}
