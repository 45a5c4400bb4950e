package archive

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/transaction"
)

// The texts must not change: archived lines have always had them.
func TestFraudOfALine(t *testing.T) {
	const (
		start = `{"schema_version":"1","transaction_id":"txn_1","provider":"stripe","kind":"payment","amount":15000.5,"amount_text":"15000.50 USD",` +
			`"currency":"USD","customer_id":"cust_789 — Zoë 💳","received_at":"2026-11-22T15:04:05.123456789Z","fingerprint":"f"`
		end = `"risk_summary":"A \"large\" <payment> & more.","model_version":"mock-1","scored_at":"2026-11-22T15:04:06.123456789Z"}}` + "\n"
	)
	whole := ledgertest.Fraud().Canonical()
	whole.Summary = `A "large" <payment> & more.`
	plain := whole
	plain.Factors = nil
	tx := ledgertest.Transaction("txn_1")
	tx.Metadata = transaction.Metadata{}

	for _, c := range []struct {
		name   string
		record ledger.Record
		want   string
	}{
		{"has every factor", ledger.Record{Transaction: tx, Fingerprint: "f", Fraud: &whole}, start + `,"fraud":{"score":0.87,"risk_level":"high","risk_factors":[` +
			`{"name":"amount","weight":0.5,"detail":"far above the usual"},{"name":"hour","weight":0.37,"detail":"at night"}],` + end},
		{"has an empty list without factors", ledger.Record{Transaction: tx, Fingerprint: "f", Fraud: &plain}, start + `,"fraud":{"score":0.87,"risk_level":"high","risk_factors":[],` + end},
		{"is absent when not scored", ledger.Record{Transaction: tx, Fingerprint: "f"}, start + "}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := EncodeLine(c.record)
			if diff := cmp.Diff(c.want, string(got)); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
}
