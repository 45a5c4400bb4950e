package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/dynamo"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/relay"
)

type handler struct{ relay *relay.Relay }

// streamBatch is what Lambda sends. events.DynamoDBEvent would do, but its
// attribute values are not the SDK's, which dynamo.DecodeItem reads; and one
// odd image must not make the whole batch unreadable.
type streamBatch struct {
	Records []streamRecord `json:"Records"`
}

type streamRecord struct {
	EventName string `json:"eventName"`
	Change    struct {
		SequenceNumber string          `json:"SequenceNumber"`
		Keys           json.RawMessage `json:"Keys"`
		NewImage       json.RawMessage `json:"NewImage"`
	} `json:"dynamodb"`
}

// handle answers with the records that Lambda must bring again. The stream
// mapping filters on INSERT; other changes are passed over here as well, because
// a fraud result written to an item must not publish its transaction again.
func (h *handler) handle(ctx context.Context, batch streamBatch) (events.DynamoDBEventResponse, error) {
	var inserts []relay.Insert
	for _, record := range batch.Records {
		if record.EventName != string(events.DynamoDBOperationTypeInsert) {
			continue
		}
		stored, err := decode(record.Change.NewImage)
		if err != nil {
			stored = named(record.Change.Keys)
		}
		inserts = append(inserts, relay.Insert{SequenceNumber: record.Change.SequenceNumber, Record: stored, Err: err})
	}
	// An empty list, not null: "everything is done" said plainly.
	response := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	for _, sequenceNumber := range h.relay.Relay(ctx, inserts) {
		response.BatchItemFailures = append(response.BatchItemFailures,
			events.DynamoDBBatchItemFailure{ItemIdentifier: sequenceNumber})
	}
	return response, nil
}

var (
	errNoImage  = errors.New("stream record without a new image")
	errOddImage = errors.New("new image of the stream record is not DynamoDB JSON")
)

// decode reads an item in DynamoDB's JSON.
func decode(image json.RawMessage) (ledger.Record, error) {
	if len(image) == 0 {
		return ledger.Record{}, errNoImage
	}
	item, err := attributevalue.UnmarshalMapJSON(image)
	if err != nil {
		return ledger.Record{}, errOddImage // err quotes values
	}
	return dynamo.DecodeItem(item)
}

// named is a record of which only the key is known, as far as it is, so that the
// log says which item could not be read.
func named(keys json.RawMessage) (r ledger.Record) {
	var key map[string]struct{ S string }
	if json.Unmarshal(keys, &key) == nil {
		r.Transaction.ID = key[contract.AttrTransactionID].S
		r.Transaction.Provider = key[contract.AttrProvider].S
	}
	return r
}
