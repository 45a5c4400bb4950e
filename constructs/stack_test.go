//go:build !race

package constructs

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// golden compares text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: write it with go test ./constructs -update", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s: if this change is meant, run go test ./constructs -update and look at the diff\n%s", path, diff)
	}
}

var hashPattern = regexp.MustCompile(`[0-9a-f]{64}`)

func TestTemplateIsAsReviewed(t *testing.T) {
	golden(t, "template.golden.json", hashPattern.ReplaceAllString(string(stack(t).text), "HASH"))
}

// A stateful resource whose logical id changes is replaced: its data is lost,
// or, where it has a physical name, the deployment fails.
func TestStatefulResourcesKeepTheirLogicalIds(t *testing.T) {
	s := stack(t)
	var lines []string
	for id, r := range s.Resources {
		switch r.Type {
		case "AWS::KMS::Key", "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic",
			"AWS::Events::EventBus", "AWS::Events::Archive", "AWS::Logs::LogGroup", "AWS::ApiGateway::RestApi", "AWS::StepFunctions::StateMachine":
			lines = append(lines, id+" "+r.Type)
		}
	}
	slices.Sort(lines)
	golden(t, "stateful.golden.txt", strings.Join(lines, "\n")+"\n")
}

func TestLogicalIDsAreStable(t *testing.T) {
	other := synthesize(t, config(t, map[string]string{"ENVIRONMENT_SUFFIX": "pr-7"}))
	withoutHash := regexp.MustCompile(`TapStack(dev|pr7)(\w*?)[0-9A-F]{8,}$`)
	ids := func(s template) []string {
		var ids []string
		for id := range s.Resources {
			ids = append(ids, withoutHash.ReplaceAllString(id, "$2"))
		}
		slices.Sort(ids)
		return ids
	}
	stateful := func(s template) (kept []string) {
		for id, r := range s.Resources {
			if r.Type != "AWS::Lambda::Permission" && r.Type != "AWS::Lambda::EventSourceMapping" && r.Type != "AWS::ApiGateway::Deployment" {
				kept = append(kept, id)
			}
		}
		slices.Sort(kept)
		return kept
	}
	if len(ids(other)) != len(ids(stack(t))) {
		t.Errorf("got %d resources, want %d", len(ids(other)), len(ids(stack(t))))
	}
	if diff := cmp.Diff(stateful(stack(t)), stateful(other)); diff != "" {
		t.Error(diff)
	}
}

func TestTemplateIsReproducible(t *testing.T) {
	env := map[string]string{"TEAM": "payments", "ALERT_EMAIL": "a@example.com,b@example.com", "AWS_REGION": "eu-west-1"}
	first, second := synthesize(t, config(t, env)), synthesize(t, config(t, env))
	if diff := cmp.Diff(string(first.text), string(second.text)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(string(first.assets), string(second.assets)); diff != "" {
		t.Error(diff)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestEverythingIsDestroyedWithTheStack(t *testing.T) {
	everythingIsDestroyed(stack(t))
}

func everythingIsDestroyed(s template) {
	s.t.Helper()
	t := s.t
	for id, r := range s.Resources {
		if strings.HasPrefix(r.DeletionPolicy, "Retain") || strings.HasPrefix(r.UpdateReplacePolicy, "Retain") || r.DeletionPolicy == "Snapshot" {
			t.Errorf("%s %s stays: %s, %s", r.Type, id, r.DeletionPolicy, r.UpdateReplacePolicy)
		}
		if r.at("DeletionProtectionEnabled") == true {
			t.Errorf("%s %s is protected from deletion", r.Type, id)
		}
	}
}

func TestPhysicalNamesEndInTheSuffix(t *testing.T) {
	s := synthesize(t, config(t, map[string]string{"ENVIRONMENT_SUFFIX": "pr-7"}))
	limits := map[string]struct {
		property string
		length   int
	}{
		"AWS::DynamoDB::Table":             {"TableName", 255},
		"AWS::SQS::Queue":                  {"QueueName", 80},
		"AWS::SNS::Topic":                  {"TopicName", 256},
		"AWS::Events::EventBus":            {"Name", 256},
		"AWS::Events::Archive":             {"ArchiveName", 48},
		"AWS::Events::Rule":                {"Name", 64},
		"AWS::StepFunctions::StateMachine": {"StateMachineName", 80},
		"AWS::Logs::LogGroup":              {"LogGroupName", 512},
		"AWS::CloudWatch::Dashboard":       {"DashboardName", 255},
		"AWS::CloudWatch::Alarm":           {"AlarmName", 255},
		"AWS::S3::Bucket":                  {"BucketName", 1 << 20}, // the account and region are not known here
		"AWS::ApiGateway::RestApi":         {"Name", 1024},
		"AWS::XRay::SamplingRule":          {"SamplingRule.RuleName", 32},
	}
	longest := strings.Repeat("x", 17-len("pr-7")) // as long as a suffix may be
	for id, r := range s.Resources {
		limit, ok := limits[r.Type]
		if !ok {
			continue
		}
		var path []any
		for step := range strings.SplitSeq(limit.property, ".") {
			path = append(path, step)
		}
		name := s.render(r.at(path...))
		if !strings.HasSuffix(name, "-pr-7") {
			t.Errorf("%s %s is named %s", r.Type, id, name)
		}
		if len(name+longest) > limit.length {
			t.Errorf("%s %s: %s with the longest suffix has over %d characters", r.Type, id, name, limit.length)
		}
	}
	for _, handler := range []string{contract.WebhookValidator, contract.EventRelay, contract.FraudDetector, contract.TransactionArchival, contract.APIGatewayAccount} {
		s.named("AWS::Lambda::Function", "FunctionName", handler+"-pr-7")
	}
}

func TestNoAccountOrRegionIsWrittenDown(t *testing.T) {
	found := regexp.MustCompile(`\b\d{12}\b|\b(us|eu|ap)-(east|west|central|southeast)-\d\b`).FindAll(stack(t).text, -1)
	if len(found) > 0 {
		t.Errorf("found %q", found)
	}
}

func TestOutputsAreWhatCommandsAskFor(t *testing.T) {
	s := stack(t)
	api, _ := s.only("AWS::ApiGateway::RestApi")
	table, _ := s.named("AWS::DynamoDB::Table", "TableName", "transactions-dev")
	bus, _ := s.only("AWS::Events::EventBus")
	topic, _ := s.only("AWS::SNS::Topic")
	bucket, _ := s.only("AWS::S3::Bucket")
	machine, _ := s.only("AWS::StepFunctions::StateMachine")
	got := map[string]string{}
	for key, output := range s.Outputs {
		got[key] = s.render(output.Value)
	}
	want := map[string]string{
		"WebhookApiUrl":         "https://${" + api + "}.execute-api.${AWS::Region}.${AWS::URLSuffix}/v1",
		"TransactionsTableName": "${" + table + "}",
		"EventBusName":          "${" + bus + "}",
		"AlertsTopicArn":        "${" + topic + "}",
		"AuditBucketName":       "${" + bucket + "}",
		"StateMachineArn":       "${" + machine + "}",
		"DashboardUrl":          "https://console.aws.amazon.com/cloudwatch/home?region=${AWS::Region}#dashboards/dashboard/transaction-metrics-dev",
		"DetailsDashboardUrl":   "https://console.aws.amazon.com/cloudwatch/home?region=${AWS::Region}#dashboards/dashboard/transaction-details-dev",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTagsAreOnEveryResourceThatTakesThem(t *testing.T) {
	s := synthesize(t, config(t, map[string]string{"TEAM": "payments"}))
	for _, resourceType := range []string{
		"AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic",
		"AWS::KMS::Key", "AWS::StepFunctions::StateMachine", "AWS::Logs::LogGroup", "AWS::IAM::Role",
		"AWS::XRay::SamplingRule",
	} {
		for _, id := range s.all(resourceType) {
			if strings.HasPrefix(id, "Custom") { // the library's own, which has the stack's tags alone
				continue
			}
			tags := map[string]string{}
			list, _ := s.Resources[id].at("Tags").([]any)
			for _, tag := range list {
				tags[tag.(map[string]any)["Key"].(string)] = s.render(tag.(map[string]any)["Value"])
			}
			want := map[string]string{"Environment": "dev", "Team": "payments"}
			for key, value := range want {
				if tags[key] != value {
					t.Errorf("%s %s has tag %s %q, want %q", resourceType, id, key, tags[key], value)
				}
			}
		}
	}
}

// stackTags are the tags that the CLI passes to CloudFormation beside the template.
func stackTags(t *testing.T, dir, stack string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Artifacts map[string]struct {
			Properties struct{ Tags map[string]string }
		}
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	return manifest.Artifacts[stack].Properties.Tags
}

// A pull request changes what it changes: 67 of 112 resources had its number, and the API's
// deployment was replaced, because its logical id is a hash of the API's properties.
func TestDeployer(t *testing.T) {
	before := synthesize(t, config(t, map[string]string{"TEAM": "payments", "PR_NUMBER": "7", "COMMIT_AUTHOR": "Ann", "REPOSITORY": "acme/payments"}))
	after := synthesize(t, config(t, map[string]string{"TEAM": "payments", "PR_NUMBER": "8", "COMMIT_AUTHOR": "Bob"}))
	t.Run("when another one deploys, the template is the same", func(t *testing.T) {
		if diff := cmp.Diff(string(before.text), string(after.text)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(before.all("AWS::ApiGateway::Deployment"), after.all("AWS::ApiGateway::Deployment")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("when another one deploys, the stack's tags say so", func(t *testing.T) {
		if diff := cmp.Diff(map[string]string{
			"Environment": "dev", "Team": "payments", "PRNumber": "7", "CommitAuthor": "Ann", "Repository": "acme/payments",
		}, stackTags(t, before.dir, "TapStackdev")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]string{
			"Environment": "dev", "Team": "payments", "PRNumber": "8", "CommitAuthor": "Bob",
		}, stackTags(t, after.dir, "TapStackdev")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("when it is synthesized in another directory, the template does not name it", func(t *testing.T) {
		checkout, err := filepath.Abs("..")
		if err != nil {
			t.Fatal(err)
		}
		for what, value := range map[string]string{"checkout": checkout, "output": before.dir} {
			for _, text := range [][]byte{before.text, before.assets} {
				if strings.Contains(string(text), value) {
					t.Errorf("it has the %s %s", what, value)
				}
			}
		}
	})
}

func TestRegionAndAccount(t *testing.T) {
	for region, want := range map[string]string{"": "aws://unknown-account/unknown-region", "eu-west-1": "aws://unknown-account/eu-west-1"} {
		s := synthesize(t, config(t, map[string]string{"AWS_REGION": region}))
		text, err := os.ReadFile(filepath.Join(s.dir, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), fmt.Sprintf("%q", want)) {
			t.Errorf("region %q: the manifest does not name %s", region, want)
		}
		if !s.warns("noSubscriber") {
			t.Error("a synthesis without subscribers does not warn")
		}
		if s.warns("largeDashboard") {
			t.Error("the synthesis warns of dashboards that are free")
		}
	}
}
