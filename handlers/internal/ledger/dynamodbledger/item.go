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
		contract.AttrSchemaVersion: text(contract.SchemaVersion),
		contract.AttrTransactionID: text(t.ID),
		contract.AttrProvider:      text(t.Provider),
		contract.AttrKind:          text(t.Kind),
		contract.AttrAmount:        number(t.Amount.String()),
		contract.AttrCurrency:      text(t.Currency),
		contract.AttrCustomerID:    text(t.CustomerID),
		contract.AttrReceivedAt:    text(transaction.FormatTime(t.ReceivedAt)),
		contract.AttrHourShard:     text(ledger.HourShard(t.ReceivedAt, ledger.Shard(t.ID))),
		contract.AttrExpiresAt:     number(strconv.FormatInt(t.ReceivedAt.Add(contract.RetentionDays*24*time.Hour).Unix(), 10)),
		contract.AttrFingerprint:   text(t.Fingerprint()),
	}
	if t.PaymentID != "" {
		item[contract.AttrPaymentID] = text(t.PaymentID)
	}
	if !t.Metadata.IsZero() {
		item[contract.AttrMetadata] = encodeValue(t.Metadata.Value())
	}
	return item
}

// DecodeItem reads an item of the table or of its stream. The error is ErrItem
// and names the attribute, not its value.
func DecodeItem(item Item) (ledger.Record, error) {
	d := decoder{}
	record := ledger.Record{
		Transaction: transaction.Transaction{
			ID:         d.text(item, contract.AttrTransactionID),
			Provider:   d.text(item, contract.AttrProvider),
			Kind:       d.optional(item, contract.AttrKind, contract.KindPayment), // items of releases without kinds have none
			PaymentID:  d.optional(item, contract.AttrPaymentID, ""),
			Money:      money.Money{Amount: d.amount(item, contract.AttrAmount), Currency: d.text(item, contract.AttrCurrency)},
			CustomerID: d.text(item, contract.AttrCustomerID),
			Metadata:   d.metadata(item),
			ReceivedAt: d.time(item, contract.AttrReceivedAt),
		},
		Fingerprint: d.text(item, contract.AttrFingerprint),
	}
	if version := d.text(item, contract.AttrSchemaVersion); version != contract.SchemaVersion {
		d.fail(contract.AttrSchemaVersion, fmt.Errorf("is not %s", contract.SchemaVersion))
	}
	if fraud, ok := item[contract.AttrFraud]; ok {
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
	attribute, ok := item[contract.AttrMetadata]
	if !ok {
		return transaction.Metadata{}
	}
	value, err := decodeValue(attribute)
	if err != nil {
		d.fail(contract.AttrMetadata, err)
		return transaction.Metadata{}
	}
	members, ok := value.(map[string]any)
	if !ok {
		d.fail(contract.AttrMetadata, errors.New("is not a map"))
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
