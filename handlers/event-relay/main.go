// Command event-relay publishes an event for each transaction that is stored.
// Lambda calls it with batches of the table's stream. Package relay documents its
// guarantees.
package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/intake/sqsqueue"
	"payment-webhooks/handlers/internal/relay"
	"payment-webhooks/handlers/internal/relay/dynamodbstream"
	"payment-webhooks/handlers/internal/relay/eventbridgebus"
	"payment-webhooks/handlers/internal/startup"
	"payment-webhooks/handlers/internal/telemetry"
)

func main() {
	log := telemetry.Logger(os.Stdout, contract.EventRelay)
	r, err := newRelay(os.Getenv, log)
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(dynamodbstream.Handler(r))
}

func newRelay(getenv func(string) string, log *slog.Logger) (*relay.Relay, error) {
	cfg, err := startup.Config(getenv, contract.EnvEnvironmentSuffix, contract.EnvEventBusName, contract.EnvTiers, contract.EnvRelayDeadLetters)
	if err != nil {
		return nil, err
	}
	tiers, err := relay.ParseTiers(getenv(contract.EnvTiers))
	if err != nil {
		return nil, err
	}
	bus := eventbridgebus.New(eventbridgebus.NewClient(cfg), getenv(contract.EnvEventBusName), eventbridgebus.Pause)
	metrics := telemetry.NewMetrics(os.Stdout, time.Now, getenv(contract.EnvEnvironmentSuffix))
	deadLetters := sqsqueue.New(sqsqueue.NewClient(cfg), getenv(contract.EnvRelayDeadLetters))
	return relay.New(relay.NewBooks(bus, tiers, metrics, time.Now), deadLetters, log, metrics, time.Now), nil
}
