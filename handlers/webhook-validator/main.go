// Command webhook-validator is the webhook endpoint behind API Gateway. Package intake
// documents its guarantees, docs/payload.md what it accepts.
package main

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/intake"
	"payment-webhooks/handlers/internal/intake/apigateway"
	"payment-webhooks/handlers/internal/intake/sqsqueue"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/secrets/awssecrets"
	"payment-webhooks/handlers/internal/startup"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/providers"
)

func main() {
	log := telemetry.Logger(os.Stdout, contract.WebhookValidator)
	in, err := newIntake(os.Getenv, log)
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(apigateway.Handler(in))
}

func newIntake(getenv func(string) string, log *slog.Logger) (*intake.Intake, error) {
	cfg, err := startup.Config(getenv, contract.EnvEnvironmentSuffix, contract.EnvTableName, contract.EnvDeliveriesTableName)
	if err != nil {
		return nil, err
	}
	routes, err := intake.ParseRoutes(getenv(contract.EnvProviders), providers.All())
	if err != nil {
		return nil, err
	}
	if routes.HasProviders() && getenv(contract.EnvQuarantineQueue) == "" {
		return nil, fmt.Errorf("environment variable %s is not set, and %s names providers", contract.EnvQuarantineQueue, contract.EnvProviders)
	}
	tables := dynamodbledger.NewClient(cfg)
	return intake.New(intake.Config{
		Routes:     routes,
		Ledger:     dynamodbledger.New(tables, getenv(contract.EnvTableName)),
		Bindings:   dynamodbledger.NewBindings(tables, getenv(contract.EnvDeliveriesTableName)),
		Secrets:    awssecrets.New(awssecrets.NewClient(cfg)),
		Quarantine: sqsqueue.New(sqsqueue.NewClient(cfg), getenv(contract.EnvQuarantineQueue)),
		Log:        log,
		Metrics:    telemetry.NewMetrics(os.Stdout, time.Now, getenv(contract.EnvEnvironmentSuffix)),
		Now:        time.Now,
	}), nil
}
