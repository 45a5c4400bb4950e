package paypal

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"time"

	"payment-webhooks/handlers/internal/provider"
)

//go:embed testdata/*.json
var fixtures embed.FS

// sendsWith describes the certificate that stands in for PayPal's in the local run.
var sendsWith = provider.Certificate{
	URL:     "https://api.paypal.com/v1/notifications/certs/CERT-local",
	DNSName: "messageverificationcerts.paypal.com",
}

func init() {
	Declaration.Sender = provider.Sender{
		Fixtures:   fixtures,
		MakeSecret: func() string { return "7" + rand.Text()[:15] + "K" },
		IDs:        []string{"resource/dispute_id", "resource/payout_item_id", "resource/id"},
		Amounts: []string{
			"resource/amount/value", "resource/amount/total", "resource/dispute_amount/value", "resource/payout_item/amount/value",
		},
		SignsTime:   true,
		Certificate: &sendsWith,
		Sign:        signAttempt,
	}
}

// signAttempt signs an id, the time, the webhook's id and the body's CRC-32.
// https://developer.paypal.com/api/rest/webhooks/rest/#link-selfverificationmethod
func signAttempt(a provider.Attempt) (http.Header, []byte, error) {
	if a.Key == nil {
		return nil, nil, errors.New("there is no certificate to sign with")
	}
	id, at := rand.Text(), a.At.UTC().Format(time.RFC3339)
	digest := sha256.Sum256(fmt.Appendf(nil, "%s|%s|%s|%d", id, at, a.Secret, crc32.ChecksumIEEE(a.Body)))
	signature, err := a.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, nil, err
	}
	header := http.Header{}
	header.Set("PayPal-Transmission-Id", id)
	header.Set("PayPal-Transmission-Time", at)
	header.Set("PayPal-Transmission-Sig", base64.StdEncoding.EncodeToString(signature))
	header.Set("PayPal-Cert-Url", sendsWith.URL)
	header.Set("PayPal-Auth-Algo", "SHA256withRSA")
	return header, a.Body, nil
}
