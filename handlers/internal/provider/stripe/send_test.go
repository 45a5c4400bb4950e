package stripe

import (
	"testing"
	"time"

	"payment-webhooks/handlers/internal/provider"
)

// Stripe publishes none. This one is OpenSSL's:
//
//	printf '1492774577.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test_secret
func TestSentSignatureIsOpenSSLs(t *testing.T) {
	header, _, err := signAttempt(provider.Attempt{Secret: "whsec_test_secret", Body: []byte(`{"id":"evt_1"}`), At: time.Unix(1492774577, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := header.Get("Stripe-Signature"), "t=1492774577,v1=799c4ba7bb339f3c8601adfd112f0e477c930a268be1243d341abb8286501c2f"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
