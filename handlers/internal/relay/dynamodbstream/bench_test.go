package dynamodbstream

import (
	"context"
	"encoding/json"
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
	"payment-webhooks/handlers/internal/relay"
	"payment-webhooks/handlers/internal/relay/eventbridgebus"
	"payment-webhooks/handlers/internal/telemetry"
)

// batchRecords is the mapping's batch size.
const batchRecords = 100

// accepting is an EventBridge in this process that accepts every entry.
func accepting(w http.ResponseWriter, r *http.Request) {
	var call struct{ Entries []struct{} }
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ids := strings.Repeat(`,{"EventId":"a"}`, len(call.Entries))
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	fmt.Fprintf(w, `{"FailedEntryCount":0,"Entries":[%s]}`, strings.TrimPrefix(ids, ","))
}

// BenchmarkRelay relays batches of 100 records, from the bytes that Lambda passes to the bytes
// it gets, with the AWS SDK's client and an EventBridge that is a server in this process.
// Reported are records a second.
func BenchmarkRelay(b *testing.B) {
	text, err := os.ReadFile("testdata/batch.json")
	if err != nil {
		b.Fatal(err)
	}
	var batch struct{ Records []json.RawMessage }
	if err := json.Unmarshal(text, &batch); err != nil {
		b.Fatal(err)
	}
	var records []string
	for i := range batchRecords {
		records = append(records, strings.ReplaceAll(string(batch.Records[0]), "txn_123456", fmt.Sprintf("txn_%d", i)))
	}
	payload := []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)

	bus := httptest.NewServer(http.HandlerFunc(accepting))
	defer bus.Close()
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &bus.URL, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	tiers, err := relay.ParseTiers(`{"tiers":[{"name":"low"},{"name":"high","above":true,"scored":true}],"bounds":[{"lower":["10000"]}]}`)
	if err != nil {
		b.Fatal(err)
	}
	invocation := 0
	for b.Loop() {
		// A relay remembers what it published; this is about records that it has not seen.
		metrics := telemetry.NewMetrics(io.Discard, time.Now, "dev")
		publisher := relay.NewBooks(eventbridgebus.New(eventbridgebus.NewClient(cfg), "payment-events-dev", eventbridgebus.Pause), tiers, metrics, time.Now)
		r := relay.New(publisher, &queue{}, telemetry.Logger(io.Discard, contract.EventRelay), metrics, time.Now)
		response, err := lambda.NewHandler(Handler(r)).Invoke(context.Background(), payload)
		if err != nil || string(response) != `{"batchItemFailures":[]}` {
			b.Fatalf("%s, %v", response, err)
		}
		invocation++
	}
	b.ReportMetric(float64(invocation)*batchRecords/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(0, "ns/op") // says nothing beside records/s
}
