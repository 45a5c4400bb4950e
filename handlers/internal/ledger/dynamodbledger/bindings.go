package dynamodbledger

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
)

// Bindings are ledger.Bindings in a DynamoDB table of their own, which has neither a
// stream nor an index: what publishes and archives transactions does not see them.
type Bindings struct {
	client *dynamodb.Client
	table  string
}

var _ ledger.Bindings = (*Bindings)(nil)

// NewBindings returns the bindings in a table with the attributes that package contract
// names. Make the client with NewClient.
func NewBindings(client *dynamodb.Client, table string) *Bindings {
	return &Bindings{client, table}
}

// Bind implements ledger.Bindings with one conditional PutItem.
func (b *Bindings) Bind(ctx context.Context, binding ledger.Binding) error {
	content := text(hex.EncodeToString(binding.Content[:]))
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	_, err := b.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &b.table,
		Item: Item{
			contract.FieldDelivery:  text(binding.Provider + "/" + binding.ID),
			contract.FieldContent:   content,
			contract.FieldExpiresAt: number(strconv.FormatInt(binding.Until.Unix(), 10)),
		},
		ConditionExpression: aws.String("attribute_not_exists(" + contract.FieldDelivery + ")" +
			" OR " + contract.FieldContent + " = :content"),
		ExpressionAttributeValues: Item{":content": content},
	})
	if _, taken := errors.AsType[*types.ConditionalCheckFailedException](err); taken {
		return ledger.ErrBound
	}
	if err != nil {
		return unavailable("put binding", err)
	}
	return nil
}
