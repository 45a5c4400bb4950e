package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"payment-webhooks/local/session"
)

// oddity is a file of testdata/deliveries: deliveries as providers really send them, in
// order, and the right answer to each. The data is made up.
type oddity struct {
	Why           string
	Documentation string // the provider's page
	Provider      string
	SecretSuffix  string `json:"secret_suffix"` // appended to the secret in Secrets Manager
	Quarantined   string // part of the reason for which the last one is quarantined
	Deliveries    []struct {
		Body     json.RawMessage // "NOW" in place of a time
		Status   int
		Response map[string]any   // the whole response, or the only result in it; nil for a problem document
		Stored   []map[string]any // members of items afterwards; one with "absent" is not stored
	}
}

func TestRealDeliveries(t *testing.T) {
	inTurn(t)
	files, err := filepath.Glob("testdata/deliveries/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files (%v)", len(files), err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var c oddity
			decoder := json.NewDecoder(bytes.NewReader(text))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&c); err != nil {
				t.Fatal(err)
			}
			s := shared
			if c.SecretSuffix != "" {
				t.Parallel()
				s = ownSessionWith(t, session.SecretFlags(map[string]string{c.Provider: secrets[c.Provider] + c.SecretSuffix}))
			}
			c.check(t, s)
		})
	}
}

func (c oddity) check(t *testing.T, s *session.Session) {
	for i, d := range c.Deliveries {
		var response session.SenderResponse
		got := delivered(t, d.Status, func() int {
			response = c.send(t, s, d.Body)
			return response.Status
		})
		if got != d.Status {
			t.Fatalf("delivery %d: %+v, want %d: %s", i, response, d.Status, c.Why)
		}
		if d.Response != nil {
			body := []byte(response.Body)
			var batch struct{ Results []json.RawMessage }
			if json.Unmarshal(body, &batch) == nil && len(batch.Results) == 1 {
				body = batch.Results[0]
			}
			var got map[string]any
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if overloaded.Load() {
				delete(got, "duplicate")
				delete(d.Response, "duplicate")
			}
			if !reflect.DeepEqual(got, d.Response) {
				t.Errorf("delivery %d: %s, want %v: %s", i, body, d.Response, c.Why)
			}
		}
		for _, want := range d.Stored {
			item, err := s.Item(t.Context(), want["transaction_id"].(string), c.Provider)
			if err != nil {
				t.Fatal(err)
			}
			if want["absent"] == true {
				if item != nil {
					t.Errorf("delivery %d: stored %v: %s", i, item, c.Why)
				}
				continue
			}
			if different := differences(want, item); different != "" {
				t.Errorf("delivery %d: stored %v, which differs in %s from %v: %s", i, item, different, want, c.Why)
			}
		}
	}
	if c.Quarantined != "" {
		awaitMessage(t, s, "quarantine-"+s.Suffix(), c.Quarantined)
	}
}

// differences returns the name of a member in which an item differs from what is wanted,
// or "". Of an object, only the wanted members are compared.
func differences(want, item map[string]any) string {
	for name, value := range want {
		got := item[name]
		if members, ok := value.(map[string]any); ok {
			nested, _ := got.(map[string]any)
			if name := differences(members, nested); name != "" {
				return name
			}
			continue
		}
		if number, ok := got.(attributevalue.Number); ok {
			got = number.String()
		}
		if !reflect.DeepEqual(got, value) {
			return name
		}
	}
	return ""
}

func (c oddity) send(t *testing.T, s *session.Session, body json.RawMessage) session.SenderResponse {
	t.Helper()
	const withoutZone = `"NOW_WITHOUT_ZONE"`
	now := time.Now().UTC()
	text := strings.ReplaceAll(string(body), `"NOW"`, `"`+now.Format(time.RFC3339)+`"`)
	if strings.Contains(text, withoutZone) { // scripts/send would write a time with a zone
		return c.sendSquare(t, s, strings.ReplaceAll(text, withoutZone, `"`+now.Format("2006-01-02T15:04:05.000000")+`"`))
	}
	sent := sendAs(t, s, c.Provider, secrets[c.Provider], "--file", file(t, text))
	if len(sent.Responses) != 1 {
		t.Fatalf("%+v, want one response", sent)
	}
	return sent.Responses[0]
}

// sendSquare signs a body as Square does, as it is.
// https://developer.squareup.com/docs/webhooks/step3validate
func (c oddity) sendSquare(t *testing.T, s *session.Session, body string) session.SenderResponse {
	t.Helper()
	mac := hmac.New(sha256.New, []byte(secrets[c.Provider]))
	mac.Write([]byte("https" + strings.TrimPrefix(s.APIURL, "http") + "/webhook/" + c.Provider))
	mac.Write([]byte(body))
	res, err := s.Do(t.Context(), http.MethodPost, "/webhook/"+c.Provider, http.Header{
		"Content-Type":                  {"application/json"},
		"X-Square-Hmacsha256-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return session.SenderResponse{Status: res.Status, Body: string(res.Body)}
}
