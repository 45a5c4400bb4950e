package provider_test

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"payment-webhooks/handlers/internal/provider"
)

func TestPlaceholders(t *testing.T) {
	anything := provider.Declaration{ValidSecret: func(string) bool { return true }}
	for _, text := range []string{
		strings.Repeat("0", 64), strings.Repeat("f", 64), strings.Repeat("deadbeef", 8),
		"whsec_" + strings.Repeat("x", 32), "whsec_" + strings.Repeat("A", 32), "whsec_" + strings.Repeat("changeme", 4),
		"whsec_REPLACEMEREPLACEMEREPLACEMEREPLA", "PLACEHOLDER12345", "ReplaceWithYourKey123", "todo-Replace-me-123456", "AAAAAAAAAAAAAAAA1",
		"aaaaaaaaaaaaaaaaaaaaaB", "xxxxXXXXxxxxXXXXxxxxXX", "YourSignatureKey1", "square_signature_key_1", "My-Webhook-Key-0123456789", "whsec_mysecretmysecretmysecretmysecr",
		"", "x",
	} {
		t.Run("when it is "+text, func(t *testing.T) {
			if anything.AcceptsSecret(text) {
				t.Error("it is taken for a secret")
			}
		})
	}
	t.Run("never when it is random", func(t *testing.T) {
		random := rand.NewChaCha8([32]byte{7}) // the same keys each time: one in millions has a word in it
		for range 100_000 {
			var key [32]byte
			_, _ = random.Read(key[:])
			for _, text := range []string{
				hex.EncodeToString(key[:]), base64.RawURLEncoding.EncodeToString(key[:16]), "whsec_" + base64.StdEncoding.EncodeToString(key[:]), base32.StdEncoding.EncodeToString(key[:])[:17],
			} {
				if !anything.AcceptsSecret(text) {
					t.Fatal(text)
				}
			}
		}
	})
}
