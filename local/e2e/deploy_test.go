package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"payment-webhooks/local/session"
)

// cdk is the CDK CLI, deploying to a local run as it deploys to AWS.
type cdk struct {
	*testing.T
	session *session.Session
	home    string
}

// cliTimeout bounds one command. It is generous for slow machines.
const cliTimeout = 40 * time.Minute

// run returns what a command printed, and whether it succeeded.
func (c cdk) run(arguments ...string) (string, bool) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), cliTimeout)
	defer cancel()
	bin := filepath.Join(root(), "node_modules", ".bin")
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "cdk"), append(arguments, "--no-notices", "--no-color")...)
	cmd.Env = append(os.Environ(),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		// The CLI keeps in the home directory which account an access key belongs to.
		"HOME="+c.home, "CDK_DISABLE_CLI_TELEMETRY=true",
		"AWS_ENDPOINT_URL="+c.session.Endpoint, "AWS_ACCESS_KEY_ID=LOCAL123456789012", "AWS_SECRET_ACCESS_KEY=local",
		"AWS_REGION="+c.session.AWS.Region, "AWS_DEFAULT_REGION="+c.session.AWS.Region, "AWS_EC2_METADATA_DISABLED=true")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		c.Fatalf("cdk %s did not end\n%s", strings.Join(arguments, " "), out.String())
	}
	return out.String(), err == nil
}

// must runs a command that succeeds, and whose output contains texts.
func (c cdk) must(want []string, arguments ...string) {
	c.Helper()
	out, ok := c.run(arguments...)
	if !ok {
		c.Fatalf("cdk %s failed\n%s", strings.Join(arguments, " "), out)
	}
	c.contains(out, want, arguments)
}

// fails runs a command that fails, and whose output contains texts.
func (c cdk) fails(want []string, arguments ...string) {
	c.Helper()
	out, ok := c.run(arguments...)
	if ok {
		c.Errorf("cdk %s succeeded\n%s", strings.Join(arguments, " "), out)
	}
	c.contains(out, want, arguments)
}

func (c cdk) contains(out string, want, arguments []string) {
	c.Helper()
	for _, text := range want {
		if !strings.Contains(out, text) {
			c.Errorf("cdk %s does not print %q\n%s", strings.Join(arguments, " "), text, out)
		}
	}
}

// changed returns a copy of an assembly with a changed template, which the CLI uploads under a
// hash of its own.
func changed(t *testing.T, dir, before, after string) string {
	t.Helper()
	dir = edited(t, dir, func(template string) string { return strings.ReplaceAll(template, before, after) })
	var manifest struct {
		Artifacts map[string]struct {
			Properties struct {
				StackTemplateAssetObjectURL string `json:"stackTemplateAssetObjectUrl"`
				TemplateFile                string
			}
		}
	}
	read := func(path string) []byte {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if err := json.Unmarshal(read(filepath.Join(dir, "manifest.json")), &manifest); err != nil {
		t.Fatal(err)
	}
	for _, a := range manifest.Artifacts {
		url := a.Properties.StackTemplateAssetObjectURL
		if url == "" {
			continue
		}
		old := strings.TrimSuffix(url[strings.LastIndex(url, "/")+1:], ".json")
		sum := sha256.Sum256(read(filepath.Join(dir, a.Properties.TemplateFile)))
		files, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text := bytes.ReplaceAll(read(file), []byte(old), []byte(hex.EncodeToString(sum[:])))
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	t.Fatal("the assembly has no template asset")
	return ""
}

// protected returns a copy of an assembly that protects its stack against deletion.
func protected(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(to, "manifest.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const property = `"terminationProtection": `
	text, before := bytes.ReplaceAll(text, []byte(property+"false"), []byte(property+"true")), text
	if bytes.Equal(text, before) {
		t.Fatalf("%s does not say %sfalse", file, property)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestDeploy is the life of a stack: the commands of docs/local.md, with the CDK CLI.
func TestDeploy(t *testing.T) {
	inParallel(t)
	var log syncBuffer
	s, err := session.Start(t.Context(), session.Options{Root: root(), CDKOut: assembly(), Log: &log, Deploy: true})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("the run ended with %v", err)
		}
		if t.Failed() {
			t.Logf("the local run's log:\n%s", log.String())
		}
	})
	c := cdk{t, s, t.TempDir()}
	const stack = "TapStacktest"
	deploy := func(dir string) []string {
		return []string{"deploy", "--app", dir, "--require-approval", "never", "--progress", "events"}
	}

	c.fails([]string{"cdk bootstrap"}, deploy(assembly())...)
	c.must([]string{"bootstrapped"}, "bootstrap", "aws://123456789012/"+s.AWS.Region)
	c.must([]string{"CREATE_IN_PROGRESS", "AWS::DynamoDB::Table", "WebhookApiUrl"}, deploy(assembly())...)
	if err := s.Describe(t.Context(), stack); err != nil {
		t.Fatal(err)
	}
	dependencyOrder(t, s, stack)
	id := newID(t)
	accept(t, s, payment(id, "15000", "USD", ""))
	c.must([]string{"There were no differences"}, "diff", "--app", assembly())
	c.must([]string{"(no changes)"}, deploy(assembly())...)

	raised := changed(t, assembly(), "10000\n", "20000\n")
	c.must([]string{"AWS::Events::Rule", "10000", "20000"}, "diff", "--app", raised)
	reviewed := []string{"--change-set-name", "reviewed"}
	c.must([]string{"waiting in review"}, append(deploy(raised), append(reviewed, "--method", "prepare-change-set")...)...)
	hasStatus(t, s, stack, cfntypes.StackStatusCreateComplete)
	accept(t, s, payment(newID(t), "15000", "USD", ""))
	routedBy(t, s, "high-value-transactions-test", "medium-value-transactions-test")
	c.must([]string{"UPDATE_COMPLETE"}, append(append(deploy(raised), stack), append(reviewed, "--method", "execute-change-set")...)...)
	kept(t, s, id)
	accept(t, s, payment(newID(t), "15001", "USD", ""))
	routedBy(t, s, "medium-value-transactions-test", "high-value-transactions-test")

	// An operator that does not exist, in one of two rules that change. Without its rollback, the
	// update stays as it failed, and the old rules serve.
	broken := changed(t, changed(t, raised, "20000\n", "30000\n"), `"<="`, `"=<"`)
	c.fails([]string{"UPDATE_FAILED", "RoutingMediumValue", "=<"}, append(deploy(broken), "--no-rollback")...)
	hasStatus(t, s, stack, cfntypes.StackStatusUpdateFailed)
	kept(t, s, id)
	c.must([]string{"Rollback time"}, "rollback", "--app", raised)
	hasStatus(t, s, stack, cfntypes.StackStatusUpdateRollbackComplete)
	kept(t, s, id)
	accept(t, s, payment(newID(t), "15002", "USD", ""))
	routedBy(t, s, "medium-value-transactions-test", "high-value-transactions-test")

	// Another key is another table, which cannot have the same name.
	rekeyed := changed(t, raised, `"transaction_id"`, `"payment_id"`)
	c.fails([]string{"cannot update a stack when a custom-named resource requires replacing"}, deploy(rekeyed)...)
	hasStatus(t, s, stack, cfntypes.StackStatusUpdateRollbackComplete)
	kept(t, s, id)

	// The option of production, in an assembly of the template that is deployed.
	c.must([]string{"(no changes)"}, deploy(protected(t, raised))...)
	c.fails([]string{"cannot be deleted while TerminationProtection is enabled"}, "destroy", "--app", raised, "--force")
	hasStatus(t, s, stack, cfntypes.StackStatusUpdateRollbackComplete)
	kept(t, s, id)
	if _, err := cloudformation.NewFromConfig(s.AWS).UpdateTerminationProtection(t.Context(), &cloudformation.UpdateTerminationProtectionInput{
		StackName: aws.String(stack), EnableTerminationProtection: aws.Bool(false),
	}); err != nil {
		t.Fatal(err)
	}
	c.must([]string{"destroyed"}, "destroy", "--app", assembly(), "--force")
	nothingLeft(t, s, stack)
}

// dependencyOrder checks the events of a creation: a rule's after those of its bus.
func dependencyOrder(t *testing.T, s *session.Session, stack string) {
	t.Helper()
	client := cloudformation.NewFromConfig(s.AWS)
	completed := map[string]int{} // by type; the last one
	n := 0
	pages := cloudformation.NewDescribeStackEventsPaginator(client, &cloudformation.DescribeStackEventsInput{StackName: aws.String(stack)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.StackEvents {
			if n++; e.ResourceStatus == cfntypes.ResourceStatusCreateComplete && completed[*e.ResourceType] == 0 {
				completed[*e.ResourceType] = n
			}
		}
	}
	if n < 300 || completed["AWS::Events::Rule"] == 0 || completed["AWS::Events::Rule"] > completed["AWS::Events::EventBus"] {
		t.Errorf("%d events, latest first; completed %v", n, completed)
	}
}

func hasStatus(t *testing.T, s *session.Session, stack string, want cfntypes.StackStatus) {
	t.Helper()
	out, err := cloudformation.NewFromConfig(s.AWS).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(stack)})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.Stacks[0].StackStatus; got != want {
		t.Errorf("status %s, want %s", got, want)
	}
}

// kept checks that a stored payment is there still.
func kept(t *testing.T, s *session.Session, id string) {
	t.Helper()
	out, err := dynamodb.NewFromConfig(s.AWS).Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("transactions-test"), ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, item := range out.Items {
		found = found || string(mustJSON(t, item["transaction_id"])) == string(mustJSON(t, map[string]string{"Value": id}))
	}
	if !found {
		t.Errorf("%s is gone; there are %d items", id, len(out.Items))
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// routedBy checks that a rule, and not another, has delivered events since it was deployed.
func routedBy(t *testing.T, s *session.Session, by, notBy string) {
	t.Helper()
	var rules struct {
		Deliveries map[string]struct{ Invocations int }
	}
	if err := s.Control(t.Context(), http.MethodPost, "/_local/idle", nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Control(t.Context(), http.MethodGet, "/_local/rules", nil, &rules); err != nil {
		t.Fatal(err)
	}
	if rules.Deliveries[by].Invocations == 0 || rules.Deliveries[notBy].Invocations != 0 {
		t.Errorf("deliveries %+v, want some by %s and none by %s", rules.Deliveries, by, notBy)
	}
}

// nothingLeft checks that a destroyed stack has left nothing.
func nothingLeft(t *testing.T, s *session.Session, stack string) {
	t.Helper()
	ctx := t.Context()
	left := func(what string, names []string, err error) {
		t.Helper()
		if err != nil || len(names) > 0 {
			t.Errorf("%s: %v, %v", what, names, err)
		}
	}
	if _, err := cloudformation.NewFromConfig(s.AWS).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(stack)}); err == nil || !strings.Contains(err.Error(), "ValidationError: Stack with id "+stack+" does not exist") {
		t.Errorf("DescribeStacks: %v", err)
	}
	tables, err := dynamodb.NewFromConfig(s.AWS).ListTables(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	left("tables", tables.TableNames, err)
	queues, err := sqs.NewFromConfig(s.AWS).ListQueues(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	left("queues", queues.QueueUrls, err)
	topics, err := sns.NewFromConfig(s.AWS).ListTopics(ctx, nil)
	var names []string
	if err == nil {
		for _, topic := range topics.Topics {
			names = append(names, *topic.TopicArn)
		}
	}
	left("topics", names, err)
	buckets, err := s3.NewFromConfig(s.AWS, func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(ctx, nil)
	names = nil
	if err == nil {
		for _, bucket := range buckets.Buckets {
			names = append(names, *bucket.Name)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "cdk-hnb659fds-assets-") })
	left("buckets", names, err)
	groups, err := cloudwatchlogs.NewFromConfig(s.AWS).DescribeLogGroups(ctx, nil)
	names = nil
	if err == nil {
		for _, group := range groups.LogGroups {
			names = append(names, *group.LogGroupName)
		}
	}
	left("log groups", names, err)
	if _, err := lambda.NewFromConfig(s.AWS).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("webhook-validator-test")}); err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException") {
		t.Errorf("function: %v", err)
	}
	if _, err := eventbridge.NewFromConfig(s.AWS).ListRules(ctx, &eventbridge.ListRulesInput{EventBusName: aws.String("payment-events-test")}); err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException") {
		t.Errorf("bus: %v", err)
	}
	if res := post(t, s, payment(newID(t), "1", "USD", "")); res.Status != http.StatusForbidden {
		t.Errorf("API: %d %s", res.Status, res.Body)
	}
}
