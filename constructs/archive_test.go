//go:build !race

package constructs

import (
	"strings"
	"testing"
)

func TestAuditBucket(t *testing.T) {
	s := stack(t)
	key, _ := s.only("AWS::KMS::Key")
	_, bucket := s.only("AWS::S3::Bucket")
	s.expect(bucket, map[string]string{
		"BucketName":              "transaction-audit-logs-${AWS::AccountId}-${AWS::Region}-dev",
		"VersioningConfiguration": `{"Status":"Enabled"}`,
		"BucketEncryption": `{"ServerSideEncryptionConfiguration":[{"BucketKeyEnabled":true,"ServerSideEncryptionByDefault":` +
			`{"KMSMasterKeyID":"${` + key + `.Arn}","SSEAlgorithm":"aws:kms"}}]}`,
		"PublicAccessBlockConfiguration": `{"BlockPublicAcls":true,"BlockPublicPolicy":true,"IgnorePublicAcls":true,"RestrictPublicBuckets":true}`,
		"OwnershipControls":              `{"Rules":[{"ObjectOwnership":"BucketOwnerEnforced"}]}`,
		"LifecycleConfiguration": `{"Rules":[{"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":7},"ExpirationInDays":365,"Id":"audit-trail",` +
			`"NoncurrentVersionExpiration":{"NoncurrentDays":365},` +
			`"NoncurrentVersionTransitions":[{"StorageClass":"STANDARD_IA","TransitionInDays":30},{"StorageClass":"GLACIER","TransitionInDays":90}],` +
			`"Status":"Enabled",` +
			`"Transitions":[{"StorageClass":"STANDARD_IA","TransitionInDays":30},{"StorageClass":"GLACIER","TransitionInDays":90}]}],` +
			`"TransitionDefaultMinimumObjectSize":"all_storage_classes_128K"}`,
	})
}

func TestAuditBucketRefusesPlainText(t *testing.T) {
	s := stack(t)
	bucket, _ := s.only("AWS::S3::Bucket")
	_, policy := s.only("AWS::S3::BucketPolicy")
	var lines []string
	for _, statement := range policy.at("PolicyDocument", "Statement").([]any) {
		lines = append(lines, statementLines(s, statement.(map[string]any))...)
	}
	want := `Deny s3:* on ${` + bucket + `.Arn}/* if {"Bool":{"aws:SecureTransport":"false"}}`
	if !strings.Contains(strings.Join(lines, "\n"), want) {
		t.Errorf("got %q", lines)
	}
}

func TestAuditBucketIsEmptiedWhenTheStackGoes(t *testing.T) {
	s := stack(t)
	bucket, _ := s.only("AWS::S3::Bucket")
	_, cleaner := s.only("Custom::S3AutoDeleteObjects")
	s.expect(cleaner, map[string]string{"BucketName": "${" + bucket + "}"})
}

func TestArchiverSchedule(t *testing.T) {
	s := stack(t)
	fn, _ := s.named("AWS::Lambda::Function", "FunctionName", "transaction-archival-dev")
	_, rule := s.named("AWS::Events::Rule", "Name", "daily-archival-dev")
	s.expect(rule, map[string]string{"ScheduleExpression": "cron(20 2 * * ? *)", "State": "ENABLED"})
	if got := s.render(rule.at("Targets", 0, "Arn")); got != "${"+fn+".Arn}" {
		t.Errorf("the rule starts %s", got)
	}
	failures, _ := s.named("AWS::SQS::Queue", "QueueName", "archival-failures-dev")
	_, async := s.only("AWS::Lambda::EventInvokeConfig")
	s.expect(async, map[string]string{
		"FunctionName": "${" + fn + "}", "MaximumRetryAttempts": "2", "MaximumEventAgeInSeconds": "21600",
		"DestinationConfig": `{"OnFailure":{"Destination":"${` + failures + `.Arn}"}}`,
	})
}
