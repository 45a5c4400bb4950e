package deliveries

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"payment-webhooks/local/apigateway"
	"payment-webhooks/local/events"
	"payment-webhooks/local/sns"
	"payment-webhooks/local/states"
	"payment-webhooks/local/tools"
	"payment-webhooks/local/xray"
)

var start = time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)

// newTestRecord returns a record at start.
func newTestRecord() *Record { return NewRecord(func() time.Time { return start }) }

// exchange returns an exchange with a provider's route.
func exchange(provider, invocation string, status int, body string) apigateway.Exchange {
	x := apigateway.Exchange{
		At: start, Took: 20 * time.Millisecond, Integration: 15 * time.Millisecond, ID: "request-" + invocation, InvocationID: invocation,
		Trace: "Root=1-6b0a2277-5e375da11d6040fdf09fae20;Parent=55758486b37a3127;Sampled=1", Method: http.MethodPost, Path: "/v1/webhook/" + provider, Resource: "/webhook/" + provider,
		Source: "127.0.0.1", Headers: http.Header{"User-Agent": {"Provider/1"}}, Status: status,
	}
	x.Response.Headers, x.Response.Body = http.Header{"Content-Type": {"application/json"}}, []byte(body)
	return x
}

func logLine(invocation, more string) string {
	return fmt.Sprintf(`{"timestamp":"2026-11-28T10:00:00.01Z","level":"INFO","message":"delivery processed","function":"webhook-validator",%s,"request_id":"%s","trace_id":"1-6b0a2277-5e375da11d6040fdf09fae20"}`, more, invocation)
}

func eventOf(provider, id, amount, kind string) []byte {
	return events.NewEvent(events.Envelope{
		ID: "event-" + id, DetailType: "Transaction Received", Source: "payment.webhooks", Time: start,
		Detail: fmt.Appendf(nil, `{"transaction_id":%q,"provider":%q,"kind":%q,"amount":%s,"amount_text":"%s.00 USD","currency":"USD","customer_id":"<b>"}`, id, provider, kind, amount, amount),
	})
}

// pay reports a payment that is accepted, routed, scored and announced.
func pay(r *Record, n int, provider string, amount int, rule, risk string) {
	id, invocation := fmt.Sprintf("pi_%d", n), fmt.Sprintf("invocation-%d", n)
	r.Line(logLine(invocation, fmt.Sprintf(`"status":202,"provider":%q,"event_types":["payment.succeeded"],"transaction_ids":[%q]`, provider, id)))
	r.Request(exchange(provider, invocation, 202, fmt.Sprintf(`{"transaction_id":%q,"provider":%q,"status":"accepted","duplicate":false}`, id, provider)))
	event := eventOf(provider, id, fmt.Sprint(amount), "payment")
	r.Event(event, "Root=1-6b0a2278-000000000000000000000001")
	p := events.Progress{Rule: &events.Rule{}, TargetARN: "arn:aws:states:us-east-1:1:stateMachine:workflow", Event: event, Started: start}
	r.Progress(p, rule)
	p.Ended = start.Add(time.Millisecond)
	r.Progress(p, rule)
	if risk != "" {
		stopped := start.Add(time.Second)
		input := fmt.Sprintf(`{"transaction_id":%q,"provider":%q}`, id, provider)
		x := states.Execution{ARN: "arn:" + id, Name: id, Status: states.Running, Started: start, Input: input}
		r.Execution(x, nil)
		x.Status, x.Stopped, x.Output = states.Succeeded, &stopped, fmt.Sprintf(`{"results":[{"assessment":{"risk_level":%q,"score":0.25}}]}`, risk)
		r.Execution(x, []states.Step{
			{At: start, Type: "ExecutionStarted"},
			{At: start, Type: "ParallelStateEntered", State: "Both"},
			{At: start, Type: "TaskStateEntered", State: "Score"},
			{At: start, Type: "TaskStarted", State: "Score"},
			{At: start, Type: "TaskFailed", State: "Score", Error: "E", Cause: "c"},
			{At: start, Type: "TaskStarted", State: "Score"},
			{At: stopped, Type: "TaskStateExited", State: "Score"},
			{At: stopped, Type: "ParallelStateExited", State: "Both"},
			{At: stopped, Type: "SucceedStateEntered", State: "Done"},
		})
		r.Notification(sns.Notification{At: start, Protocol: "email", Endpoint: "a@example.com", Subject: "High", Message: "A payment of stripe, transaction " + id + "."})
	}
}

// listed returns the list for a query.
func listed(t *testing.T, r *Record, query string) list {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseFilter(values)
	if err != nil {
		t.Fatal(err)
	}
	var l list
	r.read(func(j *joined) { l = j.list(f) })
	return l
}

func ids(l list) (all []uint64) {
	for _, r := range l.Rows {
		all = append(all, r.ID)
	}
	return all
}

func TestRecord(t *testing.T) {
	r := newTestRecord()
	pay(r, 1, "stripe", 15000, "high", "low")
	pay(r, 2, "square", 500, "low", "")
	r.Request(exchange("stripe", "i3", 401, `{"type":"about:blank","title":"Unauthorized","status":401,"detail":"The signature is wrong."}`))
	r.Line(logLine("i3", `"status":401,"provider":"stripe","error":"signature: expired"`)) // after the response
	r.Request(exchange("adyen", "i4", 202, `{"results":[{"transaction_id":"psp1","provider":"adyen","status":"accepted","duplicate":false},{"ignored":"REPORT"},{"quarantined":"invalid"},{"transaction_id":"pi_1","provider":"stripe","status":"accepted","duplicate":true}]}`))
	r.Line(logLine("i4", `"status":202,"provider":"adyen","event_types":["AUTHORISATION","REPORT","REFUND","AUTHORISATION"],"error":"invalid: amount"`))
	r.Request(exchange("", "", 403, `{"message":"Forbidden"}`))
	r.Request(exchange("", "i6", 400, `{"title":"Invalid transaction","status":400,"detail":"Rules.","errors":[{"field":"/amount","detail":"is required, not \u003ci\u003e"}]}`))

	t.Run("when facts are about a delivery, they are in its row", func(t *testing.T) {
		l := listed(t, r, "")
		if got := ids(l); !slices.Equal(got, []uint64{6, 5, 4, 3, 2, 1}) || l.Total != 6 || l.Kept != 6 || l.Matching != 6 {
			t.Fatalf("%v of %+v, want the newest first", got, l)
		}
		row := l.Rows[5]
		if len(row.Events) != 1 {
			t.Fatalf("%+v", row)
		}
		if e := row.Events[0]; row.Provider != "stripe" || row.Result != "accepted" || row.MS != 20 || e.ID != "pi_1" || e.Type != "payment.succeeded" || e.Kind != "payment" ||
			e.Amount != "15000.00 USD" || !slices.Equal(e.Tiers, []string{"high"}) || e.Risk != "low" || e.Score != "0.25" || e.Alerts != 1 {
			t.Errorf("%+v", row)
		}
		if row := l.Rows[3]; row.Status != 401 || row.Result != "Unauthorized" || row.Why != "The signature is wrong." || row.Cause != "signature: expired" || row.Provider != "stripe" {
			t.Errorf("%+v", row)
		}
		if row := l.Rows[1]; row.Result != "Forbidden" || row.Provider != "" {
			t.Errorf("%+v", row)
		}
		if row := l.Rows[0]; row.Why != "Rules.\n/amount is required, not <i>" {
			t.Errorf("%+v", row)
		}
	})
	t.Run("when a delivery has several events, each is shown", func(t *testing.T) {
		var got []string
		for _, e := range listed(t, r, "").Rows[2].Events {
			got = append(got, e.Type+" "+e.ID+" "+e.Result+" "+e.Amount)
		}
		if want := []string{"AUTHORISATION psp1 accepted ", "REPORT  ignored ", "REFUND  quarantined: invalid ", "AUTHORISATION pi_1 duplicate 15000.00 USD"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
	t.Run("when a filter is given, only what matches is listed", func(t *testing.T) {
		for query, want := range map[string][]uint64{
			"provider=stripe": {3, 1}, "type=REPORT": {4}, "status=401": {3}, "status=4xx": {6, 5, 3}, "result=duplicate": {4}, "result=Unauthorized": {3}, "result=accepted": {4, 2, 1},
			"tier=high": {4, 1}, "risk=low": {4, 1}, "kind=payment": {4, 2, 1}, "currency=USD": {4, 2, 1}, "min=1000": {4, 1}, "max=1000": {2}, "min=1&max=2": nil,
			"alerts=yes": {4, 1}, "alerts=no": {6, 5, 4, 3, 2}, "ms=20": {6, 5, 4, 3, 2, 1}, "ms=21": nil,
			"q=PI_2": {2}, "q=request-i3": {3}, "q=expired": {3}, "q=%3Cb%3E": {4, 2, 1}, "q=not+%3Ci%3E": {6}, "q=provider/1": {6, 5, 4, 3, 2, 1}, "q=nothing": nil,
			"from=2026-11-28T10:00:00Z": {6, 5, 4, 3, 2, 1}, "from=2026-11-28T10:00:01Z": nil, "to=2026-11-28T10:00:00Z": nil, "provider=stripe&status=401": {3}, "provider=": {6, 5, 4, 3, 2, 1},
		} {
			if got := ids(listed(t, r, query)); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", query, got, want)
			}
		}
		for _, query := range []string{"nonsense=1", "min=a", "from=today", "upto=x"} {
			values, _ := url.ParseQuery(query)
			if _, err := parseFilter(values); !errors.Is(err, errFilter) {
				t.Errorf("%s: %v", query, err)
			}
		}
	})
	t.Run("when a filter has choices, they are those of what is kept", func(t *testing.T) {
		choices := listed(t, r, "").Choices
		for name, want := range map[string][]string{
			"provider": {"adyen", "square", "stripe"}, "status": {"202", "400", "401", "403"}, "tier": {"high", "low"}, "risk": {"low"}, "kind": {"payment"}, "currency": {"USD"},
			"type":   {"AUTHORISATION", "REFUND", "REPORT", "payment.succeeded"},
			"result": {"Forbidden", "Invalid transaction", "Unauthorized", "accepted", "duplicate", "ignored", "quarantined: invalid"},
		} {
			if !slices.Equal(choices[name], want) {
				t.Errorf("%s: %q, want %q", name, choices[name], want)
			}
		}
	})
	t.Run("when one is opened, everything that is known is there", func(t *testing.T) {
		var o opened
		r.read(func(j *joined) {
			o = j.open(j.find(1), func(id string) []xray.Document {
				switch id {
				case "1-6b0a2278-000000000000000000000001": // of what published the event, and logged nothing about it
					return []xray.Document{{Function: "event-relay", JSON: json.RawMessage(fmt.Sprintf(`{"name":"publish","start_time":%[1]d.030,"end_time":%[1]d.034}`, start.Unix()))}}
				case "1-6b0a2277-5e375da11d6040fdf09fae20":
				default:
					return nil
				}
				return []xray.Document{{JSON: json.RawMessage(fmt.Sprintf(`{"name":"store","start_time":%[1]d.010,"end_time":%[1]d.015,"fault":true,"cause":{"exceptions":[{"message":"no table"}]},"subsegments":[{"name":"DynamoDB","namespace":"aws","start_time":%[1]d.011,"end_time":%[1]d.014,"aws":{"operation":"PutItem"}}]}`, start.Unix()))}}
			}, func(k key) string { return "find " + k.ID })
		})
		if len(o.About) != 1 || o.About[0].Command != "find pi_1" || len(o.About[0].Alerts) != 1 || !strings.Contains(string(o.About[0].Event), `"pi_1"`) {
			t.Fatalf("%+v", o.About)
		}
		if targets := o.About[0].Targets; len(targets) != 1 || targets[0].MS == nil || *targets[0].MS != 1 || targets[0].Target != "workflow" {
			t.Errorf("%+v", targets)
		}
		if len(o.About[0].Runs) != 1 {
			t.Fatalf("%+v", o.About[0].Runs)
		}
		var steps []string
		for _, s := range o.About[0].Runs[0].States {
			steps = append(steps, fmt.Sprint(s.State, " ", s.Type, " ", s.Depth, " ", s.Attempts, " ", s.Error, " ", s.Exited != nil))
		}
		if want := []string{"Both Parallel 0 0  true", "Score Task 1 2 E: c true", "Done Succeed 0 0  false"}; !slices.Equal(steps, want) {
			t.Errorf("%q, want %q", steps, want)
		}
		var bars []string
		for _, b := range o.Bars {
			bars = append(bars, fmt.Sprintf("%d %s %.0f+%.0f %s", b.Depth, b.Name, b.Offset, b.MS, b.Error))
		}
		want := []string{
			"0 POST /v1/webhook/stripe 0+20 ", "1 webhook-validator 5+15 ", "2 store 10+5 no table", "3 DynamoDB PutItem 11+3 ",
			"0 event on the bus: pi_1 0+0 ", "1 high → workflow 0+1 ",
			"0 execution pi_1 0+1000 ", "1 Both 0+1000 ", "2 Score 0+1000 E: c", "1 Done 1000+0 ",
			"0 event-relay 30+4 ", "1 publish 30+4 ",
		}
		if !slices.Equal(bars, want) {
			t.Errorf("%s\nwant\n%s", strings.Join(bars, "\n"), strings.Join(want, "\n"))
		}
	})
	t.Run("when a provider uses the id of another, alerts are of the one that they name", func(t *testing.T) {
		r := newTestRecord()
		pay(r, 1, "stripe", 15000, "high", "low")
		r.Event(eventOf("square", "pi_1", "1", "payment"), "")
		r.Notification(sns.Notification{Message: "Refund by square, pi_1."})
		r.read(func(j *joined) {
			if a, b := j.transactions[key{"stripe", "pi_1"}], j.transactions[key{"square", "pi_1"}]; len(a.alerts) != 1 || len(b.alerts) != 1 {
				t.Errorf("stripe %d, square %d", len(a.alerts), len(b.alerts))
			}
		})
	})
}

func TestRecordBounds(t *testing.T) {
	t.Run("when there are thousands, the page has a hundred rows and says how many there are", func(t *testing.T) {
		r := newTestRecord()
		for n := range 3000 {
			pay(r, n, "stripe", 15000, "high", "low")
		}
		l := listed(t, r, "provider=stripe")
		if len(l.Rows) != pageSize || l.Matching != 3000 || l.Older != 2900 || l.Newer != 0 || l.Rows[0].ID != 3000 {
			t.Errorf("%d rows, %d match, %d are older, %d newer", len(l.Rows), l.Matching, l.Older, l.Newer)
		}
		l = listed(t, r, "upto=2900")
		if l.Rows[0].ID != 2900 || l.Newer != 100 || l.Older != 2800 {
			t.Errorf("up to 2900: from %d on, %d are newer, %d older", l.Rows[0].ID, l.Newer, l.Older)
		}
		r.read(func(j *joined) {
			if n := j.find(1); n == nil || len(j.withSteps) != maxWithSteps || j.transactions[key{"stripe", "pi_0"}].runs[0].steps != nil {
				t.Errorf("%d executions have their states", len(j.withSteps))
			}
		})
	})
	t.Run("when there are more than are kept, the oldest are forgotten, whether they were read or not", func(t *testing.T) {
		for _, every := range []int{100, 1 << 30} {
			r := newTestRecord()
			for n := range MaxDeliveries + 500 {
				pay(r, n, "stripe", 15000, "high", "low")
				if n%every == every-1 {
					listed(t, r, "provider=none")
				}
			}
			l := listed(t, r, "")
			if l.Kept != MaxDeliveries || l.Total != MaxDeliveries+500 || l.Rows[0].ID != l.Total || l.Rows[0].Events[0].Risk != "low" {
				t.Errorf("%d of %d are kept, the newest is %+v", l.Kept, l.Total, l.Rows[0])
			}
			r.read(func(j *joined) {
				if j.find(500) != nil || j.find(501) == nil {
					t.Error("another than the oldest was forgotten")
				}
				if len(j.byInvocation) > MaxDeliveries || len(j.transactions) > maxTransactions || len(j.byID) > maxTransactions || len(j.lines) > maxInvocations {
					t.Errorf("%d invocations, %d transactions, %d ids, %d lines", len(j.byInvocation), len(j.transactions), len(j.byID), len(j.lines))
				}
			})
		}
	})
	t.Run("when nobody reads for long, the oldest facts are lost", func(t *testing.T) {
		r := newTestRecord()
		r.Request(exchange("stripe", "", 404, ""))
		for range maxFacts {
			r.Line(logLine("other", `"status":202`))
		}
		r.Request(exchange("stripe", "", 404, ""))
		if l := listed(t, r, ""); l.Kept != 1 || l.Rows[0].ID != 2 {
			t.Errorf("%+v", l)
		}
		r.Request(exchange("stripe", "", 404, ""))
		if l := listed(t, r, ""); l.Kept != 2 || l.Rows[0].ID != 3 {
			t.Errorf("%+v", l)
		}
	})
	t.Run("when nobody reads for long, requests that will be forgotten hold nothing", func(t *testing.T) {
		r := newTestRecord()
		r.Request(exchange("stripe", "", 404, `{"message":"read"}`))
		listed(t, r, "")
		for range MaxDeliveries + 2 {
			r.Request(exchange("stripe", "", 404, `{"message":"waits"}`))
		}
		full := 0
		for _, fact := range r.waiting {
			if q, is := fact.(*request); is && q.Body != "" {
				full++
			}
		}
		if full != MaxDeliveries {
			t.Errorf("%d requests wait with their bodies", full)
		}
		l := listed(t, r, "")
		if l.Kept != MaxDeliveries || l.Rows[0].Result != "waits" {
			t.Errorf("%d are kept, the newest is %+v", l.Kept, l.Rows[0])
		}
		r.read(func(j *joined) {
			if j.deliveries[0].ID != 4 || j.deliveries[0].Body == "" {
				t.Errorf("the oldest is %+v", j.deliveries[0].request)
			}
		})
	})
	t.Run("when a line is of the platform or of metrics, it is not kept", func(t *testing.T) {
		r := newTestRecord()
		for _, text := range []string{"START RequestId: 1", `{"time":"2026-11-28T10:00:00Z","type":"platform.report"}`, `{"_aws":{},"request_id":"1"}`} {
			r.Line(text)
		}
		if r.count != 0 {
			t.Errorf("%d are kept", r.count)
		}
	})
}

func TestView(t *testing.T) {
	const card = "4242424242424242"
	r := newTestRecord()
	x := exchange("stripe", "i1", 202, `{"transaction_id":"pi_1","provider":"stripe","status":"accepted","duplicate":false}`)
	for name, value := range secretHeaders {
		x.Headers[name] = []string{value}
	}
	x.Headers["X-Card"] = []string{"4242 4242 4242 4242"}
	x.Headers["X-"+card] = []string{"a" + card + "b"}
	x.Path += "/" + card
	r.Request(x)
	r.Request(exchange("stripe", "i2", 400, `{"title":"Bad `+card+`","detail":"`+card+`"}`))
	r.Line(logLine("i2", `"status":400,"error":"`+card+`","provider":"stripe"`))
	r.Event(eventOf("stripe", "pi_1", card, card), "")
	r.Notification(sns.Notification{Message: "pi_1 by " + card})
	var received uint64
	view := NewView(View{
		Received: func() uint64 { return received },
		Record:   r, Stack: "TapStackdev", Environment: "A=1", Documents: func(string) []xray.Document { return nil },
		Tools: tools.New(t.TempDir(), "http://127.0.0.1:1", "us-east-1", slog.New(slog.DiscardHandler)),
	})
	mux := http.NewServeMux()
	view.Serve(mux)
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}

	t.Run("when a delivery has secrets and card numbers, neither is in the JSON", func(t *testing.T) {
		for _, path := range []string{"/_local/page/deliveries", "/_local/page/deliveries/1", "/_local/page/deliveries/2"} {
			status, text := get(path)
			if status != 200 || !json.Valid([]byte(text)) {
				t.Fatalf("%s: %d %s", path, status, text)
			}
			plain := strings.NewReplacer(" ", "", "-", "").Replace(text)
			if strings.Contains(plain, card) {
				t.Errorf("%s has the card number: %s", path, text)
			}
			for name, value := range secretHeaders {
				if strings.Contains(text, value) || strings.Contains(text, value[7:]) {
					t.Errorf("%s has the value of %s", path, name)
				}
			}
		}
		if _, text := get("/_local/page/deliveries/1"); !strings.Contains(text, "Stripe-Signature") || !strings.Contains(text, "t=1795… (") {
			t.Errorf("the header is not there: %s", text)
		}
	})
	t.Run("when there is no such delivery, the problem says how many are kept", func(t *testing.T) {
		for _, path := range []string{"/_local/page/deliveries/99", "/_local/page/deliveries/x", "/_local/page/deliveries/99/found?event=0"} {
			if status, text := get(path); status != 404 || !strings.Contains(text, "10000") {
				t.Errorf("%s: %d %s", path, status, text)
			}
		}
		for _, path := range []string{"/_local/page/deliveries/1/found", "/_local/page/deliveries/1/found?event=7", "/_local/page/deliveries/2/found?event=0"} {
			if status, text := get(path); status != 404 || !strings.Contains(text, "no such transaction") {
				t.Errorf("%s: %d %s", path, status, text)
			}
		}
		if status, _ := get("/_local/page/deliveries?no=1"); status != 400 {
			t.Errorf("an unknown filter: %d", status)
		}
	})
	t.Run("when scripts/ops cannot be built, the problem says what is missing", func(t *testing.T) {
		if status, text := get("/_local/page/deliveries/1/found?event=0"); status != 503 || !strings.Contains(text, "scripts/cmd/ops") {
			t.Errorf("%d %s", status, text)
		}
	})
	t.Run("when a command is shown, the shell reads it as it is run", func(t *testing.T) {
		for k, want := range map[key]string{
			{"shop", "txn_1"}:         "A=1 scripts/ops find --stack TapStackdev --provider shop txn_1",
			{"", "-x"}:                "A=1 scripts/ops find --stack TapStackdev -- -x",
			{"it's", "$(rm -rf) `a`"}: `A=1 scripts/ops find --stack TapStackdev --provider 'it'\''s' '$(rm -rf) ` + "`a`'",
		} {
			if got := view.command(k); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	})
	t.Run("when nothing is new, there is no update", func(t *testing.T) {
		data, version := view.Changes(0)
		if data == nil {
			t.Error("the first time, there is one")
		}
		if data, again := view.Changes(version); data != nil || again != version {
			t.Errorf("%v %d", data, again)
		}
		r.Line(logLine("i9", `"status":202`))
		if data, _ := view.Changes(version); data == nil {
			t.Error("after a fact, there is none")
		}
		_, version = view.Changes(0)
		received++
		if data, _ := view.Changes(version); data == nil {
			t.Error("after a segment of a trace, which may be the last that arrives, there is none")
		}
	})
}

// BenchmarkRecord reports one payment of the tier with most facts: a request, a log line, an event, a
// delivery to a target, an execution and a notification.
func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"pi_1":        "pi_1",
		"":            "''",
		"a b":         "'a b'",
		"it's":        `'it'\''s'`,
		"$(id)`id`":   "'$(id)`id`'",
		"é":           "'é'",
		"\x03id\n":    `$'\003id\012'`,   // Ctrl-C, which a terminal would act on when it is pasted
		"a\x1b[201~'": `$'a\033[201~\''`, // ends a bracketed paste
		"\\\t":        `$'\\\011'`,
		"\u202ea":     `$'\342\200\256a'`, // shows what follows in the reverse order
		"\xff":        `$'\377'`,
	} {
		if got := quote(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
		if bash, err := exec.LookPath("bash"); err == nil {
			if got, err := exec.Command(bash, "-c", "printf %s "+quote(word)).Output(); err != nil || string(got) != word {
				t.Errorf("bash reads %q as %q (%v)", word, got, err)
			}
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	r := newTestRecord()
	x := exchange("stripe", "i", 202, `{"transaction_id":"pi_1","provider":"stripe","status":"accepted","duplicate":false}`)
	x.Headers = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"Stripe/1.0 (+https://stripe.com/docs/webhooks)"}, "Accept-Encoding": {"gzip"}, "Content-Length": {"812"},
		"Stripe-Signature": {secretHeaders["Stripe-Signature"]},
	}
	x.Response.Headers = http.Header{"Content-Type": {"application/json"}, "X-Amzn-Requestid": {"f5df1242-7116-47c9-a6ee-219a9e1e4051"}, "X-Amzn-Trace-Id": {x.Trace}, "X-Amz-Apigw-Id": {"KxKx9guF8DaC9B4="}}
	line, event := logLine("i", `"status":202,"provider":"stripe"`), eventOf("stripe", "pi_1", "15000", "payment")
	p := events.Progress{Rule: &events.Rule{}, Event: event}
	b.Run("exchange", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Request(x)
		}
	})
	b.Run("payment", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Request(x)
			r.Line(line)
			r.Event(event, x.Trace)
			r.Progress(p, "high")
			r.Progress(p, "high")
			r.Execution(states.Execution{}, nil)
			r.Execution(states.Execution{}, nil)
			r.Notification(sns.Notification{})
		}
	})
}

// BenchmarkList lists what is kept when the record is full, for each look of a page.
func BenchmarkList(b *testing.B) {
	r := newTestRecord()
	for n := range MaxDeliveries {
		pay(r, n, "stripe", 15000, "high", "low")
	}
	r.read(func(*joined) {})
	for name, f := range map[string]filter{"all": {}, "filter": {tier: "high", risk: "low"}, "text": {text: "pi_17"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r.read(func(j *joined) { j.list(f) })
			}
		})
	}
}
