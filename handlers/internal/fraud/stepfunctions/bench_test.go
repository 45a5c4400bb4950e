package stepfunctions

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/fraud/rules"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/telemetry"
)

// BenchmarkScore scores one transaction after another and stores the results, from the bytes
// that Lambda passes to the bytes it gets, with the AWS SDK's client and a DynamoDB that is a
// server in this process. Reported are scores a second.
func BenchmarkScore(b *testing.B) {
	payload, err := os.ReadFile("testdata/high.json")
	if err != nil {
		b.Fatal(err)
	}
	updates := 0
	table := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".UpdateItem") {
			updates++ // by one client, one at a time
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		fmt.Fprint(w, "{}")
	}))
	defer table.Close()
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &table.URL, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	now := func() time.Time { return noon }
	d := New(rules.Model{}, dynamodbledger.New(dynamodbledger.NewClient(cfg), "transactions-dev"), &requests{},
		telemetry.Logger(io.Discard, contract.FraudDetector), telemetry.NewMetrics(io.Discard, now, "dev"), now)
	handler := lambda.NewHandler(Handler(d))
	scores := 0
	for b.Loop() {
		if _, err := handler.Invoke(context.Background(), payload); err != nil {
			b.Fatal(err)
		}
		scores++
	}
	if updates != scores {
		b.Errorf("%d results of %d scores were stored", updates, scores)
	}
	b.ReportMetric(float64(scores)/b.Elapsed().Seconds(), "scores/s")
}
