package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventbridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"payment-webhooks/handlers/awsclient"
	"payment-webhooks/local/emulator"
)

// waitTimeout is generous: it only elapses when something is wrong.
const waitTimeout = 5 * time.Minute

// fakeTerminal keeps what is printed.
type fakeTerminal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (f *fakeTerminal) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text.Write(p)
}

func (f *fakeTerminal) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text.String()
}

// TestRun starts a small template once, uses every service as a user would, and ends it.
func TestRun(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	ready := filepath.Join(t.TempDir(), "ready.json")
	egressDir, secretFile := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte("whsec_first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	terminal := &fakeTerminal{}
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{
			"--cdk-out", "testdata/cdk.out", "--build-dir", t.TempDir(), "--endpoint-port", "0", "--api-port", "0", "--ready-file", ready, "--time-scale", "1000",
			"--secret", "payments/stripe=@" + secretFile, "--secret", "payments/other=a=b", "--egress", egressDir,
		}, os.Getenv, terminal, terminal)
	}()
	var r struct {
		Endpoint string
		APIURL   string `json:"api_url"`
		Stack    string
		PID      int
	}
	eventually(t, func() error {
		select {
		case err := <-ended:
			t.Fatalf("ended before it was ready: %v\n%s", err, terminal)
		default:
		}
		text, err := os.ReadFile(ready)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &r)
	})
	config := aws.Config{Region: region(), BaseEndpoint: aws.String(r.Endpoint), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	awsclient.Configure(&config)

	t.Run("DescribeStacks names the local API", func(t *testing.T) {
		out, err := cloudformation.NewFromConfig(config).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String("TapStacktest")})
		if err != nil {
			t.Fatal(err)
		}
		if got := aws.ToString(out.Stacks[0].Outputs[0].OutputValue); got != r.APIURL || !strings.HasPrefix(got, "http://127.0.0.1:") || r.Stack != "TapStacktest" || r.PID != os.Getpid() {
			t.Errorf("output %s, ready file %+v", got, r)
		}
	})
	t.Run("a call that the role allows reaches the table", func(t *testing.T) {
		if status, body := post(t, r.APIURL+"/do", "PutItem"); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		out, err := dynamodb.NewFromConfig(config).Scan(ctx, &dynamodb.ScanInput{TableName: aws.String("things")})
		if err != nil || out.Count != 1 {
			t.Errorf("%+v, %v", out, err)
		}
	})
	t.Run("a permitted role reads the current and the previous secret", func(t *testing.T) {
		read := func(name, stage string) string {
			_, body := post(t, r.APIURL+"/do", "secret "+name+" "+stage)
			return body
		}
		if body := read("payments/stripe", "AWSCURRENT"); !strings.Contains(body, `"SecretString": "whsec_first"`) {
			t.Errorf("current: %s", body)
		}
		if body := read("payments/stripe", "AWSPREVIOUS"); !strings.Contains(body, "ResourceNotFoundException") {
			t.Errorf("previous before a rotation: %s", body)
		}
		secrets := secretsmanager.NewFromConfig(config)
		if _, err := secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: aws.String("payments/stripe"), SecretString: aws.String("whsec_second")}); err != nil {
			t.Fatal(err)
		}
		for stage, want := range map[string]string{"AWSCURRENT": "whsec_second", "AWSPREVIOUS": "whsec_first"} {
			if body := read("payments/stripe", stage); !strings.Contains(body, `"SecretString": "`+want+`"`) {
				t.Errorf("%s after a rotation: %s", stage, body)
			}
		}
		if body := read("payments/other", "AWSCURRENT"); !strings.Contains(body, "AccessDeniedException") || !strings.Contains(body, "secretsmanager:GetSecretValue") {
			t.Errorf("a secret that the policy does not name: %s", body)
		}
		out, err := secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("payments/other")})
		if err != nil || aws.ToString(out.SecretString) != "a=b" {
			t.Errorf("%+v, %v", out, err)
		}
	})
	t.Run("outbound HTTPS is served from the directory", func(t *testing.T) {
		if err := os.Mkdir(filepath.Join(egressDir, "api.example.com"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(egressDir, "api.example.com", "cert"), []byte("certificate"), 0o644); err != nil {
			t.Fatal(err)
		}
		if status, body := post(t, r.APIURL+"/do", "https://api.example.com/cert"); status != 200 || body != "certificate" {
			t.Errorf("%d %s", status, body)
		}
		if status, body := post(t, r.APIURL+"/do", "https://example.org/"); status != 599 || !strings.Contains(body, "Forbidden") {
			t.Errorf("another host: %d %s", status, body)
		}
		if !strings.Contains(terminal.String(), "example.org") {
			t.Error("the terminal does not name the rejected host")
		}
	})
	t.Run("no secret reaches the terminal", func(t *testing.T) {
		if text := terminal.String(); strings.Contains(text, "whsec_") {
			t.Error(text)
		}
	})
	t.Run("a call that the role does not allow is denied and logged", func(t *testing.T) {
		status, body := post(t, r.APIURL+"/do", "DeleteItem")
		if status != 400 || !strings.Contains(body, "AccessDeniedException") || !strings.Contains(body, "dynamodb:DeleteItem") {
			t.Errorf("%d %s", status, body)
		}
		if !strings.Contains(terminal.String(), "access denied") {
			t.Error("the terminal does not say so")
		}
	})
	t.Run("a stored item's stream record is published to the rule's target", func(t *testing.T) {
		if body := receive(t, config, r.Endpoint+"/123456789012/events"); !strings.Contains(body, `"detail-type":"stored"`) || !strings.Contains(body, `"amount":5`) {
			t.Errorf("message %s", body)
		}
	})
	t.Run("a target without a policy fails into the dead-letter queue", func(t *testing.T) {
		if body := receive(t, config, r.Endpoint+"/123456789012/dead-letters"); !strings.Contains(body, `"detail-type":"stored"`) {
			t.Errorf("message %s", body)
		}
	})
	t.Run("log lines, access log and metrics arrive", func(t *testing.T) {
		logs := cloudwatchlogs.NewFromConfig(config)
		for group, want := range map[string]string{"/aws/lambda/echo-test": "asked for PutItem", "/access": "POST 200"} {
			eventually(t, func() error {
				out, err := logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(group)})
				if err != nil {
					return err
				}
				for _, e := range out.Events {
					if aws.ToString(e.Message) == want {
						return nil
					}
				}
				return fmt.Errorf("no %q among %d events of %s", want, len(out.Events), group)
			})
		}
		if !strings.Contains(terminal.String(), "| asked for PutItem") {
			t.Error("the terminal does not show the function's line")
		}
		eventually(t, func() error {
			// The query protocol, as the AWS CLI speaks it with CloudWatch.
			form := "Action=GetMetricStatistics&Version=2010-08-01&Namespace=Echo&MetricName=Requests&Period=86400&Statistics.member.1=Sum&StartTime=2026-11-01T00:00:00Z&EndTime=2026-12-01T00:00:00Z"
			body := query(t, r.Endpoint, "monitoring", form)
			if !strings.Contains(body, "<Sum>2.0</Sum>") {
				return fmt.Errorf("no sum of 2 in %s", body)
			}
			return nil
		})
	})
	t.Run("Invoke returns payload and log tail", func(t *testing.T) {
		out, err := lambda.NewFromConfig(config).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("echo-test"), Payload: []byte(`{"body":"UHV0SXRlbQ=="}`), LogType: "Tail"})
		if err != nil {
			t.Fatal(err)
		}
		if out.FunctionError != nil || !strings.Contains(string(out.Payload), `"statusCode":200`) || aws.ToString(out.LogResult) == "" {
			t.Errorf("%+v %s", out, out.Payload)
		}
	})
	t.Run("a published alert is delivered", func(t *testing.T) {
		_, err := sns.NewFromConfig(config).Publish(ctx, &sns.PublishInput{TopicArn: aws.String("arn:aws:sns:" + region() + ":123456789012:alerts"), Subject: aws.String("Hello"), Message: aws.String("text")})
		if err != nil {
			t.Fatal(err)
		}
		var alerts []struct{ Endpoint, Subject, Message string }
		control(t, http.MethodGet, r.Endpoint+"/_local/alerts", 200, &alerts)
		if len(alerts) != 1 || alerts[0].Endpoint != "ops@example.com" || alerts[0].Subject != "Hello" || alerts[0].Message != "text" {
			t.Errorf("alerts %+v", alerts)
		}
	})
	t.Run("data resources are as the template says", func(t *testing.T) {
		versioning, err := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }).GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: aws.String("things-audit")})
		if err != nil || versioning.Status != "Enabled" {
			t.Errorf("versioning %+v, %v", versioning, err)
		}
		ttl, err := dynamodb.NewFromConfig(config).DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: aws.String("things")})
		if err != nil || aws.ToString(ttl.TimeToLiveDescription.AttributeName) != "expires_at" {
			t.Errorf("ttl %+v, %v", ttl, err)
		}
		if body := query(t, r.Endpoint, "monitoring", "Action=GetDashboard&Version=2010-08-01&DashboardName=things"); !strings.Contains(body, "widgets") {
			t.Errorf("dashboard %s", body)
		}
	})
	t.Run("/_local/ responds, and rejects wrong requests", func(t *testing.T) {
		var resources []emulator.Resource
		control(t, http.MethodGet, r.Endpoint+"/_local/resources", 200, &resources)
		if len(resources) < 20 {
			t.Errorf("%d resources", len(resources))
		}
		var failure struct{ Error string }
		control(t, http.MethodPost, r.Endpoint+"/_local/rules/absent/fire", 404, &failure)
		control(t, http.MethodPost, r.Endpoint+"/_local/rules/absent/fire?time=noon", 400, &failure)
		if failure.Error == "" {
			t.Error("no reason given")
		}
		control(t, http.MethodGet, r.Endpoint+"/_local/nothing", 404, &failure)
	})

	t.Run("when an event is for a bus that does not exist, it is accepted, and shown", func(t *testing.T) {
		out, err := eventbridge.NewFromConfig(config).PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []eventbridgetypes.PutEventsRequestEntry{
			{EventBusName: aws.String("thing-events"), Source: aws.String("things"), DetailType: aws.String("Thing"), Detail: aws.String("{}")},
		}})
		if err != nil || out.FailedEntryCount != 0 {
			t.Fatalf("%+v, %v", out, err)
		}
		var rules struct{ Misdirected map[string]int }
		control(t, http.MethodGet, r.Endpoint+"/_local/rules", 200, &rules)
		if rules.Misdirected["thing-events"] != 1 {
			t.Errorf("misdirected: %v", rules.Misdirected)
		}
		if !strings.Contains(terminal.String(), "bus=thing-events") {
			t.Error("the terminal does not name the bus")
		}
	})

	interrupt()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("after Ctrl-C: %v", err)
		}
		if !strings.Contains(terminal.String(), "events dropped: 1 for the event bus thing-events") {
			t.Error("the end does not name the bus that does not exist")
		}
	case <-time.After(waitTimeout):
		t.Fatal("does not end")
	}
	// Somebody else may have the port by now, but not with these resources.
	if response, err := http.Get(r.Endpoint + "/_local/resources"); err == nil {
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if strings.Contains(string(text), "things-audit") {
			t.Error("the endpoint still responds")
		}
	}
}

func TestRun_errors(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	port := fmt.Sprint(busy.Addr().(*net.TCPAddr).Port)
	free := []string{"--endpoint-port", "0", "--api-port", "0"}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no assembly":    {append(free, "--cdk-out", t.TempDir()), "npx cdk synth"},
		"endpoint taken": {[]string{"--endpoint-port", port}, "--endpoint-port"},
		"API taken":      {[]string{"--endpoint-port", "0", "--api-port", port}, "--api-port"},
		"half a secret":  {append(free, "--secret", "payments/stripe"), "usage"},
		"secret twice": {
			append(free, "--cdk-out", "testdata/cdk.out", "--build-dir", t.TempDir(), "--secret", "a=1", "--secret", "a=2"), "--secret a",
		},
		"egress directory is a file": {
			append(free, "--cdk-out", "testdata/cdk.out", "--build-dir", t.TempDir(), "--egress", "main.go"), "--egress main.go",
		},
		"unknown flag": {[]string{"--nonsense"}, "usage"},
		"fault of no function": {
			append(free, "--cdk-out", "testdata/cdk.out", "--fault", `{"hop":"function:nobody","fault":"pending"}`), "--fault: fault not supported: hop",
		},
		"host with a port":   {append(free, "--allow-host", "tunnel.example.com:443"), "usage"},
		"host with a scheme": {append(free, "--allow-host", "https://tunnel.example.com"), "usage"},
		"half a fault":       {append(free, "--fault", `{"hop":"stream","when":"now"}`), "usage"},
	} {
		if err := run(t.Context(), c.args, os.Getenv, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// TestRun_unsupported changes the template in several places, each of which
// another package emulates.
func TestRun_unsupported(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"manifest.json", "S.assets.json", "S.template.json"} {
		text, err := os.ReadFile(filepath.Join("testdata/cdk.out", name))
		if err != nil {
			t.Fatal(err)
		}
		for old, replacement := range map[string]string{
			`"Queue": {"Type": "AWS::SQS::Queue", "Properties": {`: `"Cache": {"Type": "AWS::ElastiCache::CacheCluster"}, "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": true, `,
			`"source": ["test"]`: `"source": [{"sounds-like": "test"}]`,
			`{"Id": "Queue", "Arn": {"Fn::GetAtt": ["Refused"`: `{"Id": "Queue", "KinesisParameters": {}, "Arn": {"Fn::GetAtt": ["Refused"`,
			`"AuthorizationType": "NONE"`:                      `"AuthorizationType": "AWS_IAM"`,
			`"MemorySize": 512`:                                `"MemorySize": 512, "SnapStart": {"ApplyOn": "None"}`,
			`"BatchSize": 10`:                                  `"BatchSize": 10, "TumblingWindowInSeconds": 3`,
			`"Effect": "Allow", "Action": "dynamodb:PutItem"`:  `"Effect": "Allow", "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}, "Action": "dynamodb:PutItem"`,
		} {
			text = bytes.ReplaceAll(text, []byte(old), []byte(replacement))
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := run(t.Context(), []string{"--cdk-out", dir, "--endpoint-port", "0", "--api-port", "0"}, os.Getenv, io.Discard, io.Discard)
	for _, want := range []string{
		"Cache: resource type AWS::ElastiCache::CacheCluster", "Queue (AWS::SQS::Queue): property FifoQueue", "sounds-like", "ApiDoPost: AuthorizationType AWS_IAM",
		"Function (AWS::Lambda::Function): property SnapStart", "TumblingWindowInSeconds", "Targets[0].KinesisParameters", "Policy: Statement[0]: condition StringEquals on aws:SourceVpc",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %q:\n%v", want, err)
		}
	}
}

func region() string {
	if r := os.Getenv("AWS_REGION"); r != "" {
		return r
	}
	return "us-east-1"
}

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	response, err := http.Post(url, "text/plain", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func query(t *testing.T, endpoint, service, form string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261122/"+region()+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func control(t *testing.T, method, url string, status int, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != status {
		t.Errorf("%s %s: %s, want %d", method, url, response.Status, status)
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		t.Errorf("%s %s: %v", method, url, err)
	}
}

func receive(t *testing.T, config aws.Config, queueURL string) (body string) {
	t.Helper()
	eventually(t, func() error {
		out, err := sqs.NewFromConfig(config).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(queueURL)})
		if err != nil {
			return err
		}
		if len(out.Messages) == 0 {
			return fmt.Errorf("no message in %s", queueURL)
		}
		body = aws.ToString(out.Messages[0].Body)
		return nil
	})
	return body
}

// eventually waits until check finds nothing wrong, with a generous deadline.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(waitTimeout)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
