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

// ErrItem says that an item is not one that EncodeItem wrote.
var ErrItem = errors.New("not a transaction item")

// Members of the fraud attribute.
const (
	fraudScore        = "score"         // N
	fraudRiskLevel    = "risk_level"    // S
	fraudRiskFactors  = "risk_factors"  // L of M, absent when there are none
	fraudRiskSummary  = "risk_summary"  // S
	fraudModelVersion = "model_version" // S
	fraudScoredAt     = "scored_at"     // S, as received_at
	factorName        = "name"          // S
	factorWeight      = "weight"        // N
	factorDetail      = "detail"        // S
)

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
			Kind:       d.optional(item, contract.AttrKind, contract.KindPayment), // items from before there were kinds have none
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

// encodeFraud takes a canonical result.
func encodeFraud(f ledger.FraudResult) types.AttributeValue {
	members := Item{
		fraudScore:        number(f.Score),
		fraudRiskLevel:    text(f.RiskLevel),
		fraudRiskSummary:  text(f.RiskSummary),
		fraudModelVersion: text(f.ModelVersion),
		fraudScoredAt:     text(transaction.FormatTime(f.ScoredAt)),
	}
	var factors []types.AttributeValue
	for _, factor := range f.RiskFactors {
		factors = append(factors, &types.AttributeValueMemberM{Value: Item{
			factorName:   text(factor.Name),
			factorWeight: number(factor.Weight),
			factorDetail: text(factor.Detail),
		}})
	}
	if factors != nil {
		members[fraudRiskFactors] = &types.AttributeValueMemberL{Value: factors}
	}
	return &types.AttributeValueMemberM{Value: members}
}

func text(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }
func number(n string) types.AttributeValue { return &types.AttributeValueMemberN{Value: n} }

// encodeValue turns metadata into attribute values; numbers keep every digit.
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
		return jsonvalue.ParseNumber(v.Value) // DynamoDB may write it in another way
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

func (d *decoder) fraud(value types.AttributeValue) *ledger.FraudResult {
	members, ok := value.(*types.AttributeValueMemberM)
	if !ok {
		d.fail(contract.AttrFraud, errors.New("is not a map"))
		return nil
	}
	m := members.Value
	result := &ledger.FraudResult{
		Score:        d.number(m, fraudScore),
		RiskLevel:    d.text(m, fraudRiskLevel),
		RiskSummary:  d.text(m, fraudRiskSummary),
		ModelVersion: d.text(m, fraudModelVersion),
		ScoredAt:     d.time(m, fraudScoredAt),
	}
	factors, ok := m[fraudRiskFactors].(*types.AttributeValueMemberL)
	if !ok {
		return result
	}
	for _, factor := range factors.Value {
		f, ok := factor.(*types.AttributeValueMemberM)
		if !ok {
			d.fail(fraudRiskFactors, errors.New("holds something else than maps"))
			return nil
		}
		result.RiskFactors = append(result.RiskFactors, ledger.RiskFactor{
			Name:   d.text(f.Value, factorName),
			Weight: d.number(f.Value, factorWeight),
			Detail: d.text(f.Value, factorDetail),
		})
	}
	return result
}
