package main

import (
	"testing"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/startup/startuptest"
)

func TestNewHandler(t *testing.T) {
	startuptest.Run(t, map[string]string{
		contract.EnvEnvironmentSuffix: "dev", contract.EnvTopicARN: "arn:aws:sns:eu-central-1:123456789012:transaction-alerts-dev",
	}, newHandler)
}
