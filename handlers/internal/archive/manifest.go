package archive

import (
	"encoding/json"
	"math/big"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/transaction"
)

// Manifest lists the archived objects of an hour. It has no information about the run
// that wrote it, so the same hour always has the same manifest.
type Manifest struct {
	SchemaVersion string           `json:"schema_version"`
	Hour          string           `json:"hour"`   // RFC 3339, the hour's beginning in UTC
	Count         int              `json:"count"`  // number of transactions in all objects
	Totals        map[string]Total `json:"totals"` // by currency
	Objects       []Object         `json:"objects"`
}

// Total is the number of transactions in a currency and their sum.
type Total struct {
	Count  int    `json:"count"`
	Amount string `json:"amount"` // exact, with the currency's decimals; a string, because it may exceed a double's precision
}

func newManifest(hour time.Time, objects []Object, sums sums) Manifest {
	m := Manifest{
		SchemaVersion: contract.SchemaVersion,
		Hour:          hour.UTC().Format(time.RFC3339),
		Totals:        map[string]Total{},
		Objects:       objects,
	}
	for _, o := range objects {
		m.Count += o.Count
	}
	for currency, s := range sums {
		m.Totals[currency] = Total{Count: s.count, Amount: s.amount.FloatString(s.decimals)}
	}
	return m
}

// encode returns the manifest's JSON, indented because people read it too.
func (m Manifest) encode() ([]byte, error) {
	if m.Objects == nil {
		m.Objects = []Object{}
	}
	body, err := json.MarshalIndent(m, "", "  ")
	return append(body, '\n'), err
}

// sums adds up amounts by currency, exactly.
type sums map[string]*sum

type sum struct {
	count    int
	amount   big.Rat
	decimals int
}

func (s sums) add(t transaction.Transaction) {
	total := s[t.Currency]
	if total == nil {
		total = &sum{}
		total.decimals, _ = money.Digits(t.Currency)
		s[t.Currency] = total
	}
	// Amount.String is a plain decimal, which SetString always reads.
	amount, _ := new(big.Rat).SetString(t.Amount.String())
	total.count++
	total.amount.Add(&total.amount, amount)
}
