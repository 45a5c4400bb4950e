package constructs

import (
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// ArchiveProps configures the daily archive.
type ArchiveProps struct {
	Suffix string
	Code   ImageCode
	Table  awsdynamodb.ITable
	Key    awskms.IKey // of the table, the bucket and the queues
	Retain bool        // the bucket outlives the stack
	Lock   ObjectLock  // of the bucket, which then outlives the stack as well
}

// auditDays is how long the audit trail is kept.
const auditDays = 365

// Archive is the audit bucket, and the function and rule that fill it daily.
type Archive struct {
	daily
	bucket   awss3.IBucket
	archiver awslambda.IFunction
}

// NewArchive adds the bucket, transaction-archival and its schedule.
func NewArchive(scope cdkconstructs.Construct, id string, p ArchiveProps) *Archive {
	this := cdkconstructs.NewConstruct(scope, &id)
	bucket := newAuditBucket(this, p)

	fn := newFunction(this, "Archiver", functionProps{
		Handler:     contract.TransactionArchival,
		Description: "Writes the transactions of every closed hour that is due to the audit bucket",
		Suffix:      p.Suffix,
		Code:        p.Code,
		MemoryMB:    512,
		// The longest that Lambda allows. A run that does not finish loses nothing:
		// hours are committed one by one, and the next run continues.
		Timeout: 15 * time.Minute,
		Environment: map[string]string{
			contract.EnvTableName:       *p.Table.TableName(),
			contract.EnvAuditBucketName: *bucket.BucketName(),
		},
	})
	allow(fn, []*string{awscdk.Fn_Join(jsii.String(""), &[]*string{p.Table.TableArn(), jsii.String("/index/" + contract.IndexByHour)})}, "dynamodb:Query")
	// The table's age bounds how far back the first run looks.
	allow(fn, []*string{p.Table.TableArn()}, "dynamodb:DescribeTable")
	objects, manifests := bucket.ArnForObjects(jsii.String(contract.AuditTransactionsPrefix+"*")), bucket.ArnForObjects(jsii.String(contract.AuditManifestsPrefix+"*"))
	allow(fn, []*string{objects, manifests}, "s3:PutObject", "s3:AbortMultipartUpload")
	// A manifest is read before it is replaced, and replacing it under the condition that
	// it is still the same requires s3:GetObject. An object is read, by its version, to see
	// whether it has a late fraud result already.
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
	allow(fn, []*string{objects, manifests}, "s3:GetObject")
	allow(fn, []*string{objects}, "s3:GetObjectVersion")
	// Listing shows which hours have a manifest. Without this right, an absent manifest
	// would be a missing permission.
	allow(fn, []*string{bucket.BucketArn()}, "s3:ListBucket")
	allow(fn, []*string{p.Key.KeyArn()}, tableReadKeyActions...)
	// Writing objects, in several parts if large, and reading them.
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
	allow(fn, []*string{p.Key.KeyArn()}, "kms:Decrypt", "kms:GenerateDataKey")

	return &Archive{bucket: bucket, archiver: fn, daily: newDaily(this, dailyProps{
		Suffix: p.Suffix, Key: p.Key, Function: fn, Hour: "2", Minute: "20", Does: "Starts the archiver",
		RulePrefix: contract.ArchiveRulePrefix, DeploymentPrefix: contract.DeploymentRulePrefix,
		FailurePrefix: contract.ArchivalFailurePrefix, ScheduleDeadLetterPrefix: contract.ScheduleDeadLetterPrefix,
	})}
}

// archiverName returns the physical name of transaction-archival.
func archiverName(suffix string) string { return contract.TransactionArchival + "-" + suffix }

// archiverARN returns the ARN of transaction-archival, made of its name: fraud-detector
// invokes it, and is made before it.
func archiverARN(scope cdkconstructs.Construct, suffix string) *string {
	return awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("lambda"), Resource: jsii.String("function"), ResourceName: jsii.String(archiverName(suffix)),
		ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
}

// Bucket returns the audit bucket.
func (a *Archive) Bucket() awss3.IBucket { return a.bucket }

// Archiver returns the function transaction-archival.
func (a *Archive) Archiver() awslambda.IFunction { return a.archiver }

// RuleNames returns the names of the rules that start the archiver, on the default bus.
func (a *Archive) RuleNames() []string { return a.ruleNames }

// ScheduleDeadLetters returns the queue of runs that could not be started.
func (a *Archive) ScheduleDeadLetters() awssqs.IQueue { return a.scheduleDeadLetters }

// Failures returns the queue of runs that failed after their retries.
func (a *Archive) Failures() awssqs.IQueue { return a.failures }

func newAuditBucket(scope cdkconstructs.Construct, p ArchiveProps) awss3.IBucket {
	stack := awscdk.Stack_Of(scope)
	// Locked objects could not be deleted with the stack.
	retain := p.Retain || p.Lock.Days > 0
	props := &awss3.BucketProps{
		BucketName: awscdk.Fn_Join(jsii.String("-"), &[]*string{
			jsii.String(strings.TrimSuffix(contract.AuditBucketPrefix, "-")), stack.Account(), stack.Region(), jsii.String(p.Suffix),
		}),
		Versioned:         jsii.Bool(true),
		Encryption:        awss3.BucketEncryption_KMS,
		EncryptionKey:     p.Key,
		BucketKeyEnabled:  jsii.Bool(true), // one KMS call for many objects
		EnforceSSL:        jsii.Bool(true),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id:      jsii.String("audit-trail"),
			Enabled: jsii.Bool(true),
			Transitions: &[]*awss3.Transition{
				{StorageClass: awss3.StorageClass_INFREQUENT_ACCESS(), TransitionAfter: awscdk.Duration_Days(jsii.Number(30))},
				{StorageClass: awss3.StorageClass_GLACIER(), TransitionAfter: awscdk.Duration_Days(jsii.Number(90))},
			},
			Expiration: awscdk.Duration_Days(jsii.Number(auditDays)),
			NoncurrentVersionTransitions: &[]*awss3.NoncurrentVersionTransition{
				{StorageClass: awss3.StorageClass_INFREQUENT_ACCESS(), TransitionAfter: awscdk.Duration_Days(jsii.Number(30))},
				{StorageClass: awss3.StorageClass_GLACIER(), TransitionAfter: awscdk.Duration_Days(jsii.Number(90))},
			},
			NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(auditDays)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(7)),
		}},
		// S3's default since September 2024, which buckets with older rules do not have: objects
		// below 128 KB stay in S3 Standard. Their transitions would cost more than they save, see
		// docs/archive.md.
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
		TransitionDefaultMinimumObjectSize: awss3.TransitionDefaultMinimumObjectSize_ALL_STORAGE_CLASSES_128_K,
		RemovalPolicy:                      removal(retain),
		AutoDeleteObjects:                  jsii.Bool(!retain),
	}
	switch {
	case p.Lock.Days == 0:
	case p.Lock.Mode == "COMPLIANCE":
		props.ObjectLockDefaultRetention = awss3.ObjectLockRetention_Compliance(awscdk.Duration_Days(jsii.Number(p.Lock.Days)))
	default:
		props.ObjectLockDefaultRetention = awss3.ObjectLockRetention_Governance(awscdk.Duration_Days(jsii.Number(p.Lock.Days)))
	}
	bucket := awss3.NewBucket(scope, jsii.String("AuditLogs"), props)
	if p.Retain {
		bucket.AddToResourcePolicy(denial("s3:DeleteBucket", bucket.BucketArn()))
	}
	if !retain {
		// The CDK's own function, which empties the bucket when the stack is destroyed.
		cleaner := stack.Node().FindChild(jsii.String("Custom::S3AutoDeleteObjectsCustomResourceProvider")).(awscdk.CustomResourceProviderBase)
		configureProvider(scope, cleaner, "CleanerLogs", contract.CleanerLogGroupPrefix+p.Suffix)
	}
	return bucket
}
