package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"payment-webhooks/local/session"
)

// sendAs runs scripts/send as a user would.
func sendAs(t *testing.T, s *session.Session, provider, secret string, args ...string) session.Sent {
	t.Helper()
	if sender.Providers[provider].Certificate {
		args = append(slices.Clone(args), "--egress", egressDir)
	}
	sent, err := s.Send(t.Context(), sender, provider, secret, args...)
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

// otherSecret generates a valid secret of a provider that is not the one in use.
func otherSecret(t *testing.T, provider string) string {
	t.Helper()
	made, err := sender.MakeSecrets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return made[provider]
}

// deliverShared sends one delivery to the shared session and expects a status.
func deliverShared(t *testing.T, status int, provider string, args ...string) session.SenderResponse {
	t.Helper()
	return deliverTo(t, shared, status, provider, secrets[provider], args...)
}

// deliverTo sends one delivery to a session and expects a status.
func deliverTo(t *testing.T, s *session.Session, status int, provider, secret string, args ...string) session.SenderResponse {
	t.Helper()
	var sent session.Sent
	got := delivered(t, status, func() int {
		if sent = sendAs(t, s, provider, secret, args...); len(sent.Responses) != 1 {
			t.Fatalf("%+v, want one response with %d", sent, status)
		}
		return sent.Responses[0].Status
	})
	if got != status {
		t.Fatalf("%+v, want one response with %d", sent, status)
	}
	if good := status/100 == 2; good != (sent.Exit == 0) {
		t.Errorf("exit status %d after %d", sent.Exit, status)
	}
	return sent.Responses[0]
}

// result is the part of a response about one transaction or event.
type result struct {
	TransactionID string `json:"transaction_id"`
	Provider      string
	Duplicate     *bool
	Ignored       string
	Quarantined   string
}

// results reads the results of a response to a batch or to a single notification.
func results(t *testing.T, response session.SenderResponse) []result {
	t.Helper()
	var batch struct{ Results []result }
	var single result
	if err := json.Unmarshal([]byte(response.Body), &batch); err != nil {
		t.Fatalf("%s: %v", response.Body, err)
	}
	if batch.Results != nil {
		return batch.Results
	}
	if err := json.Unmarshal([]byte(response.Body), &single); err != nil {
		t.Fatalf("%s: %v", response.Body, err)
	}
	return []result{single}
}

// only returns the one result of a response.
func only(t *testing.T, response session.SenderResponse) result {
	t.Helper()
	all := results(t, response)
	if len(all) != 1 {
		t.Fatalf("%s, want one result", response.Body)
	}
	return all[0]
}

func itemOf(t *testing.T, id, provider string) map[string]any {
	t.Helper()
	item, err := shared.Item(t.Context(), id, provider)
	if err != nil {
		t.Fatal(err)
	}
	return item
}

// fixture is a provider's payload with parts replaced, in a file.
func fixture(t *testing.T, provider, name string, replace func(body string) string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(root(), "handlers", "internal", "provider", provider, "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	changed := replace(string(body))
	if changed == string(body) {
		t.Fatalf("nothing is replaced in %s", body)
	}
	return file(t, changed)
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "body.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNativeDeliveries(t *testing.T) {
	for _, provider := range providers {
		t.Run(provider, func(t *testing.T) {
			id, forged, skewed := newID(t), newID(t), newID(t)
			first := only(t, deliverShared(t, 202, provider, "--id", id))
			if first.Provider != provider || first.Duplicate == nil || (*first.Duplicate && !overloaded.Load()) {
				t.Errorf("got %+v, want a new transaction of %s", first, provider)
			}
			before := itemOf(t, first.TransactionID, provider)
			if before == nil {
				t.Fatalf("%s is not in the table", first.TransactionID)
			}
			if again := only(t, deliverShared(t, 200, provider, "--id", id)); again.Duplicate == nil || !*again.Duplicate {
				t.Errorf("got %+v, want a duplicate", again)
			}
			after := itemOf(t, first.TransactionID, provider)
			for _, item := range []map[string]any{before, after} {
				delete(item, "fraud") // added when the workflow has scored it
			}
			if !reflect.DeepEqual(after, before) {
				t.Errorf("the item changed from %v to %v", before, after)
			}

			deliverShared(t, 401, provider, "--id", forged, "--tamper")
			if !sender.Providers[provider].SignsTime {
				if sent := sendAs(t, shared, provider, secrets[provider], "--skew", "10m"); sent.Exit != 2 || !strings.Contains(sent.Errors, "signs no time") {
					t.Errorf("%+v, want an error that says why --skew is rejected", sent)
				}
			} else {
				deliverShared(t, 401, provider, "--id", skewed, "--skew", "10m")
				deliverShared(t, 401, provider, "--id", skewed, "--skew", "-120h") // beyond every provider's retries
			}
			deliverTo(t, shared, 401, provider, otherSecret(t, provider), "--id", forged)
			for _, id := range []string{forged, skewed} {
				if item := itemOf(t, id, provider); item != nil {
					t.Errorf("%s was rejected, but stored as %v", id, item)
				}
			}
		})
	}
}

func TestNativeKinds(t *testing.T) {
	for _, provider := range providers {
		t.Run(provider, func(t *testing.T) {
			ids := map[string]string{}
			for _, kind := range []string{"payment", "refund", "dispute", "payout"} {
				ids[kind] = only(t, deliverShared(t, 202, provider, "--fixture", kind)).TransactionID
				item := itemOf(t, ids[kind], provider)
				if item["kind"] != kind {
					t.Errorf("%s is stored as %v", kind, item)
				}
				wantPayment := any(nil)
				if kind == "refund" || kind == "dispute" {
					wantPayment = ids["payment"]
				}
				if item["payment_id"] != wantPayment {
					t.Errorf("the %s refers to %v, want %v", kind, item["payment_id"], wantPayment)
				}
			}
		})
	}
}

// A fact that takes another one back is a transaction of its own, which is published as
// any other.
func TestNativeReversals(t *testing.T) {
	for provider, fixture := range map[string]string{"adyen": "refund_failed", "paypal": "reversal", "square": "refund_failed", "stripe": "refund_failed"} {
		t.Run(provider, func(t *testing.T) {
			var reversal map[string]any
			for _, r := range results(t, deliverShared(t, 202, provider, "--fixture", fixture)) {
				if item := itemOf(t, r.TransactionID, provider); item["kind"] == "reversal" {
					reversal = item
				}
			}
			want := "refund"
			if provider == "paypal" {
				want = "payment"
			}
			if reversal == nil || reversal["reversed_kind"] != want || reversal["reverses"] == "" || reversal["reverses"] == reversal["transaction_id"] {
				t.Fatalf("stored %v, want a reversal of a %s", reversal, want)
			}
			eventually(t, "its event", func(ctx context.Context) (bool, error) {
				id := fmt.Sprint(reversal["transaction_id"])
				logged, err := shared.Logged(ctx, shared.LowValueLogGroup(), id)
				alerts, err2 := shared.Alerts(ctx, id)
				for _, line := range logged {
					if !strings.Contains(line, fmt.Sprintf(`"reverses":%q`, reversal["reverses"])) {
						t.Fatalf("the event %s does not say what it reverses", line)
					}
				}
				return len(logged)+len(alerts) > 0, errors.Join(err, err2)
			})
		})
	}
	for _, provider := range providers {
		if !slices.Contains([]string{"adyen", "paypal", "square", "stripe"}, provider) {
			t.Errorf("no reversal of %s is sent", provider)
		}
	}
}

func TestIgnoredEvents(t *testing.T) {
	for _, provider := range providers {
		t.Run(provider, func(t *testing.T) {
			before, err := shared.Count(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r := only(t, deliverShared(t, 200, provider, "--fixture", "ignored")); r.Ignored == "" || r.TransactionID != "" {
				t.Errorf("got %+v, want the ignored event's type", r)
			}
			if after, err := shared.Count(t.Context()); err != nil || after != before {
				t.Errorf("%d items (%v), want %d as before", after, err, before)
			}
		})
	}
}

var currency = regexp.MustCompile(`("currency(?:_code)?": ?)"[A-Za-z]{3}"`)

// A provider repeats a rejected delivery, or stops: Adyen holds back every other
// notification until it gets a success.
func TestUnreadableIsQuarantined(t *testing.T) {
	for _, provider := range providers {
		t.Run(provider, func(t *testing.T) {
			id := newID(t) + "_"
			body := fixture(t, provider, "payment", func(body string) string { return currency.ReplaceAllString(body, `$1"ZZZ"`) })
			if r := only(t, deliverShared(t, 202, provider, "--file", body, "--id", id)); r.Quarantined == "" || r.TransactionID != "" {
				t.Errorf("got %+v, want that it is quarantined", r)
			}
			assertQuarantined(t, provider, id, `"ZZZ"`)
			if item := itemOf(t, id, provider); item != nil {
				t.Errorf("stored %v", item)
			}
		})
	}
}

// With 409, a provider would repeat the delivery for days.
func TestNativeConflictIsQuarantined(t *testing.T) {
	id := newID(t) + "_"
	deliverShared(t, 202, "stripe", "--id", id)
	before := itemOf(t, id, "stripe")
	amount := regexp.MustCompile(`("amount_received": ?)\d+`)
	body := fixture(t, "stripe", "payment", func(body string) string { return amount.ReplaceAllString(body, "${1}4242") })
	if r := only(t, deliverShared(t, 202, "stripe", "--file", body, "--id", id)); r.Quarantined != "conflict" {
		t.Errorf("got %+v, want that it is quarantined", r)
	}
	assertQuarantined(t, "stripe", id, "4242")
	if after := itemOf(t, id, "stripe"); after["amount"] != before["amount"] || after["fingerprint"] != before["fingerprint"] {
		t.Errorf("the item changed from %v to %v", before, after)
	}
}

// assertQuarantined waits for a quarantined delivery whose body contains id and part.
func assertQuarantined(t *testing.T, provider, id, part string) {
	t.Helper()
	var message struct {
		Provider string
		Events   []struct{ Reason, Detail string }
		Body     string
	}
	m := awaitMessage(t, shared, "quarantine-"+shared.Suffix(), id)
	if err := json.Unmarshal([]byte(*m.Body), &message); err != nil {
		t.Fatalf("%s: %v", *m.Body, err)
	}
	if message.Provider != provider || len(message.Events) != 1 || message.Events[0].Reason == "" || message.Events[0].Detail == "" || !strings.Contains(message.Body, part) || !json.Valid([]byte(message.Body)) {
		t.Errorf("quarantined %s, want the provider, a reason and the whole body", *m.Body)
	}
}

func TestNativeBatch(t *testing.T) {
	body, err := os.ReadFile(filepath.Join(root(), "handlers", "internal", "provider", "adyen", "testdata", "batch.json"))
	if err != nil {
		t.Fatal(err)
	}
	items := strings.Count(string(body), `"NotificationRequestItem"`)
	if items < 2 {
		t.Fatalf("the fixture has %d items, want a batch", items)
	}
	id := newID(t)
	response := deliverShared(t, 202, "adyen", "--fixture", "batch", "--id", id)
	all := results(t, response)
	if len(all) != items {
		t.Errorf("%s, want %d results", response.Body, items)
	}
	stored := 0
	for _, r := range all {
		switch {
		case r.Ignored != "" || r.Quarantined != "":
		case itemOf(t, r.TransactionID, "adyen") == nil:
			t.Errorf("%+v is not in the table", r)
		default:
			stored++
		}
	}
	if stored < 2 || stored == items {
		t.Errorf("%d of %d items are stored, want some, and one that is ignored or quarantined among them", stored, items)
	}
	// One forged item rejects the whole batch.
	forged := newID(t)
	deliverShared(t, 401, "adyen", "--fixture", "batch", "--id", forged, "--tamper")
	if item := itemOf(t, forged, "adyen"); item != nil {
		t.Errorf("stored %v beside a forged item", item)
	}
}

func TestConcurrentNativeDeliveries(t *testing.T) {
	const deliveries = 12
	for _, provider := range providers {
		t.Run(provider, func(t *testing.T) {
			start := time.Now()
			sent := sendAs(t, shared, provider, secrets[provider], "--id", newID(t), "--repeat", fmt.Sprint(deliveries), "--rate", "1000/s")
			var statuses []int
			for _, a := range sent.Responses {
				statuses = append(statuses, a.Status)
			}
			checkStatuses(t, statuses, time.Since(start))
			if len(statuses) != deliveries {
				t.Errorf("%d responses (%s), want %d", len(statuses), sent.Errors, deliveries)
			}
		})
	}
}

func TestSecretRotation(t *testing.T) {
	inParallel(t)
	before, after := secrets["stripe"], otherSecret(t, "stripe")
	s := ownSessionWith(t, session.SecretFlags(map[string]string{"stripe": before}))
	deliverTo(t, s, 202, "stripe", before, "--id", newID(t)) // the secret has been read
	shell(t, s, "aws secretsmanager put-secret-value --secret-id payments/stripe --secret-string "+after)
	id := newID(t)
	eventually(t, "the new secret", func(ctx context.Context) (bool, error) {
		sent, err := s.Send(ctx, sender, "stripe", after, "--id", id)
		return err == nil && len(sent.Responses) == 1 && sent.Responses[0].Status/100 == 2, err
	})
	deliverTo(t, s, 202, "stripe", before, "--id", newID(t))
	deliverTo(t, s, 401, "stripe", otherSecret(t, "stripe"), "--id", newID(t))
}

// Without a usable secret nothing can be verified, so nothing is accepted. Here Stripe's
// secret does not exist and Adyen's is not an HMAC key. The secret of the canonical
// /webhook has Square's name, which the validator's role may read already.
func TestUnusableSecrets(t *testing.T) {
	inParallel(t)
	s := ownSessionWith(t, session.SecretFlags(map[string]string{"adyen": "not a key", "square": secrets["canonical"]}), func(template string) string {
		return strings.Replace(template, `"PROVIDERS": "{`, `"PROVIDERS": "{\"canonical\":{\"secret\":\"payments/square\"},`, 1)
	})
	t.Run("missing", func(t *testing.T) {
		deliverTo(t, s, 503, "stripe", secrets["stripe"])
		res, err := s.Post(t.Context(), "/webhook/stripe", "application/json", []byte("{}"))
		if err != nil || res.Status != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("%d %s %v, want 503 and Retry-After", res.Status, res.Body, err)
		}
		readProblem(t, res)
		shell(t, s, "aws secretsmanager create-secret --name payments/stripe --secret-string "+secrets["stripe"])
		eventually(t, "the secret once it exists", func(ctx context.Context) (bool, error) {
			sent, err := s.Send(ctx, sender, "stripe", secrets["stripe"])
			return err == nil && len(sent.Responses) == 1 && sent.Responses[0].Status/100 == 2, err
		})
	})
	t.Run("malformed", func(t *testing.T) {
		deliverTo(t, s, 503, "adyen", secrets["adyen"])
	})
	t.Run("unsigned canonical", func(t *testing.T) {
		id := newID(t)
		body := payment(id, "250", "USD", "")
		if res := post(t, s, body); res.Status != http.StatusUnauthorized {
			t.Errorf("unsigned: %d %s, want 401", res.Status, res.Body)
		}
		path := file(t, string(body))
		deliverTo(t, s, 401, "canonical", otherSecret(t, "canonical"), "--file", path)
		deliverTo(t, s, 401, "canonical", secrets["canonical"], "--file", path, "--tamper")
		deliverTo(t, s, 401, "canonical", secrets["canonical"], "--file", path, "--skew", "10m")
		if item, err := s.Item(t.Context(), id, "shop"); err != nil || item != nil {
			t.Errorf("stored %v (%v)", item, err)
		}
		deliverTo(t, s, 202, "canonical", secrets["canonical"], "--file", path)
		deliverTo(t, s, 200, "canonical", secrets["canonical"], "--file", path)
	})
}
