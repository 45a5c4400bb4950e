package dynamodbledger_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/transaction"
)

func TestFields(t *testing.T) {
	want := ledgertest.Full()
	item := dynamodbledger.EncodeItem(want)
	t.Run("each of the item is encoded", func(t *testing.T) {
		ledgertest.CheckFields(t, "the item", transaction.Item, slices.Collect(maps.Keys(item)))
	})
	t.Run("each of the transaction is decoded", func(t *testing.T) {
		got, err := dynamodbledger.DecodeItem(item)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Transaction); diff != "" {
			t.Errorf("DecodeItem (-encoded +decoded):\n%s", diff)
		}
	})
}
