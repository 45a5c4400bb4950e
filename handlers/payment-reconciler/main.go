// Command payment-reconciler compares, once a day, what providers say happened with what
// the table holds; see docs/reconcile.md.
package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/secrets/awssecrets"
	"payment-webhooks/handlers/internal/startup"
	"payment-webhooks/handlers/internal/telemetry"
	"payment-webhooks/handlers/operations/reconcile/daily"
)

func main() {
	log := telemetry.Logger(os.Stdout, contract.PaymentReconciler)
	reconciler, err := newReconciler(os.Getenv, log)
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(reconciler.Handle)
}

func newReconciler(getenv func(string) string, log *slog.Logger) (*daily.Reconciler, error) {
	cfg, err := startup.Config(getenv, contract.EnvEnvironmentSuffix, contract.EnvTableName, contract.EnvReconcile)
	if err != nil {
		return nil, err
	}
	settings, err := daily.ParseSettings(getenv(contract.EnvReconcile))
	if err != nil {
		return nil, err
	}
	return daily.New(daily.Config{
		Settings: settings,
		Secrets:  awssecrets.New(awssecrets.NewClient(cfg)),
		Ledger:   dynamodbledger.New(dynamodbledger.NewBatchClient(cfg), getenv(contract.EnvTableName)),
		Log:      log,
		Metrics:  telemetry.NewMetrics(os.Stdout, time.Now, getenv(contract.EnvEnvironmentSuffix)),
		Now:      time.Now,
	}), nil
}
