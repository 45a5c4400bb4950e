package square

import (
	"strings"
	"testing"
	"time"

	"payment-webhooks/handlers/internal/provider"
)

// From the tests of Square's SDKs, such as square-go-sdk's webhooks_test.go.
func TestPublishedSignature(t *testing.T) {
	header, _, err := signAttempt(provider.Attempt{
		Secret: "signature-key", Body: []byte(`{"data":{"type":"webhooks","id":"fake_id"}}`), URL: "https://webhook.site/webhooks",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := header.Get("x-square-hmacsha256-signature"), "W3FlCNk5IA3ZQ2LHTWoajvzfaDu/OwY2tNHIHC3IUOA="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSentEventIsAsOldAsTheAttempt(t *testing.T) {
	const body = `{"merchant_id":"M","created_at":"2022-07-13T20:30:59.037Z","data":{"id":"bc368e64"}}`
	_, signed, err := signAttempt(provider.Attempt{Secret: "signature-key", Body: []byte(body), At: time.Date(2026, 11, 22, 15, 4, 5, 6e6, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(signed), strings.Replace(body, "2022-07-13T20:30:59.037Z", "2026-11-22T15:04:05.006Z", 1); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
