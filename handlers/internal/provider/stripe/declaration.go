package stripe

import (
	"strings"
	"sync"

	"payment-webhooks/handlers/internal/provider"
)

// Declaration declares the provider.
var Declaration = provider.Declaration{
	Name:        Name,
	Secret:      "the endpoint's signing secret, whsec_…",
	ValidSecret: validSecret,
	EventTypes:  sync.OnceValue(eventTypes),
	OwnIDs:      []string{"account", "balance_transaction", "charge", "destination"},
	New:         func(provider.Settings) provider.Provider { return New() },
}

// Bounds of a secret after its prefix. Stripe's have 32 letters and digits, those of its
// command line tool 64.
const (
	secretPrefix   = "whsec_"
	minSecretBytes = 32
	maxSecretBytes = 128
)

// validSecret reports whether a text can be an endpoint's signing secret.
// https://docs.stripe.com/webhooks#verify-manually
func validSecret(text string) bool {
	secret, ok := strings.CutPrefix(text, secretPrefix)
	if !ok || len(secret) < minSecretBytes || len(secret) > maxSecretBytes {
		return false
	}
	return !strings.ContainsFunc(secret, func(c rune) bool {
		return ('0' > c || c > '9') && ('A' > c || c > 'Z') && ('a' > c || c > 'z')
	})
}
