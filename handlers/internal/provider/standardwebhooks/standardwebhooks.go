package standardwebhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"payment-webhooks/handlers/internal/provider"
)

// The headers of a delivery.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// Bounds of the headers. A sender signs with each key in force: two while one
// is being rotated.
const (
	maxIDBytes        = 256
	maxSignatureBytes = 4096
	maxSignatures     = 16
)

// The form of a secret: base64 of a key, after a prefix.
const (
	secretPrefix = "whsec_"
	minKeyBytes  = 24
	maxKeyBytes  = 64
)

// Verify checks that a delivery is signed with one of the secrets in force. It returns
// the errors of provider.Provider. See the package comment.
func Verify(d provider.Delivery, secrets []string) error {
	m, err := parse(d)
	if err != nil {
		return err
	}
	if skew := d.ReceivedAt.Sub(m.time); skew.Abs() > provider.Tolerance {
		return fmt.Errorf("%w: signed %s before it was received; at most %s either way is accepted", provider.ErrSignature, skew, provider.Tolerance)
	}
	usable := 0
	for _, secret := range secrets {
		key, ok := parseKey(secret)
		if !ok {
			continue
		}
		usable++
		if m.signedWith(key) {
			return nil
		}
	}
	if usable == 0 {
		return fmt.Errorf("%w: none of %d is %s… with base64 of %d to %d bytes", provider.ErrSecret, len(secrets), secretPrefix, minKeyBytes, maxKeyBytes)
	}
	return fmt.Errorf("%w: none of %d v1 signatures is by one of %d secrets", provider.ErrSignature, len(m.signatures), usable)
}

// message is a delivery whose headers have been read.
type message struct {
	prefix     string // "<id>.<timestamp>.", what is signed before the body
	body       []byte
	time       time.Time
	signatures []string // the v1 signatures, in base64
}

// parse reads the headers. An error is provider.ErrSignature.
func parse(d provider.Delivery) (message, error) {
	var values [3]string
	for i, name := range []string{HeaderID, HeaderTimestamp, HeaderSignature} {
		all := d.Header.Values(name)
		if len(all) != 1 {
			return message{}, fmt.Errorf("%w: %d %s headers, not one", provider.ErrSignature, len(all), name)
		}
		values[i] = all[0]
	}
	id, timestamp, list := values[0], values[1], values[2]
	if id == "" || len(id) > maxIDBytes || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '.' }) {
		return message{}, fmt.Errorf("%w: %s is not 1 to %d printable ASCII characters without spaces or full stops", provider.ErrSignature, HeaderID, maxIDBytes)
	}
	m := message{prefix: id + "." + timestamp + ".", body: d.Body}
	var ok bool
	if m.time, ok = provider.ParseUnix(timestamp); !ok {
		return message{}, fmt.Errorf("%w: %s is not in Unix seconds", provider.ErrSignature, HeaderTimestamp)
	}
	if len(list) > maxSignatureBytes {
		return message{}, fmt.Errorf("%w: %s of %d bytes, more than %d", provider.ErrSignature, HeaderSignature, len(list), maxSignatureBytes)
	}
	for item := range strings.SplitSeq(list, " ") {
		version, text, ok := strings.Cut(item, ",")
		if !ok || version != "v1" {
			continue // another signature may be valid
		}
		if len(m.signatures) == maxSignatures {
			return message{}, fmt.Errorf("%w: %s has more than %d signatures", provider.ErrSignature, HeaderSignature, maxSignatures)
		}
		m.signatures = append(m.signatures, text)
	}
	if len(m.signatures) == 0 {
		return message{}, fmt.Errorf("%w: %s has no signature of version v1", provider.ErrSignature, HeaderSignature)
	}
	return m, nil
}

// parseKey reads a secret as the specification serialises it, or its base64 alone. It
// rejects secrets with other prefixes, because base64 has no underscore, and line breaks,
// which the decoder would skip.
func parseKey(secret string) ([]byte, bool) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	return key, err == nil && len(key) >= minKeyBytes && len(key) <= maxKeyBytes && !strings.ContainsAny(secret, "\r\n")
}

// signedWith reports whether one of the signatures was made with the key. It compares
// in constant time.
func (m message) signedWith(key []byte) bool {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(m.prefix))
	mac.Write(m.body)
	expected := base64.StdEncoding.AppendEncode(nil, mac.Sum(nil))
	for _, signature := range m.signatures {
		if hmac.Equal(expected, []byte(signature)) {
			return true
		}
	}
	return false
}
