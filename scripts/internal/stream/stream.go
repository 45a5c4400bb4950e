// Package stream reads records of the table's stream by their positions, which is all that
// Lambda says about records that it gave up.
package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/operations/publication"
)

// ErrTrimmed is the error of positions that the stream no longer has. It keeps records for
// 24 hours, and a shard for as long as it has records.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
var ErrTrimmed = errors.New("the stream no longer has these records")

// maxEmpty is how many pages without records may follow each other. A shard that is being
// written to has no end.
const maxEmpty = 20

// Inserted returns the keys of the items that were new from one sequence number of a shard to
// another, both included, in their order. The error is ErrTrimmed or that of the stream.
func Inserted(ctx context.Context, c aws.Config, streamARN, shard, from, to string) ([]publication.Key, error) {
	client := dynamodbstreams.NewFromConfig(c)
	start, err := client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &streamARN, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeAtSequenceNumber, SequenceNumber: &from,
	})
	if err != nil {
		return nil, trimmed("get shard iterator", err)
	}
	var keys []publication.Key
	empty := 0
	for iterator := start.ShardIterator; iterator != nil; {
		page, err := client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: iterator})
		if err != nil {
			return nil, trimmed("get records", err)
		}
		for _, r := range page.Records {
			if r.Dynamodb == nil {
				continue
			}
			if after(aws.ToString(r.Dynamodb.SequenceNumber), to) {
				return keys, nil
			}
			if r.EventName == types.OperationTypeInsert {
				keys = append(keys, publication.Key{
					TransactionID: text(r.Dynamodb.Keys, contract.FieldTransactionID), Provider: text(r.Dynamodb.Keys, contract.FieldProvider),
				})
			}
			if aws.ToString(r.Dynamodb.SequenceNumber) == to {
				return keys, nil
			}
		}
		if empty++; len(page.Records) > 0 {
			empty = 0
		}
		if empty == maxEmpty {
			return nil, fmt.Errorf("%w: it ends before %s", ErrTrimmed, to)
		}
		iterator = page.NextShardIterator
	}
	return keys, nil // the shard has ended
}

// trimmed marks the errors of records that are no longer there.
func trimmed(operation string, err error) error {
	_, data := errors.AsType[*types.TrimmedDataAccessException](err)
	_, shard := errors.AsType[*types.ResourceNotFoundException](err)
	if data || shard {
		return fmt.Errorf("%w: %s: %w", ErrTrimmed, operation, err)
	}
	return fmt.Errorf("%s: %w", operation, err)
}

// after compares sequence numbers, which are numbers of up to 40 digits.
func after(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}

func text(item map[string]types.AttributeValue, name string) string {
	if s, ok := item[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
