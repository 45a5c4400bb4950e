package paypal

import "payment-webhooks/handlers/internal/provider"

// Declaration declares the provider.
var Declaration = provider.Declaration{
	Name:        Name,
	KeptHeaders: []string{"Paypal-Transmission-Id", "Paypal-Transmission-Time"},
	Secret:      "the webhook's id",
	New:         func(provider.Settings) provider.Provider { return New(Options{}) },
}
