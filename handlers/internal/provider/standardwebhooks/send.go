package standardwebhooks

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"payment-webhooks/handlers/internal/provider"
)

//go:embed testdata/*.json
var fixtures embed.FS

func init() {
	Declaration.Sender = provider.Sender{
		Fixtures: fixtures,
		MakeSecret: func() string {
			key := make([]byte, 32)
			rand.Read(key) // never fails
			return "whsec_" + base64.StdEncoding.EncodeToString(key)
		},
		IDs:       []string{"transaction_id"},
		Amounts:   []string{"amount"},
		SignsTime: true,
		Sign:      func(a provider.Attempt) (http.Header, []byte, error) { return signAttempt(a, "msg_"+rand.Text()) },
	}
}

// signAttempt signs id, time and body.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func signAttempt(a provider.Attempt, id string) (http.Header, []byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(a.Secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return nil, nil, errors.New("the secret is not base64")
	}
	t := strconv.FormatInt(a.At.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + t + "."))
	mac.Write(a.Body)
	header := http.Header{}
	header.Set("webhook-id", id)
	header.Set("webhook-timestamp", t)
	header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return header, a.Body, nil
}
