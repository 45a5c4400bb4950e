package standardwebhooks

import (
	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
)

// Declaration declares the senders of the canonical payload, at POST /webhook.
var Declaration = provider.Declaration{
	Name:   contract.ProviderCanonical,
	Secret: "whsec_ and base64, or base64 alone",
	ValidSecret: func(text string) bool {
		_, ok := parseKey(text)
		return ok
	},
}
