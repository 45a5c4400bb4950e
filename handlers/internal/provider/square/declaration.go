package square

import (
	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
)

// Declaration declares the provider.
var Declaration = provider.Declaration{
	Name: Name,
	KeptHeaders: []string{
		"Square-Environment", "Square-Initial-Delivery-Timestamp", "Square-Retry-Number", "Square-Retry-Reason",
	},
	Members: []provider.Member{provider.HTTPSAddress("notificationUrl", contract.ProviderNotificationURL,
		"the address that Square has, if it is not the gateway's own")},
	Secret: "the subscription's signature key",
	New:    func(provider.Settings) provider.Provider { return New() },
}
