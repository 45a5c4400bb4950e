package paypal

import (
	"sync"

	"payment-webhooks/handlers/internal/provider"
)

// Declaration declares the provider.
var Declaration = provider.Declaration{
	Name:        Name,
	KeptHeaders: []string{transmissionID, "Paypal-Transmission-Time"},
	Secret:      "the webhook's id",
	ValidSecret: isWebhookID,
	EventTypes:  sync.OnceValue(declaredEventTypes),
	// What the merchant chose is not among them: invoice_id, custom_id, custom,
	// sender_item_id.
	OwnIDs: []string{"billing_agreement_id", "order_id", "parent_payment", "payout_batch_id", "transaction_id"},
	New:    func(provider.Settings) provider.Provider { return New(Options{}) },
}
