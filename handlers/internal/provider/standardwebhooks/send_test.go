package standardwebhooks

import (
	"testing"
	"time"

	"payment-webhooks/handlers/internal/provider"
)

// Published by the Standard Webhooks specification's authors:
// https://docs.svix.com/receiving/verifying-payloads/how-manual
func TestPublishedSignature(t *testing.T) {
	header, _, err := signAttempt(provider.Attempt{
		Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Body: []byte(`{"test": 2432232314}`), At: time.Unix(1614265330, 0),
	}, "msg_p5jXN8AQM9LWM0D4loKWxJek")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := header.Get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if header.Get("webhook-timestamp") != "1614265330" || header.Get("webhook-id") != "msg_p5jXN8AQM9LWM0D4loKWxJek" {
		t.Errorf("headers %v", header)
	}
}
