//go:build !race

package constructs

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// everyFunction returns stacks that have every function between them.
func everyFunction(t *testing.T) map[string]template {
	t.Helper()
	return map[string]template{"by default": stack(t), "with a comparison": reconciledStack(t), "with digests": digestStack(t)}
}

func TestLogsUnderTheKey(t *testing.T) {
	for name, s := range everyFunction(t) {
		t.Run("of the stack "+name, func(t *testing.T) {
			s.t = t
			id, key := s.only("AWS::KMS::Key")
			var statement map[string]any
			for _, candidate := range key.at("KeyPolicy", "Statement").([]any) {
				if candidate := candidate.(map[string]any); candidate["Sid"] == "LetLogsEncryptTheGroupsOfThisStack" {
					statement = candidate
				}
			}
			if service := s.render(statement["Principal"]); service != `{"Service":"logs.${AWS::Region}.${AWS::URLSuffix}"}` {
				t.Errorf("principal %s", service)
			}
			var want, got []string
			for _, group := range s.all("AWS::Logs::LogGroup") {
				s.expect(s.Resources[group], map[string]string{"KmsKeyId": "${" + id + ".Arn}"})
				want = append(want, "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:"+s.render(s.Resources[group].at("LogGroupName")))
			}
			condition := statement["Condition"].(map[string]any)
			for _, arn := range asList(condition["ArnEquals"].(map[string]any)["kms:EncryptionContext:aws:logs:arn"]) {
				got = append(got, s.render(arn))
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" || len(condition) != 1 {
				t.Errorf("%d conditions\n%s", len(condition), diff)
			}
		})
	}
}

func TestBusUnderTheKey(t *testing.T) {
	s := stack(t)
	id, _ := s.only("AWS::KMS::Key")
	for _, resourceType := range []string{"AWS::Events::EventBus", "AWS::Events::Archive"} {
		_, r := s.only(resourceType)
		s.expect(r, map[string]string{"KmsKeyIdentifier": "${" + id + ".Arn}"})
	}
}

// What each role asks of the key: no more than the services that it calls do in its name.
func TestKeyUseByRole(t *testing.T) {
	const write = "Decrypt DescribeKey Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext ReEncryptFrom ReEncryptTo"
	want := map[string]string{
		"IngestValidatorRole":       write,
		"WorkflowFraudDetectorRole": write,
		// The stream, and the queue of what it gave up. DescribeKey is the library's, for the stream.
		"RelayRole": "Decrypt DescribeKey GenerateDataKey",
		// The table, objects, and the queue of runs that failed.
		"ArchiveArchiverRole":     "Decrypt DescribeKey GenerateDataKey",
		"ReconcileReconcilerRole": "Decrypt DescribeKey GenerateDataKey",
		"DigestRole":              "Decrypt GenerateDataKey",
		// The library's, for a queue and a topic.
		"WorkflowStateMachineRole": "Decrypt GenerateDataKey*",
	}
	got := map[string]string{}
	for name, s := range everyFunction(t) {
		id, _ := s.only("AWS::KMS::Key")
		for _, role := range s.all("AWS::IAM::Role") {
			var used []string
			for _, line := range permissions(s, role) {
				if action, ok := strings.CutPrefix(line, "Allow kms:"); ok && strings.HasSuffix(action, " on ${"+id+".Arn}") {
					action, _, _ = strings.Cut(action, " ")
					used = append(used, action)
				}
			}
			if len(used) == 0 {
				continue
			}
			role := role[:len(role)-8] // without the hash
			actions := strings.Join(used, " ")
			if before, ok := got[role]; ok && before != actions {
				t.Errorf("%s %s: %s, elsewhere %s", role, name, actions, before)
			}
			got[role] = actions
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTLS12IsTheLeast(t *testing.T) {
	s := stack(t)
	_, api := s.only("AWS::ApiGateway::RestApi")
	s.expect(api, map[string]string{"SecurityPolicy": "SecurityPolicy_TLS13_1_2_PQ_2025_09", "EndpointAccessMode": "STRICT"})
}
