package stripe

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"strconv"

	"payment-webhooks/handlers/internal/provider"
)

//go:embed testdata/*.json
var fixtures embed.FS

func init() {
	Declaration.Sender = provider.Sender{
		Fixtures:   fixtures,
		MakeSecret: func() string { return "whsec_" + (rand.Text() + rand.Text())[:32] },
		IDs:        []string{"data/object/id"},
		Amounts:    []string{"data/object/amount_received", "data/object/amount"},
		SignsTime:  true,
		Sign:       signAttempt,
	}
}

// signAttempt signs time and body.
// https://docs.stripe.com/webhooks#verify-manually
func signAttempt(a provider.Attempt) (http.Header, []byte, error) {
	t := strconv.FormatInt(a.At.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(a.Secret))
	mac.Write([]byte(t + "."))
	mac.Write(a.Body)
	return http.Header{"Stripe-Signature": {"t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))}}, a.Body, nil
}
