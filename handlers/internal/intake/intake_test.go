package intake

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/problem"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/secrets"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/internal/transaction"
)

// now is the first reading of the clock; each further one is 7 ms later.
var now = time.Date(2026, time.November, 22, 15, 4, 5, 123456789, time.UTC)

// fixture is an intake with everything that it touches.
type fixture struct {
	*Intake
	ledger      *ledgertest.Memory
	secretStore *fakeSecrets
	quarantine  *fakeQueue
	clock       *clock
	out         *bytes.Buffer // log and metrics lines
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

func newFixture() fixture {
	memory, out, clock := ledgertest.NewMemory(now), &bytes.Buffer{}, &clock{now: now}
	store := &fakeSecrets{values: map[string][]string{"payments/fake": {"secret"}, "payments/canonical": {"canonical"}}}
	quarantine := &fakeQueue{}
	safe := &locked{w: out}
	in := New(Config{
		Routes: Routes{providers: map[string]Route{
			"fake": {name: "fake", declared: fakeDeclaration, secret: "payments/fake", verify: fake{}.Verify, decode: fake{}.Decode},
		}},
		Ledger:     memory,
		Bindings:   memory,
		Secrets:    store,
		Quarantine: quarantine,
		Log:        telemetry.Logger(safe, contract.WebhookValidator),
		Metrics:    telemetry.NewMetrics(safe, func() time.Time { return now }, "test"),
		Now:        clock.read,
	})
	in.secrets = secrets.NewCache(store, func() time.Time { // reads no time off the requests
		clock.mu.Lock()
		defer clock.mu.Unlock()
		return clock.now
	}, in.secretFailed)
	return fixture{in, memory, store, quarantine, clock, out}
}

// post is a request to /webhook with a body.
func post(body string) Request {
	return Request{
		Resource: "/webhook", Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}},
		Body: base64.StdEncoding.EncodeToString([]byte(body)), BodyIsBase64: true,
	}
}

const valid = `{"transaction_id":"txn_123456","amount":15000,"currency":"USD","provider":"stripe","customer_id":"cust_789"}`

func (d fixture) send(t testing.TB, request Request) Response {
	t.Helper()
	return d.Handle(t.Context(), request)
}

// stored returns everything in the ledger for the hour of now.
func (d fixture) stored(t testing.TB) []ledger.Record {
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
func (d fixture) lines(t testing.TB) (logs []map[string]any, metrics map[string]any) {
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

func parseProblem(t testing.TB, response Response) problem.Problem {
	t.Helper()
	if got := response.Header["Content-Type"]; got != problem.ContentType {
		t.Errorf("content type %q, want %q", got, problem.ContentType)
	}
	var p problem.Problem
	decoder := json.NewDecoder(strings.NewReader(response.Body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		t.Fatalf("%s: %v", response.Body, err)
	}
	if p.Status != response.Status || p.Type == "" || p.Title == "" || p.Detail == "" {
		t.Errorf("status %d with the problem %+v", response.Status, p)
	}
	return p
}

func TestDuplicateDeliveryIsAcceptedOnce(t *testing.T) {
	d := newFixture()
	statuses := []int{}
	var last Response
	for _, body := range []string{valid, valid, strings.Replace(valid, "15000", `"15000.00"`, 1)} {
		last = d.send(t, post(body))
		statuses = append(statuses, last.Status)
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

func TestConflict(t *testing.T) {
	d := newFixture()
	d.send(t, post(valid))
	response := d.send(t, post(strings.Replace(valid, "15000", "15001", 1)))
	if p := parseProblem(t, response); p.Status != 409 || p.Type != problem.ConflictingTransaction {
		t.Errorf("%+v, want a 409", p)
	}
	if tx := d.stored(t)[0].Transaction; tx.Amount.String() != "15000" {
		t.Errorf("the stored amount became %s", tx.Amount)
	}
}

func TestRejections(t *testing.T) {
	contentType := func(values ...string) func(*Request) {
		return func(r *Request) {
			r.Header = map[string][]string{"Content-Type": values}
		}
	}
	tests := []struct {
		name   string
		body   string
		change func(*Request)
		status int
		kind   string
	}{
		{"no body", "", nil, 400, problem.MalformedBody},
		{"no JSON", "amount=1", nil, 400, problem.MalformedBody},
		{"invalid transaction", "{}", nil, 400, problem.InvalidTransaction},
		{"base64 that is none", valid, func(r *Request) { r.Body = "{" }, 400, problem.MalformedBody},
		{"too large", valid + strings.Repeat(" ", transaction.MaxBodyBytes), nil, 413, problem.AboutBlank},
		{"too large by a byte", valid + strings.Repeat(" ", transaction.MaxBodyBytes-len(valid)+1), nil, 413, problem.AboutBlank},
		{"too large, not encoded", "", func(r *Request) {
			r.Body, r.BodyIsBase64 = strings.Repeat(" ", transaction.MaxBodyBytes+1), false
		}, 413, problem.AboutBlank},
		{"too large and of another type", strings.Repeat(" ", transaction.MaxBodyBytes+1), contentType("text/plain"), 413, problem.AboutBlank},
		{"canonical by name", valid, func(r *Request) {
			r.Resource, r.Provider = "/webhook/{provider}", "canonical"
		}, 404, problem.AboutBlank},
		{"provider without its resource", valid, func(r *Request) {
			r.Provider = "fake"
		}, 404, problem.AboutBlank},
		{"provider by another method", valid, func(r *Request) {
			r.Resource, r.Provider, r.Method = "/webhook/{provider}", "fake", http.MethodGet
		}, 404, problem.AboutBlank},
		{"no content type", valid, contentType(), 415, problem.AboutBlank},
		{"empty content type", valid, contentType(""), 415, problem.AboutBlank},
		{"form", valid, contentType("application/x-www-form-urlencoded"), 415, problem.AboutBlank},
		{"text", valid, contentType("text/json"), 415, problem.AboutBlank},
		{"other charset", valid, contentType("application/json; charset=iso-8859-1"), 415, problem.AboutBlank},
		{"two content types", valid, contentType("application/json", "application/json"), 415, problem.AboutBlank},
		{"nonsense as content type", valid, contentType("application/json; charset"), 415, problem.AboutBlank},
		{"compressed", valid, func(r *Request) {
			r.Header["Content-Encoding"] = []string{"gzip"}
		}, 415, problem.AboutBlank},
		{"unknown provider", valid, func(r *Request) {
			r.Resource, r.Provider = "/webhook/{provider}", "nobody"
		}, 404, problem.AboutBlank},
		{"other path", valid, func(r *Request) { r.Resource = "/" }, 404, problem.AboutBlank},
		{"other method", valid, func(r *Request) { r.Method = http.MethodGet }, 404, problem.AboutBlank},
		{"event of another kind", valid, func(r *Request) { *r = Request{} }, 404, problem.AboutBlank},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newFixture()
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
	tests := map[string]func(*Request){
		"plain body": func(r *Request) { r.Body, r.BodyIsBase64 = valid, false },
		"UTF-8 by name": func(r *Request) {
			r.Header["Content-Type"][0] = `Application/JSON; charset="UTF-8"`
		},
		"no compression, by name":      func(r *Request) { r.Header["Content-Encoding"] = []string{"identity"} },
		"slash at the end of the path": func(r *Request) { r.Resource = "/webhook/" },
		"largest body, white space it is": func(r *Request) {
			*r = post(valid + strings.Repeat(" ", transaction.MaxBodyBytes-len(valid)))
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			request := post(valid)
			change(&request)
			if response := newFixture().send(t, request); response.Status != 202 {
				t.Errorf("%d %s", response.Status, response.Body)
			}
		})
	}
}

func TestFieldErrors(t *testing.T) {
	response := newFixture().send(t, post(`{"transaction_id":"txn_1","amount":1,"currency":"XXX","provider":"stripe"}`))
	var fields []string
	for _, e := range parseProblem(t, response).Errors {
		fields = append(fields, e.Field)
	}
	if diff := cmp.Diff([]string{"/currency", "/customer_id"}, fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnavailableLedgerIsWorthARetry(t *testing.T) {
	d := newFixture()
	d.ledger.Fail(errors.New("dynamodb.us-east-1.amazonaws.com: connection refused"))
	response := d.send(t, post(valid))
	if p := parseProblem(t, response); p.Status != 503 || strings.Contains(response.Body, "dynamodb") {
		t.Errorf("%s, want a 503 without internals", response.Body)
	}
	if got := response.Header["Retry-After"]; got != "5" {
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
	if again := d.send(t, post(valid)); again.Status != 202 {
		t.Errorf("the retry's status is %d", again.Status)
	}
}

func TestCardNumbersAreMasked(t *testing.T) {
	d := newFixture()
	body := strings.Replace(valid, `"cust_789"`, `"4242424242424242","metadata":{"note":"5555 5555 5555 4444","n":[378282246310005]}`, 1)
	if response := d.send(t, post(body)); response.Status != 202 {
		t.Fatalf("%d %s", response.Status, response.Body)
	}
	tx := d.stored(t)[0].Transaction
	if tx.CustomerID != "424242******4242" || tx.Metadata.String() != `{"n":["378282*****0005"],"note":"5555 55** **** 4444"}` {
		t.Errorf("stored %s, %s", tx.CustomerID, tx.Metadata)
	}
	if _, n := redact.Text(d.out.String()); n > 0 {
		t.Errorf("a card number is in the log:\n%s", d.out)
	}
	if _, metrics := d.lines(t); metrics[contract.MetricCardNumbersMasked] != 3.0 {
		t.Errorf("metrics %v", metrics)
	}
	// The same, already masked, is the same delivery: what is hidden does not count.
	if again := d.send(t, post(body)); again.Status != 200 {
		t.Errorf("the repeat's status is %d", again.Status)
	}
}

func TestDeliveryReport(t *testing.T) {
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
			map[string]any{
				contract.MetricAccepted: 1.0, contract.MetricAckLatency: 7.0,
				contract.MetricPublicationsDue: 1.0, contract.MetricPublicationsDone: 0.0, contract.MetricArchiveRuns: 0.0,
			},
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
			map[string]any{"level": "INFO", "message": "request rejected", "status": 409.0, "transaction_id": "txn_123456", "provider": "stripe", "card_numbers_masked": 0.0, "error": "the key is taken by another transaction"},
			map[string]any{contract.MetricConflicts: 1.0, contract.MetricAckLatency: 7.0},
		},
		{
			"invalid",
			[]string{strings.Replace(valid, "txn_123456", "secret body", 1)},
			map[string]any{"level": "INFO", "message": "request rejected", "status": 400.0, "error": "invalid transaction: 1 field errors, the first at /transaction_id"},
			map[string]any{contract.MetricRejected: 1.0, contract.MetricAckLatency: 7.0},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newFixture()
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

// FuzzHandle checks, for any request, that nothing panics, that the response is a
// documented one, that it is 2xx exactly when the transaction is stored, and that neither
// response nor log contains a card number.
func FuzzHandle(f *testing.F) {
	f.Add("POST", "/webhook", "application/json", "", true, []byte(valid))
	f.Add("POST", "/webhook", "application/json; charset=utf-8", "", false, []byte(`{"metadata":{"4111111111111111":1e999}}`))
	f.Add("POST", "/webhook/{provider}", "application/json", "4111111111111111", true, []byte(valid))
	f.Add("GET", "/", "text/plain", "", false, []byte("\xff"))
	f.Fuzz(func(t *testing.T, method, resource, contentType, provider string, encoded bool, body []byte) {
		d := newFixture()
		request := post(string(body))
		request.Method, request.Resource = method, resource
		request.Header["Content-Type"][0] = contentType
		if provider != "" {
			request.Provider = provider
		}
		if !encoded {
			request.Body, request.BodyIsBase64 = string(body), false
		}
		response := d.send(t, request)
		stored := len(d.stored(t))
		if response.Status == 202 {
			if stored != 1 {
				t.Fatalf("status 202 with %d transactions stored", stored)
			}
		} else {
			if !slices.Contains([]int{400, 404, 413, 415}, response.Status) || stored != 0 {
				t.Fatalf("status %d with %d transactions stored", response.Status, stored)
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
			t.Fatalf("a card number in the response: %s", masked)
		}
	})
}
