package provider_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"payment-webhooks/handlers/internal/provider"
)

func TestIsPlaceholder(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("0", 64), strings.Repeat("f", 64), strings.Repeat("deadbeef", 8),
		"whsec_" + strings.Repeat("x", 32), "whsec_" + strings.Repeat("A", 32), "whsec_" + strings.Repeat("changeme", 4),
		"whsec_REPLACEMEREPLACEMEREPLACEMEREPLA", "PLACEHOLDER12345", "ReplaceWithYourKey123", "todo-Replace-me-123456", "AAAAAAAAAAAAAAAA1",
		"", "x",
	} {
		t.Run("when it is "+text, func(t *testing.T) {
			if !provider.IsPlaceholder(text) {
				t.Error("it is taken for a secret")
			}
		})
	}
	t.Run("never when it is random", func(t *testing.T) {
		for range 100_000 {
			var key [32]byte
			_, _ = rand.Read(key[:])
			for _, text := range []string{
				hex.EncodeToString(key[:]), base64.RawURLEncoding.EncodeToString(key[:16]), "whsec_" + base64.StdEncoding.EncodeToString(key[:]), rand.Text()[:17],
			} {
				if provider.IsPlaceholder(text) {
					t.Fatal(text)
				}
			}
		}
	})
}
