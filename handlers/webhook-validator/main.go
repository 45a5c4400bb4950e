// Command webhook-validator is the front door: API Gateway calls it with each
// delivery, and a delivery that it answers with 2xx is stored and will not be
// lost. docs/payload.md says what it accepts and answers.
package main

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/dynamo"
	"payment-webhooks/handlers/internal/secrets"
	"payment-webhooks/handlers/internal/secretsmanager"
	"payment-webhooks/handlers/internal/sqs"
	"payment-webhooks/handlers/internal/startup"
	"payment-webhooks/handlers/internal/telemetry"
)

func main() {
	log := telemetry.Logger(os.Stdout, contract.WebhookValidator)
	h, err := run(os.Getenv, log)
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(h.handle)
}

func run(getenv func(string) string, log *slog.Logger) (*handler, error) {
	cfg, err := startup.Config(getenv, contract.EnvEnvironmentSuffix, contract.EnvTableName)
	if err != nil {
		return nil, err
	}
	canonical, providers, err := known.signers(getenv(contract.EnvProviders), verifyCanonical)
	if err != nil {
		return nil, err
	}
	if len(providers) > 0 && getenv(contract.EnvQuarantineQueue) == "" {
		return nil, fmt.Errorf("environment variable %s is not set, and %s names providers", contract.EnvQuarantineQueue, contract.EnvProviders)
	}
	h := &handler{
		ledger:     dynamo.New(dynamo.NewClient(cfg), getenv(contract.EnvTableName)),
		canonical:  canonical,
		providers:  providers,
		quarantine: sqs.New(sqs.NewClient(cfg), getenv(contract.EnvQuarantineQueue)),
		log:        log,
		metrics:    telemetry.NewMetrics(os.Stdout, time.Now, getenv(contract.EnvEnvironmentSuffix)),
		now:        time.Now,
	}
	h.secrets = secrets.NewCache(secretsmanager.New(secretsmanager.NewClient(cfg)), time.Now, h.secretFailed)
	return h, nil
}
