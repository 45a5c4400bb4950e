package main

import (
	"testing"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/startup/startuptest"
)

func TestNewReconciler(t *testing.T) {
	startuptest.Run(t, map[string]string{
		contract.EnvEnvironmentSuffix: "dev", contract.EnvTableName: "transactions-dev", contract.EnvReconcile: `{"stripe":{"secret":"payments/stripe-api"}}`,
	}, newReconciler)
}
