package stripe

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"payment-webhooks/handlers/internal/provider"
)

// SignatureHeader carries the time of the attempt and its signatures.
const SignatureHeader = "Stripe-Signature"

// Bounds of the header. Stripe sends one signature for each secret in force:
// two while one is being rolled.
const (
	maxHeaderBytes = 4096
	maxSignatures  = 16
)

// Verify checks Stripe-Signature. See the package comment.
func (Provider) Verify(_ context.Context, d provider.Delivery, secrets []string) error {
	values := d.Header.Values(SignatureHeader)
	if len(values) != 1 {
		return fmt.Errorf("%w: %d %s headers, not one", provider.ErrSignature, len(values), SignatureHeader)
	}
	header, err := parseHeader(values[0])
	if err != nil {
		return err
	}
	if skew := d.ReceivedAt.Sub(header.time); skew.Abs() > provider.Tolerance {
		return fmt.Errorf("%w: signed %s before it was received; at most %s either way is accepted", provider.ErrSignature, skew, provider.Tolerance)
	}
	if len(secrets) == 0 {
		return fmt.Errorf("%w: there is no endpoint's signing secret, %s…", provider.ErrSecret, secretPrefix)
	}
	for _, secret := range secrets {
		if header.signedWith(secret, d.Body) {
			return nil
		}
	}
	return fmt.Errorf("%w: none of %d v1 signatures is by one of %d secrets", provider.ErrSignature, len(header.signatures), len(secrets))
}

type header struct {
	timestamp  string // as written, because the text is signed
	time       time.Time
	signatures [][sha256.Size]byte
}

// parseHeader reads comma-separated pairs, among them one t and at least one v1 with a
// well-formed signature. An error is provider.ErrSignature.
func parseHeader(text string) (header, error) {
	var h header
	if len(text) > maxHeaderBytes {
		return h, fmt.Errorf("%w: %s of %d bytes, more than %d", provider.ErrSignature, SignatureHeader, len(text), maxHeaderBytes)
	}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return h, fmt.Errorf("%w: %s has a part that is not a pair", provider.ErrSignature, SignatureHeader)
		}
		switch name {
		case "t":
			if h.timestamp != "" {
				return h, fmt.Errorf("%w: %s has two times", provider.ErrSignature, SignatureHeader)
			}
			if h.time, ok = provider.ParseUnix(value); !ok {
				return h, fmt.Errorf("%w: the time in %s is not in Unix seconds", provider.ErrSignature, SignatureHeader)
			}
			h.timestamp = value
		case "v1":
			var signature [sha256.Size]byte
			if len(value) != hex.EncodedLen(len(signature)) {
				continue // another v1 may be valid
			}
			if _, err := hex.Decode(signature[:], []byte(value)); err != nil {
				continue
			}
			if len(h.signatures) == maxSignatures {
				return h, fmt.Errorf("%w: %s has more than %d signatures", provider.ErrSignature, SignatureHeader, maxSignatures)
			}
			h.signatures = append(h.signatures, signature)
		}
	}
	if h.timestamp == "" || len(h.signatures) == 0 {
		return h, fmt.Errorf("%w: %s lacks a time or a v1 signature", provider.ErrSignature, SignatureHeader)
	}
	return h, nil
}

// signedWith reports whether one of the signatures was made with the secret. It
// compares in constant time.
func (h header) signedWith(secret string, body []byte) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(h.timestamp))
	mac.Write([]byte("."))
	mac.Write(body)
	expected := mac.Sum(nil)
	for _, signature := range h.signatures {
		if hmac.Equal(expected, signature[:]) {
			return true
		}
	}
	return false
}
