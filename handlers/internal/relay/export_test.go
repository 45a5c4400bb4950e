package relay

import "payment-webhooks/handlers/internal/money"

// TierOf returns the name of an amount's tier.
func TierOf(t Tiers, m money.Money) string { return t.of(m).Name }
