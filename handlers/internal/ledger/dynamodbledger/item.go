package dynamodbledger

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/transaction"
)

// Item is a DynamoDB item, by attribute name. attributevalue.UnmarshalMapJSON
// returns one for the JSON of a stream record.
type Item = map[string]types.AttributeValue

// ErrItem is the error of an item that EncodeItem cannot have written.
var ErrItem = errors.New("not a transaction item")

// EncodeItem returns the item of a transaction as it is first stored: without a
// fraud result.
func EncodeItem(t transaction.Transaction) Item {
	item := Item{
		contract.FieldSchemaVersion: text(contract.SchemaVersion),
		contract.FieldTransactionID: text(t.ID),
		contract.FieldProvider:      text(t.Provider),
		contract.FieldKind:          text(t.Kind),
		contract.FieldAmount:        number(t.Amount.String()),
		contract.FieldCurrency:      text(t.Currency),
		contract.FieldCustomerID:    text(t.CustomerID),
		contract.FieldReceivedAt:    text(transaction.FormatTime(t.ReceivedAt)),
		contract.FieldHourShard:     text(ledger.HourShard(t.ReceivedAt, ledger.Shard(t.ID))),
		contract.FieldExpiresAt:     number(strconv.FormatInt(t.ReceivedAt.Add(contract.RetentionDays*24*time.Hour).Unix(), 10)),
		contract.FieldFingerprint:   text(t.Fingerprint()),
	}
	for name, value := range map[string]string{
		contract.FieldPaymentID: t.PaymentID, contract.FieldReverses: t.Reverses, contract.FieldReversedKind: t.ReversedKind,
	} {
		if value != "" {
			item[name] = text(value)
		}
	}
	if !t.Metadata.IsZero() {
		item[contract.FieldMetadata] = encodeValue(t.Metadata.Value())
	}
	return item
}

// DecodeItem reads an item of the table or of its stream. The error is ErrItem
// and names the attribute, not its value.
func DecodeItem(item Item) (ledger.Record, error) {
	d := decoder{}
	record := ledger.Record{
		Transaction: transaction.Transaction{
			ID:           d.text(item, contract.FieldTransactionID),
			Provider:     d.text(item, contract.FieldProvider),
			Kind:         d.optional(item, contract.FieldKind, contract.KindPayment), // items of releases without kinds have none
			PaymentID:    d.optional(item, contract.FieldPaymentID, ""),
			Reverses:     d.optional(item, contract.FieldReverses, ""),
			ReversedKind: d.optional(item, contract.FieldReversedKind, ""),
			Money:        money.Money{Amount: d.amount(item, contract.FieldAmount), Currency: d.text(item, contract.FieldCurrency)},
			CustomerID:   d.text(item, contract.FieldCustomerID),
			Metadata:     d.metadata(item),
			ReceivedAt:   d.time(item, contract.FieldReceivedAt),
		},
		Fingerprint: d.text(item, contract.FieldFingerprint),
	}
	if version := d.text(item, contract.FieldSchemaVersion); version != contract.SchemaVersion {
		d.fail(contract.FieldSchemaVersion, fmt.Errorf("is not %s", contract.SchemaVersion))
	}
	if fraud, ok := item[contract.FieldFraud]; ok {
		record.Fraud = d.fraud(fraud)
	}
	if d.err != nil {
		return ledger.Record{}, d.err
	}
	return record, nil
}

func text(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }
func number(n string) types.AttributeValue { return &types.AttributeValueMemberN{Value: n} }

// encodeValue returns the attribute value of a metadata value. Numbers keep every digit.
func encodeValue(value any) types.AttributeValue {
	switch v := value.(type) {
	case bool:
		return &types.AttributeValueMemberBOOL{Value: v}
	case string:
		return text(v)
	case jsonvalue.Number:
		return number(string(v))
	case []any:
		list := make([]types.AttributeValue, len(v))
		for i, element := range v {
			list[i] = encodeValue(element)
		}
		return &types.AttributeValueMemberL{Value: list}
	case map[string]any:
		members := make(Item, len(v))
		for name, member := range v {
			members[name] = encodeValue(member)
		}
		return &types.AttributeValueMemberM{Value: members}
	}
	return &types.AttributeValueMemberNULL{Value: true}
}

func decodeValue(value types.AttributeValue) (any, error) {
	switch v := value.(type) {
	case *types.AttributeValueMemberNULL:
		return nil, nil
	case *types.AttributeValueMemberBOOL:
		return v.Value, nil
	case *types.AttributeValueMemberS:
		return v.Value, nil
	case *types.AttributeValueMemberN:
		return jsonvalue.ParseNumber(v.Value) // DynamoDB may use another notation
	case *types.AttributeValueMemberL:
		list := make([]any, len(v.Value))
		for i, element := range v.Value {
			var err error
			if list[i], err = decodeValue(element); err != nil {
				return nil, err
			}
		}
		return list, nil
	case *types.AttributeValueMemberM:
		members := make(map[string]any, len(v.Value))
		for name, member := range v.Value {
			var err error
			if members[name], err = decodeValue(member); err != nil {
				return nil, err
			}
		}
		return members, nil
	}
	return nil, fmt.Errorf("holds a %T", value)
}

// decoder keeps the first error of an item.
type decoder struct{ err error }

func (d *decoder) fail(name string, cause error) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s %w", ErrItem, name, cause)
	}
}

func (d *decoder) text(item Item, name string) string {
	v, ok := item[name].(*types.AttributeValueMemberS)
	if !ok {
		d.fail(name, errors.New("is not a string"))
		return ""
	}
	return v.Value
}

func (d *decoder) optional(item Item, name, absent string) string {
	if _, ok := item[name]; !ok {
		return absent
	}
	return d.text(item, name)
}

func (d *decoder) number(item Item, name string) string {
	v, ok := item[name].(*types.AttributeValueMemberN)
	if !ok {
		d.fail(name, errors.New("is not a number"))
		return ""
	}
	n, err := jsonvalue.ParseNumber(v.Value)
	if err != nil {
		d.fail(name, err)
	}
	return string(n)
}

func (d *decoder) metadata(item Item) transaction.Metadata {
	attribute, ok := item[contract.FieldMetadata]
	if !ok {
		return transaction.Metadata{}
	}
	value, err := decodeValue(attribute)
	if err != nil {
		d.fail(contract.FieldMetadata, err)
		return transaction.Metadata{}
	}
	members, ok := value.(map[string]any)
	if !ok {
		d.fail(contract.FieldMetadata, errors.New("is not a map"))
	}
	return transaction.NewMetadata(members)
}

func (d *decoder) amount(item Item, name string) money.Amount {
	a, err := money.Parse(d.number(item, name))
	if err != nil {
		d.fail(name, err)
	}
	return a
}

func (d *decoder) time(item Item, name string) time.Time {
	t, err := transaction.ParseTime(d.text(item, name))
	if err != nil {
		d.fail(name, errors.New("is not a time"))
	}
	return t
}
