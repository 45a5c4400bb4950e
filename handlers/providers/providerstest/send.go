package providerstest

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"payment-webhooks/handlers/internal/provider"
)

//go:embed testdata/*.json
var fixtures embed.FS

func init() {
	Declaration.Sender = provider.Sender{
		Fixtures:   fixtures,
		MakeSecret: func() string { return "public" + rand.Text()[:8] + ":" + rand.Text() },
		IDs:        []string{"id"},
		Sign: func(a provider.Attempt) (http.Header, []byte, error) {
			payload := ""
			for text := base64.StdEncoding.EncodeToString(a.Body); text != ""; {
				n := min(60, len(text))
				payload, text = payload+text[:n]+"\n", text[n:]
			}
			signature, err := sign(a.Secret, payload)
			if err != nil {
				return nil, nil, err
			}
			return http.Header{}, []byte(url.Values{"bt_signature": {signature}, "bt_payload": {payload}}.Encode()), nil
		},
		Challenge: func(secret string) (query, response string, err error) {
			const challenge = "20f9f8ed05f77439fe955c977e4c8a53"
			response, err = sign(secret, challenge)
			return "bt_challenge=" + challenge, response, err
		},
		Tampered: func(body []byte) []byte {
			// Another character at the payload's start, as the form writes it.
			return bytes.Replace(body, []byte("bt_payload=e"), []byte("bt_payload=f"), 1)
		},
	}
}

func sign(secret, text string) (string, error) {
	public, private, ok := strings.Cut(secret, ":")
	if !ok {
		return "", errors.New("the secret has no colon")
	}
	key := sha1.Sum([]byte(private))
	mac := hmac.New(sha1.New, key[:])
	mac.Write([]byte(text))
	return fmt.Sprintf("%s|%x", public, mac.Sum(nil)), nil
}
