package dynamodbledger

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
)

// Get returns the transaction that is stored under a key. It reads consistently: what was
// stored before the call is found. The error is ledger.ErrNotFound, ledger.ErrUnavailable, or
// ErrItem for an item that cannot be decoded.
func (l *Ledger) Get(ctx context.Context, key ledger.Key) (ledger.Record, error) {
	out, err := l.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &l.table,
		ConsistentRead: aws.Bool(true),
		Key: Item{
			contract.FieldTransactionID: text(key.TransactionID),
			contract.FieldProvider:      text(key.Provider),
		},
	})
	if err != nil {
		return ledger.Record{}, unavailable("get item", err)
	}
	if len(out.Item) == 0 {
		return ledger.Record{}, ledger.ErrNotFound
	}
	return DecodeItem(out.Item)
}
