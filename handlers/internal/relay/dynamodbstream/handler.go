// Package dynamodbstream connects package relay to the stream of the transactions
// table, as Lambda delivers it.
package dynamodbstream

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/relay"
)

// Handler returns the Lambda function that relays each batch of the stream. Its
// response lists the records that Lambda must deliver again; its error is always nil.
// The event source mapping filters on INSERT. Other changes are skipped here as well,
// because recording a fraud result must not publish the transaction again.
func Handler(r *relay.Relay) func(context.Context, Batch) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, batch Batch) (events.DynamoDBEventResponse, error) {
		// An empty list, not null, tells Lambda that every record is done.
		response := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
		for _, sequenceNumber := range r.Relay(ctx, inserts(batch)) {
			response.BatchItemFailures = append(response.BatchItemFailures,
				events.DynamoDBBatchItemFailure{ItemIdentifier: sequenceNumber})
		}
		return response, nil
	}
}

// Batch is the event that Lambda sends. It replaces events.DynamoDBEvent, whose attribute
// values are not the SDK's, which dynamodbledger.DecodeItem reads. Its images are raw, so
// that a malformed one does not make the whole batch unreadable.
type Batch struct {
	Records []Record `json:"Records"`
}

// Record is a change of one item.
type Record struct {
	EventName string `json:"eventName"`
	Change    struct {
		SequenceNumber string          `json:"SequenceNumber"`
		Created        json.RawMessage `json:"ApproximateCreationDateTime"` // Unix seconds, which Lambda writes as a double: 1.795359846E9
		Keys           json.RawMessage `json:"Keys"`
		NewImage       json.RawMessage `json:"NewImage"`
	} `json:"dynamodb"`
}

func inserts(batch Batch) []relay.Insert {
	var inserts []relay.Insert
	for _, record := range batch.Records {
		if record.EventName != string(events.DynamoDBOperationTypeInsert) {
			continue
		}
		insert := relay.Insert{SequenceNumber: record.Change.SequenceNumber, Arrived: arrived(record.Change.Created)}
		if panicked := relay.Guard(func() { insert.Record, insert.Err = decode(record.Change.NewImage) }); panicked != nil {
			insert.Err = panicked
		}
		if insert.Err != nil {
			insert.Record = keyOnly(record.Change.Keys)
		}
		inserts = append(inserts, insert)
	}
	return inserts
}

// arrived returns the zero time if the text is not a number of seconds.
func arrived(text json.RawMessage) time.Time {
	seconds, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

var (
	errNoImage = errors.New("stream record without a new image")
	errNotJSON = errors.New("new image of the stream record is not DynamoDB JSON")
)

// decode reads an item in DynamoDB's JSON.
func decode(image json.RawMessage) (ledger.Record, error) {
	if len(image) == 0 {
		return ledger.Record{}, errNoImage
	}
	item, err := attributevalue.UnmarshalMapJSON(image)
	if err != nil {
		return ledger.Record{}, errNotJSON // err quotes values
	}
	return dynamodbledger.DecodeItem(item)
}

// keyOnly returns a record that has only the key, for logging an item that could
// not be decoded.
func keyOnly(keys json.RawMessage) (r ledger.Record) {
	var key map[string]struct{ S string }
	if json.Unmarshal(keys, &key) == nil {
		r.Transaction.ID = key[contract.FieldTransactionID].S
		r.Transaction.Provider = key[contract.FieldProvider].S
	}
	return r
}
