package dynamodbledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/transaction"
)

// Timeouts and retries of DynamoDB calls. A write normally takes 5 ms. The functions
// that write have 10 s or more; the bounds are tighter because a provider retries after
// a 503, but may not after a gateway timeout.
const (
	attemptTimeout = 1500 * time.Millisecond // one HTTP request
	maxAttempts    = 3
	maxBackoff     = 200 * time.Millisecond // between attempts
	writeTimeout   = 4 * time.Second        // a whole write, attempts included
	batchTimeout   = 15 * time.Second       // one HTTP request for up to 1 MB, by a caller that has minutes
)

// NewClient returns a client whose calls end well within a function's time even if
// DynamoDB is slow.
func NewClient(cfg aws.Config) *dynamodb.Client { return newClient(cfg, attemptTimeout) }

// NewBatchClient returns a client for callers that have minutes, and whose work is lost
// if one request fails: the archiver, which reads pages of an hour, the reconciler, and
// operators' tools. A slow request is not one that failed.
func NewBatchClient(cfg aws.Config) *dynamodb.Client { return newClient(cfg, batchTimeout) }

func newClient(cfg aws.Config, timeout time.Duration) *dynamodb.Client {
	return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(timeout)
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts = maxAttempts
			r.MaxBackoff = maxBackoff
		})
	})
}

// Ledger is a ledger.Ledger in a DynamoDB table.
type Ledger struct {
	client *dynamodb.Client
	table  string
}

var _ ledger.Ledger = (*Ledger)(nil)

// New returns the ledger in a table with the attributes and the index that package
// contract names. Make the client with NewClient.
func New(client *dynamodb.Client, table string) *Ledger {
	return &Ledger{client, table}
}

// Store implements ledger.Ledger with one conditional PutItem, which returns the
// existing item when the condition fails, so that a duplicate needs no second
// call.
func (l *Ledger) Store(ctx context.Context, t transaction.Transaction) (ledger.Outcome, error) {
	item := EncodeItem(t)
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	_, err := l.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           &l.table,
		Item:                                item,
		ConditionExpression:                 aws.String("attribute_not_exists(" + contract.FieldTransactionID + ")"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if taken, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return sameOrConflict(taken.Item, item[contract.FieldFingerprint])
	}
	if err != nil {
		return 0, unavailable("put item", err)
	}
	return ledger.Stored, nil
}

// sameOrConflict compares the existing item with the fingerprint of the transaction that
// was not stored.
func sameOrConflict(old Item, fingerprint types.AttributeValue) (ledger.Outcome, error) {
	stored, ok := old[contract.FieldFingerprint].(*types.AttributeValueMemberS)
	if !ok {
		return 0, unavailable("put item", fmt.Errorf("%w: the item in its way has no %s", ErrItem, contract.FieldFingerprint))
	}
	if *stored == *fingerprint.(*types.AttributeValueMemberS) {
		return ledger.Duplicate, nil
	}
	record, err := DecodeItem(old)
	if err != nil {
		return 0, unavailable("put item", fmt.Errorf("the item in its way: %w", err))
	}
	return 0, &ledger.ConflictError{Stored: record.Transaction}
}

// RecordFraud implements ledger.Ledger with one conditional UpdateItem.
func (l *Ledger) RecordFraud(ctx context.Context, key ledger.Key, result fraud.Result) (fraud.Result, bool, error) {
	result = result.Canonical()
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &l.table,
		Key: Item{
			contract.FieldTransactionID: text(key.TransactionID),
			contract.FieldProvider:      text(key.Provider),
		},
		UpdateExpression: aws.String("SET " + contract.FieldFraud + " = :result"),
		ConditionExpression: aws.String("attribute_exists(" + contract.FieldTransactionID + ")" +
			" AND attribute_not_exists(" + contract.FieldFraud + ")"),
		ExpressionAttributeValues:           Item{":result": encodeFraud(result)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return storedFraud(failed.Item)
	}
	if err != nil {
		return fraud.Result{}, false, unavailable("update item", err)
	}
	return result, true, nil
}

func storedFraud(old Item) (fraud.Result, bool, error) {
	if len(old) == 0 {
		return fraud.Result{}, false, ledger.ErrNotFound
	}
	record, err := DecodeItem(old)
	if err != nil {
		return fraud.Result{}, false, err
	}
	if record.Fraud == nil {
		return fraud.Result{}, false, fmt.Errorf("%w: the condition on %s failed, yet it is absent", ErrItem, contract.FieldFraud)
	}
	return *record.Fraud, false, nil
}

// Hour implements ledger.Ledger with queries of the by-hour index, a page of at
// most 1 MB at a time.
func (l *Ledger) Hour(ctx context.Context, hour time.Time, shard int) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		// The index orders by received_at alone, so sort the records of the same
		// nanosecond here.
		var same []ledger.Record
		flush := func() bool {
			slices.SortFunc(same, ledger.Compare)
			for _, record := range same {
				if !yield(record, nil) {
					return false
				}
			}
			same = same[:0]
			return true
		}
		for record, err := range l.index(ctx, ledger.HourShard(hour, shard)) {
			if err != nil {
				yield(ledger.Record{}, err)
				return
			}
			if len(same) > 0 && !record.Transaction.ReceivedAt.Equal(same[0].Transaction.ReceivedAt) && !flush() {
				return
			}
			same = append(same, record)
		}
		flush()
	}
}

// index yields the records of one partition of the by-hour index.
func (l *Ledger) index(ctx context.Context, hourShard string) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		pages := dynamodb.NewQueryPaginator(l.client, &dynamodb.QueryInput{
			TableName:                 &l.table,
			IndexName:                 aws.String(contract.IndexByHour),
			KeyConditionExpression:    aws.String(contract.FieldHourShard + " = :shard"),
			ExpressionAttributeValues: Item{":shard": text(hourShard)},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(ledger.Record{}, unavailable("query "+hourShard, err))
				return
			}
			for _, item := range page.Items {
				record, err := DecodeItem(item)
				if !yield(record, err) || err != nil {
					return
				}
			}
		}
	}
}

// CreatedAt implements ledger.Ledger.
func (l *Ledger) CreatedAt(ctx context.Context) (time.Time, error) {
	out, err := l.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &l.table})
	if err != nil {
		return time.Time{}, unavailable("describe table", err)
	}
	return aws.ToTime(out.Table.CreationDateTime).UTC(), nil
}

// unavailable makes every failure of DynamoDB an ErrUnavailable, even a missing
// permission: operators can correct that, so a caller's retry can succeed, too.
func unavailable(operation string, cause error) error {
	return fmt.Errorf("%w: %s: %w", ledger.ErrUnavailable, operation, cause)
}
