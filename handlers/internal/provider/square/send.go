package square

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"net/http"

	"payment-webhooks/handlers/internal/provider"
)

//go:embed testdata/*.json
var fixtures embed.FS

func init() {
	Declaration.Sender = provider.Sender{
		Fixtures: fixtures,
		MakeSecret: func() string {
			key := make([]byte, 16)
			rand.Read(key) // never fails
			return base64.RawURLEncoding.EncodeToString(key)
		},
		IDs: []string{"data/object/payment/id", "data/object/refund/id", "data/object/dispute/id", "data/object/payout/id", "data/id"},
		Amounts: []string{
			"data/object/payment/amount_money/amount", "data/object/refund/amount_money/amount",
			"data/object/dispute/amount_money/amount", "data/object/payout/amount_money/amount",
		},
		SignsURL:  true,
		SignsTime: true,
		Sign:      signAttempt,
	}
}

// signAttempt signs address and body. The signed text has no time of its own, so the
// event's created_at is set.
// https://developer.squareup.com/docs/webhooks/step3validate
func signAttempt(a provider.Attempt) (http.Header, []byte, error) {
	body := a.Body
	if provider.HasJSON(body, "created_at") {
		var err error
		if body, err = provider.SetJSONText(body, a.At.UTC().Format("2006-01-02T15:04:05.000Z"), "created_at"); err != nil {
			return nil, nil, err
		}
	}
	mac := hmac.New(sha256.New, []byte(a.Secret))
	mac.Write([]byte(a.URL))
	mac.Write(body)
	return http.Header{"X-Square-Hmacsha256-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}}, body, nil
}
