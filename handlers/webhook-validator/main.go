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
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	telemetry.Instrument(&cfg)
	return &handler{
		ledger:  dynamo.New(dynamo.NewClient(cfg), getenv(contract.EnvTableName)),
		log:     log,
		metrics: telemetry.NewMetrics(os.Stdout, time.Now, getenv(contract.EnvEnvironmentSuffix)),
		now:     time.Now,
	}, nil
}
