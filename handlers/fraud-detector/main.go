// Command fraud-detector scores one transaction for the workflow and records the
// result with the transaction, once.
package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/archive/lambdainvoke"
	"payment-webhooks/handlers/internal/fraud/rules"
	"payment-webhooks/handlers/internal/fraud/stepfunctions"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/startup"
	"payment-webhooks/handlers/internal/telemetry"
)

func main() {
	log := telemetry.Logger(os.Stdout, contract.FraudDetector)
	d, err := newDetector(os.Getenv, log)
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(stepfunctions.Handler(d))
}

func newDetector(getenv func(string) string, log *slog.Logger) (*stepfunctions.Detector, error) {
	cfg, err := startup.Config(getenv, contract.EnvEnvironmentSuffix, contract.EnvTableName, contract.EnvArchiverName)
	if err != nil {
		return nil, err
	}
	metrics := telemetry.NewMetrics(os.Stdout, time.Now, getenv(contract.EnvEnvironmentSuffix))
	table := dynamodbledger.New(dynamodbledger.NewClient(cfg), getenv(contract.EnvTableName))
	archiver := lambdainvoke.New(lambdainvoke.NewClient(cfg), getenv(contract.EnvArchiverName))
	return stepfunctions.New(rules.Model{}, table, archiver, log, metrics, time.Now), nil
}
