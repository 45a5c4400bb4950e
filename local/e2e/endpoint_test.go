package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// problem is an RFC 9457 problem document.
type problem struct {
	Type, Title, Detail string
	Status              int
	Errors              []struct{ Field, Detail string }
}

func readProblem(t *testing.T, res session.Response) problem {
	t.Helper()
	if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q, want application/problem+json", got)
	}
	var p problem
	if err := json.Unmarshal(res.Body, &p); err != nil {
		t.Fatalf("%s: %v", res.Body, err)
	}
	if p.Status != res.Status || p.Title == "" {
		t.Errorf("status %d with %+v, want the same status and a title", res.Status, p)
	}
	return p
}

func TestInvalidRequests(t *testing.T) {
	ok := string(payment("txn_never", "1", "USD", ""))
	deep := `{"metadata": ` + strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 101)
	cases := map[string]struct {
		method, path, contentType, body string
		status                          int
		fields                          []string // invalid fields, by part of their name
	}{
		"missing and wrong field together": {"POST", "/webhook", "application/json", `{"transaction_id":"t","amount":1,"currency":"DOLLAR","provider":"shop"}`, 400, []string{"currency", "customer_id"}},
		"malformed":                        {"POST", "/webhook", "application/json", `{"transaction_id": `, 400, nil},
		"empty body":                       {"POST", "/webhook", "application/json", ``, 400, nil},
		"array":                            {"POST", "/webhook", "application/json", `[]`, 400, nil},
		"trailing data":                    {"POST", "/webhook", "application/json", ok + `{}`, 400, nil},
		"duplicate key":                    {"POST", "/webhook", "application/json", strings.Replace(ok, `"amount"`, `"amount": 2, "amount"`, 1), 400, nil},
		"invalid UTF-8":                    {"POST", "/webhook", "application/json", strings.Replace(ok, "cust_789", "cust\xff", 1), 400, nil},
		"deep nesting":                     {"POST", "/webhook", "application/json", deep, 400, nil},
		"1e400":                            {"POST", "/webhook", "application/json", strings.Replace(ok, `: 1,`, `: 1e400,`, 1), 400, []string{"amount"}},
		"NaN":                              {"POST", "/webhook", "application/json", strings.Replace(ok, `: 1,`, `: "NaN",`, 1), 400, []string{"amount"}},
		"negative":                         {"POST", "/webhook", "application/json", strings.Replace(ok, `: 1,`, `: -1,`, 1), 400, []string{"amount"}},
		"zero":                             {"POST", "/webhook", "application/json", strings.Replace(ok, `: 1,`, `: 0,`, 1), 400, []string{"amount"}},
		"too many decimals":                {"POST", "/webhook", "application/json", strings.Replace(ok, `: 1,`, `: 1.001,`, 1), 400, []string{"amount"}},
		"wrong content type":               {"POST", "/webhook", "text/plain", ok, 415, nil},
		"no content type":                  {"POST", "/webhook", "", ok, 415, nil},
		"too large":                        {"POST", "/webhook", "application/json", strings.Replace(ok, "cust_789", strings.Repeat("c", 300*1024), 1), 413, nil},
		"unknown provider":                 {"POST", "/webhook/nobody", "application/json", ok, 404, nil},
		"unknown route":                    {"POST", "/nothing", "application/json", ok, 404, nil},
		"unknown method":                   {"GET", "/webhook", "", "", 404, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			res, err := shared.Do(t.Context(), c.method, c.path, http.Header{"Content-Type": {c.contentType}}, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if res.Status != c.status {
				t.Fatalf("%d %s, want %d", res.Status, res.Body, c.status)
			}
			p := readProblem(t, res)
			if len(c.fields) > 0 && len(p.Errors) != len(c.fields) {
				t.Errorf("errors %+v, want one for each of %v", p.Errors, c.fields)
			}
			for _, field := range c.fields {
				if !slices.ContainsFunc(p.Errors, func(e struct{ Field, Detail string }) bool {
					return strings.Contains(e.Field, field) && e.Detail != ""
				}) {
					t.Errorf("errors %+v do not name %s", p.Errors, field)
				}
			}
		})
	}
	if item, err := shared.Item(t.Context(), "txn_never", "shop"); err != nil || item != nil {
		t.Errorf("stored %v (%v), want nothing", item, err)
	}
}

func TestDuplicateAndConflict(t *testing.T) {
	id := newID(t)
	accept(t, shared, payment(id, "250", "USD", ""))
	before, err := shared.Item(t.Context(), id, "shop")
	if err != nil {
		t.Fatal(err)
	}
	var res session.Response
	delivered(t, 200, func() int { res = post(t, shared, payment(id, `"250.00"`, "USD", "")); return res.Status })
	if res.Status != 200 || !bytes.Contains(res.Body, []byte(`"duplicate":true`)) {
		t.Errorf("same delivery: %d %s, want 200 and duplicate", res.Status, res.Body)
	}
	delivered(t, 409, func() int { res = post(t, shared, payment(id, "251", "USD", "")); return res.Status })
	if res.Status != 409 {
		t.Errorf("other amount: %d %s, want 409", res.Status, res.Body)
	}
	readProblem(t, res)
	after, err := shared.Item(t.Context(), id, "shop")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, after) {
		t.Errorf("the item changed from %v to %v", before, after)
	}
}

func TestConcurrentDeliveriesAreStoredOnce(t *testing.T) {
	const deliveries = 12
	body := payment(newID(t), "250", "USD", "")
	var wg sync.WaitGroup
	start := time.Now()
	statuses := make([]int, deliveries)
	for i := range statuses {
		wg.Go(func() {
			res, err := shared.Post(context.WithoutCancel(t.Context()), "/webhook", "application/json", body)
			if err != nil {
				t.Error(err)
			}
			statuses[i] = res.Status
		})
	}
	wg.Wait()
	checkStatuses(t, statuses, time.Since(start))
}

// checkStatuses expects one 202 and otherwise 200. On a slow machine the validator may
// give up an attempt with 503; if that attempt was stored, no delivery gets 202.
func checkStatuses(t *testing.T, statuses []int, took time.Duration) {
	t.Helper()
	count := map[int]int{}
	for _, s := range statuses {
		count[s]++
	}
	exact := count[202] == 1 && count[200] == len(statuses)-1
	if allowed := took > secretTimeout && count[202] <= 1 && count[202]+count[200]+count[503] == len(statuses); !exact && !allowed {
		t.Errorf("statuses %v within %s, want one 202 and otherwise 200", statuses, took)
	}
}

func TestCardNumberIsMasked(t *testing.T) {
	const pan, masked = "4111111111111111", "411111******1111"
	id := newID(t)
	accept(t, shared, payment(id, "250", "USD", `, "metadata": {"note": "card 4111 1111 1111 1111", "number": `+pan+`, "nested": ["`+pan+`"]}`))
	// Neither the response to a rejected request nor its log line quotes the number.
	res := post(t, shared, payment(id, "1", pan, ""))
	if res.Status != 400 || bytes.Contains(res.Body, []byte(pan)) {
		t.Errorf("got %d %s, want 400 without the card number", res.Status, res.Body)
	}
	var events []string
	eventually(t, "the event", func(ctx context.Context) (bool, error) {
		var err error
		events, err = shared.Logged(ctx, shared.LowValueLogGroup(), fmt.Sprintf("%q", id))
		return len(events) > 0, err // at least once
	})
	if !strings.Contains(events[0], masked) {
		t.Errorf("the event %s does not show the number masked", events[0])
	}
	item, err := shared.Item(t.Context(), id, "shop")
	if err != nil {
		t.Fatal(err)
	}
	stored := fmt.Sprint(item)
	// The local run sends a response only after it has read the request's log lines.
	logged, err := shared.Logged(t.Context(), contract.FunctionLogGroupPrefix+contract.WebhookValidator+"-"+shared.Suffix(), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(logged) == 0 {
		t.Fatal("nothing is logged")
	}
	for where, text := range map[string]string{"event": events[0], "item": stored, "log": strings.Join(logged, "\n")} {
		if strings.Contains(text, pan) || strings.Contains(text, "4111 1111 1111 1111") {
			t.Errorf("the %s has the card number", where)
		}
	}
}

// The edited template admits a burst of two requests to each route, and the next one hours
// later. Names that are not configured share a route.
func TestThrottling(t *testing.T) {
	inParallel(t)
	s := ownSession(t, func(template string) string {
		template = regexp.MustCompile(`"ThrottlingRateLimit": \d+`).ReplaceAllString(template, `"ThrottlingRateLimit": 0.0001`)
		return regexp.MustCompile(`"ThrottlingBurstLimit": \d+`).ReplaceAllString(template, `"ThrottlingBurstLimit": 2`)
	})
	for i, want := range []int{404, 404, 429, 429} {
		res, err := s.Post(t.Context(), fmt.Sprintf("/webhook/nobody%d", i), "application/json", nil)
		if err != nil || res.Status != want {
			t.Fatalf("request %d: %d %s %v, want %d", i+1, res.Status, res.Body, err, want)
		}
		readProblem(t, res)
		if got := res.Header.Get("Retry-After") != ""; got != (want == 429) {
			t.Errorf("%d with Retry-After: %v", want, got)
		}
	}
	for _, path := range []string{"/webhook", "/webhook/stripe", "/webhook/square"} {
		for i, throttled := range []bool{false, false, true} {
			res, err := s.Post(t.Context(), path, "application/json", nil)
			if err != nil || (res.Status == 429) != throttled {
				t.Errorf("request %d to %s after a flood on another route: %d %s %v", i+1, path, res.Status, res.Body, err)
			}
		}
	}
}
