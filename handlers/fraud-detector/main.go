// Command fraud-detector scores one transaction for the workflow and records the
// result with the transaction, once.
package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/startup"
	"payment-webhooks/handlers/internal/telemetry"
)

func main() {
	log := telemetry.Logger(os.Stdout, contract.FraudDetector)
	h, err := run(os.Getenv, log)
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(h.invoke)
}

func run(getenv func(string) string, log *slog.Logger) (*handler, error) {
	cfg, err := startup.Config(getenv, contract.EnvEnvironmentSuffix, contract.EnvTableName)
	if err != nil {
		return nil, err
	}
	return &handler{
		model:   fraud.Rules{},
		ledger:  dynamodbledger.New(dynamodbledger.NewClient(cfg), getenv(contract.EnvTableName)),
		log:     log,
		metrics: telemetry.NewMetrics(os.Stdout, time.Now, getenv(contract.EnvEnvironmentSuffix)),
		now:     time.Now,
	}, nil
}
