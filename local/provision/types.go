package provision

import "encoding/json"

// Describes is a property without effect in the local run: there is no key,
// no time to expire objects in, nobody to be kept out.
type Describes = json.RawMessage

type keyElement struct{ AttributeName, KeyType string }

type projection struct {
	ProjectionType   string
	NonKeyAttributes []string
}

type index struct {
	IndexName                                            string
	KeySchema                                            []keyElement
	Projection                                           projection
	ContributorInsightsSpecification, OnDemandThroughput Describes
}

// table is AWS::DynamoDB::Table.
type table struct {
	TableName               string
	KeySchema               []keyElement
	AttributeDefinitions    []struct{ AttributeName, AttributeType string }
	BillingMode             string
	GlobalSecondaryIndexes  []index
	StreamSpecification     *struct{ StreamViewType string }
	TimeToLiveSpecification *struct {
		AttributeName string
		Enabled       bool
	}
	PointInTimeRecoverySpecification, SSESpecification, DeletionProtectionEnabled, Tags,
	ContributorInsightsSpecification, OnDemandThroughput, TableClass Describes
}

// queue is AWS::SQS::Queue.
type queue struct {
	QueueName                     string
	DelaySeconds                  *json.Number
	MaximumMessageSize            *json.Number
	MessageRetentionPeriod        *json.Number
	ReceiveMessageWaitTimeSeconds *json.Number
	VisibilityTimeout             *json.Number
	RedrivePolicy                 json.RawMessage

	KmsMasterKeyId, KmsDataKeyReusePeriodSeconds, SqsManagedSseEnabled, Tags, RedriveAllowPolicy Describes
}

// topic is AWS::SNS::Topic.
type topic struct {
	TopicName, DisplayName string
	Subscription           []struct{ Endpoint, Protocol string }

	KmsMasterKeyId, Tags, TracingConfig, SignatureVersion Describes
}

// subscription is AWS::SNS::Subscription.
type subscription struct{ TopicArn, Protocol, Endpoint string }

// bucket is AWS::S3::Bucket.
type bucket struct {
	BucketName                                                                                                       string
	VersioningConfiguration                                                                                          *struct{ Status string }
	LifecycleConfiguration, BucketEncryption, PublicAccessBlockConfiguration, OwnershipControls, Tags, AccessControl Describes
}

// logGroup is AWS::Logs::LogGroup.
type logGroup struct {
	LogGroupName    string
	RetentionInDays *int32

	LogGroupClass, KmsKeyId, Tags, DataProtectionPolicy, DeletionProtectionEnabled Describes
}

// dashboard is AWS::CloudWatch::Dashboard.
type dashboard struct{ DashboardName, DashboardBody string }
