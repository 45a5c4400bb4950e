package main

import (
	"testing"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/startup/startuptest"
)

func TestNewRelay(t *testing.T) {
	startuptest.Run(t, map[string]string{
		contract.EnvEnvironmentSuffix: "dev", contract.EnvEventBusName: "payment-events-dev",
		contract.EnvTiers:            `{"tiers": [{"name": "all"}], "bounds": [{"lower": []}]}`,
		contract.EnvRelayDeadLetters: "https://sqs.eu-central-1.amazonaws.com/123456789012/relay-dlq-dev",
	}, newRelay)
}
