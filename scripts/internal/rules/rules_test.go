package rules_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"payment-webhooks/scripts/internal/rules"
)

// account responds to the calls of the services that a target needs.
type account struct {
	targets  string // JSON
	fail     string // the action that is denied
	requests map[string]map[string]any
	form     string // the last SNS request
	function string // the response of the function; "" is a success
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target := r.Header.Get("X-Amz-Target")
	action := target[strings.LastIndex(target, ".")+1:]
	if strings.HasSuffix(r.URL.Path, "/invocations") {
		action = "Invoke"
	}
	var request map[string]any
	if action == "" {
		_ = r.ParseForm()
		action, a.form = r.Form.Get("Action"), r.Form.Get("Message")
	} else {
		_ = json.NewDecoder(r.Body).Decode(&request)
	}
	if a.requests == nil {
		a.requests = map[string]map[string]any{}
	}
	a.requests[action] = request
	if action == a.fail {
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"AccessDeniedException","message":"no"}`)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	switch action {
	case "DescribeRule":
		fmt.Fprint(w, `{"Arn":"arn:aws:events:x:1:rule/bus/low","Name":"low","State":"DISABLED","EventPattern":"{\"source\":[\"payment.webhooks\"],\"detail\":{\"amount\":[{\"numeric\":[\"<\",1000]}]}}"}`)
	case "ListTargetsByRule":
		fmt.Fprintf(w, `{"Targets":[%s]}`, a.targets)
	case "GetQueueUrl":
		fmt.Fprintf(w, `{"QueueUrl":"http://%s/1/queue"}`, r.Host)
	case "StartExecution":
		fmt.Fprint(w, `{"executionArn":"arn","startDate":1}`)
	case "PutLogEvents":
		fmt.Fprint(w, `{}`)
	case "CreateLogStream":
		w.Header().Set("X-Amzn-Errortype", "ResourceAlreadyExistsException")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"ResourceAlreadyExistsException"}`)
	case "Publish":
		fmt.Fprint(w, `<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`)
	case "Invoke":
		if a.function != "" {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
		}
		fmt.Fprint(w, a.function)
	default:
		fmt.Fprint(w, `{}`)
	}
}

func (a *account) open(t *testing.T) (*rules.Client, rules.Rule) {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	client := rules.New(aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}, func() time.Time { return time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC) })
	rule, err := client.Describe(t.Context(), "bus", "low")
	if err != nil {
		t.Fatal(err)
	}
	return client, rule
}

const event = `{"source":"payment.webhooks","time":"2026-11-22T15:04:05Z","detail":{"transaction_id":"txn_1","amount":5}}`

func TestDeliver(t *testing.T) {
	for name, c := range map[string]struct {
		target string
		action string // of AWS
		field  string // of its request
		want   string
		says   string
	}{
		"a state machine": {`{"Id":"a","Arn":"arn:aws:states:x:1:stateMachine:m","InputPath":"$.detail"}`, "StartExecution", "input", `{"transaction_id":"txn_1","amount":5}`, "start an execution of m"},
		"a queue":         {`{"Id":"a","Arn":"arn:aws:sqs:x:1:queue"}`, "SendMessage", "MessageBody", event, "send to queue"},
		"a log group":     {`{"Id":"a","Arn":"arn:aws:logs:x:1:log-group:/aws/events/low"}`, "PutLogEvents", "logEvents", `[map[message:` + event + ` timestamp:1.795359845e+12]]`, "write to /aws/events/low"},
		"a function":      {`{"Id":"a","Arn":"arn:aws:lambda:x:1:function:f","Input":"{\"a\":1}"}`, "Invoke", "a", "1", "invoke f and await its success"},
	} {
		t.Run("when the target is "+name, func(t *testing.T) {
			a := &account{targets: c.target}
			client, rule := a.open(t)
			if err := client.Deliver(t.Context(), rule, rule.Targets[0], []byte(event)); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(a.requests[c.action][c.field]); got != c.want {
				t.Errorf("%s got %s", c.action, got)
			}
			if action := rule.Targets[0].Action(); action != c.says {
				t.Errorf("%q", action)
			}
			a.fail = c.action
			if err := client.Deliver(t.Context(), rule, rule.Targets[0], []byte(event)); err == nil {
				t.Error("a target that rejects it has accepted it")
			}
		})
	}
	t.Run("when the target is a topic, renders its text", func(t *testing.T) {
		a := &account{targets: `{"Id":"a","Arn":"arn:aws:sns:x:1:alerts","InputTransformer":{"InputPathsMap":{"id":"$.detail.transaction_id"},"InputTemplate":"\"Look at <id>.\""}}`}
		client, rule := a.open(t)
		if err := client.Deliver(t.Context(), rule, rule.Targets[0], []byte(event)); err != nil {
			t.Fatal(err)
		}
		if a.form != `"Look at txn_1."` {
			t.Errorf("published %s", a.form)
		}
	})
	t.Run("when the function fails, is an error", func(t *testing.T) {
		a := &account{targets: `{"Id":"a","Arn":"arn:aws:lambda:x:1:function:f"}`, function: `{"errorType":"E","errorMessage":"out of time"}`}
		client, rule := a.open(t)
		if err := client.Deliver(t.Context(), rule, rule.Targets[0], []byte(event)); !errors.Is(err, rules.ErrFunction) || !strings.Contains(err.Error(), "out of time") {
			t.Error(err)
		}
	})
	t.Run("when the service is unknown, is an error", func(t *testing.T) {
		a := &account{targets: `{"Id":"a","Arn":"arn:aws:kinesis:x:1:stream/s"}`}
		client, rule := a.open(t)
		if err := client.Deliver(t.Context(), rule, rule.Targets[0], []byte(event)); err == nil {
			t.Error("delivered")
		}
	})
}

func TestRule(t *testing.T) {
	_, rule := (&account{targets: `{"Id":"a","Arn":"arn:aws:sqs:x:1:a"},{"Id":"b","Arn":"arn:aws:sqs:x:1:b"}`}).open(t)
	t.Run("when it is described, matches as deployed", func(t *testing.T) {
		for text, want := range map[string]bool{event: true, strings.Replace(event, `"amount":5`, `"amount":1000`, 1): false} {
			if got, err := rule.Matches([]byte(text)); got != want || err != nil {
				t.Errorf("%s: %v, %v", text, got, err)
			}
		}
		if rule.Enabled {
			t.Error("it is disabled")
		}
	})
	t.Run("when a target failed, is found by its ARN", func(t *testing.T) {
		if target, err := rule.Target("arn:aws:sqs:x:1:b"); err != nil || target.Name() != "b" {
			t.Errorf("%+v, %v", target, err)
		}
		if _, err := rule.Target("arn:aws:sqs:x:1:c"); !errors.Is(err, rules.ErrTarget) {
			t.Error(err)
		}
	})
	t.Run("when it is named, is split from its bus", func(t *testing.T) {
		for text, want := range map[string]string{"arn:aws:events:x:1:rule/bus/low": "bus low", "arn:aws:events:x:1:rule/daily": "default daily"} {
			if bus, name := rules.ParseARN(text); bus+" "+name != want {
				t.Errorf("%s: %s %s", text, bus, name)
			}
		}
		for text, want := range map[string]string{"bus|low": "bus low", "daily": "default daily"} {
			if bus, name := rules.ParseRef(text); bus+" "+name != want {
				t.Errorf("%s: %s %s", text, bus, name)
			}
		}
	})
}
