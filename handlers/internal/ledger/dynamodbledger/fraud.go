package dynamodbledger

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/fraud"
	"payment-webhooks/handlers/internal/transaction"
)

// encodeFraud returns the attribute value for a canonical result.
func encodeFraud(r fraud.Result) types.AttributeValue {
	members := Item{
		contract.FraudScore:        number(r.Score.String()),
		contract.FraudRiskLevel:    text(string(r.Level)),
		contract.FraudRiskSummary:  text(r.Summary),
		contract.FraudModelVersion: text(r.ModelVersion),
		contract.FraudScoredAt:     text(transaction.FormatTime(r.ScoredAt)),
	}
	var factors []types.AttributeValue
	for _, factor := range r.Factors {
		factors = append(factors, &types.AttributeValueMemberM{Value: Item{
			contract.FraudFactorName:   text(factor.Name),
			contract.FraudFactorWeight: number(factor.Weight.String()),
			contract.FraudFactorDetail: text(factor.Detail),
		}})
	}
	if factors != nil {
		members[contract.FraudRiskFactors] = &types.AttributeValueMemberL{Value: factors}
	}
	return &types.AttributeValueMemberM{Value: members}
}

// fraud reads what encodeFraud wrote.
func (d *decoder) fraud(value types.AttributeValue) *fraud.Result {
	members, ok := value.(*types.AttributeValueMemberM)
	if !ok {
		d.fail(contract.FieldFraud, errors.New("is not a map"))
		return nil
	}
	m := members.Value
	result := &fraud.Result{
		Assessment: fraud.Assessment{
			Score:        d.decimal(m, contract.FraudScore),
			Level:        fraud.Level(d.text(m, contract.FraudRiskLevel)),
			Summary:      d.text(m, contract.FraudRiskSummary),
			ModelVersion: d.text(m, contract.FraudModelVersion),
		},
		ScoredAt: d.time(m, contract.FraudScoredAt),
	}
	factors, ok := m[contract.FraudRiskFactors].(*types.AttributeValueMemberL)
	if !ok {
		return result
	}
	for _, factor := range factors.Value {
		f, ok := factor.(*types.AttributeValueMemberM)
		if !ok {
			d.fail(contract.FraudRiskFactors, errors.New("has an element that is not a map"))
			return nil
		}
		result.Factors = append(result.Factors, fraud.Factor{
			Name:   d.text(f.Value, contract.FraudFactorName),
			Weight: d.decimal(f.Value, contract.FraudFactorWeight),
			Detail: d.text(f.Value, contract.FraudFactorDetail),
		})
	}
	return result
}

func (d *decoder) decimal(item Item, name string) fraud.Decimal {
	parsed, err := fraud.ParseDecimal(d.number(item, name))
	if err != nil {
		d.fail(name, err)
	}
	return parsed
}
