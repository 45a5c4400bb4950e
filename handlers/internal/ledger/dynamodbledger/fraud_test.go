package dynamodbledger_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
)

// The texts must not change: items have always been stored so.
func TestRecordFraud(t *testing.T) {
	const plain = `"score":{"N":"0.87"},"risk_level":{"S":"high"},"risk_summary":{"S":"A very large payment at night."},` +
		`"model_version":{"S":"mock-1"},"scored_at":{"S":"2026-11-22T15:04:06.123456789Z"}`
	for name, want := range map[string]string{
		"stores factors": `{"M":{` + plain + `,"risk_factors":{"L":[` +
			`{"M":{"name":{"S":"amount"},"weight":{"N":"0.5"},"detail":{"S":"far above the usual"}}},` +
			`{"M":{"name":{"S":"hour"},"weight":{"N":"0.37"},"detail":{"S":"at night"}}}]}}}`,
		"stores no list without factors": `{"M":{` + plain + `}}`,
	} {
		t.Run(name, func(t *testing.T) {
			result := ledgertest.Fraud()
			if name != "stores factors" {
				result.Factors = result.Factors[:0]
			}
			var update struct {
				ExpressionAttributeValues map[string]any
			}
			l := dynamodbledger.New(fake(func(r *http.Request) (*http.Response, error) {
				body, err := io.ReadAll(r.Body)
				if err == nil {
					err = json.Unmarshal(body, &update)
				}
				if err != nil {
					t.Error(err)
				}
				return nil, errors.New("no network")
			}, "http://127.0.0.1"), "table")
			if _, _, err := l.RecordFraud(t.Context(), ledger.Key{TransactionID: "txn", Provider: "stripe"}, result); !errors.Is(err, ledger.ErrUnavailable) {
				t.Fatal(err)
			}
			var wanted any
			if err := json.Unmarshal([]byte(want), &wanted); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wanted, update.ExpressionAttributeValues[":result"]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
