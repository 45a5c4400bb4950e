package stripe

import "payment-webhooks/handlers/internal/provider"

// Declaration declares the provider.
var Declaration = provider.Declaration{
	Name:   Name,
	Secret: "the endpoint's signing secret, whsec_…",
	New:    func(provider.Settings) provider.Provider { return New() },
}
