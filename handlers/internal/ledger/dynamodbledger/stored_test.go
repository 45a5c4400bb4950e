package dynamodbledger_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
)

func TestStoredItem(t *testing.T) {
	for _, delivery := range ledgertest.Stored(t) {
		for _, stored := range delivery.Transactions {
			item, err := attributevalue.UnmarshalMapJSON(stored.Item)
			if err != nil {
				t.Fatal(err)
			}
			record, err := dynamodbledger.DecodeItem(item)
			if err != nil {
				t.Fatalf("%s: %v", delivery.Name, err)
			}
			t.Run(delivery.Name+"/has the fingerprint of what it decodes to", func(t *testing.T) {
				if got := record.Transaction.Fingerprint(); got != stored.Fingerprint || got != record.Fingerprint {
					t.Errorf("stored as %s with %s, now %s", stored.Fingerprint, record.Fingerprint, got)
				}
			})
			t.Run(delivery.Name+"/is encoded as it was", func(t *testing.T) {
				again := dynamodbledger.EncodeItem(record.Transaction)
				if delivery.Name == ledgertest.StoredBeforeKinds {
					delete(again, contract.FieldKind)
				}
				got, err := attributevalue.MarshalMapJSON(again)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(canonical(t, stored.Item), canonical(t, got)); diff != "" {
					t.Errorf("(-stored +now):\n%s", diff)
				}
			})
		}
	}
}

func canonical(t *testing.T, text jsontext.Value) string {
	t.Helper()
	text = text.Clone()
	if err := text.Canonicalize(); err != nil {
		t.Fatal(err)
	}
	return string(text)
}
