package main

import (
	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/adyen"
	"payment-webhooks/handlers/internal/provider/paypal"
	"payment-webhooks/handlers/internal/provider/square"
	"payment-webhooks/handlers/internal/provider/standardwebhooks"
	"payment-webhooks/handlers/internal/provider/stripe"
)

// known are the providers that can be configured, by the name in POST
// /webhook/{provider}.
var known = registry{
	"adyen":  {make: newAdyen, members: rules{contract.ProviderCapture: oneOf("automatic", "manual")}},
	"paypal": {make: func(settings) provider.Provider { return paypal.New(paypal.Options{}) }},
	"square": {make: func(settings) provider.Provider { return square.New() }},
	"stripe": {make: func(settings) provider.Provider { return stripe.New() }},
}

// verifyCanonical checks who signed POST /webhook.
var verifyCanonical = standardwebhooks.Verify

func newAdyen(s settings) provider.Provider {
	return adyen.New(adyen.Options{ManualCapture: s[contract.ProviderCapture] == "manual"})
}
