// Command webhook-validator is the front door: API Gateway calls it with each
// delivery, and a delivery that it answers with 2xx is stored and will not be
// lost. docs/payload.md says what it accepts and answers.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/dynamo"
	"payment-webhooks/handlers/internal/secrets"
	"payment-webhooks/handlers/internal/secretsmanager"
	"payment-webhooks/handlers/internal/sqs"
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
	for _, name := range []string{contract.EnvEnvironmentSuffix, contract.EnvTableName} {
		if getenv(name) == "" {
			return nil, fmt.Errorf("environment variable %s is not set", name)
		}
	}
	canonical, providers, err := known.signers(getenv(contract.EnvProviders), verifyCanonical)
	if err != nil {
		return nil, err
	}
	if len(providers) > 0 && getenv(contract.EnvQuarantineQueue) == "" {
		return nil, fmt.Errorf("environment variable %s is not set, and %s names providers", contract.EnvQuarantineQueue, contract.EnvProviders)
	}
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	telemetry.Instrument(&cfg)
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
