//go:build !race

package constructs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableIsAnOutboxThatCanBeRestored(t *testing.T) {
	s := stack(t)
	key, _ := s.only("AWS::KMS::Key")
	_, table := s.only("AWS::DynamoDB::Table")
	s.expect(table, map[string]string{
		"TableName":                        "transactions-dev",
		"BillingMode":                      "PAY_PER_REQUEST",
		"KeySchema":                        `[{"AttributeName":"transaction_id","KeyType":"HASH"},{"AttributeName":"provider","KeyType":"RANGE"}]`,
		"PointInTimeRecoverySpecification": `{"PointInTimeRecoveryEnabled":true,"RecoveryPeriodInDays":35}`,
		"SSESpecification":                 `{"KMSMasterKeyId":"${` + key + `.Arn}","SSEEnabled":true,"SSEType":"KMS"}`,
		"StreamSpecification":              `{"StreamViewType":"NEW_IMAGE"}`,
		"TimeToLiveSpecification":          `{"AttributeName":"expires_at","Enabled":true}`,
		"GlobalSecondaryIndexes": `[{"IndexName":"by-hour","KeySchema":[{"AttributeName":"hour_shard","KeyType":"HASH"},` +
			`{"AttributeName":"received_at","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}]`,
	})
}

func TestKeyServesTheServicesThatWriteUnderIt(t *testing.T) {
	s := stack(t)
	_, key := s.only("AWS::KMS::Key")
	s.expect(key, map[string]string{"EnableKeyRotation": "true", "PendingWindowInDays": "7"})
	allowed := map[string]bool{}
	for _, statement := range key.at("KeyPolicy", "Statement").([]any) {
		statement := statement.(map[string]any)
		if statement["Condition"] != nil {
			t.Errorf("EventBridge does not reach an encrypted topic under a condition: %s", s.render(statement))
		}
		for _, service := range asList(statement["Principal"].(map[string]any)["Service"]) {
			for _, action := range asList(statement["Action"]) {
				allowed[s.render(service)+" "+s.render(action)] = true
			}
		}
	}
	delete(allowed, "null kms:*") // the account itself
	want := map[string]bool{
		"events.amazonaws.com kms:Decrypt": true, "events.amazonaws.com kms:GenerateDataKey*": true,
		"cloudwatch.amazonaws.com kms:Decrypt": true, "cloudwatch.amazonaws.com kms:GenerateDataKey*": true,
	}
	if diff := cmp.Diff(want, allowed); diff != "" {
		t.Error(diff)
	}
}

func TestQueueProperties(t *testing.T) {
	s := stack(t)
	key, _ := s.only("AWS::KMS::Key")
	ids := s.all("AWS::SQS::Queue")
	if len(ids) != 8 {
		t.Errorf("got %d queues: %q", len(ids), ids)
	}
	for _, id := range ids {
		s.expect(s.Resources[id], map[string]string{"KmsMasterKeyId": "${" + key + ".Arn}", "MessageRetentionPeriod": "1209600"})
	}
}
