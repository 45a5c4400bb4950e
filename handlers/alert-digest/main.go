// Command alert-digest sends the alerts of tiers with a digest together. Lambda calls it with
// what waited in the queue of such a tier. Package digest documents its guarantees.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/digest"
	"payment-webhooks/handlers/internal/digest/snstopic"
	"payment-webhooks/handlers/internal/digest/sqsbatch"
	"payment-webhooks/handlers/internal/startup"
	"payment-webhooks/handlers/internal/telemetry"
)

func main() {
	log := telemetry.Logger(os.Stdout, contract.AlertDigest)
	handle, err := newHandler(os.Getenv, log)
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(handle)
}

func newHandler(getenv func(string) string, log *slog.Logger) (func(context.Context, events.SQSEvent) (events.SQSEventResponse, error), error) {
	cfg, err := startup.Config(getenv, contract.EnvEnvironmentSuffix, contract.EnvTopicARN)
	if err != nil {
		return nil, err
	}
	topic := snstopic.New(snstopic.NewClient(cfg), getenv(contract.EnvTopicARN))
	return sqsbatch.Handler(digest.New(topic, log), getenv(contract.EnvEnvironmentSuffix)), nil
}
