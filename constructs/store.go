package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// StoreProps configures the tables and their key.
type StoreProps struct {
	Suffix string
	Retain bool // the tables and the key outlive the stack
}

// Store is the one key of the stack and the tables under it.
type Store struct {
	key        awskms.IKey
	table      awsdynamodb.ITable
	deliveries awsdynamodb.ITable
}

// NewStore adds the key and the tables. The table of transactions is the outbox: what
// its stream shows is what gets published. The table of deliveries has no stream, so
// that nothing of it is published, archived or billed as a change.
func NewStore(scope cdkconstructs.Construct, id string, p StoreProps) *Store {
	this := cdkconstructs.NewConstruct(scope, &id)

	key := awskms.NewKey(this, jsii.String("Key"), &awskms.KeyProps{
		Description:       jsii.String("Payment webhooks " + p.Suffix + ": tables, audit bucket, queues, topic, bus, logs"),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     removal(p.Retain),
		// The shortest window: the key goes with the stack, and so does all it encrypts. One
		// that is kept has the longest, for whoever deletes it by hand.
		PendingWindow: awscdk.Duration_Days(jsii.Number(keyPendingDays(p.Retain))),
	})
	// EventBridge writes to the dead-letter queues and the topic, CloudWatch
	// alarms publish to the topic, and SNS is in between: each must be able to
	// use the key, which an AWS-managed key would not allow. No condition on
	// the source: in a key policy, EventBridge supports neither aws:SourceArn
	// nor aws:SourceAccount towards an encrypted topic. The policies of the
	// queues and of the topic carry it.
	// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("LetServicesWriteToQueuesAndTopic"),
		Principals: &[]awsiam.IPrincipal{
			awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil),
			awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil),
		},
		Actions:   jsii.Strings("kms:Decrypt", "kms:GenerateDataKey*"),
		Resources: jsii.Strings("*"),
	}), nil)

	if p.Retain {
		denyDeletion(key)
	}

	transactions := tableProps(contract.TablePrefix+p.Suffix, key, contract.FieldTransactionID, p.Retain)
	transactions.SortKey = stringAttribute(contract.FieldProvider)
	// The relay publishes new items and never looks at an old image.
	transactions.Stream = awsdynamodb.StreamViewType_NEW_IMAGE
	table := awsdynamodb.NewTable(this, jsii.String("Transactions"), transactions)
	table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
		IndexName:    jsii.String(contract.IndexByHour),
		PartitionKey: stringAttribute(contract.FieldHourShard),
		SortKey:      stringAttribute(contract.FieldReceivedAt),
		// The archive holds whole items; fetching them one by one from the
		// table would cost more than the second copy of 35 days does.
		ProjectionType: awsdynamodb.ProjectionType_ALL,
	})
	// Recovered together with the transactions, or a delivery whose signature does not
	// bind its body could be used again after a restore.
	deliveries := awsdynamodb.NewTable(this, jsii.String("Deliveries"), tableProps(contract.DeliveriesTablePrefix+p.Suffix, key, contract.FieldDelivery, p.Retain))
	return &Store{key: key, table: table, deliveries: deliveries}
}

// Key encrypts the tables and everything else that holds transactions.
func (s *Store) Key() awskms.IKey { return s.key }

// Table holds the transactions.
func (s *Store) Table() awsdynamodb.ITable { return s.table }

// Deliveries binds the ids of deliveries to the hashes of their bodies.
func (s *Store) Deliveries() awsdynamodb.ITable { return s.deliveries }

// tableProps are what the tables have in common: on demand, under the stack's key,
// restorable to any second of the last 35 days, with a time to live, gone with the stack unless it retains its data.
func tableProps(name string, key awskms.IKey, partitionKey string, retain bool) *awsdynamodb.TableProps {
	return &awsdynamodb.TableProps{
		TableName:     jsii.String(name),
		PartitionKey:  stringAttribute(partitionKey),
		BillingMode:   awsdynamodb.BillingMode_PAY_PER_REQUEST,
		Encryption:    awsdynamodb.TableEncryption_CUSTOMER_MANAGED,
		EncryptionKey: key,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true),
			RecoveryPeriodInDays:       jsii.Number(contract.RetentionDays),
		},
		TimeToLiveAttribute: jsii.String(contract.FieldExpiresAt),
		DeletionProtection:  jsii.Bool(retain),
		RemovalPolicy:       removal(retain),
	}
}

// removal is what becomes of a resource when its stack is deleted.
func removal(retain bool) awscdk.RemovalPolicy {
	if retain {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

// keyPendingDays is how long a deleted key can be restored: the least and the most that KMS
// offers.
// https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html
func keyPendingDays(retain bool) int {
	if retain {
		return 30
	}
	return 7
}

func stringAttribute(name string) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_STRING}
}

// allowTable lets a function do these actions on the table. DynamoDB asks for
// the key in the name of the caller, hence the second grant.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
func allowTable(fn awsiam.IGrantable, table awsdynamodb.ITable, key awskms.IKey, actions ...string) {
	allow(fn, []*string{table.TableArn()}, actions...)
	allow(fn, []*string{key.KeyArn()}, tableKeyActions...)
}

// newQueue adds a queue for what could not be delivered. Messages stay for the
// longest time SQS offers, 14 days, so that a fault over a holiday loses nothing.
func newQueue(scope cdkconstructs.Construct, id, name string, key awskms.IKey) awssqs.Queue {
	return awssqs.NewQueue(scope, &id, queueProps(name, key))
}

// queueProps are what all queues have in common.
func queueProps(name string, key awskms.IKey) *awssqs.QueueProps {
	return &awssqs.QueueProps{
		QueueName:           jsii.String(name),
		RetentionPeriod:     awscdk.Duration_Days(jsii.Number(14)),
		Encryption:          awssqs.QueueEncryption_KMS,
		EncryptionMasterKey: key,
		EnforceSSL:          jsii.Bool(true),
		RemovalPolicy:       awscdk.RemovalPolicy_DESTROY,
	}
}
