// Command event-relay publishes an event for each transaction that is stored.
// Lambda calls it with batches of the table's stream; package relay says what it
// promises.
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
	"payment-webhooks/handlers/internal/eventbridge"
	"payment-webhooks/handlers/internal/relay"
	"payment-webhooks/handlers/internal/telemetry"
)

func main() {
	log := telemetry.Logger(os.Stdout, contract.EventRelay)
	h, err := run(os.Getenv, log)
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(h.handle)
}

func run(getenv func(string) string, log *slog.Logger) (*handler, error) {
	for _, name := range []string{contract.EnvEnvironmentSuffix, contract.EnvEventBusName} {
		if getenv(name) == "" {
			return nil, fmt.Errorf("environment variable %s is not set", name)
		}
	}
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	telemetry.Instrument(&cfg)
	bus := eventbridge.New(eventbridge.NewClient(cfg), getenv(contract.EnvEventBusName), eventbridge.Pause)
	metrics := telemetry.NewMetrics(os.Stdout, time.Now, getenv(contract.EnvEnvironmentSuffix))
	return &handler{relay.New(bus, log, metrics, time.Now)}, nil
}
