package grants

import (
	"testing"

	"payment-webhooks/local/iam"
)

func TestBy(t *testing.T) {
	for name, c := range map[string]struct {
		grant iam.Grant
		want  string
	}{
		"is an exercise when a function uses it":           {iam.Grant{Policy: "ArchiveArchiverRoleDefaultPolicy8BEE5AC9", Action: "s3:PutObject"}, ByExercise},
		"is an operator's commands when an operator does":  {iam.Grant{Policy: "OperatorPolicy7DB21D32", Action: "sns:Publish"}, ByOperator},
		"is a run of its own when it is about alarms":      {iam.Grant{Policy: "StoreKey7A3C02BD", Principal: "cloudwatch.amazonaws.com", Action: "kms:Decrypt"}, ByOwnRun},
		"is an end-to-end test when no exercise needs it":  {iam.Grant{Policy: "ArchiveArchiverRoleDefaultPolicy8BEE5AC9", Action: "s3:GetObjectVersion"}, "TestLateFraudResultIsArchived"},
		"is an exercise when an action alone is Elsewhere": {iam.Grant{Policy: "WorkflowStateMachineRoleDefaultPolicyB2EAF58E", Action: "lambda:InvokeFunction"}, ByExercise},
	} {
		t.Run(name, func(t *testing.T) {
			if got := by(c.grant); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
