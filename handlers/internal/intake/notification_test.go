package intake

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/paypal"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/transaction"
	"payment-webhooks/handlers/providers"
)

const (
	paid       = `{"Type":"paid","ID":"p1","Kind":"payment","Amount":"15000.00","Currency":"USD","Customer":"c1"}`
	refunded   = `{"Type":"refunded","ID":"r1","Kind":"refund","Payment":"p1","Amount":"5","Currency":"USD","Customer":"4111111111111111"}`
	pinged     = `{"Type":"pinged"}`
	garbled    = `{"Type":"garbled","Fail":"no amount, card 4111111111111111"}`
	illegal    = `{"Type":"paid","ID":"4111111111111111","Kind":"payment","Amount":"-1","Currency":"USD","Customer":"c1"}`
	other      = `{"Type":"paid","ID":"p1","Kind":"payment","Amount":"15000.01","Currency":"USD","Customer":"c1"}`
	unreadable = `{"card":"4111111111111111"}`
)

func array(elements ...string) string { return "[" + strings.Join(elements, ",") + "]" }

func TestNotificationResponses(t *testing.T) {
	const p1, r1 = `{"transaction_id":"p1","provider":"fake","status":"accepted","duplicate":false}`, `{"transaction_id":"r1","provider":"fake","status":"accepted","duplicate":false}`
	duplicate := func(body string) string { return strings.Replace(body, "false", "true", 1) }
	tests := []struct {
		name   string
		bodies []string // the last one counts
		status int
		body   string
		stored []string
		queued int // quarantined deliveries
	}{
		{"payment", []string{array(paid)}, 202, p1, []string{"p1"}, 0},
		{"payment again", []string{array(paid), array(paid)}, 200, duplicate(p1), []string{"p1"}, 0},
		{"batch", []string{array(paid, refunded)}, 202, `{"results":[` + p1 + "," + r1 + `]}`, []string{"p1", "r1"}, 0},
		{"batch of which one is new", []string{array(paid), array(paid, refunded)}, 202, `{"results":[` + duplicate(p1) + "," + r1 + `]}`, []string{"p1", "r1"}, 0},
		{"batch again", []string{array(paid, refunded), array(paid, refunded)}, 200, `{"results":[` + duplicate(p1) + "," + duplicate(r1) + `]}`, []string{"p1", "r1"}, 0},
		{"the same twice in a batch", []string{array(paid, paid)}, 202, `{"results":[` + p1 + "," + duplicate(p1) + `]}`, []string{"p1"}, 0},
		{"empty batch", []string{array()}, 200, `{"results":[]}`, nil, 0},
		{"of no interest", []string{array(pinged)}, 200, `{"ignored":"pinged"}`, nil, 0},
		{"nothing of it readable", []string{unreadable}, 202, `{"quarantined":"unreadable"}`, nil, 1},
		{"event not readable", []string{array(garbled)}, 202, `{"quarantined":"unreadable"}`, nil, 1},
		{"against our rules", []string{array(illegal)}, 202, `{"quarantined":"invalid"}`, nil, 1},
		{"in conflict", []string{array(paid), array(other)}, 202, `{"quarantined":"conflict"}`, []string{"p1"}, 1},
		{"batch with one of each", []string{array(garbled, paid, pinged, illegal, other, refunded)}, 202, `{"results":[{"quarantined":"unreadable"},` + p1 +
			`,{"ignored":"pinged"},{"quarantined":"invalid"},{"quarantined":"conflict"},` + r1 + `]}`, []string{"p1", "r1"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newFixture()
			var response Response
			for _, body := range tt.bodies {
				response = d.send(t, notify(body, "secret", now))
			}
			if response.Status != tt.status || response.Body != tt.body {
				t.Errorf("%d %s\nwant %d %s", response.Status, response.Body, tt.status, tt.body)
			}
			var ids []string
			for _, r := range d.stored(t) {
				ids = append(ids, r.Transaction.ID)
				if !r.Transaction.ReceivedAt.Equal(now) && len(tt.bodies) == 1 {
					t.Errorf("%s received at %v", r.Transaction.ID, r.Transaction.ReceivedAt)
				}
			}
			slices.Sort(ids)
			if diff := cmp.Diff(tt.stored, ids); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if n := len(d.quarantine.messages); n != tt.queued {
				t.Errorf("%d deliveries quarantined, want %d", n, tt.queued)
			}
		})
	}
}

func TestStoredNotification(t *testing.T) {
	d := newFixture()
	d.send(t, notify(array(refunded), "secret", now))
	tx := d.stored(t)[0].Transaction
	got := []string{tx.ID, tx.Provider, tx.Kind, tx.PaymentID, tx.Format(), tx.CustomerID}
	if diff := cmp.Diff([]string{"r1", "fake", "refund", "p1", "5.00 USD", "411111******1111"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAuthentication(t *testing.T) {
	tests := []struct {
		name   string
		secret string
		at     time.Time
		change func(*Request)
		status int
	}{
		{"authentic", "secret", now, nil, 202},
		{"old, within tolerance", "secret", now.Add(-5*time.Minute + time.Second), nil, 202},
		{"early, within tolerance", "secret", now.Add(5*time.Minute - time.Second), nil, 202},
		{"stale", "secret", now.Add(-5*time.Minute - time.Second), nil, 401},
		{"from the future", "secret", now.Add(5*time.Minute + 2*time.Second), nil, 401},
		{"signed with another secret", "Secret", now, nil, 401},
		{"no signature", "secret", now, func(r *Request) { delete(r.Header, fakeSignature) }, 401},
		{"body changed", "secret", now, func(r *Request) {
			r.Body = base64.StdEncoding.EncodeToString([]byte(array(other)))
		}, 401},
		{"white space added", "secret", now, func(r *Request) {
			r.Body = base64.StdEncoding.EncodeToString([]byte(array(paid) + " "))
		}, 401},
		{"body as plain text", "secret", now, func(r *Request) { r.Body, r.BodyIsBase64 = array(paid), false }, 202},
		{"another address", "secret", now, func(r *Request) { r.URL = "https://evil.test/v1/webhook/fake" }, 401},
		{"another type", "secret", now, func(r *Request) {
			r.Header["Content-Type"] = []string{"text/xml"}
		}, 415},
		{"too large", "secret", now, func(r *Request) {
			r.Body, r.BodyIsBase64 = strings.Repeat(" ", transaction.MaxBodyBytes+1), false
		}, 413},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newFixture()
			request := notify(array(paid), tt.secret, tt.at)
			if tt.change != nil {
				tt.change(&request)
			}
			response := d.send(t, request)
			if response.Status != tt.status {
				t.Fatalf("%d %s, want %d", response.Status, response.Body, tt.status)
			}
			if tt.status == 202 {
				return
			}
			parseProblem(t, response)
			if len(d.stored(t))+len(d.quarantine.messages) > 0 {
				t.Error("something of it was kept")
			}
			_, metrics := d.lines(t)
			want := contract.MetricRejected
			if tt.status == 401 {
				want = contract.MetricForged
			}
			if metrics[want] != 1.0 {
				t.Errorf("metrics %v, want %s", metrics, want)
			}
		})
	}
}

func TestConfiguredAddress(t *testing.T) {
	d := newFixture()
	fake := d.routes.providers["fake"]
	fake.url = fakeURL
	d.routes.providers["fake"] = fake
	request := notify(array(paid), "secret", now)
	request.URL = "https://internal.test/"
	if response := d.send(t, request); response.Status != 202 {
		t.Errorf("%d %s", response.Status, response.Body)
	}
}

func TestWithoutSecretNothingIsStored(t *testing.T) {
	for name, prepare := range map[string]func(*fakeSecrets){
		"missing":            func(v *fakeSecrets) { delete(v.values, "payments/fake") },
		"not to be had":      func(v *fakeSecrets) { v.err = errors.New("secretsmanager.us-east-1.amazonaws.com: timeout") },
		"no value":           func(v *fakeSecrets) { v.put("payments/fake") },
		"misshapen":          func(v *fakeSecrets) { v.put("payments/fake", "misshapen") },
		"no certificate":     func(v *fakeSecrets) { v.put("payments/fake", "unavailable") },
		"an odd error of it": func(v *fakeSecrets) { v.put("payments/fake", "odd") },
	} {
		t.Run(name, func(t *testing.T) {
			d := newFixture()
			prepare(d.secretStore)
			response := d.send(t, notify(array(paid), "secret", now))
			if p := parseProblem(t, response); p.Status != 503 || response.Header["Retry-After"] != "5" || strings.Contains(response.Body, "amazonaws") {
				t.Errorf("%d %v %s", response.Status, response.Header, response.Body)
			}
			if len(d.stored(t))+len(d.quarantine.messages) > 0 {
				t.Error("something of it was kept")
			}
			logs, metrics := d.lines(t)
			if metrics[contract.MetricVerificationFailing] != 1.0 || metrics[contract.MetricForged] != nil {
				t.Errorf("metrics %v", metrics)
			}
			if last := logs[len(logs)-1]; last["level"] != "ERROR" || last["provider"] != "fake" {
				t.Errorf("log %v", last)
			}
		})
	}
}

func TestSecretCanBeRotated(t *testing.T) {
	d := newFixture()
	status := func(secret string) int {
		return d.send(t, notify(array(paid), secret, d.clock.now)).Status
	}
	if got := status("secret"); got != 202 {
		t.Fatalf("before: %d", got)
	}
	d.secretStore.put("payments/fake", "new", "secret")
	d.clock.pass(31 * time.Second)
	if got := status("new"); got != 200 {
		t.Errorf("the new secret at once: %d", got)
	}
	if got := status("secret"); got != 200 {
		t.Errorf("the previous secret: %d", got)
	}
	d.secretStore.put("payments/fake", "newest", "new")
	d.clock.pass(6 * time.Minute)
	if got := status("secret"); got != 401 {
		t.Errorf("a secret out of force: %d", got)
	}
	reads := d.secretStore.reads
	for range 50 {
		if got := status("forged"); got != 401 {
			t.Fatalf("forged: %d", got)
		}
	}
	if d.secretStore.reads > reads+1 {
		t.Errorf("50 forged deliveries made us read the secret %d times", d.secretStore.reads-reads)
	}
	// What is misshapen was perhaps put right.
	d.secretStore.put("payments/fake", "misshapen")
	d.clock.pass(6 * time.Minute)
	if got := status("secret"); got != 503 {
		t.Errorf("misshapen: %d", got)
	}
	d.secretStore.put("payments/fake", "secret")
	d.clock.pass(31 * time.Second)
	if got := status("secret"); got != 200 {
		t.Errorf("put right: %d", got)
	}
}

func TestStaleSecretsAreServed(t *testing.T) {
	d := newFixture()
	d.send(t, notify(array(paid), "secret", now))
	d.secretStore.err = errors.New("throttled")
	d.clock.pass(10 * time.Minute)
	d.out.Reset()
	if response := d.send(t, notify(array(paid), "secret", d.clock.now)); response.Status != 200 {
		t.Errorf("%d %s", response.Status, response.Body)
	}
	logs, metrics := d.lines(t)
	if metrics[contract.MetricSecretReadsFailing] != 1.0 || logs[0]["message"] != "secret not read" || logs[0]["secret"] != "payments/fake" {
		t.Errorf("%v %v", logs, metrics)
	}
	d.clock.pass(time.Hour)
	if response := d.send(t, notify(array(paid), "secret", d.clock.now)); response.Status != 503 {
		t.Errorf("after too long: %d %s", response.Status, response.Body)
	}
}

// failing is a ledger that fails for one id.
type failing struct {
	ledger.Ledger
	id string
}

func (f failing) Store(ctx context.Context, t transaction.Transaction) (ledger.Outcome, error) {
	if t.ID == f.id {
		return 0, fmt.Errorf("%w: on purpose", ledger.ErrUnavailable)
	}
	return f.Ledger.Store(ctx, t)
}

func TestBatchIsRepeatedWhole(t *testing.T) {
	d := newFixture()
	d.Intake.ledger = failing{d.ledger, "r1"}
	batch := notify(array(paid, garbled, refunded, other), "secret", now)
	response := d.send(t, batch)
	if p := parseProblem(t, response); p.Status != 503 || response.Header["Retry-After"] == "" {
		t.Errorf("%d %s", response.Status, response.Body)
	}
	if len(d.quarantine.messages) != 0 {
		t.Error("quarantined, and will be once more")
	}
	if _, metrics := d.lines(t); metrics[contract.MetricStoreUnavailable] != 1.0 || metrics[contract.MetricAccepted] != 1.0 || metrics[contract.MetricQuarantined] != nil {
		t.Errorf("metrics %v", metrics)
	}
	d.Intake.ledger = d.ledger
	response = d.send(t, batch)
	const want = `{"results":[{"transaction_id":"p1","provider":"fake","status":"accepted","duplicate":true},{"quarantined":"unreadable"},` +
		`{"transaction_id":"r1","provider":"fake","status":"accepted","duplicate":false},{"quarantined":"conflict"}]}`
	if response.Status != 202 || response.Body != want {
		t.Errorf("the retry: %d %s", response.Status, response.Body)
	}
	if n := len(d.quarantine.messages); n != 1 {
		t.Errorf("%d deliveries quarantined, want 1", n)
	}
}

func TestFullQuarantineIsWorthARetry(t *testing.T) {
	d := newFixture()
	d.quarantine.err = errors.New("sqs.us-east-1.amazonaws.com: connection refused")
	response := d.send(t, notify(array(garbled, paid), "secret", now))
	if p := parseProblem(t, response); p.Status != 503 || strings.Contains(response.Body, "sqs") {
		t.Errorf("%d %s", response.Status, response.Body)
	}
	logs, metrics := d.lines(t)
	if metrics[contract.MetricStoreUnavailable] != 1.0 || metrics[contract.MetricQuarantined] != nil || !strings.Contains(logs[0]["error"].(string), "quarantine: sqs") {
		t.Errorf("%v %v", metrics, logs)
	}
	d.quarantine.err = nil
	if response := d.send(t, notify(array(garbled, paid), "secret", now)); response.Status != 202 {
		t.Errorf("the retry: %d %s", response.Status, response.Body)
	}
}

func TestConcurrentDuplicates(t *testing.T) {
	d := newFixture()
	var mu sync.Mutex
	var wg sync.WaitGroup
	statuses := map[int]int{}
	for range 16 {
		wg.Go(func() {
			response := d.Handle(t.Context(), notify(array(paid), "secret", now))
			mu.Lock()
			defer mu.Unlock()
			statuses[response.Status]++
		})
	}
	wg.Wait()
	if diff := cmp.Diff(map[int]int{202: 1, 200: 15}, statuses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.secretStore.reads != 1 {
		t.Errorf("the secret was read %d times", d.secretStore.reads)
	}
}

func TestDeadline(t *testing.T) {
	d := newFixture()
	ended := make(chan time.Duration, 1)
	d.routes.providers["fake"] = Route{
		name: "fake", secret: "payments/fake", decode: fake{}.Decode,
		verify: func(ctx context.Context, _ provider.Delivery, _ []string) error {
			deadline, _ := ctx.Deadline()
			ended <- time.Until(deadline)
			return nil
		},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	d.Handle(ctx, notify(array(paid), "secret", now))
	if left := <-ended; left < 8*time.Second || left > 9*time.Second {
		t.Errorf("%v of 10 s for the work", left)
	}
	d.Handle(t.Context(), notify(array(paid), "secret", now))
	if left := <-ended; left < 8*time.Second || left > 9*time.Second {
		t.Errorf("%v for the work when no end is known", left)
	}

	// Time that is over is a 503, not a gateway's timeout.
	short, cancel := context.WithTimeout(t.Context(), headroom)
	defer cancel()
	if response := d.Handle(short, notify(array(paid), "secret", now)); response.Status != 503 {
		t.Errorf("%d %s", response.Status, response.Body)
	}
}

func TestQuarantinedDelivery(t *testing.T) {
	d := newFixture()
	request := notify(array(garbled, paid, illegal), "secret", now)
	for name, value := range map[string]string{
		"user-agent": "Fake/1.0 4111111111111111", "Authorization": "Basic c2VjcmV0", "Webhook-Signature": "v1,abc", "Webhook-Id": "msg_1",
	} {
		request.Header.Set(name, value)
	}
	d.send(t, request)
	var got message
	if err := json.Unmarshal([]byte(d.quarantine.messages[0]), &got); err != nil {
		t.Fatal(err)
	}
	masked := strings.NewReplacer("4111111111111111", "411111******1111").Replace
	want := message{
		Provider: "fake", ReceivedAt: "2026-11-22T15:04:05.123456789Z",
		Events: []quarantinedEvent{
			{Index: 0, Type: "garbled", Reason: "unreadable", Detail: "unreadable: no amount, card 411111******1111"},
			{Index: 2, Type: "paid", Reason: "invalid", Detail: "invalid transaction: 2 field errors, the first at /amount", Errors: []transaction.FieldError{
				{Field: "/amount", Detail: "must be a JSON number or a decimal string greater than 0 and at most 9999999999999.99, with at most 2 decimals, for USD, not -1"},
				{Field: "/transaction_id", Detail: "must not look like a card number (13 to 19 digits with a card network's prefix and a valid check digit), not \"411111******1111\""},
			}},
		},
		Headers: map[string]string{"Content-Type": "application/json", "User-Agent": "Fake/1.0 411111******1111", "Webhook-Id": "msg_1"},
		Body:    masked(array(garbled, paid, illegal)), BodyEncoding: "text",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQuarantineReasons(t *testing.T) {
	for name, text := range map[string]string{
		"short":                        "card 4111111111111111",
		"whole beyond the cut":         strings.Repeat("x", maxDetail-8) + "4111111111111111",
		"a card's only once it is cut": strings.Repeat("x", maxDetail-16) + "62 0000 0000 0000",
		"cut within a character":       strings.Repeat("x", maxDetail-1) + "é",
	} {
		t.Run(name, func(t *testing.T) {
			got := masked(errors.New(text)).Error()
			if _, n := redact.Text(got); n > 0 || len(got) > maxDetail || !utf8.ValidString(got) {
				t.Errorf("%d bytes: %q", len(got), got)
			}
		})
	}
}

func TestQuarantineMessages(t *testing.T) {
	const limit = 1024 * 1024
	fill := func(text string) string { return strings.Repeat(text, transaction.MaxBodyBytes/len(text)) }
	many := array(slices.Repeat([]string{`{"Fail":"x"}`}, 20_000)...)
	const numbers = transaction.MaxBodyBytes/6 - 1
	for name, tt := range map[string]struct{ body, encoding, masked string }{
		"text":                    {`{"a":"Zoë \n \" </script>"}`, "text", ""},
		"largest text":            {fill("x"), "text", ""},
		"largest text of quotes":  {fill(`"`), "text", ""},
		"control characters":      {fill("\x01"), "base64", ""},
		"not UTF-8":               {fill("\xff"), "base64", ""},
		"not for XML":             {"{\uffff}", "base64", ""},
		"many reasons":            {many, "text", ""},
		"many short card numbers": {"[" + strings.Repeat("62e17,", numbers) + "0]", "text", "[" + strings.Repeat(`"**e**",`, numbers) + "0]"},
		"card number in escapes":  {`{"a":"\u0034111111111111111"}`, "text", `{"a":"\u003411111******1111"}`},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFixture()
			if response := d.send(t, notify(tt.body, "secret", now)); response.Status != 202 {
				t.Fatalf("%d %s", response.Status, response.Body)
			}
			text := d.quarantine.messages[0]
			if len(text) > limit {
				t.Errorf("%d bytes", len(text))
			}
			if i := strings.IndexFunc(text, func(r rune) bool {
				return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffd || r == 0xfffe || r == 0xffff
			}); i >= 0 {
				t.Errorf("character %q at %d", text[i:i+3], i)
			}
			var m message
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				t.Fatal(err)
			}
			got := m.Body
			if m.BodyEncoding == "base64" {
				decoded, err := base64.StdEncoding.DecodeString(got)
				if err != nil {
					t.Fatal(err)
				}
				got = string(decoded)
			}
			want := tt.body
			if tt.masked != "" {
				want = tt.masked
			}
			if m.BodyEncoding != tt.encoding || got != want {
				t.Errorf("%s, %d bytes of %d", m.BodyEncoding, len(got), len(tt.body))
			}
		})
	}
}

func TestNotificationReport(t *testing.T) {
	d := newFixture()
	d.send(t, notify(array(refunded, garbled, pinged, paid, paid, other), "secret", now))
	logs, metrics := d.lines(t)
	if len(logs) != 1 {
		t.Fatalf("%d log lines", len(logs))
	}
	delete(logs[0], "timestamp")
	want := map[string]any{
		"level": "WARN", "message": "delivery quarantined", "function": contract.WebhookValidator, "status": 202.0, "duration_ms": 7.0,
		"provider": "fake", "event_types": []any{"refunded", "garbled", "pinged", "paid", "paid", "paid"},
		"transaction_ids": []any{"r1", "p1", "p1", "p1"},
		"stored":          2.0, "duplicates": 1.0, "ignored": 1.0, "quarantined": 2.0, "card_numbers_masked": 1.0,
		"error":               "unreadable: no amount, card 411111******1111; the key is taken by another transaction: it differs in amount",
		"unknown_event_types": []any{"pinged"},
	}
	if diff := cmp.Diff(want, logs[0]); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{
		contract.MetricAccepted: 2.0, contract.MetricDuplicates: 1.0, contract.MetricIgnored: 1.0, contract.MetricQuarantined: 1.0,
		contract.MetricCardNumbersMasked: 1.0, contract.MetricAckLatency: 7.0,
		contract.MetricUnknownEvents: 1.0, contract.DimensionEventType: "fake pinged",
		contract.MetricVerified: 1.0, contract.MetricUnverified: 0.0, contract.DimensionProvider: "fake",
		contract.MetricPublicationsDue: 2.0, contract.MetricPublicationsDone: 0.0, contract.MetricArchiveRuns: 0.0,
	}, metrics); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestLongBatchesMakeNoLongLogLines(t *testing.T) {
	d := newFixture()
	var all []string
	for i := range 500 {
		all = append(all, fmt.Sprintf(`{"Type":"paid","ID":"p%d","Fail":"%s"}`, i, strings.Repeat("x", 100)))
	}
	d.send(t, notify(array(all...), "secret", now))
	if n := d.out.Len(); n > 10_000 {
		t.Errorf("%d bytes of log", n)
	}
}

func TestSignedCanonicalDeliveries(t *testing.T) {
	d := newFixture()
	d.routes.canonical = Route{name: contract.ProviderCanonical, secret: "payments/canonical", verify: fake{}.Verify}
	signed := func(body, secret string) Request {
		request := notify(body, secret, now)
		request.Resource, request.Provider = "/webhook", ""
		return request
	}
	for _, step := range []struct {
		name   string
		send   Request
		status int
	}{
		{"unsigned", post(valid), 401},
		{"forged", signed(valid, "forged"), 401},
		{"signed by a provider", signed(valid, "secret"), 401},
		{"unsigned and malformed", post("{"), 401},
		{"signed", signed(valid, "canonical"), 202},
		{"again", signed(valid, "canonical"), 200},
		{"in conflict", signed(strings.Replace(valid, "15000", "1", 1), "canonical"), 409},
		{"signed and invalid", signed("{}", "canonical"), 400},
	} {
		if response := d.send(t, step.send); response.Status != step.status {
			t.Errorf("%s: %d %s, want %d", step.name, response.Status, response.Body, step.status)
		}
	}
	if len(d.stored(t)) != 1 || len(d.quarantine.messages) != 0 {
		t.Errorf("%d stored, %d quarantined", len(d.stored(t)), len(d.quarantine.messages))
	}
}

func TestSettingsOfProviders(t *testing.T) {
	var made provider.Settings
	known := []provider.Declaration{{
		Name: "fake", New: func(s provider.Settings) provider.Provider { made = s; return fake{} },
		Members: []provider.Member{
			provider.OneOf("capture", contract.ProviderCapture, "", contract.CaptureAutomatic, contract.CaptureManual),
			provider.HTTPSAddress("notificationUrl", contract.ProviderNotificationURL, ""),
		},
	}}
	tests := []struct{ name, text, says string }{
		{"none", ``, ""},
		{"empty", `{}`, ""},
		{"whole", `{"canonical":{"secret":"c"},"fake":{"secret":"payments/fake","notification_url":"https://pay.example.com/x","capture":"manual"}}`, ""},
		{"no JSON", `{`, "PROVIDERS"},
		{"a list", `[]`, "PROVIDERS"},
		{"a number as secret", `{"fake":{"secret":1}}`, "PROVIDERS"},
		{"a provider twice", `{"fake":{"secret":"a"},"fake":{"secret":"b"}}`, "PROVIDERS"},
		{"unknown provider", `{"strip":{"secret":"a"}}`, `unknown provider "strip"; known are canonical, fake`},
		{"unknown member", `{"fake":{"secret":"a","secrets":"b"}}`, `fake: unknown member "secrets"; known are capture, notification_url, secret`},
		{"no secret", `{"fake":{}}`, "fake: secret is missing"},
		{"null", `{"fake":null}`, "fake: secret is missing"},
		{"empty secret", `{"fake":{"secret":" "}}`, "fake: secret"},
		{"address without TLS", `{"fake":{"secret":"a","notification_url":"http://x/"}}`, "not the https address"},
		{"unknown value", `{"fake":{"secret":"a","capture":"later"}}`, `capture is "later", not automatic or manual`},
		{"address of the canonical", `{"canonical":{"secret":"a","notification_url":"https://x"}}`, `canonical: unknown member "notification_url"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			routes, err := ParseRoutes(tt.text, known)
			canonical, providers := routes.canonical, routes.providers
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v, want an error that says %s", err, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.name != "whole" {
				if canonical.secret != "" || len(providers) != 0 {
					t.Errorf("%+v, %+v", canonical, providers)
				}
				return
			}
			got := providers["fake"]
			if canonical.secret != "c" || canonical.verify == nil || canonical.decode != nil || len(providers) != 1 ||
				got.name != "fake" || got.secret != "payments/fake" || got.url != "https://pay.example.com/x" || got.verify == nil || got.decode == nil || made["capture"] != "manual" {
				t.Errorf("%+v, %+v, %v", canonical, providers, made)
			}
		})
	}
}

// unplugged has no network.
type unplugged struct{}

func (unplugged) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("unplugged")
}

// FuzzForgery sends arbitrary requests to the route of each supported provider and of the
// signed canonical payload. Without a secret, nothing must be stored.
func FuzzForgery(f *testing.F) {
	known := providers.All()
	entries := map[string]provider.Settings{contract.ProviderCanonical: {contract.ProviderSecret: "x"}}
	for i, d := range known {
		entries[d.Name] = provider.Settings{contract.ProviderSecret: "x"}
		if d.Name == paypal.Name {
			known[i].New = func(provider.Settings) provider.Provider {
				return paypal.New(paypal.Options{Client: &http.Client{Transport: unplugged{}}})
			}
		}
	}
	text, err := json.Marshal(entries)
	if err != nil {
		f.Fatal(err)
	}
	routes, err := ParseRoutes(string(text), known)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][4]string{
		{"stripe", "Stripe-Signature", "t=1795359845,v1=" + strings.Repeat("0", 64), `{"object":"event"}`},
		{"square", "X-Square-Hmacsha256-Signature", "AAAA", `{"created_at":"2026-11-22T15:04:05Z"}`},
		{"adyen", "X", "y", `{"live":"false","notificationItems":[{"NotificationRequestItem":{"additionalData":{"hmacSignature":"AAAA"}}}]}`},
		{"paypal", "Paypal-Cert-Url", "https://api.paypal.com/v1/notifications/certs/CERT-1", `{}`},
		{"", "Webhook-Signature", "v1,AAAA v1a,AAAA", valid},
	} {
		f.Add(seed[0], seed[1], seed[2], []byte(seed[3]))
	}
	f.Fuzz(func(t *testing.T, name, field, value string, body []byte) {
		d := newFixture()
		d.secretStore.put("x", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", strings.Repeat("0f", 32))
		d.routes = routes
		request := post(string(body))
		if name != "" {
			request.Resource, request.Provider = "/webhook/{provider}", name
		}
		// What else a complete delivery has.
		for name, value := range map[string]string{
			"Webhook-Id": "msg_1", "Webhook-Timestamp": fmt.Sprint(now.Unix()),
			"Paypal-Transmission-Id": "1", "Paypal-Transmission-Time": now.Format(time.RFC3339), "Paypal-Auth-Algo": "SHA256withRSA",
			"Paypal-Transmission-Sig": "AAAA", "Paypal-Cert-Url": "https://api.paypal.com/v1/notifications/certs/CERT-1",
		} {
			request.Header.Set(name, value)
		}
		request.Header.Set(field, value)
		response := d.send(t, request)
		if !slices.Contains([]int{401, 404, 413, 415, 503}, response.Status) || response.Status == 404 && routes.providers[name].name != "" {
			t.Fatalf("status %d %s", response.Status, response.Body)
		}
		parseProblem(t, response)
		if len(d.stored(t))+len(d.quarantine.messages) > 0 {
			t.Fatal("something of it was kept")
		}
		if _, n := redact.Text(response.Body); n > 0 {
			t.Fatal("a card number in the response")
		}
	})
}

// FuzzNotification checks, for any notification, that nothing panics, that nothing of an
// unsigned one is kept, that the response is 2xx only if every event is stored,
// quarantined or ignored, and that response, log and queue contain no card number.
func FuzzNotification(f *testing.F) {
	for _, body := range []string{array(paid), array(garbled, paid, pinged, illegal, other, refunded), array(), unreadable, "", "\xff", array(`{"ID":"\ud800"}`), `{"a":"\u0034111111111111111"}`} {
		f.Add([]byte(body), true, int64(0), "application/json")
		f.Add([]byte(body), false, int64(0), "application/json")
	}
	f.Add([]byte(array(paid)), true, int64(301), "application/json")
	f.Add([]byte(array(paid)), true, int64(0), "text/plain")
	f.Fuzz(func(t *testing.T, body []byte, signed bool, skew int64, contentType string) {
		d := newFixture()
		secret := "secret"
		if !signed {
			secret = "forged"
		}
		request := notify(string(body), secret, now.Add(time.Duration(skew%86400)*time.Second))
		request.Header["Content-Type"] = []string{contentType}
		response := d.send(t, request)
		stored, queued := len(d.stored(t)), len(d.quarantine.messages)
		if !slices.Contains([]int{200, 202, 401, 413, 415}, response.Status) {
			t.Fatalf("status %d %s", response.Status, response.Body)
		}
		if accepted := response.Status < 300; !accepted {
			parseProblem(t, response)
			if stored+queued > 0 {
				t.Fatalf("status %d with %d stored and %d quarantined", response.Status, stored, queued)
			}
		} else if !signed || response.Status == http.StatusOK && stored+queued > 0 || response.Status == http.StatusAccepted && stored+queued == 0 {
			t.Fatalf("signed %t: status %d with %d stored and %d quarantined", signed, response.Status, stored, queued)
		}
		logs, _ := d.lines(t)
		for _, line := range logs {
			delete(line, "timestamp")
		}
		text, _ := json.Marshal(logs)
		for _, written := range append([]string{string(text), response.Body}, d.quarantine.messages...) {
			var m message
			if json.Unmarshal([]byte(written), &m) == nil && m.BodyEncoding == "base64" {
				decoded, _ := base64.StdEncoding.DecodeString(m.Body)
				m.Body = ""
				rest, _ := json.Marshal(m)
				written = string(rest) + " " + string(decoded)
				m.Body = string(decoded)
			}
			if masked := redact.Body(m.Body); masked != m.Body {
				t.Fatalf("a card number: %s", masked)
			}
			if masked, n := redact.Text(written); n > 0 {
				t.Fatalf("a card number: %s", masked)
			}
		}
	})
}
