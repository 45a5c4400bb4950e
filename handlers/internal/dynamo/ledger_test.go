package dynamo_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/dynamo"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
)

func client(endpoint string) *dynamodb.Client {
	return dynamo.NewClient(aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: &endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// TestLedger runs the ledger contract against a DynamoDB API server. The
// end-to-end suite starts one; by hand:
//
//	moto_server -H 127.0.0.1 -p 5555 &
//	LEDGERTEST_DYNAMODB_ENDPOINT=http://127.0.0.1:5555 go test ./handlers/internal/dynamo
func TestLedger(t *testing.T) {
	endpoint := os.Getenv("LEDGERTEST_DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("needs a DynamoDB API server: set LEDGERTEST_DYNAMODB_ENDPOINT, as the end-to-end suite does")
	}
	c := client(endpoint)
	ledgertest.Run(t, func(t *testing.T) ledger.Ledger { return dynamo.New(c, createTable(t, c)) })
}

// createTable makes a table as the stack does.
func createTable(t *testing.T, c *dynamodb.Client) string {
	t.Helper()
	name := "ledgertest-" + rand.Text()
	attribute := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
	}
	key := func(partition, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: &partition, KeyType: types.KeyTypeHash},
			{AttributeName: &sort, KeyType: types.KeyTypeRange},
		}
	}
	_, err := c.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			attribute(contract.AttrTransactionID), attribute(contract.AttrProvider),
			attribute(contract.AttrHourShard), attribute(contract.AttrReceivedAt),
		},
		KeySchema: key(contract.AttrTransactionID, contract.AttrProvider),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName:  aws.String(contract.IndexByHour),
			KeySchema:  key(contract.AttrHourShard, contract.AttrReceivedAt),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Error(err)
		}
	})
	return name
}

func TestFailingStoreIsUnavailableInTime(t *testing.T) {
	tests := map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		tries  int64
	}{
		"an internal error is tried again": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
		}, 3},
		"throttling is tried again": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}`))
		}, 3},
		"a missing permission is not": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(`{"__type":"com.amazon.coral.service#AccessDeniedException"}`))
		}, 1},
		"nonsense": {func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`<html>`))
		}, 0},
		"no answer at all": {func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tries.Add(1)
				io.Copy(io.Discard, r.Body) // else the server does not see the client leave
				tt.answer(w, r)
			}))
			defer server.Close()
			start := time.Now()
			_, err := dynamo.New(client(server.URL), "table").Store(t.Context(), ledgertest.Transaction("txn"))
			if !errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("Store: %v, want ErrUnavailable", err)
			}
			// The function has 10 s in all; the ledger promises to be done in 4.
			if took := time.Since(start); took > 6*time.Second {
				t.Errorf("took %v", took)
			}
			if tt.tries > 0 && tries.Load() != tt.tries {
				t.Errorf("%d tries, want %d", tries.Load(), tt.tries)
			}
		})
	}
}
