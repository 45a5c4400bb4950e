package streams

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/awsclient"
	"payment-webhooks/local/eventsource"
	"payment-webhooks/local/moto"
)

// waitTimeout is generous: it only elapses when something is wrong.
const waitTimeout = 5 * time.Minute

func TestDynamoDB(t *testing.T) {
	// TestMappingReadsARealStream runs a mapping over a table of moto: an INSERT is delivered
	// with its exact numbers, the MODIFY after it is filtered out.
	t.Run("reads a stream of moto", func(t *testing.T) {
		endpoint := startMoto(t)
		ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
		defer cancel()
		config := aws.Config{
			Region: "us-east-1", BaseEndpoint: &endpoint,
			Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		}
		awsclient.Configure(&config)
		db := dynamodb.NewFromConfig(config)
		table, err := db.CreateTable(ctx, &dynamodb.CreateTableInput{
			TableName: aws.String("transactions"), BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
			KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
			StreamSpecification:  &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
		})
		if err != nil {
			t.Fatal(err)
		}
		function := &fakeFunction{}
		m, err := Load("Mapping", properties(t, fmt.Sprintf(`{"EventSourceArn":%q,"FunctionName":"relay","StartingPosition":"TRIM_HORIZON","FilterCriteria":{"Filters":[{"Pattern":"{\"eventName\":[\"INSERT\"]}"}]}}`,
			*table.TableDescription.LatestStreamArn)), Config{Function: function, PollInterval: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		runCtx, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- m.Run(runCtx, NewDynamoDB(dynamodbstreams.NewFromConfig(config))) }()

		put := func(amount string) {
			t.Helper()
			if _, err := db.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("transactions"), Item: map[string]types.AttributeValue{
				"id":     &types.AttributeValueMemberS{Value: "a"},
				"amount": &types.AttributeValueMemberN{Value: amount},
				"more": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
					"list": &types.AttributeValueMemberL{Value: []types.AttributeValue{
						&types.AttributeValueMemberBOOL{Value: true}, &types.AttributeValueMemberNULL{Value: true}, &types.AttributeValueMemberB{Value: []byte{1, 2}},
					}},
					"set": &types.AttributeValueMemberSS{Value: []string{"x"}},
				}},
			}}); err != nil {
				t.Fatal(err)
			}
		}
		put("12345678901234.56")
		put("1.5")
		if err := m.Idle(ctx); err != nil {
			t.Fatal(err)
		}
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got, want := m.Stats(), (eventsource.Stats{Batches: 1, Delivered: 1, Filtered: 1}); got != want {
			t.Errorf("got stats %+v, want %+v", got, want)
		}
		var event struct {
			Records []struct {
				EventName, EventSourceARN string
				Dynamodb                  struct {
					ApproximateCreationDateTime float64
					Keys, NewImage              any
				}
			}
		}
		if err := json.Unmarshal(function.payload, &event); err != nil || len(event.Records) != 1 {
			t.Fatalf("got event %s, %v", function.payload, err)
		}
		r := event.Records[0]
		wantKeys := any(map[string]any{"id": map[string]any{"S": "a"}})
		if diff := cmp.Diff(wantKeys, r.Dynamodb.Keys); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
		var wantImage any
		if err := json.Unmarshal([]byte(`{"id":{"S":"a"},"amount":{"N":"12345678901234.56"},"more":{"M":{"list":{"L":[{"BOOL":true},{"NULL":true},{"B":"AQI="}]},"set":{"SS":["x"]}}}}`), &wantImage); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wantImage, r.Dynamodb.NewImage); diff != "" {
			t.Errorf("image (-want +got):\n%s", diff)
		}
		if age := time.Since(time.Unix(int64(r.Dynamodb.ApproximateCreationDateTime), 0)); age < -time.Minute || age > time.Hour {
			t.Errorf("the record is %s old", age)
		}
		if r.EventName != "INSERT" || r.EventSourceARN != m.EventSourceARN() {
			t.Errorf("got %s from %s", r.EventName, r.EventSourceARN)
		}
	})
}

// startMoto runs moto_server for the test and returns its URL.
func startMoto(t *testing.T) string {
	t.Helper()
	path, err := moto.Find("../..", os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	server, err := moto.Start(ctx, path, "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server.URL
}
