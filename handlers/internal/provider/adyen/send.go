package adyen

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
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
			return strings.ToUpper(hex.EncodeToString(key))
		},
		IDs:     []string{"notificationItems/%d/NotificationRequestItem/pspReference"},
		Amounts: []string{"notificationItems/%d/NotificationRequestItem/amount/value"},
		Sign:    signAttempt,
	}
}

// signAttempt signs each item within itself, and no time.
// https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
func signAttempt(a provider.Attempt) (http.Header, []byte, error) {
	key, err := hex.DecodeString(a.Secret)
	if err != nil || len(key) == 0 {
		return nil, nil, errors.New("the secret is not hexadecimal")
	}
	body := a.Body
	for i := 0; ; i++ {
		item := []string{"notificationItems", strconv.Itoa(i), "NotificationRequestItem"}
		if !provider.HasJSON(body, item...) {
			if i == 0 {
				return nil, nil, errors.New("the payload has no notificationItems/0/NotificationRequestItem to sign")
			}
			return http.Header{}, body, nil
		}
		at := func(path ...string) []string { return slices.Concat(item, path) }
		var texts []string
		for _, path := range [][]string{
			{"pspReference"},
			{"originalReference"},
			{"merchantAccountCode"},
			{"merchantReference"},
			{"amount", "value"},
			{"amount", "currency"},
			{"eventCode"},
			{"success"},
		} {
			texts = append(texts, provider.JSONText(body, at(path...)...))
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(strings.Join(texts, ":")))
		signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if body, err = provider.SetJSONText(body, signature, at("additionalData", "hmacSignature")...); err != nil {
			return nil, nil, err
		}
	}
}
