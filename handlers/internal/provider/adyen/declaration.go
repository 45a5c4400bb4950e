package adyen

import (
	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
)

// Declaration declares the provider.
var Declaration = provider.Declaration{
	Name: Name,
	Members: []provider.Member{provider.OneOf("capture", contract.ProviderCapture,
		"how payments are captured; automatic by default", contract.CaptureAutomatic, contract.CaptureManual)},
	Secret:      "the webhook's HMAC key, 64 to 128 hexadecimal digits",
	ValidSecret: validSecret,
	EventTypes:  func() []provider.EventType { return eventTypes },
	OwnIDs:      []string{"authorisation_id"},
	New: func(s provider.Settings) provider.Provider {
		return New(Options{ManualCapture: s[contract.ProviderCapture] == contract.CaptureManual})
	},
}
