// Package providers lists the payment providers that the system supports. It is
// the one place that names them all: the webhook endpoint, the stack, scripts/send
// and the documentation read the list, and through scripts/send the demo and the
// end-to-end suite do. A new provider is its package below handlers/internal/provider
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

// What a declaration is made of, for users outside of the handlers.
type (
	Declaration = provider.Declaration
	Member      = provider.Member
	Settings    = provider.Settings
	Sender      = provider.Sender
	Attempt     = provider.Attempt
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

// Canonical returns the declaration of POST /webhook itself: your own systems,
// which send the canonical payload.
func Canonical() Declaration { return standardwebhooks.Declaration }
