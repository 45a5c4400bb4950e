package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/problem"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/secrets"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/internal/transaction"
)

// now is the first reading of the clock; each further one is 7 ms later.
var now = time.Date(2026, time.November, 22, 15, 4, 5, 123456789, time.UTC)

// door is a handler with everything that it touches.
type door struct {
	*handler
	ledger     *ledger.Memory
	vault      *vault
	quarantine *shelf
	clock      *clock
	out        *bytes.Buffer // log and metrics lines
}

// clock goes on by 7 ms with each reading.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now
	c.now = now.Add(7 * time.Millisecond)
	return now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newDoor() door {
	memory, out, clock := ledger.New(now), &bytes.Buffer{}, &clock{now: now}
	vault, shelf := &vault{values: map[string][]string{"payments/fake": {"secret"}, "payments/canonical": {"canonical"}}}, &shelf{}
	safe := &locked{w: out}
	h := &handler{
		ledger:     memory,
		providers:  map[string]signer{"fake": {name: "fake", secret: "payments/fake", verify: fake{}.Verify, decode: fake{}.Decode}},
		quarantine: shelf,
		log:        telemetry.Logger(safe, contract.WebhookValidator),
		metrics:    telemetry.NewMetrics(safe, func() time.Time { return now }, "test"),
		now:        clock.read,
	}
	h.secrets = secrets.NewCache(vault, func() time.Time { // reads no time off the requests
		clock.mu.Lock()
		defer clock.mu.Unlock()
		return clock.now
	}, h.secretFailed)
	return door{h, memory, vault, shelf, clock, out}
}

// post is the gateway's event for a body.
func post(body string) events.APIGatewayProxyRequest {
	return events.APIGatewayProxyRequest{
		Resource: "/webhook", Path: "/webhook", HTTPMethod: http.MethodPost,
		Headers:           map[string]string{"Content-Type": "application/json"},
		MultiValueHeaders: map[string][]string{"Content-Type": {"application/json"}},
		Body:              base64.StdEncoding.EncodeToString([]byte(body)), IsBase64Encoded: true,
	}
}

const valid = `{"transaction_id":"txn_123456","amount":15000,"currency":"USD","provider":"stripe","customer_id":"cust_789"}`

func (d door) send(t testing.TB, request events.APIGatewayProxyRequest) events.APIGatewayProxyResponse {
	t.Helper()
	response, err := d.handle(t.Context(), request)
	if err != nil {
		t.Fatalf("the handler failed, which the provider would see as a 502: %v", err)
	}
	return response
}

// stored returns everything in the ledger for the hour of now.
func (d door) stored(t testing.TB) []ledger.Record {
	t.Helper()
	var records []ledger.Record
	for shard := range contract.HourShards {
		for record, err := range d.ledger.Hour(t.Context(), now, shard) {
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, record)
		}
	}
	return records
}

// lines returns the log lines and the values of the metrics that were written.
func (d door) lines(t testing.TB) (logs []map[string]any, metrics map[string]any) {
	t.Helper()
	metrics = map[string]any{}
	for line := range strings.Lines(d.out.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q is not JSON: %v", line, err)
		}
		if _, isMetric := fields["_aws"]; !isMetric {
			logs = append(logs, fields)
			continue
		}
		for name, value := range fields {
			if name != "_aws" && name != contract.DimensionEnvironment {
				metrics[name] = value
			}
		}
	}
	return logs, metrics
}

func parseProblem(t testing.TB, response events.APIGatewayProxyResponse) problem.Problem {
	t.Helper()
	if got := response.Headers["Content-Type"]; got != problem.ContentType {
		t.Errorf("content type %q, want %q", got, problem.ContentType)
	}
	var p problem.Problem
	decoder := json.NewDecoder(strings.NewReader(response.Body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		t.Fatalf("%s: %v", response.Body, err)
	}
	if p.Status != response.StatusCode || p.Type == "" || p.Title == "" || p.Detail == "" {
		t.Errorf("status %d with the problem %+v", response.StatusCode, p)
	}
	return p
}

// The event goes through Lambda's own decoding, as in production.
func TestGatewayEventIsStoredAndAnswered202(t *testing.T) {
	event, err := os.ReadFile("testdata/apigateway-post.json")
	if err != nil {
		t.Fatal(err)
	}
	d := newDoor()
	answer, err := lambda.NewHandler(d.handle).Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	var response events.APIGatewayProxyResponse
	if err := json.Unmarshal(answer, &response); err != nil {
		t.Fatal(err)
	}
	want := events.APIGatewayProxyResponse{
		StatusCode: 202, Headers: map[string]string{"Content-Type": "application/json"},
		Body: `{"transaction_id":"txn_123456","provider":"stripe","status":"accepted","duplicate":false}`,
	}
	if diff := cmp.Diff(want, response); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	records := d.stored(t)
	if len(records) != 1 {
		t.Fatalf("%d transactions stored, want 1", len(records))
	}
	tx := records[0].Transaction
	if tx.ID != "txn_123456" || tx.Amount.Format(tx.Currency) != "15000.00 USD" || !tx.ReceivedAt.Equal(now) {
		t.Errorf("stored %+v", tx)
	}
}

func TestDuplicateDeliveryIsAcceptedOnce(t *testing.T) {
	d := newDoor()
	statuses := []int{}
	var last events.APIGatewayProxyResponse
	for _, body := range []string{valid, valid, strings.Replace(valid, "15000", `"15000.00"`, 1)} {
		last = d.send(t, post(body))
		statuses = append(statuses, last.StatusCode)
	}
	if diff := cmp.Diff([]int{202, 200, 200}, statuses); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if want := `{"transaction_id":"txn_123456","provider":"stripe","status":"accepted","duplicate":true}`; last.Body != want {
		t.Errorf("body %s, want %s", last.Body, want)
	}
	if n := len(d.stored(t)); n != 1 {
		t.Errorf("%d transactions stored, want 1", n)
	}
}

func TestSameKeyWithOtherContentIsAConflict(t *testing.T) {
	d := newDoor()
	d.send(t, post(valid))
	response := d.send(t, post(strings.Replace(valid, "15000", "15001", 1)))
	if p := parseProblem(t, response); p.Status != 409 || p.Type != problem.ConflictingTransaction {
		t.Errorf("%+v, want a 409", p)
	}
	if tx := d.stored(t)[0].Transaction; tx.Amount.String() != "15000" {
		t.Errorf("the stored amount became %s", tx.Amount)
	}
}

func TestRefusals(t *testing.T) {
	contentType := func(values ...string) func(*events.APIGatewayProxyRequest) {
		return func(r *events.APIGatewayProxyRequest) {
			r.Headers = nil
			r.MultiValueHeaders = map[string][]string{"cOnTeNt-TyPe": values}
		}
	}
	tests := []struct {
		name   string
		body   string
		change func(*events.APIGatewayProxyRequest)
		status int
		kind   string
	}{
		{"no body", "", nil, 400, problem.MalformedBody},
		{"no JSON", "amount=1", nil, 400, problem.MalformedBody},
		{"invalid transaction", "{}", nil, 400, problem.InvalidTransaction},
		{"base64 that is none", valid, func(r *events.APIGatewayProxyRequest) { r.Body = "{" }, 400, problem.MalformedBody},
		{"too large", valid + strings.Repeat(" ", transaction.MaxBodyBytes), nil, 413, problem.AboutBlank},
		{"too large by a byte", valid + strings.Repeat(" ", transaction.MaxBodyBytes-len(valid)+1), nil, 413, problem.AboutBlank},
		{"too large, not encoded", "", func(r *events.APIGatewayProxyRequest) {
			r.Body, r.IsBase64Encoded = strings.Repeat(" ", transaction.MaxBodyBytes+1), false
		}, 413, problem.AboutBlank},
		{"too large and of another type", strings.Repeat(" ", transaction.MaxBodyBytes+1), contentType("text/plain"), 413, problem.AboutBlank},
		{"canonical by name", valid, func(r *events.APIGatewayProxyRequest) {
			r.Resource, r.PathParameters = "/webhook/{provider}", map[string]string{"provider": "canonical"}
		}, 404, problem.AboutBlank},
		{"provider without its resource", valid, func(r *events.APIGatewayProxyRequest) {
			r.PathParameters = map[string]string{"provider": "fake"}
		}, 404, problem.AboutBlank},
		{"provider by another method", valid, func(r *events.APIGatewayProxyRequest) {
			r.Resource, r.PathParameters, r.HTTPMethod = "/webhook/{provider}", map[string]string{"provider": "fake"}, http.MethodGet
		}, 404, problem.AboutBlank},
		{"no content type", valid, contentType(), 415, problem.AboutBlank},
		{"empty content type", valid, contentType(""), 415, problem.AboutBlank},
		{"form", valid, contentType("application/x-www-form-urlencoded"), 415, problem.AboutBlank},
		{"text", valid, contentType("text/json"), 415, problem.AboutBlank},
		{"other charset", valid, contentType("application/json; charset=iso-8859-1"), 415, problem.AboutBlank},
		{"two content types", valid, contentType("application/json", "application/json"), 415, problem.AboutBlank},
		{"nonsense as content type", valid, contentType("application/json; charset"), 415, problem.AboutBlank},
		{"compressed", valid, func(r *events.APIGatewayProxyRequest) {
			r.MultiValueHeaders["content-encoding"] = []string{"gzip"}
		}, 415, problem.AboutBlank},
		{"unknown provider", valid, func(r *events.APIGatewayProxyRequest) {
			r.Resource, r.PathParameters = "/webhook/{provider}", map[string]string{"provider": "nobody"}
		}, 404, problem.AboutBlank},
		{"other path", valid, func(r *events.APIGatewayProxyRequest) { r.Resource = "/" }, 404, problem.AboutBlank},
		{"other method", valid, func(r *events.APIGatewayProxyRequest) { r.HTTPMethod = http.MethodGet }, 404, problem.AboutBlank},
		{"event of another kind", valid, func(r *events.APIGatewayProxyRequest) { *r = events.APIGatewayProxyRequest{} }, 404, problem.AboutBlank},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDoor()
			request := post(tt.body)
			if tt.change != nil {
				tt.change(&request)
			}
			response := d.send(t, request)
			if p := parseProblem(t, response); p.Status != tt.status || p.Type != tt.kind {
				t.Errorf("%+v, want status %d and type %s", p, tt.status, tt.kind)
			}
			if n := len(d.stored(t)); n != 0 {
				t.Errorf("%d transactions stored", n)
			}
			if _, metrics := d.lines(t); metrics[contract.MetricRejected] != 1.0 {
				t.Errorf("metrics %v, want %s", metrics, contract.MetricRejected)
			}
		})
	}
}

func TestAcceptedFormsOfARequest(t *testing.T) {
	tests := map[string]func(*events.APIGatewayProxyRequest){
		"plain body": func(r *events.APIGatewayProxyRequest) { r.Body, r.IsBase64Encoded = valid, false },
		"UTF-8 by name": func(r *events.APIGatewayProxyRequest) {
			r.MultiValueHeaders["Content-Type"][0] = `Application/JSON; charset="UTF-8"`
		},
		"single-value headers only":    func(r *events.APIGatewayProxyRequest) { r.MultiValueHeaders = nil },
		"no compression, by name":      func(r *events.APIGatewayProxyRequest) { r.MultiValueHeaders["Content-Encoding"] = []string{"identity"} },
		"slash at the end of the path": func(r *events.APIGatewayProxyRequest) { r.Resource = "/webhook/" },
		"largest body, white space it is": func(r *events.APIGatewayProxyRequest) {
			*r = post(valid + strings.Repeat(" ", transaction.MaxBodyBytes-len(valid)))
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			request := post(valid)
			change(&request)
			if response := newDoor().send(t, request); response.StatusCode != 202 {
				t.Errorf("%d %s", response.StatusCode, response.Body)
			}
		})
	}
}

func TestAllFieldErrorsAreInOneProblemDocument(t *testing.T) {
	response := newDoor().send(t, post(`{"transaction_id":"txn_1","amount":1,"currency":"XXX","provider":"stripe"}`))
	var fields []string
	for _, e := range parseProblem(t, response).Errors {
		fields = append(fields, e.Field)
	}
	if diff := cmp.Diff([]string{"/currency", "/customer_id"}, fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnavailableLedgerIsWorthARetry(t *testing.T) {
	d := newDoor()
	d.ledger.Fail(errors.New("dynamodb.us-east-1.amazonaws.com: connection refused"))
	response := d.send(t, post(valid))
	if p := parseProblem(t, response); p.Status != 503 || strings.Contains(response.Body, "dynamodb") {
		t.Errorf("%s, want a 503 without internals", response.Body)
	}
	if got := response.Headers["Retry-After"]; got != "5" {
		t.Errorf("Retry-After %q", got)
	}
	logs, metrics := d.lines(t)
	if metrics[contract.MetricStoreUnavailable] != 1.0 {
		t.Errorf("metrics %v", metrics)
	}
	if logs[0]["level"] != "ERROR" || !strings.Contains(logs[0]["error"].(string), "connection refused") {
		t.Errorf("the operator is not told the cause: %v", logs)
	}
	d.ledger.Fail(nil)
	if again := d.send(t, post(valid)); again.StatusCode != 202 {
		t.Errorf("the retry is answered %d", again.StatusCode)
	}
}

func TestCardNumbersAreMaskedBeforeAnythingSeesThem(t *testing.T) {
	d := newDoor()
	body := strings.Replace(valid, `"cust_789"`, `"4242424242424242","metadata":{"note":"5555 5555 5555 4444","n":[378282246310005]}`, 1)
	if response := d.send(t, post(body)); response.StatusCode != 202 {
		t.Fatalf("%d %s", response.StatusCode, response.Body)
	}
	tx := d.stored(t)[0].Transaction
	if tx.CustomerID != "424242******4242" || string(tx.Metadata) != `{"n":["378282*****0005"],"note":"5555 55** **** 4444"}` {
		t.Errorf("stored %s, %s", tx.CustomerID, tx.Metadata)
	}
	if _, n := redact.Text(d.out.String()); n > 0 {
		t.Errorf("a card number is in the log:\n%s", d.out)
	}
	if _, metrics := d.lines(t); metrics[contract.MetricCardNumbersMasked] != 3.0 {
		t.Errorf("metrics %v", metrics)
	}
	// The same, already masked, is the same delivery: what is hidden does not count.
	if again := d.send(t, post(body)); again.StatusCode != 200 {
		t.Errorf("the repeat is answered %d", again.StatusCode)
	}
}

func TestEachDeliveryIsOneLogLineAndItsMetrics(t *testing.T) {
	tests := []struct {
		name    string
		bodies  []string // the last one counts
		log     map[string]any
		metrics map[string]any
	}{
		{
			"stored",
			[]string{valid},
			map[string]any{"level": "INFO", "message": "transaction stored", "status": 202.0, "transaction_id": "txn_123456", "provider": "stripe", "card_numbers_masked": 0.0},
			map[string]any{contract.MetricAccepted: 1.0, contract.MetricAckLatency: 7.0},
		},
		{
			"duplicate",
			[]string{valid, valid},
			map[string]any{"level": "INFO", "message": "transaction duplicate", "status": 200.0, "transaction_id": "txn_123456", "provider": "stripe", "card_numbers_masked": 0.0},
			map[string]any{contract.MetricDuplicates: 1.0, contract.MetricAckLatency: 7.0},
		},
		{
			"conflict",
			[]string{valid, strings.Replace(valid, "USD", "EUR", 1)},
			map[string]any{"level": "INFO", "message": "request refused", "status": 409.0, "transaction_id": "txn_123456", "provider": "stripe", "card_numbers_masked": 0.0, "error": "the key is taken by another transaction"},
			map[string]any{contract.MetricConflicts: 1.0, contract.MetricAckLatency: 7.0},
		},
		{
			"invalid",
			[]string{strings.Replace(valid, "txn_123456", "secret body", 1)},
			map[string]any{"level": "INFO", "message": "request refused", "status": 400.0, "error": "invalid transaction: 1 field errors, the first at /transaction_id"},
			map[string]any{contract.MetricRejected: 1.0, contract.MetricAckLatency: 7.0},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDoor()
			for _, body := range tt.bodies {
				d.out.Reset()
				d.send(t, post(body))
			}
			logs, metrics := d.lines(t)
			if len(logs) != 1 {
				t.Fatalf("%d log lines", len(logs))
			}
			delete(logs[0], "timestamp")
			tt.log["function"], tt.log["duration_ms"] = contract.WebhookValidator, 7.0
			if diff := cmp.Diff(tt.log, logs[0]); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.metrics, metrics); diff != "" {
				t.Errorf("metrics (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRunNamesAMissingVariable(t *testing.T) {
	environment := map[string]string{contract.EnvEnvironmentSuffix: "test", contract.EnvTableName: "transactions-test"}
	for missing := range environment {
		_, err := run(func(name string) string {
			if name == missing {
				return ""
			}
			return environment[name]
		}, nil)
		if err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}

// FuzzHandle checks what must hold for any request: no panic, an answer that the
// documentation lists, 2xx exactly when the transaction is stored, and no card
// number in the answer or the log.
func FuzzHandle(f *testing.F) {
	f.Add("POST", "/webhook", "application/json", "", true, []byte(valid))
	f.Add("POST", "/webhook", "application/json; charset=utf-8", "", false, []byte(`{"metadata":{"4111111111111111":1e999}}`))
	f.Add("POST", "/webhook/{provider}", "application/json", "4111111111111111", true, []byte(valid))
	f.Add("GET", "/", "text/plain", "", false, []byte("\xff"))
	f.Fuzz(func(t *testing.T, method, resource, contentType, provider string, encoded bool, body []byte) {
		d := newDoor()
		request := post(string(body))
		request.HTTPMethod, request.Resource = method, resource
		request.MultiValueHeaders["Content-Type"][0] = contentType
		if provider != "" {
			request.PathParameters = map[string]string{"provider": provider}
		}
		if !encoded {
			request.Body, request.IsBase64Encoded = string(body), false
		}
		response := d.send(t, request)
		stored := len(d.stored(t))
		if response.StatusCode == 202 {
			if stored != 1 {
				t.Fatalf("answered 202 with %d transactions stored", stored)
			}
		} else {
			if !slices.Contains([]int{400, 404, 413, 415}, response.StatusCode) || stored != 0 {
				t.Fatalf("status %d with %d transactions stored", response.StatusCode, stored)
			}
			parseProblem(t, response)
		}
		// Not the metrics line: its timestamp is a number of 13 digits.
		logs, _ := d.lines(t)
		for _, line := range logs {
			delete(line, "timestamp")
			text, _ := json.Marshal(line)
			if masked, n := redact.Text(string(text)); n > 0 {
				t.Fatalf("a card number in the log: %s", masked)
			}
		}
		if masked, n := redact.Text(response.Body); n > 0 {
			t.Fatalf("a card number in the answer: %s", masked)
		}
	})
}
