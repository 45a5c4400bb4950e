package paypal

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"time"

	"payment-webhooks/handlers/internal/provider"
)

// Name is the provider's name in POST /webhook/{provider}.
const Name = "paypal"

// MaxAge is how long ago a delivery may have been transmitted: the three days in which
// PayPal repeats it, because a repetition may keep the time of the first attempt, plus
// provider.Tolerance.
const MaxAge = 3*24*time.Hour + provider.Tolerance

// bindingTime is how long a transmission id stays bound to the body that came with it
// first: longer than a replay is accepted, which is MaxAge after a time that may be ahead
// of our clock by provider.Tolerance. The day covers a clock that is set back.
const bindingTime = MaxAge + provider.Tolerance + 24*time.Hour

// Options configures New. The zero value is valid.
type Options struct {
	// Client downloads certificates. Its redirect policy, cookies and timeout are
	// replaced. The default uses HTTPS_PROXY and trusts the system's roots.
	Client *http.Client

	// Roots are the root certificates to one of which a signing certificate must
	// chain. The default is the system's, or the file SSL_CERT_FILE if that is set.
	Roots *x509.CertPool
}

// PayPal is a provider.Provider. It caches certificates, so create one and share it.
type PayPal struct {
	certificates *certificates
}

var _ provider.Provider = (*PayPal)(nil)

// New returns PayPal as a provider. It downloads nothing yet.
func New(o Options) *PayPal {
	return &PayPal{certificates: newCertificates(o.Client, o.Roots)}
}

// Verify checks the signature for each of the webhook ids in secrets. The
// first delivery that names a certificate waits for its download, at most
// downloadTimeout.
func (p *PayPal) Verify(ctx context.Context, d provider.Delivery, secrets []string) error {
	ids := webhookIDs(secrets)
	if len(ids) == 0 {
		return fmt.Errorf("%w: no PayPal webhook id among %d", provider.ErrSecret, len(secrets))
	}
	// Reject what can be rejected cheaply before a download.
	t, err := parseTransmission(d.Header)
	if err != nil {
		return err
	}
	switch age := d.ReceivedAt.Sub(t.at); {
	case age > MaxAge:
		return fmt.Errorf("%w: transmitted %v ago, more than %v", provider.ErrSignature, age.Round(time.Second), MaxAge)
	case age < -provider.Tolerance:
		return fmt.Errorf("%w: transmitted %v ahead of our clock, more than %v", provider.ErrSignature, -age.Round(time.Second), provider.Tolerance)
	}
	certificate, err := p.certificates.get(ctx, t.certURL, d.ReceivedAt)
	if err != nil {
		return err
	}
	checksum := crc32.ChecksumIEEE(d.Body)
	for _, id := range ids {
		sum := sha256.Sum256(t.signedText(id, checksum))
		if rsa.VerifyPKCS1v15(certificate.key, crypto.SHA256, sum[:], t.signature) == nil {
			certificate.proven.Store(true)
			return nil
		}
	}
	return fmt.Errorf("%w: wrong for each of %d webhook ids", provider.ErrSignature, len(ids))
}

// webhookIDs returns the secrets that can be a webhook id.
func webhookIDs(secrets []string) []string {
	var ids []string
	for _, s := range secrets {
		if isWebhookID(s) {
			ids = append(ids, s)
		}
	}
	return ids
}

// Bounds of a webhook id in characters: the documented one, and one that leaves room
// below the 17 that all known ids have.
const (
	minWebhookID = 12
	maxWebhookID = 50
)

// isWebhookID reports whether a text can be a webhook id: letters and digits, some of
// each. PayPal documents ^[a-zA-Z0-9]+$ and at most 50 characters. The ids that it
// assigns are 17 upper-case letters and digits, so that a short text, a word or a
// number is a placeholder.
func isWebhookID(s string) bool {
	return len(s) >= minWebhookID && len(s) <= maxWebhookID && isWord(s, "") &&
		strings.ContainsAny(s, "0123456789") && strings.Trim(s, "0123456789") != ""
}

// isWord reports whether s consists of ASCII letters, digits and the
// characters of also, and is not empty.
func isWord(s, also string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
		default:
			found := false
			for j := range len(also) {
				found = found || c == also[j]
			}
			if !found {
				return false
			}
		}
	}
	return s != ""
}

// transmissionID is the name of the header with the id of a transmission. A repeated
// transmission has the same id.
const transmissionID = "Paypal-Transmission-Id"

// transmission is the content of PayPal's headers.
type transmission struct {
	id        string
	time      string // as written, because the text is signed
	at        time.Time
	signature []byte
	certURL   string // checked by checkCertURL
}

// Bounds of a signature: RSA keys of minKeyBits to maxKeyBits.
const (
	minKeyBits = 2048
	maxKeyBits = 4096
)

// parseTransmission reads the headers. Each must occur exactly once, because with two,
// another program could read the other one. An error is provider.ErrSignature.
func parseTransmission(h http.Header) (t transmission, err error) {
	var algorithm, signature string
	for _, field := range []struct {
		name      string
		value     *string
		maxLength int
	}{
		{transmissionID, &t.id, 50},
		{"Paypal-Transmission-Time", &t.time, 100},
		{"Paypal-Transmission-Sig", &signature, base64.StdEncoding.EncodedLen(maxKeyBits / 8)},
		{"Paypal-Cert-Url", &t.certURL, 500},
		{"Paypal-Auth-Algo", &algorithm, 100},
	} {
		values := h[field.name]
		if len(values) != 1 || values[0] == "" {
			return t, fmt.Errorf("%w: %d headers %s, want one", provider.ErrSignature, len(values), field.name)
		}
		if len(values[0]) > field.maxLength {
			return t, fmt.Errorf("%w: %s of %d characters, at most %d are allowed", provider.ErrSignature, field.name, len(values[0]), field.maxLength)
		}
		*field.value = values[0]
	}
	if algorithm != "SHA256withRSA" {
		// PayPal uses no other. A sender must not be able to choose SHA1withRSA.
		return t, fmt.Errorf("%w: algorithm is not SHA256withRSA", provider.ErrSignature)
	}
	if !isWord(t.id, "-_") {
		// With a separator in the id, two transmissions could have one signed text.
		return t, fmt.Errorf("%w: transmission id is not one word", provider.ErrSignature)
	}
	if t.at, err = time.Parse(time.RFC3339, t.time); err != nil {
		return t, fmt.Errorf("%w: transmission time is not RFC 3339", provider.ErrSignature)
	}
	t.signature, err = base64.StdEncoding.Strict().DecodeString(signature)
	if bits := 8 * len(t.signature); err != nil || bits < minKeyBits || base64.StdEncoding.EncodedLen(len(t.signature)) != len(signature) {
		// The length is compared because the decoder skips line breaks.
		return t, fmt.Errorf("%w: not the base64 text of an RSA signature", provider.ErrSignature)
	}
	return t, checkCertURL(t.certURL)
}

// signedText returns the text that PayPal signs for a webhook id and a body's CRC-32.
func (t transmission) signedText(webhookID string, checksum uint32) []byte {
	text := make([]byte, 0, len(t.id)+len(t.time)+len(webhookID)+len("|||4294967295"))
	text = append(append(text, t.id...), '|')
	text = append(append(text, t.time...), '|')
	text = append(append(text, webhookID...), '|')
	return strconv.AppendUint(text, uint64(checksum), 10)
}
