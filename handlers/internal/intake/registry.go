package intake

import (
	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/adyen"
	"payment-webhooks/handlers/internal/provider/paypal"
	"payment-webhooks/handlers/internal/provider/square"
	"payment-webhooks/handlers/internal/provider/stripe"
)

// Providers are the supported providers, by the name in POST /webhook/{provider}.
var Providers = Registry{
	"adyen":  {New: newAdyen, Members: Rules{contract.ProviderCapture: oneOf("automatic", "manual")}},
	"paypal": {New: func(Settings) provider.Provider { return paypal.New(paypal.Options{}) }},
	"square": {New: func(Settings) provider.Provider { return square.New() }},
	"stripe": {New: func(Settings) provider.Provider { return stripe.New() }},
}

func newAdyen(s Settings) provider.Provider {
	return adyen.New(adyen.Options{ManualCapture: s[contract.ProviderCapture] == "manual"})
}
