package streams

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// Record is a change of an item. Keys and images are DynamoDB JSON: {"id":{"S":"a"}}.
type Record struct {
	EventID        string
	EventName      string // INSERT, MODIFY or REMOVE
	EventVersion   string
	Region         string
	SequenceNumber string
	SizeBytes      int64
	ViewType       string
	Created        time.Time
	Keys           json.RawMessage
	NewImage       json.RawMessage // nil: the record has none
	OldImage       json.RawMessage
	UserIdentity   *Identity // set when TTL removed the item
}

// Identity identifies who removed an item.
type Identity struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
}

// recordEvent is a record as functions receive it: developer guide, "Using AWS Lambda with Amazon
// DynamoDB" (with-ddb-example).
type recordEvent struct {
	EventID        string      `json:"eventID"`
	EventName      string      `json:"eventName"`
	EventVersion   string      `json:"eventVersion"`
	EventSource    string      `json:"eventSource"`
	Region         string      `json:"awsRegion"`
	Change         changeEvent `json:"dynamodb"`
	UserIdentity   *Identity   `json:"userIdentity,omitempty"`
	EventSourceARN string      `json:"eventSourceARN"`
}

type changeEvent struct {
	Created        seconds         `json:"ApproximateCreationDateTime"`
	Keys           json.RawMessage `json:"Keys,omitempty"`
	NewImage       json.RawMessage `json:"NewImage,omitempty"`
	OldImage       json.RawMessage `json:"OldImage,omitempty"`
	SequenceNumber string          `json:"SequenceNumber"`
	SizeBytes      int64           `json:"SizeBytes"`
	ViewType       string          `json:"StreamViewType"`
}

// seconds is a time as Lambda writes it: whole Unix seconds as a double, 1.7640856E9. A function
// that reads an integer fails on it.
type seconds struct{ time.Time }

// MarshalJSON implements json.Marshaler, in the notation of Java.
func (s seconds) MarshalJSON() ([]byte, error) {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(float64(s.Unix()), 'E', -1, 64), "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	return []byte(mantissa + "E" + strings.TrimLeft(exponent, "+0")), nil
}

func (r Record) event(streamARN string) recordEvent {
	return recordEvent{
		EventID: r.EventID, EventName: r.EventName, EventVersion: r.EventVersion, EventSource: "aws:dynamodb", Region: r.Region,
		Change: changeEvent{
			Created: seconds{r.Created}, Keys: r.Keys, NewImage: r.NewImage, OldImage: r.OldImage,
			SequenceNumber: r.SequenceNumber, SizeBytes: r.SizeBytes, ViewType: r.ViewType,
		},
		UserIdentity: r.UserIdentity, EventSourceARN: streamARN,
	}
}

// dynamoDB is the Source that reads DynamoDB Streams.
type dynamoDB struct{ client *dynamodbstreams.Client }

// NewDynamoDB returns a Source that reads through client.
func NewDynamoDB(client *dynamodbstreams.Client) Source { return dynamoDB{client} }

func (d dynamoDB) Shards(ctx context.Context, streamARN string) ([]string, error) {
	var shards []string
	input := &dynamodbstreams.DescribeStreamInput{StreamArn: &streamARN}
	for {
		out, err := d.client.DescribeStream(ctx, input)
		if err != nil {
			return nil, err
		}
		for _, shard := range out.StreamDescription.Shards {
			shards = append(shards, aws.ToString(shard.ShardId))
		}
		if input.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId; input.ExclusiveStartShardId == nil {
			return shards, nil
		}
	}
}

func (d dynamoDB) Iterator(ctx context.Context, streamARN, shard, position string) (string, error) {
	out, err := d.client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &streamARN, ShardId: &shard, ShardIteratorType: types.ShardIteratorType(position),
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.ShardIterator), nil
}

func (d dynamoDB) Records(ctx context.Context, iterator string, limit int) ([]Record, string, error) {
	out, err := d.client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: &iterator, Limit: aws.Int32(int32(limit))})
	if err != nil {
		return nil, "", err
	}
	records := make([]Record, len(out.Records))
	for i, r := range out.Records {
		if records[i], err = newRecord(r); err != nil {
			return nil, "", err
		}
	}
	return records, aws.ToString(out.NextShardIterator), nil
}

// newRecord writes the SDK's types back to the JSON they came from.
func newRecord(r types.Record) (Record, error) {
	change := r.Dynamodb
	if change == nil {
		return Record{}, fmt.Errorf("record %s has no dynamodb", aws.ToString(r.EventID))
	}
	record := Record{
		EventID: aws.ToString(r.EventID), EventName: string(r.EventName), EventVersion: aws.ToString(r.EventVersion), Region: aws.ToString(r.AwsRegion),
		SequenceNumber: aws.ToString(change.SequenceNumber), SizeBytes: aws.ToInt64(change.SizeBytes), ViewType: string(change.StreamViewType),
		Created: aws.ToTime(change.ApproximateCreationDateTime),
	}
	if r.UserIdentity != nil {
		record.UserIdentity = &Identity{aws.ToString(r.UserIdentity.Type), aws.ToString(r.UserIdentity.PrincipalId)}
	}
	for _, image := range []struct {
		from map[string]types.AttributeValue
		to   *json.RawMessage
	}{{change.Keys, &record.Keys}, {change.NewImage, &record.NewImage}, {change.OldImage, &record.OldImage}} {
		if image.from == nil {
			continue
		}
		object, err := attributes(image.from)
		if err != nil {
			return Record{}, fmt.Errorf("record %s: %w", record.SequenceNumber, err)
		}
		if *image.to, err = json.Marshal(object); err != nil {
			return Record{}, fmt.Errorf("record %s: %w", record.SequenceNumber, err)
		}
	}
	return record, nil
}

func attributes(values map[string]types.AttributeValue) (map[string]any, error) {
	object := make(map[string]any, len(values))
	for name, value := range values {
		var err error
		if object[name], err = attribute(value); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return object, nil
}

// attribute is DynamoDB JSON: a type's letter and the value. Numbers are strings, and
// stay as they are written.
func attribute(value types.AttributeValue) (map[string]any, error) {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}, nil
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}, nil
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}, nil
	case *types.AttributeValueMemberNULL:
		return map[string]any{"NULL": v.Value}, nil
	case *types.AttributeValueMemberB:
		return map[string]any{"B": base64.StdEncoding.EncodeToString(v.Value)}, nil
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": v.Value}, nil
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": v.Value}, nil
	case *types.AttributeValueMemberBS:
		return map[string]any{"BS": v.Value}, nil // encoding/json writes []byte as base64
	case *types.AttributeValueMemberM:
		object, err := attributes(v.Value)
		return map[string]any{"M": object}, err
	case *types.AttributeValueMemberL:
		elements := make([]any, len(v.Value))
		for i, element := range v.Value {
			var err error
			if elements[i], err = attribute(element); err != nil {
				return nil, err
			}
		}
		return map[string]any{"L": elements}, nil
	default:
		return nil, fmt.Errorf("attribute type %T is not known", value)
	}
}
