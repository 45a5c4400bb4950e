package provider_test

import (
	"testing"
	"time"

	"payment-webhooks/handlers/internal/provider"
)

func TestParseUnix(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "1795340405": 1795340405, "999999999999": 999999999999} {
		if got, ok := provider.ParseUnix(text); !ok || !got.Equal(time.Unix(want, 0)) {
			t.Errorf("ParseUnix(%q) = %v, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "0", "01795340405", "+1795340405", "-1", "1.5", "1e9", " 1795340405", "1795340405\n", "１７９５３４０４０５", "1000000000000"} {
		if got, ok := provider.ParseUnix(text); ok {
			t.Errorf("ParseUnix(%q) = %v", text, got)
		}
	}
}
