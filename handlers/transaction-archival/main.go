// Command transaction-archival copies closed hours of transactions to the audit
// bucket, once a day and whenever an operator asks. docs/archive.md is for those.
package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/archive"
	"payment-webhooks/handlers/internal/dynamo"
	"payment-webhooks/handlers/internal/s3"
	"payment-webhooks/handlers/internal/startup"
	"payment-webhooks/handlers/internal/telemetry"
)

func main() {
	log := telemetry.Logger(os.Stdout, contract.TransactionArchival)
	h, err := run(os.Getenv, log)
	if err != nil {
		log.Error("cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(h.handle)
}

func run(getenv func(string) string, log *slog.Logger) (*handler, error) {
	cfg, err := startup.Config(getenv, contract.EnvEnvironmentSuffix, contract.EnvTableName, contract.EnvAuditBucketName)
	if err != nil {
		return nil, err
	}
	table := dynamo.New(dynamo.NewClient(cfg), getenv(contract.EnvTableName))
	bucket := s3.New(s3.NewClient(cfg), getenv(contract.EnvAuditBucketName))
	metrics := telemetry.NewMetrics(os.Stdout, time.Now, getenv(contract.EnvEnvironmentSuffix))
	return &handler{archive.New(table, bucket, log, metrics), time.Now}, nil
}
