package dynamodbledger_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
)

func TestGet(t *testing.T) {
	key := ledger.Key{TransactionID: "txn", Provider: "stripe"}
	get := func(t *testing.T, response string, failure error) (ledger.Record, map[string]any, error) {
		var request map[string]any
		l := dynamodbledger.New(fake(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				err = json.Unmarshal(body, &request)
			}
			if err != nil {
				t.Error(err)
			}
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(response))}, failure
		}, "http://127.0.0.1"), "table")
		record, err := l.Get(t.Context(), key)
		return record, request, err
	}
	t.Run("returns what is stored, reading consistently", func(t *testing.T) {
		record, request, err := get(t, `{"Item": {"transaction_id": {"S": "txn"}, "provider": {"S": "stripe"}, "amount": {"N": "15.50"}, "currency": {"S": "USD"},
			"customer_id": {"S": "c"}, "received_at": {"S": "2026-11-22T15:04:05.000000000Z"}, "fingerprint": {"S": "f"}, "schema_version": {"S": "1"}, "kind": {"S": "payment"}}}`, nil)
		if err != nil || record.Transaction.ID != "txn" || record.Transaction.Amount.String() != "15.5" || !record.Transaction.ReceivedAt.Equal(time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC)) {
			t.Errorf("%+v, %v", record, err)
		}
		want := map[string]any{"TableName": "table", "ConsistentRead": true, "Key": map[string]any{"transaction_id": map[string]any{"S": "txn"}, "provider": map[string]any{"S": "stripe"}}}
		if diff := cmp.Diff(want, request); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	})
	t.Run("is an error when there is none", func(t *testing.T) {
		if _, _, err := get(t, `{}`, nil); !errors.Is(err, ledger.ErrNotFound) {
			t.Error(err)
		}
	})
	t.Run("is an error when the item is no transaction", func(t *testing.T) {
		if _, _, err := get(t, `{"Item": {"transaction_id": {"S": "txn"}, "provider": {"S": "stripe"}}}`, nil); !errors.Is(err, dynamodbledger.ErrItem) {
			t.Error(err)
		}
	})
	t.Run("is an error when DynamoDB does not respond", func(t *testing.T) {
		if _, _, err := get(t, "", errors.New("no network")); !errors.Is(err, ledger.ErrUnavailable) || errors.Is(err, ledger.ErrNotFound) {
			t.Error(err)
		}
	})
	t.Run("is the memory's, too", func(t *testing.T) {
		m := ledgertest.NewMemory(time.Now())
		if _, err := m.Get(t.Context(), key); !errors.Is(err, ledger.ErrNotFound) {
			t.Error(err)
		}
	})
}
