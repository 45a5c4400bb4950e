//go:build !race

package constructs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableIsAnOutboxThatCanBeRestored(t *testing.T) {
	s := stack(t)
	key, _ := s.only("AWS::KMS::Key")
	_, table := s.named("AWS::DynamoDB::Table", "TableName", "transactions-dev")
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

// The table of deliveries decides whether a captured signature may be used again: it
// must last as the transactions do, and nothing may see it but the validator.
func TestDeliveriesTable(t *testing.T) {
	s := stack(t)
	key, _ := s.only("AWS::KMS::Key")
	id, table := s.named("AWS::DynamoDB::Table", "TableName", "webhook-deliveries-dev")
	t.Run("is restorable, expires its items and has neither stream nor index", func(t *testing.T) {
		s.expect(table, map[string]string{
			"BillingMode":                      "PAY_PER_REQUEST",
			"KeySchema":                        `[{"AttributeName":"delivery","KeyType":"HASH"}]`,
			"AttributeDefinitions":             `[{"AttributeName":"delivery","AttributeType":"S"}]`,
			"PointInTimeRecoverySpecification": `{"PointInTimeRecoveryEnabled":true,"RecoveryPeriodInDays":35}`,
			"SSESpecification":                 `{"KMSMasterKeyId":"${` + key + `.Arn}","SSEEnabled":true,"SSEType":"KMS"}`,
			"TimeToLiveSpecification":          `{"AttributeName":"expires_at","Enabled":true}`,
			"StreamSpecification":              "absent",
			"GlobalSecondaryIndexes":           "absent",
			"LocalSecondaryIndexes":            "absent",
		})
		if table.DeletionPolicy != "Delete" {
			t.Errorf("deletion policy %s", table.DeletionPolicy)
		}
	})
	t.Run("is written by the validator alone", func(t *testing.T) {
		_, fn := s.named("AWS::Lambda::Function", "FunctionName", "webhook-validator-dev")
		s.expect(fn, map[string]string{"Environment.Variables.DELIVERIES_TABLE_NAME": "${" + id + "}"})
		got := map[string]bool{}
		for _, role := range s.all("AWS::IAM::Role") {
			for _, line := range permissions(s, role) {
				if strings.Contains(line, id) {
					name, _, _ := strings.Cut(role, "Role")
					got[name+": "+line] = true
				}
			}
		}
		if diff := cmp.Diff(map[string]bool{"IngestValidator: Allow dynamodb:PutItem on ${" + id + ".Arn}": true}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestKeyServesTheServicesThatWriteUnderIt(t *testing.T) {
	s := stack(t)
	_, key := s.only("AWS::KMS::Key")
	s.expect(key, map[string]string{"EnableKeyRotation": "true", "PendingWindowInDays": "7"})
	allowed := map[string]bool{}
	const (
		bus   = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/payment-events-dev"
		inBus = ` if {"StringEquals":{"kms:EncryptionContext:aws:events:event-bus:arn":"` + bus + `"}}`
	)
	for _, statement := range key.at("KeyPolicy", "Statement").([]any) {
		statement := statement.(map[string]any)
		if statement["Sid"] == "LetLogsEncryptTheGroupsOfThisStack" {
			continue // TestLogsUnderTheKey
		}
		condition := ""
		if statement["Condition"] != nil {
			condition = " if " + s.render(statement["Condition"])
		}
		for _, service := range asList(statement["Principal"].(map[string]any)["Service"]) {
			for _, action := range asList(statement["Action"]) {
				allowed[s.render(service)+" "+s.render(action)+condition] = true
			}
		}
	}
	delete(allowed, "null kms:*") // the account itself
	want := map[string]bool{
		// EventBridge does not reach an encrypted topic under a condition.
		"events.amazonaws.com kms:Decrypt": true, "events.amazonaws.com kms:GenerateDataKey*": true,
		"events.amazonaws.com kms:DescribeKey":     true,
		"events.amazonaws.com kms:Decrypt" + inBus: true, "events.amazonaws.com kms:GenerateDataKey" + inBus: true,
		"events.amazonaws.com kms:ReEncrypt*" + inBus: true,
		"cloudwatch.amazonaws.com kms:Decrypt":        true, "cloudwatch.amazonaws.com kms:GenerateDataKey*": true,
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
