package intake

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/providers"
	"payment-webhooks/handlers/providers/providerstest"
)

const formpaySecret = "public:private"

// formpay is an intake that has the provider of package providerstest.
func formpay(t *testing.T) fixture {
	t.Helper()
	d := newFixture()
	routes, err := ParseRoutes(`{"formpay":{"secret":"payments/formpay","environment":"sandbox"}}`, append(providers.All(), providerstest.Declaration))
	if err != nil {
		t.Fatal(err)
	}
	d.routes = routes
	d.secretStore.put("payments/formpay", formpaySecret)
	return d
}

// form is what the provider posts of one of its fixtures.
func form(t *testing.T, name, secret string) Request {
	t.Helper()
	payload, err := fs.ReadFile(providerstest.Declaration.Sender.Fixtures, "testdata/"+name+".json")
	if err != nil {
		t.Fatal(err)
	}
	header, body, err := providerstest.Declaration.Sender.Sign(provider.Attempt{Secret: secret, Body: payload})
	if err != nil {
		t.Fatal(err)
	}
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	header.Set("Formpay-Delivery", "d1")
	header.Set("Authorization", "Basic c2VjcmV0")
	return Request{
		Method: http.MethodPost, Resource: "/webhook/{provider}", Provider: providerstest.Name, Header: header,
		Body: base64.StdEncoding.EncodeToString(body), BodyIsBase64: true,
	}
}

func TestFormProvider(t *testing.T) {
	challenge := func(query string) Request {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		return Request{Method: http.MethodGet, Resource: "/webhook/{provider}", Provider: providerstest.Name, Header: http.Header{}, Query: values}
	}
	query, want, err := providerstest.Declaration.Sender.Challenge(formpaySecret)
	if err != nil {
		t.Fatal(err)
	}
	tampered := form(t, "payment", formpaySecret)
	body, err := base64.StdEncoding.DecodeString(tampered.Body)
	if err != nil {
		t.Fatal(err)
	}
	tampered.Body = base64.StdEncoding.EncodeToString(providerstest.Declaration.Sender.Tamper(body))
	asJSON := form(t, "payment", formpaySecret)
	asJSON.Header.Set("Content-Type", "application/json")
	put := form(t, "payment", formpaySecret)
	put.Method = http.MethodPut
	for _, tt := range []struct {
		name    string
		request Request
		status  int
		body    string // what it says, if not ""
	}{
		{"its payment is stored", form(t, "payment", formpaySecret), 202, `{"transaction_id":"bt_1","provider":"formpay","status":"accepted","duplicate":false}`},
		{"another event is ignored", form(t, "ignored", formpaySecret), 200, `{"ignored":"subscription_trial_ended"}`},
		{"what cannot be read is quarantined", form(t, "unreadable", formpaySecret), 202, `{"quarantined":"unreadable"}`},
		{"another key's signature is rejected", form(t, "payment", "public:other"), 401, ""},
		{"a changed payload is rejected", tampered, 401, ""},
		{"JSON is rejected", asJSON, 415, ""},
		{"a method that it does not declare is rejected", put, 404, ""},
		{"its challenge gets a response", challenge(query), 200, want},
		{"a challenge that is none is rejected", challenge("bt_challenge=" + url.QueryEscape("<script>")), 400, ""},
		{"a query without a challenge is rejected", challenge(""), 400, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := formpay(t)
			response := d.send(t, tt.request)
			if response.Status != tt.status || tt.body != "" && response.Body != tt.body {
				t.Fatalf("%d %s, want %d %s", response.Status, response.Body, tt.status, tt.body)
			}
			if tt.status >= 400 {
				if p := parseProblem(t, response); tt.status == 415 && !strings.Contains(p.Detail, "application/x-www-form-urlencoded") {
					t.Errorf("%s, want the media type", p.Detail)
				}
			}
			if tt.request.Method == http.MethodGet && tt.status == 200 && response.Header["Content-Type"] != "text/plain; charset=utf-8" {
				t.Errorf("content type %s", response.Header["Content-Type"])
			}
			if logs, _ := d.lines(t); len(logs) != 1 || tt.status != 404 && logs[0]["provider"] != providerstest.Name {
				t.Errorf("log %v, want a line that names the provider", logs)
			}
		})
	}
	t.Run("a challenge waits for the secret", func(t *testing.T) {
		d := formpay(t)
		d.secretStore.put("payments/formpay", "not a key pair")
		if response := d.send(t, challenge(query)); response.Status != 503 || response.Header["Retry-After"] == "" {
			t.Errorf("%d %s, want 503 and when to try again", response.Status, response.Body)
		}
		d.secretStore.put("payments/formpay", formpaySecret)
		d.clock.pass(time.Minute)
		if response := d.send(t, challenge(query)); response.Status != 200 || response.Body != want {
			t.Errorf("%d %s once the secret is right", response.Status, response.Body)
		}
	})
	t.Run("providers that declare no GET get no challenges", func(t *testing.T) {
		d := newFixture()
		request := challenge(query)
		request.Provider = "fake"
		if response := d.send(t, request); response.Status != 404 {
			t.Errorf("%d %s", response.Status, response.Body)
		}
	})
}

func TestQuarantineOfForms(t *testing.T) {
	d := formpay(t)
	d.send(t, form(t, "unreadable", formpaySecret))
	if len(d.quarantine.messages) != 1 {
		t.Fatalf("%d messages", len(d.quarantine.messages))
	}
	var m message
	if err := json.Unmarshal([]byte(d.quarantine.messages[0]), &m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Formpay-Delivery": "d1"}, m.Headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	kept, err := url.ParseQuery(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(kept.Get("bt_payload"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := fs.ReadFile(providerstest.Declaration.Sender.Fixtures, "testdata/unreadable.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Replace(string(want), "4111111111111111", "411111******1111", 1), string(payload)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
}

func TestGETNeedsChallenger(t *testing.T) {
	d := provider.Declaration{
		Name: "fake", Methods: []string{http.MethodPost, http.MethodGet}, New: func(provider.Settings) provider.Provider { return fake{} },
	}
	if _, err := ParseRoutes(`{"fake":{"secret":"a"}}`, []provider.Declaration{d}); err == nil || !strings.Contains(err.Error(), contract.EnvProviders) {
		t.Errorf("%v, want an error", err)
	}
}
