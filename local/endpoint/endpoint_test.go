package endpoint

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/events"
	"payment-webhooks/local/eventsource"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/provision"
	"payment-webhooks/local/responsetest"
	"payment-webhooks/local/sns"
	"payment-webhooks/local/states"
)

type fixture struct {
	*Endpoint
	server *httptest.Server // of serve
	moto   []string         // what reached moto: "METHOD path body"
	kept   []sns.Notification
	put    []byte

	flushed int // how many calls had reached moto at the last flush; -1: none was flushed
}

type machine struct{ inputs []string }

func (m *machine) Describe() states.Description {
	return states.Description{Name: "m", Definition: "{}"}
}

func (m *machine) Start(_ string, input []byte) (string, time.Time, error) {
	m.inputs = append(m.inputs, string(input))
	return "arn:execution", time.Unix(1_700_000_000, 0), nil
}

// bus keeps what is put.
type bus struct{ fixture *fixture }

func (b bus) PutEvents(_ context.Context, body []byte) ([]byte, error) {
	b.fixture.put = body
	if strings.Contains(string(body), "too many") {
		return nil, &events.APIError{Code: "ValidationException", Message: "no"}
	}
	return []byte(`{"FailedEntryCount":0}`), nil
}

func (b bus) Call(operation string, _ []byte) ([]byte, error) {
	return nil, events.ErrOperation{Operation: operation}
}

func newFixture(t *testing.T) (*fixture, *machine) {
	t.Helper()
	f, m := &fixture{flushed: -1}, &machine{}
	moto := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.moto = append(f.moto, r.Method+" "+r.Host+r.URL.Path+" "+string(body))
		if strings.Contains(string(body), "rejected-by-moto") {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, "from moto")
	}))
	t.Cleanup(moto.Close)
	motoURL, err := url.Parse(moto.URL)
	if err != nil {
		t.Fatal(err)
	}
	stack := &assembly.Stack{Name: "S", Resources: map[string]assembly.Resource{
		"Role": {LogicalID: "Role", Type: "AWS::IAM::Role", Properties: map[string]any{"RoleName": "fn"}},
		// A second role may send, but not use the key.
		"Sender": {LogicalID: "Sender", Type: "AWS::IAM::Role", Properties: map[string]any{"RoleName": "sender", "Policies": []any{map[string]any{
			"PolicyName": "p", "PolicyDocument": map[string]any{"Statement": map[string]any{"Effect": "Allow", "NotAction": "kms:*", "Resource": "*"}},
		}}}},
		"Key":   {LogicalID: "Key", Type: "AWS::KMS::Key", Properties: map[string]any{"KeyPolicy": map[string]any{"Statement": []any{}}}},
		"Queue": {LogicalID: "Queue", Type: "AWS::SQS::Queue", Properties: map[string]any{"QueueName": "q", "KmsMasterKeyId": map[string]any{"Ref": "Key"}}},
		"Topic": {LogicalID: "Topic", Type: "AWS::SNS::Topic", Properties: map[string]any{"TopicName": "t", "KmsMasterKeyId": map[string]any{"Ref": "Key"}}},
		"Table": {LogicalID: "Table", Type: "AWS::DynamoDB::Table", Properties: map[string]any{"TableName": "t", "SSESpecification": map[string]any{"SSEEnabled": true, "KMSMasterKeyId": map[string]any{"Ref": "Key"}}}},
	}}
	policies, err := iam.New(stack, assembly.NewResolver(stack, assembly.NewTypes(iam.Types, provision.Types), assembly.Env{Account: "123456789012", Region: "eu-west-1"}), iam.Scope{Account: "123456789012", Region: "eu-west-1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Endpoint = New(Config{
		Moto: motoURL, Scope: iam.Scope{Account: "123456789012", Region: "eu-west-1"}, Policies: policies,
		Stacks: stacks{}, Image: func(tag string) bool { return tag == "built" },
		Bus:      bus{f},
		Machines: map[string]StateMachine{"arn:machine": m},
		SNS:      sns.NewDelivery([]sns.Subscription{{TopicARN: "arn:aws:sns:us-east-1:123456789012:topic", Protocol: "sms", Endpoint: "+1"}}, func(n sns.Notification) { f.kept = append(f.kept, n) }),
		Topics:   map[string]bool{"arn:aws:sns:us-east-1:123456789012:own": true},
		Flush:    func(context.Context) { f.flushed = len(f.moto) },
		Control:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "control") }),
		Log:      slog.New(slog.NewTextHandler(io.Discard, nil)), Now: time.Now,
	})
	return f, m
}

func (f *fixture) request(key, service, target, method, path, body string) *http.Request {
	r := httptest.NewRequest(method, "http://127.0.0.1:4566"+path, strings.NewReader(body))
	if service != "" {
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20261122/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	}
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	return r
}

func (f *fixture) call(key, service, target, method, path, body string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	f.ServeHTTP(recorder, f.request(key, service, target, method, path, body))
	return recorder
}

func TestEndpoint(t *testing.T) {
	t.Run("dispatches calls by the service in their signature", func(t *testing.T) {
		f, m := newFixture(t)
		if got := f.call("test", "dynamodb", "DynamoDB_20120810.PutItem", "POST", "/", `{}`).Body.String(); got != "from moto" {
			t.Errorf("dynamodb: %s", got)
		}
		if want := "POST 127.0.0.1:4566/ {}"; f.moto[0] != want {
			t.Errorf("moto saw %q, want %q (with the caller's host: queue URLs are made of it)", f.moto[0], want)
		}
		if got := f.call("test", "events", "AWSEvents.PutEvents", "POST", "/", `{"Entries":[]}`); got.Code != 200 || string(f.put) != `{"Entries":[]}` {
			t.Errorf("events: %d %s, bus got %s", got.Code, got.Body, f.put)
		}
		if got := f.call("test", "states", "AWSStepFunctions.StartExecution", "POST", "/", `{"stateMachineArn":"arn:machine","input":"{\"a\":1}"}`); got.Code != 200 || m.inputs[0] != `{"a":1}` {
			t.Errorf("states: %d %s, machine got %q", got.Code, got.Body, m.inputs)
		}
		if got := f.call("", "", "", "GET", "/_local/alerts", "").Body.String(); got != "control" {
			t.Errorf("control: %s", got)
		}
		if len(f.moto) != 1 {
			t.Errorf("emulated services reached moto: %q", f.moto)
		}
	})
	t.Run("writes what was logged before anybody reads it", func(t *testing.T) {
		for _, service := range []string{"logs", "monitoring"} {
			f, _ := newFixture(t)
			f.call("test", "dynamodb", "DynamoDB_20120810.PutItem", "POST", "/", `{}`)
			if f.flushed != -1 {
				t.Error("a call of DynamoDB flushes")
			}
			f.call("test", service, "", "POST", "/", "{}")
			if f.flushed != 1 || len(f.moto) != 2 {
				t.Errorf("%s: flushed after %d calls, moto saw %q", service, f.flushed, f.moto)
			}
		}
	})
	t.Run("rejects unsupported operations by name", func(t *testing.T) {
		f, _ := newFixture(t)
		for _, c := range [][3]string{{"events", "AWSEvents.PutRule", "PutRule"}, {"states", "AWSStepFunctions.CreateStateMachine", "CreateStateMachine"}, {"lambda", "", "GET"}} {
			got := f.call("test", c[0], c[1], map[bool]string{true: "GET", false: "POST"}[c[0] == "lambda"], "/2015-03-31/functions", `{}`)
			if got.Code != 501 || !strings.Contains(got.Body.String(), c[2]) {
				t.Errorf("%s %s: %d %s", c[0], c[1], got.Code, got.Body)
			}
		}
		// https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
		if got := f.call("test", "states", "AWSStepFunctions.ListExecutions", "POST", "/", `{}`); got.Header().Get("X-Amzn-Errortype") != "StateMachineTypeNotSupported" {
			t.Errorf("ListExecutions: %d %s", got.Code, got.Body)
		}
	})
	t.Run("denies a role without permission in the service's protocol", func(t *testing.T) {
		const key, sender = "ASIALOCALROLE0000000", "ASIALOCALROLE0000001"
		for name, c := range map[string]struct {
			target, method, path, body string
			status                     int
			code                       string
		}{
			"logs":         {"Logs_20140328.PutLogEvents", "POST", "/", `{"logGroupName":"g","logStreamName":"s"}`, 400, "AccessDeniedException"},
			"monitoring":   {"", "POST", "/", "Action=PutMetricData&Namespace=N", 403, "AccessDenied"},
			"xray":         {"", "POST", "/TraceSegments", "{}", 400, "AccessDeniedException"},
			"kms":          {"TrentService.Decrypt", "POST", "/", `{"KeyId":"k"}`, 400, "AccessDeniedException"},
			"dynamodb key": {"DynamoDB_20120810.PutItem", "POST", "/", `{"TableName":"t"}`, 400, "AccessDeniedException"},
			"sqs key":      {"AmazonSQS.SendMessage", "POST", "/", `{"QueueUrl":"http://h/1/q"}`, 400, "KmsAccessDenied"},
			"sns key":      {"", "POST", "/", "Action=Publish&TopicArn=arn:aws:sns:eu-west-1:123456789012:t&Message=m", 400, "KMSAccessDenied"},
			"dynamodb":     {"DynamoDB_20120810.PutItem", "POST", "/", `{"TableName":"t"}`, 400, "AccessDeniedException"},
			"events":       {"AWSEvents.PutEvents", "POST", "/", `{"Entries":[{}]}`, 400, "AccessDeniedException"},
			"sqs":          {"AmazonSQS.SendMessage", "POST", "/", `{"QueueUrl":"http://h/1/q"}`, 400, "AccessDeniedException"},
			"sns":          {"", "POST", "/", "Action=Publish&TopicArn=arn:aws:sns:us-east-1:123456789012:topic&Message=m", 403, "AuthorizationError"},
			"s3":           {"", "PUT", "/bucket/key", "data", 403, "AccessDenied"},
			"lambda":       {"", "POST", "/2015-03-31/functions/f/invocations", "{}", 403, "AccessDeniedException"},
		} {
			t.Run(name, func(t *testing.T) {
				f, _ := newFixture(t)
				caller := key
				service, ofKey := strings.CutSuffix(name, " key")
				if ofKey {
					caller = sender
				}
				got := f.call(caller, service, c.target, c.method, c.path, c.body)
				code := ""
				if service == "s3" || service == "sns" || service == "monitoring" {
					var failure struct {
						Code  string
						Error struct{ Code string }
					}
					if err := xml.Unmarshal(got.Body.Bytes(), &failure); err != nil {
						t.Fatal(err)
					}
					code = failure.Code + failure.Error.Code
				} else {
					var failure struct {
						Type string `json:"__type"`
					}
					if err := json.Unmarshal(got.Body.Bytes(), &failure); err != nil {
						t.Fatal(err)
					}
					code = failure.Type
				}
				if got.Code != c.status || code != c.code {
					t.Errorf("%d %s, want %d %s", got.Code, code, c.status, c.code)
				}
				if len(f.moto) > 0 || f.put != nil {
					t.Error("the denied call was made all the same")
				}
			})
		}
	})
}

// stacks stands in for CloudFormation.
type stacks struct{}

func (stacks) ServeQuery(w http.ResponseWriter, form url.Values) {
	_, _ = fmt.Fprintf(w, "%s of %s", form.Get("Action"), form.Get("StackName"))
}

func TestCloudFormation(t *testing.T) {
	f, _ := newFixture(t)
	got := f.call("test", "cloudformation", "", "POST", "/", "Action=DescribeStacks&StackName=TapStackdev")
	if got.Body.String() != "DescribeStacks of TapStackdev" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
func TestDescribeImages(t *testing.T) {
	f, _ := newFixture(t)
	describe := func(tag string) *httptest.ResponseRecorder {
		return f.call("test", "ecr", "AmazonEC2ContainerRegistry_V20150921.DescribeImages", "POST", "/", `{"repositoryName":"assets","imageIds":[{"imageTag":"`+tag+`"}]}`)
	}
	if got := describe("built"); got.Code != 200 || !strings.Contains(got.Body.String(), `"imageTags":["built"]`) {
		t.Errorf("an image that can be built: %d %s", got.Code, got.Body)
	}
	if got := describe("unknown"); got.Code != 400 || !strings.Contains(got.Body.String(), "ImageNotFoundException") {
		t.Errorf("another image: %d %s", got.Code, got.Body)
	}
}

func TestPublish(t *testing.T) {
	t.Run("delivers what moto accepted", func(t *testing.T) {
		f, _ := newFixture(t)
		publish := func(form url.Values) *httptest.ResponseRecorder {
			form.Set("Action", "Publish")
			form.Set("TopicArn", "arn:aws:sns:us-east-1:123456789012:topic")
			return f.call("test", "sns", "", "POST", "/", form.Encode())
		}
		publish(url.Values{"Message": {`{"default":"d","sms":"short"}`}, "MessageStructure": {"json"}})
		if len(f.kept) != 1 || f.kept[0].Message != "short" {
			t.Fatalf("delivered %+v", f.kept)
		}
		publish(url.Values{"Message": {"rejected-by-moto"}})
		if got := publish(url.Values{"Message": {`{"sms":"no default"}`}, "MessageStructure": {"json"}}); got.Code != 400 {
			t.Errorf("structure without default: %d", got.Code)
		}
		if len(f.kept) != 1 {
			t.Errorf("a rejected message was delivered: %+v", f.kept[1:])
		}
	})
	t.Run("of the template's topics does without moto until a topic changes", func(t *testing.T) {
		f, _ := newFixture(t)
		publish := func() {
			t.Helper()
			got := f.call("test", "sns", "", "POST", "/", "Action=Publish&TopicArn=arn:aws:sns:us-east-1:123456789012:own&Message=m")
			if got.Code != 200 {
				t.Errorf("%d %s", got.Code, got.Body)
			}
			if len(f.moto) == 0 && !regexp.MustCompile(`<PublishResult><MessageId>[0-9a-f-]{36}</MessageId></PublishResult>`).Match(got.Body.Bytes()) {
				t.Errorf("response %s", got.Body)
			}
		}
		publish()
		f.call("test", "sns", "", "POST", "/", "Action=ListTopics")
		publish()
		if len(f.moto) != 1 || len(f.kept) != 2 {
			t.Errorf("moto saw %q, delivered %+v", f.moto, f.kept)
		}
		f.call("test", "sns", "", "POST", "/", "Action=Subscribe&TopicArn=arn:aws:sns:us-east-1:123456789012:own&Protocol=sqs")
		publish()
		if len(f.moto) != 3 || len(f.kept) != 3 {
			t.Errorf("after a subscription, moto saw %q, delivered %+v", f.moto, f.kept)
		}
	})
	t.Run("rejects what SNS rejects", func(t *testing.T) {
		f, _ := newFixture(t)
		for name, form := range map[string]url.Values{
			"an empty message":        {},
			"a message that is large": {"Message": {strings.Repeat("m", 256<<10+1)}},
			"a subject that is long":  {"Message": {"m"}, "Subject": {strings.Repeat("s", 101)}},
			"a subject of two lines":  {"Message": {"m"}, "Subject": {"a\nb"}},
			"an empty subject":        {"Message": {"m"}, "Subject": {""}},
			"no ARN of a topic":       {"Message": {"m"}, "TopicArn": {"arn:aws:sns:us-east-1:123456789012"}},
		} {
			form.Set("Action", "Publish")
			if !form.Has("TopicArn") {
				form.Set("TopicArn", "arn:aws:sns:us-east-1:123456789012:own")
			}
			if got := f.call("test", "sns", "", "POST", "/", form.Encode()); got.Code != 400 || !strings.Contains(got.Body.String(), "InvalidParameter") {
				t.Errorf("%s: %d %s", name, got.Code, got.Body)
			}
		}
		if len(f.kept) > 0 {
			t.Errorf("delivered %+v", f.kept)
		}
	})
	t.Run("delivers before the response begins", func(t *testing.T) {
		f, _ := newFixture(t)
		r := f.request("test", "sns", "", "POST", "/", "Action=Publish&TopicArn=arn:aws:sns:us-east-1:123456789012:topic&Message=m")
		begun := false
		f.ServeHTTP(responsetest.Recorder{ResponseRecorder: httptest.NewRecorder(), Begun: func() {
			begun = true
			if len(f.kept) != 1 {
				t.Errorf("delivered when the response begins: %+v", f.kept)
			}
		}}, r)
		if !begun {
			t.Error("no response")
		}
	})
}

func TestPutEvents(t *testing.T) {
	t.Run("keeps the code of errors", func(t *testing.T) {
		f, _ := newFixture(t)
		if got := f.call("test", "events", "AWSEvents.PutEvents", "POST", "/", `"too many"`); got.Code != 400 || got.Header().Get("X-Amzn-Errortype") != "ValidationException" {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
}

// mapping is a mapping that is enabled at first.
type mapping struct{ disabled bool }

func (m *mapping) SetEnabled(enabled bool) { m.disabled = !enabled }

func (m *mapping) Configuration() eventsource.Configuration {
	batch := 100
	c := eventsource.Configuration{
		Properties:  eventsource.Properties{BatchSize: &batch, EventSourceArn: "arn:stream", FunctionName: "relay-dev"},
		FunctionARN: "arn:aws:lambda:eu-west-1:123456789012:function:relay-dev", State: eventsource.Enabled, LastProcessingResult: "OK", LastModified: time.Unix(1_700_000_000, 0),
	}
	if m.disabled {
		c.State = eventsource.Disabled
	}
	return c
}

// https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
func TestEventSourceMappings(t *testing.T) {
	client := func(t *testing.T) (*awslambda.Client, *mapping) {
		t.Helper()
		f, _ := newFixture(t)
		m := &mapping{}
		f.config.Mappings = map[string]Mapping{"id-1": m}
		return awslambda.NewFromConfig(f.serve(t)), m
	}
	t.Run("are listed and described", func(t *testing.T) {
		c, _ := client(t)
		for name, n := range map[string]int{"relay-dev": 1, "arn:aws:lambda:eu-west-1:123456789012:function:relay-dev": 1, "other": 0} {
			list, err := c.ListEventSourceMappings(t.Context(), &awslambda.ListEventSourceMappingsInput{FunctionName: aws.String(name)})
			if err != nil || len(list.EventSourceMappings) != n {
				t.Errorf("of %s: %+v, %v, want %d", name, list, err, n)
			}
		}
		got, err := c.GetEventSourceMapping(t.Context(), &awslambda.GetEventSourceMappingInput{UUID: aws.String("id-1")})
		if err != nil {
			t.Fatal(err)
		}
		if aws.ToString(got.State) != "Enabled" || aws.ToInt32(got.BatchSize) != 100 || aws.ToString(got.EventSourceArn) != "arn:stream" ||
			aws.ToTime(got.LastModified).Unix() != 1_700_000_000 || aws.ToString(got.EventSourceMappingArn) != "arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:id-1" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("are disabled and enabled before the response", func(t *testing.T) {
		c, m := client(t)
		for enabled, state := range map[bool]string{false: "Disabled", true: "Enabled"} {
			out, err := c.UpdateEventSourceMapping(t.Context(), &awslambda.UpdateEventSourceMappingInput{UUID: aws.String("id-1"), Enabled: aws.Bool(enabled)})
			if err != nil || aws.ToString(out.State) != state || m.disabled == enabled {
				t.Errorf("enabled %t: %+v, %v", enabled, out, err)
			}
		}
	})
	t.Run("are changed in no other way", func(t *testing.T) {
		c, m := client(t)
		_, err := c.UpdateEventSourceMapping(t.Context(), &awslambda.UpdateEventSourceMappingInput{UUID: aws.String("id-1"), Enabled: aws.Bool(false), BatchSize: aws.Int32(5)})
		if err == nil || !strings.Contains(err.Error(), "BatchSize") || m.disabled {
			t.Errorf("%v, disabled %t", err, m.disabled)
		}
		_, err = c.GetEventSourceMapping(t.Context(), &awslambda.GetEventSourceMappingInput{UUID: aws.String("none")})
		if _, missing := errors.AsType[*lambdatypes.ResourceNotFoundException](err); !missing {
			t.Errorf("another mapping: %v", err)
		}
	})
	t.Run("checks the role that signed a URL", func(t *testing.T) {
		for key, want := range map[string]string{"ASIALOCALROLE0000000": "AccessDenied", "ASIALOCALROLE0000001": "from moto", "test": "from moto"} {
			f, _ := newFixture(t)
			got := f.call("", "", "", "GET", "/bucket/key?X-Amz-Credential="+url.QueryEscape(key+"/20261122/eu-west-1/s3/aws4_request"), "")
			if !strings.Contains(got.Body.String(), want) {
				t.Errorf("%s: %d %s, want %s", key, got.Code, got.Body, want)
			}
		}
	})
}

// https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachine.html
func TestDescribeStateMachine(t *testing.T) {
	f, _ := newFixture(t)
	if got := f.call("test", "states", "AWSStepFunctions.DescribeStateMachine", "POST", "/", `{"stateMachineArn":"arn:machine"}`); got.Code != 200 || !strings.Contains(got.Body.String(), `"definition":"{}"`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := f.call("test", "states", "AWSStepFunctions.DescribeStateMachine", "POST", "/", `{"stateMachineArn":"arn:other"}`); got.Header().Get("X-Amzn-Errortype") != "StateMachineDoesNotExist" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}
