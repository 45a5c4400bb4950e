//go:build !race

package constructs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
)

func TestFunctions(t *testing.T) {
	s := stack(t)
	table, _ := s.named("AWS::DynamoDB::Table", "TableName", "transactions-dev")
	deliveries, _ := s.named("AWS::DynamoDB::Table", "TableName", "webhook-deliveries-dev")
	bus, _ := s.only("AWS::Events::EventBus")
	bucket, _ := s.only("AWS::S3::Bucket")
	quarantine, _ := s.named("AWS::SQS::Queue", "QueueName", "quarantine-dev")
	relayDeadLetters, _ := s.named("AWS::SQS::Queue", "QueueName", "relay-dlq-dev")
	for handler, c := range map[string]struct {
		memory, timeout int
		environment     string
	}{
		contract.WebhookValidator: {1024, 10, `{"DELIVERIES_TABLE_NAME":"${` + deliveries + `}","ENVIRONMENT_SUFFIX":"dev","PROVIDERS":"{}","QUARANTINE_QUEUE":"${` + quarantine + `}","TABLE_NAME":"${` + table + `}"}`},
		contract.EventRelay: {512, 60, `{"ENVIRONMENT_SUFFIX":"dev","EVENT_BUS_NAME":"${` + bus + `}","RELAY_DEAD_LETTERS":"${` + relayDeadLetters + `}",` +
			`"TIERS":"{\"tiers\":[{\"name\":\"low\"},{\"name\":\"medium\"},{\"name\":\"high\",\"above\":true,\"scored\":true}],\"bounds\":[{\"lower\":[\"1000\",\"10000\"]}]}"}`},
		contract.FraudDetector:       {512, 15, `{"ARCHIVER_NAME":"transaction-archival-dev","ENVIRONMENT_SUFFIX":"dev","TABLE_NAME":"${` + table + `}"}`},
		contract.APIGatewayAccount:   {256, 360, `{"ENVIRONMENT_SUFFIX":"dev"}`},
		contract.TransactionArchival: {512, 900, `{"AUDIT_BUCKET_NAME":"${` + bucket + `}","ENVIRONMENT_SUFFIX":"dev","TABLE_NAME":"${` + table + `}"}`},
	} {
		t.Run(handler, func(t *testing.T) {
			s := stack(t)
			_, fn := s.named("AWS::Lambda::Function", "FunctionName", handler+"-dev")
			logs, group := s.named("AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/"+handler+"-dev")
			s.expect(group, map[string]string{"RetentionInDays": "30"})
			s.expect(fn, map[string]string{
				"PackageType":           "Image",
				"Architectures":         `["arm64"]`,
				"MemorySize":            fmt.Sprint(c.memory),
				"Timeout":               fmt.Sprint(c.timeout),
				"TracingConfig":         `{"Mode":"Active"}`,
				"LoggingConfig":         `{"LogFormat":"JSON","LogGroup":"${` + logs + `}","SystemLogLevel":"WARN"}`,
				"Environment.Variables": c.environment,
			})
		})
	}
}

func TestEveryFunctionOfTheStackIsArm(t *testing.T) {
	s := stack(t)
	for _, id := range s.all("AWS::Lambda::Function") {
		s.expect(s.Resources[id], map[string]string{"Architectures": `["arm64"]`})
	}
}

// A line that comes after the stack was destroyed must not bring its log group back, or the
// next deployment with the same suffix fails.
func TestFunctionLogs(t *testing.T) {
	for name, s := range map[string]template{"when nothing is configured": stack(t), "when everything is": reconciledStack(t)} {
		t.Run(name+", each function writes to its own log group only", func(t *testing.T) {
			s.t = t
			for _, id := range s.all("AWS::Lambda::Function") {
				fn := s.Resources[id]
				group := strings.Trim(s.render(fn.at("LoggingConfig", "LogGroup")), "${}")
				if s.Resources[group].Type != "AWS::Logs::LogGroup" {
					t.Errorf("%s writes to the log group %s, which is not the stack's", id, group)
					continue
				}
				role := strings.TrimSuffix(strings.Trim(s.render(fn.at("Role")), "${}"), ".Arn")
				var logs []string
				for _, line := range permissions(s, role) {
					if strings.Contains(line, "logs:") || strings.HasPrefix(line, "managed policy") {
						logs = append(logs, line)
					}
				}
				want := []string{"Allow logs:CreateLogStream on ${" + group + ".Arn}", "Allow logs:PutLogEvents on ${" + group + ".Arn}"}
				if diff := cmp.Diff(want, logs); diff != "" {
					t.Errorf("%s: %s", id, diff)
				}
			}
		})
	}
	t.Run("when somebody looks for who may create one, nobody may", func(t *testing.T) {
		s := stack(t)
		for _, role := range s.all("AWS::IAM::Role") {
			for _, line := range permissions(s, role) {
				if strings.Contains(line, "CreateLogGroup") || strings.HasPrefix(line, "managed policy") {
					t.Errorf("%s: %s", role, line)
				}
			}
		}
	})
}

func TestLogRetention(t *testing.T) {
	longer := config(t, nil)
	longer.LogRetention = 400
	for days, s := range map[string]template{"30": stack(t), "400": synthesize(t, longer)} {
		t.Run("when it is "+days+" days, every log group has it", func(t *testing.T) {
			s.t = t
			for _, id := range s.all("AWS::Logs::LogGroup") {
				s.expect(s.Resources[id], map[string]string{"RetentionInDays": days})
			}
		})
	}
}

func TestImageAssets(t *testing.T) {
	s := stack(t)
	var manifest struct {
		DockerImages map[string]struct {
			DisplayName string
			Source      struct {
				DockerBuildArgs map[string]string
				Platform        string
			}
		}
	}
	if err := json.Unmarshal(s.assets, &manifest); err != nil {
		t.Fatal(err)
	}
	var handlers []string
	for hash, image := range manifest.DockerImages {
		if image.Source.Platform != "linux/arm64" {
			t.Errorf("%s is for %s", image.DisplayName, image.Source.Platform)
		}
		handler := image.Source.DockerBuildArgs["HANDLER"]
		handlers = append(handlers, handler)
		_, fn := s.named("AWS::Lambda::Function", "FunctionName", handler+"-dev")
		if !strings.Contains(string(mustJSON(t, fn.at("Code"))), hash) {
			t.Errorf("%s does not run the image built for it", handler)
		}
	}
	slices.Sort(handlers)
	want := []string{contract.APIGatewayAccount, contract.EventRelay, contract.FraudDetector, contract.TransactionArchival, contract.WebhookValidator}
	if diff := cmp.Diff(want, handlers); diff != "" {
		t.Error(diff)
	}
}

func mustJSON(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// permissions lists what a role may do, one line per action and resource.
func permissions(s template, role string) []string {
	var lines []string
	for _, id := range s.all("AWS::IAM::Policy") {
		policy := s.Resources[id]
		if s.render(policy.at("Roles", 0)) != "${"+role+"}" {
			continue
		}
		for _, statement := range policy.at("PolicyDocument", "Statement").([]any) {
			lines = append(lines, statementLines(s, statement.(map[string]any))...)
		}
	}
	inline, _ := s.Resources[role].at("Policies").([]any)
	for _, policy := range inline {
		for _, statement := range policy.(map[string]any)["PolicyDocument"].(map[string]any)["Statement"].([]any) {
			lines = append(lines, statementLines(s, statement.(map[string]any))...)
		}
	}
	managed, _ := s.Resources[role].at("ManagedPolicyArns").([]any)
	for _, arn := range managed {
		lines = append(lines, "managed policy "+s.render(arn))
	}
	slices.Sort(lines)
	return lines
}

func statementLines(s template, statement map[string]any) []string {
	var lines []string
	for _, action := range asList(statement["Action"]) {
		for _, res := range asList(statement["Resource"]) {
			line := fmt.Sprintf("%s %s on %s", statement["Effect"], s.render(action), s.render(res))
			if condition := statement["Condition"]; condition != nil {
				line += " if " + s.render(condition)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func asList(value any) []any {
	if list, ok := value.([]any); ok {
		return list
	}
	return []any{value}
}

// Least privilege is reviewed here: every line is an action that a role may do
// and the one resource it may do it on.
func TestRolesMayDoExactlyThis(t *testing.T) {
	s := stack(t)
	var text strings.Builder
	for _, role := range s.all("AWS::IAM::Role") {
		fmt.Fprintf(&text, "%s, assumed by %s\n", role, s.render(s.Resources[role].at("AssumeRolePolicyDocument", "Statement", 0, "Principal", "Service")))
		for _, line := range permissions(s, role) {
			fmt.Fprintf(&text, "  %s\n", line)
		}
	}
	golden(t, "permissions.golden.txt", text.String())
}

func TestRolesAreLeastPrivilege(t *testing.T) {
	// AWS offers no resources for these.
	// https://docs.aws.amazon.com/service-authorization/latest/reference/
	everywhere := []string{
		"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets", "dynamodb:ListStreams",
		"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
		"logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
	}
	s := stack(t)
	for _, role := range s.all("AWS::IAM::Role") {
		for _, line := range permissions(s, role) {
			action, on, ok := strings.Cut(strings.TrimPrefix(line, "Allow "), " on ")
			if !ok {
				continue // a managed policy, listed in the golden file
			}
			if on == "*" && !slices.Contains(everywhere, action) {
				t.Errorf("%s may %s on everything", role, action)
			}
			if strings.HasSuffix(action, ":*") || action == "*" {
				t.Errorf("%s may %s", role, action)
			}
		}
	}
}
