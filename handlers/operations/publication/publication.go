package publication

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/event"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/relay"
	"payment-webhooks/handlers/internal/relay/eventbridgebus"
	"payment-webhooks/handlers/internal/transaction"
)

// Errors of a Table, judged with errors.Is.
var (
	ErrNotFound   = errors.New("no such item in the table")
	ErrUnreadable = errors.New("the item is not a transaction") // or one that no event can carry
)

// Key is the key of an item.
type Key struct {
	TransactionID string `json:"transaction_id"`
	Provider      string `json:"provider"`
}

// String returns the key for people, "txn_123456 of stripe", with card numbers masked.
func (k Key) String() string {
	text, _ := redact.Text(k.TransactionID + " of " + k.Provider)
	return text
}

// Record is a stored transaction.
type Record struct {
	Key
	Kind       string
	Amount     string // with its currency, for people: "15000.00 USD"
	Currency   string
	CustomerID string
	ReceivedAt time.Time
	Detail     []byte // the JSON of its event's detail
	Fraud      *Fraud // nil until it is scored
}

// Fraud is the fraud result of a transaction.
type Fraud struct {
	RiskLevel string    `json:"risk_level"`
	Score     string    `json:"score"` // a decimal number
	Summary   string    `json:"summary"`
	ScoredAt  time.Time `json:"scored_at"`
}

// Table is the table of the transactions.
type Table struct {
	client *dynamodb.Client
	name   string
}

// Open returns the table of that name. Its calls have the SDK's retries.
func Open(c aws.Config, name string) *Table { return &Table{dynamodb.NewFromConfig(c), name} }

// Get reads an item. The error is ErrNotFound, ErrUnreadable or DynamoDB's.
func (t *Table) Get(ctx context.Context, key Key) (Record, error) {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true),
		Key: dynamodbledger.Item{
			contract.FieldTransactionID: &types.AttributeValueMemberS{Value: key.TransactionID},
			contract.FieldProvider:      &types.AttributeValueMemberS{Value: key.Provider},
		},
	})
	if err != nil {
		return Record{}, fmt.Errorf("get item: %w", err)
	}
	if len(out.Item) == 0 {
		return Record{}, fmt.Errorf("%s: %w", key, ErrNotFound)
	}
	return decode(out.Item)
}

// ByID yields the transactions with an id, by provider. An item that is not a transaction
// comes with ErrUnreadable and its key; after any other error the sequence ends.
func (t *Table) ByID(ctx context.Context, id string) iter.Seq2[Record, error] {
	return t.query(ctx, &dynamodb.QueryInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String(contract.FieldTransactionID + " = :id"),
		ExpressionAttributeValues: dynamodbledger.Item{":id": &types.AttributeValueMemberS{Value: id}},
	})
}

// Between yields the transactions received from one time on and before another, hour by
// hour. It queries the index by hour, which is complete a second or so after a write. An
// item that is not a transaction comes with ErrUnreadable and its key, if the index has
// it; after any other error the sequence ends.
func (t *Table) Between(ctx context.Context, from, to time.Time) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for hour := from.UTC().Truncate(time.Hour); hour.Before(to); hour = hour.Add(time.Hour) {
			for shard := range contract.HourShards {
				for r, err := range t.query(ctx, &dynamodb.QueryInput{
					TableName: &t.name, IndexName: aws.String(contract.IndexByHour),
					KeyConditionExpression: aws.String(contract.FieldHourShard + " = :shard AND " + contract.FieldReceivedAt + " BETWEEN :from AND :to"),
					ExpressionAttributeValues: dynamodbledger.Item{
						":shard": &types.AttributeValueMemberS{Value: ledger.HourShard(hour, shard)},
						":from":  &types.AttributeValueMemberS{Value: transaction.FormatTime(from)},
						":to":    &types.AttributeValueMemberS{Value: transaction.FormatTime(to.Add(-time.Nanosecond))},
					},
				}) {
					if !yield(r, err) || err != nil && !errors.Is(err, ErrUnreadable) {
						return
					}
				}
			}
		}
	}
}

func (t *Table) query(ctx context.Context, input *dynamodb.QueryInput) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		pages := dynamodb.NewQueryPaginator(t.client, input)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Record{}, fmt.Errorf("query: %w", err))
				return
			}
			for _, item := range page.Items {
				if !yield(decode(item)) {
					return
				}
			}
		}
	}
}

func decode(item dynamodbledger.Item) (Record, error) {
	key := Key{text(item, contract.FieldTransactionID), text(item, contract.FieldProvider)}
	stored, err := dynamodbledger.DecodeItem(item)
	if err != nil {
		return Record{Key: key}, fmt.Errorf("%s: %w: %w", key, ErrUnreadable, err)
	}
	detail, err := event.Encode(stored.Transaction, stored.Fingerprint)
	if err != nil {
		return Record{Key: key}, fmt.Errorf("%s: %w: %w", key, ErrUnreadable, err)
	}
	tx := stored.Transaction
	r := Record{
		Key: key, Kind: tx.Kind, Amount: tx.Format(), Currency: tx.Currency, CustomerID: tx.CustomerID, ReceivedAt: tx.ReceivedAt, Detail: detail,
	}
	if f := stored.Fraud; f != nil {
		r.Fraud = &Fraud{RiskLevel: string(f.Level), Score: f.Score.String(), Summary: f.Summary, ScoredAt: f.ScoredAt}
	}
	return r, nil
}

func text(item dynamodbledger.Item, name string) string {
	if s, ok := item[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// Bus publishes events.
type Bus struct{ bus *eventbridgebus.Bus }

// OpenBus returns the bus of that name.
func OpenBus(c aws.Config, name string) *Bus {
	return &Bus{eventbridgebus.New(eventbridgebus.NewClient(c), name, nil)}
}

// Publish publishes the events of transactions and returns an error for each, in their
// order: nil when EventBridge has confirmed it.
func (b *Bus) Publish(ctx context.Context, records []Record) []error {
	events := make([]relay.Event, len(records))
	for i, r := range records {
		events[i] = relay.Event{Time: r.ReceivedAt, Detail: r.Detail}
	}
	return b.bus.Publish(ctx, events)
}
