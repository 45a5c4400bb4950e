package dynamodbledger_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
)

func client(endpoint string) *dynamodb.Client {
	return dynamodbledger.NewClient(aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: &endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// TestLedger runs the ledger contract against a DynamoDB API server. The
// end-to-end suite starts one; by hand:
//
//	moto_server -H 127.0.0.1 -p 5555 &
//	LEDGERTEST_DYNAMODB_ENDPOINT=http://127.0.0.1:5555 go test ./internal/ledger/dynamodbledger
func TestLedger(t *testing.T) {
	endpoint := os.Getenv("LEDGERTEST_DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("needs a DynamoDB API server: set LEDGERTEST_DYNAMODB_ENDPOINT, as the end-to-end suite does")
	}
	// moto locks nothing: of two conditional writes at once both may pass, which
	// DynamoDB promises they do not.
	var turn sync.Mutex
	c := fake(func(r *http.Request) (*http.Response, error) {
		turn.Lock()
		defer turn.Unlock()
		return http.DefaultClient.Do(r)
	}, endpoint)
	ledgertest.Run(t, func(t *testing.T) ledger.Ledger { return dynamodbledger.New(c, createTable(t, c)) })
	t.Run("bindings", func(t *testing.T) {
		ledgertest.RunBindings(t, func(t *testing.T) ledger.Bindings {
			return dynamodbledger.NewBindings(c, createDeliveriesTable(t, c))
		})
	})
}

// createDeliveriesTable makes the table of bindings as the stack does.
func createDeliveriesTable(t *testing.T, c *dynamodb.Client) string {
	t.Helper()
	name := "ledgertest-" + rand.Text()
	_, err := c.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(contract.FieldDelivery), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{{AttributeName: aws.String(contract.FieldDelivery), KeyType: types.KeyTypeHash}},
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
			attribute(contract.FieldTransactionID), attribute(contract.FieldProvider),
			attribute(contract.FieldHourShard), attribute(contract.FieldReceivedAt),
		},
		KeySchema: key(contract.FieldTransactionID, contract.FieldProvider),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName:  aws.String(contract.IndexByHour),
			KeySchema:  key(contract.FieldHourShard, contract.FieldReceivedAt),
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

// fake returns a client whose requests f responds to.
func fake(f roundTripper, endpoint string) *dynamodb.Client {
	options := client(endpoint).Options()
	options.HTTPClient = f
	return dynamodb.New(options)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) Do(r *http.Request) (*http.Response, error) { return f(r) }

func TestDynamoDBFailureIsUnavailable(t *testing.T) {
	tests := map[string]struct {
		respond func(http.ResponseWriter)
		tries   int64
	}{
		"an internal error is tried again": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusInternalServerError)
		}, 3},
		"throttling is tried again": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}`))
		}, 3},
		"a missing permission is not": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(`{"__type":"com.amazon.coral.service#AccessDeniedException"}`))
		}, 1},
		"nonsense": {func(w http.ResponseWriter) {
			w.Write([]byte(`<html>`))
		}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int64
			c := fake(func(*http.Request) (*http.Response, error) {
				tries.Add(1)
				w := httptest.NewRecorder()
				tt.respond(w)
				return w.Result(), nil
			}, "http://127.0.0.1")
			_, err := dynamodbledger.New(c, "table").Store(t.Context(), ledgertest.Transaction("txn"))
			if !errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("Store: %v, want ErrUnavailable", err)
			}
			if tt.tries > 0 && tries.Load() != tt.tries {
				t.Errorf("%d tries, want %d", tries.Load(), tt.tries)
			}
		})
	}
}

// calls calls every method of a ledger.
var calls = map[string]func(context.Context, ledger.Ledger) error{
	"Store": func(ctx context.Context, l ledger.Ledger) error {
		_, err := l.Store(ctx, ledgertest.Transaction("txn"))
		return err
	},
	"RecordFraud": func(ctx context.Context, l ledger.Ledger) error {
		_, _, err := l.RecordFraud(ctx, ledger.Key{TransactionID: "txn", Provider: "stripe"}, ledgertest.Fraud())
		return err
	},
	"Hour": func(ctx context.Context, l ledger.Ledger) (last error) {
		for _, err := range l.Hour(ctx, time.Now(), 0) {
			last = err
		}
		return last
	},
	"CreatedAt": func(ctx context.Context, l ledger.Ledger) error {
		_, err := l.CreatedAt(ctx)
		return err
	},
}

// The functions have 10 s, and a provider must get its response earlier.
func TestWriteTimeout(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			var end time.Time
			l := dynamodbledger.New(fake(func(r *http.Request) (*http.Response, error) {
				end, _ = r.Context().Deadline()
				rejected := httptest.NewRecorder()
				rejected.WriteHeader(http.StatusBadRequest)
				return rejected.Result(), nil
			}, "http://127.0.0.1"), "table")

			if name == "Store" || name == "RecordFraud" {
				before := time.Now()
				if err := call(t.Context(), l); !errors.Is(err, ledger.ErrUnavailable) {
					t.Errorf("%v, want ErrUnavailable", err)
				}
				if after := time.Now(); end.Before(before.Add(4*time.Second)) || end.After(after.Add(4*time.Second)) {
					t.Errorf("called at %v, to end at %v", before, end)
				}
			}

			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			if err := call(ctx, l); !errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("%v, want ErrUnavailable", err)
			}
			if want, _ := ctx.Deadline(); !end.Equal(want) {
				t.Errorf("to end at %v, the caller's end is %v", end, want)
			}
		})
	}
}

// Within its 15 minutes, the archiver waits for a slow page.
func TestRequestTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		client *dynamodb.Client
		want   time.Duration
	}{
		"a call":                {dynamodbledger.NewClient(aws.Config{}), 1500 * time.Millisecond},
		"a page of an archiver": {dynamodbledger.NewBatchClient(aws.Config{}), 15 * time.Second},
	} {
		if got := c.client.Options().HTTPClient.(*awshttp.BuildableClient).GetTimeout(); got != c.want {
			t.Errorf("a request for %s may take %s, want %s", name, got, c.want)
		}
	}
}

func TestCallEndsWithContext(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			tries := 0
			l := dynamodbledger.New(fake(func(r *http.Request) (*http.Response, error) {
				tries++
				leave()
				select {
				case <-r.Context().Done():
				case <-time.After(30 * time.Second):
					t.Error("30 s later the call goes on")
				}
				return nil, r.Context().Err()
			}, "http://127.0.0.1"), "table")
			if err := call(ctx, l); !errors.Is(err, ledger.ErrUnavailable) || !errors.Is(err, context.Canceled) || tries != 1 {
				t.Errorf("%v after %d tries, want ErrUnavailable because of context.Canceled after one", err, tries)
			}
		})
	}
}

// Three attempts nearly fit into the four seconds of a write; the last may be cut short.
func TestAttemptsAndPausesAreShort(t *testing.T) {
	options := client("http://127.0.0.1").Options()
	if timeout := options.HTTPClient.(*awshttp.BuildableClient).GetTimeout(); timeout <= 0 || timeout > 2*time.Second {
		t.Errorf("an attempt may take %v", timeout)
	}
	for attempt := range 3 {
		for range 100 { // it is random
			if pause, err := options.Retryer.RetryDelay(attempt+1, errors.New("throttled")); err != nil || pause > 200*time.Millisecond {
				t.Fatalf("a pause of %v after attempt %d, %v", pause, attempt+1, err)
			}
		}
	}
}

// DynamoDB may end a page anywhere, even between transactions of the same nanosecond,
// which are in no order, and may return an empty page before others.
func TestHourReadsPagesOnDemand(t *testing.T) {
	at := func(id string, second int) dynamodbledger.Item {
		tx := ledgertest.Transaction(id)
		tx.ReceivedAt = tx.ReceivedAt.Add(time.Duration(second) * time.Second)
		return dynamodbledger.EncodeItem(tx)
	}
	pages := [][]dynamodbledger.Item{{at("b", 0), at("a", 0), at("e", 1)}, {at("d", 1), at("c", 1)}, {}, {at("f", 2)}}
	asked := 0
	l := dynamodbledger.New(fake(func(r *http.Request) (*http.Response, error) {
		var query struct {
			IndexName         string
			ExclusiveStartKey struct{ Page struct{ S string } }
		}
		if err := json.NewDecoder(r.Body).Decode(&query); err != nil {
			t.Error(err)
		}
		if from := query.ExclusiveStartKey.Page.S; query.IndexName != contract.IndexByHour || asked > 0 && from != fmt.Sprint(asked) || asked == 0 && from != "" {
			t.Errorf("query %d: %+v", asked, query)
		}
		var items []string
		for _, item := range pages[asked] {
			text, err := attributevalue.MarshalMapJSON(item)
			if err != nil {
				t.Error(err)
			}
			items = append(items, string(text))
		}
		w := httptest.NewRecorder()
		fmt.Fprintf(w, `{"Items":[%s]`, strings.Join(items, ","))
		if asked++; asked < len(pages) {
			fmt.Fprintf(w, `,"LastEvaluatedKey":{"Page":{"S":"%d"}}`, asked)
		}
		fmt.Fprint(w, "}")
		return w.Result(), nil
	}, "http://127.0.0.1"), "table")
	var got []string
	for record, err := range l.Hour(t.Context(), time.Now(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s with page %d", record.Transaction.ID, asked))
	}
	want := []string{"a with page 1", "b with page 1", "c with page 4", "d with page 4", "e with page 4", "f with page 4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
