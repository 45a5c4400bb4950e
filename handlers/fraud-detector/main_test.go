package main

import (
	"testing"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/startup/startuptest"
)

func TestNewDetector(t *testing.T) {
	startuptest.Run(t, map[string]string{contract.EnvEnvironmentSuffix: "dev", contract.EnvTableName: "transactions-dev", contract.EnvArchiverName: "transaction-archival-dev"}, newDetector)
}
