package square_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/providertest"
	"payment-webhooks/handlers/internal/provider/square"
)

const (
	key      = "Ibxx_5AKakO-3qeNVR61Dw"
	otherKey = "asdf-made-up-1234"
	url      = "https://pay.example.com/webhook/square"
)

// now is just after the first event of the fixtures.
var now = time.Date(2026, 11, 22, 15, 4, 10, 0, time.UTC)

var fixture = providertest.Fixture

func sign(url string, body []byte, key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(append([]byte(url), body...))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func delivery(body []byte, signature string) provider.Delivery {
	return provider.Delivery{
		Header: http.Header{http.CanonicalHeaderKey("x-square-hmacsha256-signature"): {signature}},
		Body:   body, URL: url, ReceivedAt: now,
	}
}

func verify(d provider.Delivery, secrets ...string) error {
	return square.New().Verify(context.Background(), d, secrets)
}

// From the tests of Square's own SDK (webhooks/client/verify_signature_test.go
// of github.com/square/square-go-sdk), the first being a notification that
// Square sent.
func TestPublishedSignaturesVerify(t *testing.T) {
	for _, tt := range []struct{ body, signature, key, url string }{
		{
			`{"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification","event_id":"ac3ac95b-f97d-458c-a6e6-18981597e05f","created_at":"2022-07-13T20:30:59.037339943Z","data":{"type":"webhooks","id":"bc368e64-01aa-407e-b46e-3231809b1129"}}`,
			"GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4=", key, "https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9",
		},
		{`{"data":{"type":"webhooks","id":"fake_id"}}`, "W3FlCNk5IA3ZQ2LHTWoajvzfaDu/OwY2tNHIHC3IUOA=", "signature-key", "https://webhook.site/webhooks"},
		{`{"data":{"type":"webhooks","id":">id<"}}`, "Cxt7+aTi4rKgcA0bC4g9EHdVtLSDWdqccmL5MvihU4U=", "signature-key", "https://webhook.site/webhooks"},
	} {
		d := delivery([]byte(tt.body), tt.signature)
		d.URL, d.ReceivedAt = tt.url, time.Date(2022, 7, 13, 20, 31, 0, 0, time.UTC)
		if err := verify(d, tt.key); err != nil {
			t.Errorf("%s: %v", tt.body, err)
		}
		d.URL += "/"
		if err := verify(d, tt.key); !errors.Is(err, provider.ErrSignature) {
			t.Errorf("%s at another URL: %v, want ErrSignature", tt.body, err)
		}
	}
}

func TestForgeriesAreRejected(t *testing.T) {
	body := fixture(t, "payment")
	good := sign(url, body, key)
	if err := verify(delivery(body, good), key); err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]provider.Delivery{
		"tampered":            delivery([]byte(strings.Replace(string(body), "1500000", "1500001", 1)), good),
		"white space added":   delivery(append(body[:len(body):len(body)], ' '), good),
		"another key":         delivery(body, sign(url, body, otherKey)),
		"another URL":         delivery(body, sign("https://evil.example.com/", body, key)),
		"no URL":              delivery(body, sign("", body, key)),
		"empty signature":     delivery(body, ""),
		"cut signature":       delivery(body, good[:43]),
		"padded twice":        delivery(body, good+"="),
		"hex":                 delivery(body, fmt.Sprintf("%x", good)),
		"line break":          delivery(body, good[:20]+"\n"+good[20:]),
		"no header":           {Body: body, URL: url, ReceivedAt: now},
		"two headers":         {Header: http.Header{square.SignatureHeader: {good, good}}, Body: body, URL: url, ReceivedAt: now},
		"the old header":      {Header: http.Header{"X-Square-Signature": {good}}, Body: body, URL: url, ReceivedAt: now},
		"two in one header":   delivery(body, good+","+good),
		"signature very long": delivery(body, strings.Repeat(good, 1000)),
	} {
		t.Run(name, func(t *testing.T) {
			if err := verify(d, key); !errors.Is(err, provider.ErrSignature) {
				t.Errorf("%v, want ErrSignature", err)
			}
		})
	}
}

func TestBothSecretsOfARotationVerify(t *testing.T) {
	body := fixture(t, "payment")
	for _, secrets := range [][]string{{key, otherKey}, {otherKey, key}, {"", key}} {
		if err := verify(delivery(body, sign(url, body, key)), secrets...); err != nil {
			t.Errorf("%q: %v", secrets, err)
		}
	}
}

func TestNoKeyNeverVerifies(t *testing.T) {
	body := fixture(t, "payment")
	unsigned := delivery(body, sign(url, body, ""))
	for _, secrets := range [][]string{nil, {""}, {"", ""}} {
		if err := verify(unsigned, secrets...); !errors.Is(err, provider.ErrSecret) {
			t.Errorf("%q: %v, want ErrSecret", secrets, err)
		}
	}
	if err := verify(unsigned, key, ""); !errors.Is(err, provider.ErrSignature) {
		t.Errorf("an empty previous key: %v, want ErrSignature", err)
	}
}

func TestTimeIsBoundedInBothDirections(t *testing.T) {
	body := fixture(t, "payment")
	createdAt := time.Date(2026, 11, 22, 15, 4, 6, 310e6, time.UTC)
	d := delivery(body, sign(url, body, key))
	for _, tt := range []struct {
		age  time.Duration
		good bool
	}{
		{-10 * time.Minute, false},
		{-provider.Tolerance - time.Millisecond, false},
		{-provider.Tolerance, true},
		{0, true},
		{24 * time.Hour, true},
		{72 * time.Hour, true}, // Square's last repeat
		{72*time.Hour + provider.Tolerance, true},
		{72*time.Hour + provider.Tolerance + time.Millisecond, false},
		{365 * 24 * time.Hour, false},
	} {
		d.ReceivedAt = createdAt.Add(tt.age)
		err := verify(d, key)
		if tt.good && err != nil || !tt.good && !errors.Is(err, provider.ErrSignature) {
			t.Errorf("received %v after created_at: %v", tt.age, err)
		}
	}
}

// What is authentic but has no readable time must not become a transaction.
func TestDeliveryWithoutTime(t *testing.T) {
	good := string(fixture(t, "payment"))
	for name, body := range map[string]string{
		"not JSON":       "payment.updated",
		"empty":          "",
		"null":           "null",
		"array":          "[]",
		"no time":        strings.Replace(good, `"created_at": "2026-11-22T15:04:06.310Z"`, `"x": ""`, 1),
		"time as number": strings.Replace(good, `"created_at": "2026-11-22T15:04:06.310Z"`, `"created_at": 1795359846`, 1),
		"no time of day": strings.Replace(good, `"created_at": "2026-11-22T15:04:06.310Z"`, `"created_at": "2026-11-22"`, 1),
		"two times":      strings.Replace(good, `"created_at"`, `"created_at": "2026-11-22T15:04:06Z", "created_at"`, 1),
		"two documents":  good + good,
		"deep":           strings.Replace(good, `"data"`, `"x": `+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`, "data"`, 1),
		"many values":    strings.Replace(good, `"data"`, `"x": [`+strings.Repeat("0,", 20_000)+`0], "data"`, 1),
		"cut":            strings.Repeat("[", 200_000),
		"not UTF-8":      strings.Replace(good, "ORDER", "ORD\xff", 1),
	} {
		t.Run(name, func(t *testing.T) {
			d := delivery([]byte(body), sign(url, []byte(body), key))
			if err := verify(d, key); err != nil {
				t.Fatalf("authentic, but %v", err)
			}
			if events, err := square.New().Decode(d); !errors.Is(err, provider.ErrUnreadable) || events != nil {
				t.Errorf("%v, %v, want ErrUnreadable", events, err)
			}
		})
	}
}

func TestErrorsRepeatNeitherSecretNorBody(t *testing.T) {
	body := []byte(`{"4111111111111111":`)
	_, unreadable := square.New().Decode(delivery(body, ""))
	for _, err := range []error{verify(delivery(body, "4111"), key), unreadable} {
		if err == nil || strings.Contains(err.Error(), "4111") || strings.Contains(err.Error(), key) {
			t.Errorf("%v", err)
		}
	}
}

// summary is what a test compares of a delivery: for each event its type, then what became
// of it.
func summary(t testing.TB, body []byte) string {
	t.Helper()
	events, err := square.New().Decode(provider.Delivery{Body: body})
	if err != nil || len(events) == 0 {
		t.Fatal(events, err)
	}
	var lines []string
	for _, e := range events {
		line := fmt.Sprintf("%+v breaks the contract of provider.Event", e)
		switch tx := e.Transaction; {
		case e.Err != nil && tx == nil && errors.Is(e.Err, provider.ErrUnreadable):
			line = e.Type + " unreadable"
		case tx != nil && e.Err == nil:
			line = fmt.Sprintf("%s %s %s/%s", e.Type, tx.Kind, tx.Provider, tx.ID)
			if tx.Kind == contract.KindReversal {
				line += fmt.Sprintf(" of %s %q", tx.ReversedKind, tx.Reverses)
			}
			line += fmt.Sprintf(" of %q %s by %s %s", tx.PaymentID, tx.Format(), tx.CustomerID, tx.Metadata)
		case e.Err == nil:
			line = e.Type + " ignored"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestFixturesBecomeTransactions(t *testing.T) {
	const paid = `payment.updated payment square/hYy9pRFVxpDsO1FB05SunFWUe9JZY of "" 15000.00 USD by W92WH6P11H4Z77CTET0RNTGFW8 ` +
		`{"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042","order_id":"03O3USaPaAaFnI6kkwB1JxGgBsUZY","reference_id":"ORDER-2026-004711"}`
	for name, want := range map[string]string{
		"payment":       paid,
		"payment_later": paid, // with fees and a refund
		"ignored":       "payment.created ignored",
		"refund":        `refund.updated refund square/hYy9pRFVxpDsO1FB05SunFWUe9JZY_A1b2 of "hYy9pRFVxpDsO1FB05SunFWUe9JZY" 2500.50 USD by unknown {"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042","order_id":"03O3USaPaAaFnI6kkwB1JxGgBsUZY"}`,
		"dispute":       `dispute.created dispute square/XDgyFu7yo1E2S5lQGGpYn of "hYy9pRFVxpDsO1FB05SunFWUe9JZY" 15000.00 USD by unknown {"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042","reason":"NO_KNOWLEDGE"}`,
		"refund_failed": `refund.updated refund square/hYy9pRFVxpDsO1FB05SunFWUe9JZY_A1b2 of "hYy9pRFVxpDsO1FB05SunFWUe9JZY" 2500.50 USD by unknown {"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042","order_id":"03O3USaPaAaFnI6kkwB1JxGgBsUZY"}
refund.updated reversal square/hYy9pRFVxpDsO1FB05SunFWUe9JZY_A1b2_failed of refund "hYy9pRFVxpDsO1FB05SunFWUe9JZY_A1b2" of "hYy9pRFVxpDsO1FB05SunFWUe9JZY" 2500.50 USD by unknown {"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042","order_id":"03O3USaPaAaFnI6kkwB1JxGgBsUZY"}`,
		"dispute_inquiry": "dispute.created ignored",
		"dispute_won": `dispute.state.updated dispute square/XDgyFu7yo1E2S5lQGGpYn of "hYy9pRFVxpDsO1FB05SunFWUe9JZY" 15000.00 USD by unknown {"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042","reason":"NO_KNOWLEDGE"}
dispute.state.updated reversal square/XDgyFu7yo1E2S5lQGGpYn_won of dispute "XDgyFu7yo1E2S5lQGGpYn" of "hYy9pRFVxpDsO1FB05SunFWUe9JZY" 15000.00 USD by unknown {"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042","reason":"NO_KNOWLEDGE"}`,
		"payout_failed": `payout.failed payout square/po_4d28e6c4-7dd5-4de4-8ec9-a059277646a6 of "" 12064.20 USD by unknown {"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042"}
payout.failed reversal square/po_4d28e6c4-7dd5-4de4-8ec9-a059277646a6_failed of payout "po_4d28e6c4-7dd5-4de4-8ec9-a059277646a6" of "" 12064.20 USD by unknown {"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042"}`,
		"payout_debit": `payout.paid reversal square/po_b345d2c7-90b3-4f0b-a2aa-df1def7f8afc of payout "" of "" 315.00 USD by unknown {"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042"}`,
		"customer":     "customer.created ignored",
		"payout":       `payout.paid payout square/po_4d28e6c4-7dd5-4de4-8ec9-a059277646a6 of "" 12064.20 USD by unknown {"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(want, summary(t, fixture(t, name))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestLaterReportIsADuplicate(t *testing.T) {
	var prints []string
	for _, name := range []string{"payment", "payment_later"} {
		events, err := square.New().Decode(provider.Delivery{Body: fixture(t, name)})
		if err != nil {
			t.Fatal(err)
		}
		prints = append(prints, events[0].Transaction.Fingerprint())
	}
	if prints[0] != prints[1] {
		t.Error("fees or a refund added later make another transaction")
	}
}

// change returns a fixture with a text replaced everywhere.
func change(t testing.TB, name, from, to string) []byte {
	t.Helper()
	body := fixture(t, name)
	changed := strings.ReplaceAll(string(body), from, to)
	if changed == string(body) {
		t.Fatalf("%s has no %s", name, from)
	}
	return []byte(changed)
}

func TestIgnoredStates(t *testing.T) {
	for _, tt := range []struct{ fixture, from, to string }{
		{"payment", `"status": "COMPLETED"`, `"status": "PENDING"`},
		{"payment", `"status": "COMPLETED"`, `"status": "APPROVED"`},
		{"payment", `"status": "COMPLETED"`, `"status": "CANCELED"`},
		{"payment", `"status": "COMPLETED"`, `"status": "FAILED"`},
		{"payment", `"amount": 1500000`, `"amount": 0`},
		{"refund", `"status": "COMPLETED"`, `"status": "PENDING"`},
		{"refund", `"status": "COMPLETED"`, `"status": "REJECTED"`},
		{"refund", `"amount": 250050`, `"amount": 0`},
		{"refund_failed", `"amount": 250050`, `"amount": 0`},
		{"dispute", `"state": "EVIDENCE_REQUIRED"`, `"state": "INQUIRY_EVIDENCE_REQUIRED"`},
		{"dispute", `"state": "EVIDENCE_REQUIRED"`, `"state": "INQUIRY_PROCESSING"`},
		{"dispute_won", `"state": "WON"`, `"state": "INQUIRY_CLOSED"`},
		{"dispute", `"amount": 1500000`, `"amount": 0`},
		{"dispute", `"type": "dispute.created"`, `"type": "dispute.evidence.created"`},
		{"dispute_won", `"type": "dispute.state.updated"`, `"type": "dispute.evidence.added"`},
		{"payout", `"type": "payout.paid"`, `"type": "payout.sent"`},
		{"payout", `"amount": 1206420`, `"amount": 0`},
		{"payout_debit", `"amount": -31500`, `"amount": -0`},
		{"payment", `"type": "payment.updated"`, `"type": "something.new"`},
	} {
		if got := summary(t, change(t, tt.fixture, tt.from, tt.to)); !strings.HasSuffix(got, " ignored") {
			t.Errorf("%s with %s: %s", tt.fixture, tt.to, got)
		}
	}
}

// A dispute holds the money in every state but those of an inquiry, whichever event
// reports it first.
func TestStatesOfADispute(t *testing.T) {
	created := summary(t, fixture(t, "dispute"))
	for _, state := range []string{"EVIDENCE_REQUIRED", "PROCESSING", "LOST", "ACCEPTED"} {
		for _, event := range []string{"dispute.created", "dispute.state.updated", "dispute.state.changed"} {
			t.Run(fmt.Sprintf("when %s reports %s", event, state), func(t *testing.T) {
				body := strings.ReplaceAll(string(change(t, "dispute_won", `"WON"`, `"`+state+`"`)), "dispute.state.updated", event)
				if got, want := summary(t, []byte(body)), strings.Replace(created, "dispute.created", event, 1); got != want {
					t.Errorf("%s\nwant %s", got, want)
				}
			})
		}
	}
}

// The return of a debit that failed is a payout.
func TestFailedDebit(t *testing.T) {
	const rest = ` of "" 315.00 USD by unknown {"location_id":"L88917AVBK2S5","merchant_id":"MLEXAMPLE0042"}`
	const want = `payout.failed reversal square/po_b345d2c7-90b3-4f0b-a2aa-df1def7f8afc of payout ""` + rest + `
payout.failed payout square/po_b345d2c7-90b3-4f0b-a2aa-df1def7f8afc_failed` + rest
	if diff := cmp.Diff(want, summary(t, change(t, "payout_debit", "payout.paid", "payout.failed"))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// No documented time lacks a zone. One that does is in UTC, and bounded as any other.
func TestTimeWithoutAZoneIsUTC(t *testing.T) {
	body := change(t, "payment", `"created_at": "2026-11-22T15:04:06.310Z"`, `"created_at": "2026-11-22T15:04:06.310726"`)
	if got, want := summary(t, body), summary(t, fixture(t, "payment")); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	createdAt := time.Date(2026, 11, 22, 15, 4, 6, 310726e3, time.UTC)
	d := delivery(body, sign(url, body, key))
	for age, good := range map[time.Duration]bool{
		-provider.Tolerance - time.Millisecond:                false,
		-provider.Tolerance:                                   true,
		square.MaxAge + provider.Tolerance:                    true,
		square.MaxAge + provider.Tolerance + time.Millisecond: false,
	} {
		d.ReceivedAt = createdAt.Add(age)
		if err := verify(d, key); good != (err == nil) {
			t.Errorf("received %v after created_at: %v", age, err)
		}
	}
}

// What becomes no transaction is not quarantined for its time.
func TestIgnoredWithoutATime(t *testing.T) {
	for _, text := range []string{`"2026-11-27"`, `"yesterday"`, `1795755600`, `null`} {
		if got := summary(t, change(t, "customer", `"2026-11-27T05:00:00.454726"`, text)); got != "customer.created ignored" {
			t.Errorf("when created_at is %s: %s", text, got)
		}
		approved := strings.Replace(string(fixture(t, "ignored")), `"2026-11-22T15:04:05.100Z"`, text, 1)
		if got := summary(t, []byte(approved)); got != "payment.created ignored" {
			t.Errorf("when the created_at of an approved payment is %s: %s", text, got)
		}
	}
}

func TestOddCustomerIsHashed(t *testing.T) {
	body := change(t, "payment", `"customer_id": "W92`, `"customer_id": "W\n92`)
	if got := summary(t, body); !strings.Contains(got, " by sha256:e485490e") {
		t.Error(got)
	}
}

func TestValidSecret(t *testing.T) {
	for _, text := range []string{
		key, "wbBB2iN4TjNhHrm5r3vSyw", "1k9bIJKCeTmSQwyagtNRLg", "qfjakbt2uWB8DKAMECF-EA", otherKey,
		"abcdefghij012345", strings.Repeat("AbCdEfGhIjKlMnOp", 4), // the shortest and the longest
	} {
		if !square.Declaration.AcceptsSecret(text) {
			t.Errorf("%q is refused", text)
		}
	}
	for _, text := range []string{
		"square", "abcdefghij01234", strings.Repeat("AbCdEfGhIjKlMnOp", 4) + "q", "wbBB2iN4TjNhHrm5r3vSyw==", "wbBB2iN4TjNhHrm5/3vSyw",
		"your-square-signature-key", "REPLACE_ME_WITH_THE_SIGNATURE_KEY", "aaaaaaaaaaaaaaaaaaaaaB", "0123456789012345678901",
		"xxxxXXXXxxxxXXXXxxxxXX", "YourSignatureKey1", "square_signature_key_1", "My-Webhook-Key-0123456789",
		"sq0csp-abcdefghijklmnop1234567890ABCDEFGHIJKLMN", "sq0idp-AbCdEfGhIjKlMnOpQrStUv", "wbhk_b35f6b3145074cf9ad513610786c19d5",
		"EAAAEOuLQPDbWdJfqU3vNAyiDZLxSVwmDgDDBHfq5cjpxxTPLlXVPfMkWDPRQN3X", "wbBB2iN4TjNh\u00e9rm5r3vSyw",
	} {
		if square.Declaration.AcceptsSecret(text) {
			t.Errorf("%q is accepted", text)
		}
	}
}

// Every event type that is stored is declared as such, and none is declared that is not.
func TestDeclaredEventTypes(t *testing.T) {
	fixtures := map[string][]string{
		"payment": {"payment"}, "refund": {"refund", "refund_failed"},
		"dispute": {"dispute", "dispute_won"}, "payout": {"payout", "payout_debit"},
	}
	for _, e := range square.Declaration.EventTypes() {
		var kinds []string
		object, _, _ := strings.Cut(e.Name, ".")
		for _, name := range fixtures[object] {
			var of struct{ Type string }
			body := fixture(t, name)
			if err := json.Unmarshal(body, &of); err != nil {
				t.Fatal(err)
			}
			events, err := square.New().Decode(provider.Delivery{Body: change(t, name, `"`+of.Type+`"`, `"`+e.Name+`" `)})
			if err != nil {
				t.Fatal(err)
			}
			for _, event := range events {
				if event.Transaction != nil && !slices.Contains(kinds, event.Transaction.Kind) {
					kinds = append(kinds, event.Transaction.Kind)
				}
			}
		}
		if got := strings.Join(kinds, ", "); got != e.Becomes {
			t.Errorf("%s becomes %q, and the list says %q", e.Name, got, e.Becomes)
		}
	}
}

func TestFirstCompletedEvent(t *testing.T) {
	created := summary(t, change(t, "payment", `"payment.updated"`, `"payment.created"`))
	updated := summary(t, fixture(t, "payment"))
	if strings.Replace(created, "payment.created", "payment.updated", 1) != updated {
		t.Errorf("%s\n%s", created, updated)
	}
	if got := summary(t, change(t, "refund", `"refund.updated"`, `"refund.created"`)); !strings.HasPrefix(got, "refund.created refund ") {
		t.Error(got)
	}
}

func TestDisputesOfOlderAPIVersionsAreRead(t *testing.T) {
	older := change(t, "dispute", `"id": "XDgyFu7yo1E2S5lQGGpYn",
        "location_id"`, `"dispute_id": "XDgyFu7yo1E2S5lQGGpYn",
        "location_id"`)
	if got, want := summary(t, older), summary(t, fixture(t, "dispute")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestUnreadableNotifications(t *testing.T) {
	for _, tt := range []struct{ fixture, from, to string }{
		{"payment", `"object"`, `"subject"`},
		{"payment", `"payment": {`, `"invoice": {`},
		{"payment", `"status": "COMPLETED"`, `"status": null`},
		{"payment", `"id": "hYy9pRFVxpDsO1FB05SunFWUe9JZY"`, `"id": ""`},
		{"payment", `"amount": 1500000`, `"amount": "1500000"`},
		{"payment", `"amount": 1500000`, `"amount": 1500000.5`},
		{"payment", `"amount": 1500000`, `"amount": 1000000000000000`},
		{"payment", `"currency": "USD"`, `"currency": "usd"`},
		{"payment", `"currency": "USD"`, `"currency": "BTC"`},
		{"payment", `"status": "COMPLETED"`, `"status": "AUTHORIZED"`}, // of no version
		{"refund", `"status": "COMPLETED"`, `"status": "APPROVED"`},
		{"dispute", `"state": "EVIDENCE_REQUIRED"`, `"state": null`},
		{"dispute_won", `"state": "WON"`, `"state": "WITHDRAWN"`},
		{"refund", `"payment_id": "hYy9`, `"payment_id": "h Yy9`},
		{"payment", `"amount": 1500000`, `"amount": -1500000`},
		{"refund", `"amount": 250050`, `"amount": -250050`},
		{"dispute", `"amount": 1500000`, `"amount": -1500000`},
		{"payout_debit", `"amount": -31500`, `"amount": "-31500"`},
	} {
		if got := summary(t, change(t, tt.fixture, tt.from, tt.to)); !strings.HasSuffix(got, " unreadable") {
			t.Errorf("%s with %s: %s", tt.fixture, tt.to, got)
		}
	}
	if _, err := square.New().Decode(provider.Delivery{Body: change(t, "payment", `"type": "payment.updated"`, `"type": 1`)}); !errors.Is(err, provider.ErrUnreadable) {
		t.Errorf("no type: %v, want ErrUnreadable", err)
	}
}

// https://developer.squareup.com/docs/build-basics/working-with-monetary-amounts
func TestAmountsAreInTheSmallestUnit(t *testing.T) {
	for currency, want := range map[string]string{
		"AUD": "15000.00 AUD", "CAD": "15000.00 CAD", "EUR": "15000.00 EUR", "GBP": "15000.00 GBP",
		"JPY": "1500000 JPY",
	} {
		if got := summary(t, change(t, "payment", `"USD"`, `"`+currency+`"`)); !strings.Contains(got, " "+want+" ") {
			t.Errorf("1500000 %s is %s, want %s", currency, got, want)
		}
	}
}

func TestTheTipIsPartOfAPayment(t *testing.T) {
	without := change(t, "payment", `"total_money"`, `"other_money"`)
	if got := summary(t, without); !strings.Contains(got, " 14800.00 USD ") {
		t.Errorf("without total_money: %s", got)
	}
}
