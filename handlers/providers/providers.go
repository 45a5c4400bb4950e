// Package providers lists the payment providers that the system supports. It is the only
// place that names them all: the webhook endpoint, the stack, scripts/send and the
// documentation use the list, and so do the demo and the end-to-end suite, through
// scripts/send. A new provider is its package below handlers/internal/provider
// and a line in All.
package providers

import (
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/adyen"
	"payment-webhooks/handlers/internal/provider/paypal"
	"payment-webhooks/handlers/internal/provider/square"
	"payment-webhooks/handlers/internal/provider/standardwebhooks"
	"payment-webhooks/handlers/internal/provider/stripe"
)

type (
	// Declaration is provider.Declaration, for users outside the handlers.
	Declaration = provider.Declaration
	// Member is provider.Member.
	Member = provider.Member
	// Settings is provider.Settings.
	Settings = provider.Settings
	// Sender is provider.Sender.
	Sender = provider.Sender
	// Attempt is provider.Attempt.
	Attempt = provider.Attempt
	// Certificate is provider.Certificate.
	Certificate = provider.Certificate
)

// All returns the providers that can be configured, by name.
func All() []Declaration {
	return []Declaration{
		adyen.Declaration,
		paypal.Declaration,
		square.Declaration,
		stripe.Declaration,
	}
}

// Canonical returns the declaration of POST /webhook, to which your own systems send the
// canonical payload.
func Canonical() Declaration { return standardwebhooks.Declaration }
