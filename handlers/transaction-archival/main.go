// Command transaction-archival copies closed hours of transactions to the audit
// bucket, once a day and when an operator invokes it; see docs/archive.md.
package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/archive"
	"payment-webhooks/handlers/internal/archive/s3store"
	"payment-webhooks/handlers/internal/archive/schedule"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/startup"
	"payment-webhooks/handlers/internal/telemetry"
)

func main() {
	log := telemetry.Logger(os.Stdout, contract.TransactionArchival)
	archiver, err := newArchiver(os.Getenv, log)
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(schedule.Handler(archiver, time.Now))
}

func newArchiver(getenv func(string) string, log *slog.Logger) (*archive.Archiver, error) {
	cfg, err := startup.Config(getenv, contract.EnvEnvironmentSuffix, contract.EnvTableName, contract.EnvAuditBucketName)
	if err != nil {
		return nil, err
	}
	table := dynamodbledger.New(dynamodbledger.NewBatchClient(cfg), getenv(contract.EnvTableName))
	bucket := s3store.New(s3store.NewClient(cfg), getenv(contract.EnvAuditBucketName))
	metrics := telemetry.NewMetrics(os.Stdout, time.Now, getenv(contract.EnvEnvironmentSuffix))
	return archive.New(table, bucket, log, metrics, time.Now), nil
}
