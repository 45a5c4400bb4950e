package dynamodbledger_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/transaction"
)

func encode(t *testing.T) dynamodbledger.Item {
	t.Helper()
	item := dynamodbledger.EncodeItem(ledgertest.Transaction("txn_123456"))
	return item
}

func TestEncodeItem(t *testing.T) {
	item := encode(t)
	delete(item, contract.FieldMetadata) // by the round trip
	want := dynamodbledger.Item{
		"transaction_id": &types.AttributeValueMemberS{Value: "txn_123456"},
		"provider":       &types.AttributeValueMemberS{Value: "stripe"},
		"kind":           &types.AttributeValueMemberS{Value: "payment"},
		"amount":         &types.AttributeValueMemberN{Value: "15000.5"},
		"currency":       &types.AttributeValueMemberS{Value: "USD"},
		"customer_id":    &types.AttributeValueMemberS{Value: "cust_789 — Zoë 💳"},
		"received_at":    &types.AttributeValueMemberS{Value: "2026-11-22T15:04:05.123456789Z"},
		"hour_shard":     &types.AttributeValueMemberS{Value: "2026-11-22T15#1"},
		"expires_at":     &types.AttributeValueMemberN{Value: "1798383845"}, // 2026-12-27T15:04:05Z
		"schema_version": &types.AttributeValueMemberS{Value: "1"},
		"fingerprint":    &types.AttributeValueMemberS{Value: ledgertest.Transaction("txn_123456").Fingerprint()},
	}
	opts := cmp.AllowUnexported(types.AttributeValueMemberS{}, types.AttributeValueMemberN{})
	if diff := cmp.Diff(want, item, opts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeItem(t *testing.T) {
	tx := ledgertest.Transaction("txn_123456")
	bare := tx
	bare.Metadata = transaction.Metadata{}
	refund := tx
	refund.Kind, refund.PaymentID = contract.KindRefund, "txn_1"
	for name, want := range map[string]ledger.Record{
		"with metadata":    {Transaction: tx, Fingerprint: tx.Fingerprint()},
		"without metadata": {Transaction: bare, Fingerprint: bare.Fingerprint()},
		"refund":           {Transaction: refund, Fingerprint: refund.Fingerprint()},
	} {
		item := dynamodbledger.EncodeItem(want.Transaction)
		got, err := dynamodbledger.DecodeItem(item)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// The image is from a stream event of Lambda. It has numbers in a notation that DynamoDB
// may use, a fraud result, and no kind, like the items of releases without kinds.
func TestStreamImage(t *testing.T) {
	image, err := os.ReadFile("testdata/image.json")
	if err != nil {
		t.Fatal(err)
	}
	item, err := attributevalue.UnmarshalMapJSON(image)
	if err != nil {
		t.Fatal(err)
	}
	got, err := dynamodbledger.DecodeItem(item)
	if err != nil {
		t.Fatal(err)
	}
	tx := ledgertest.Transaction("txn_123456")
	fraud := ledgertest.Fraud().Canonical()
	if diff := cmp.Diff(ledger.Record{Transaction: tx, Fingerprint: tx.Fingerprint(), Fraud: &fraud}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Transaction.Fingerprint() != got.Fingerprint {
		t.Error("the decoded transaction has another fingerprint")
	}
}

func TestForeignItem(t *testing.T) {
	s := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	n := func(v string) types.AttributeValue { return &types.AttributeValueMemberN{Value: v} }
	m := func(v dynamodbledger.Item) types.AttributeValue { return &types.AttributeValueMemberM{Value: v} }
	tests := []struct {
		name, attribute string
		value           types.AttributeValue // nil removes it
	}{
		{"no id", contract.FieldTransactionID, nil},
		{"no provider", contract.FieldProvider, nil},
		{"no amount", contract.FieldAmount, nil},
		{"no currency", contract.FieldCurrency, nil},
		{"no customer", contract.FieldCustomerID, nil},
		{"no fingerprint", contract.FieldFingerprint, nil},
		{"amount that is a string", contract.FieldAmount, s("15000")},
		{"kind that is a number", contract.FieldKind, n("5")},
		{"payment id that is a number", contract.FieldPaymentID, n("5")},
		{"id that is a number", contract.FieldTransactionID, n("5")},
		{"time in another form", contract.FieldReceivedAt, s("2026-11-22T15:04:05Z")},
		{"schema of the future", contract.FieldSchemaVersion, s("2")},
		{"metadata with a binary", contract.FieldMetadata, m(dynamodbledger.Item{"a": &types.AttributeValueMemberB{Value: []byte("secret")}})},
		{"fraud that is a string", contract.FieldFraud, s("high")},
		{"fraud without a score", contract.FieldFraud, m(dynamodbledger.Item{"risk_level": s("high")})},
	}
	for _, tt := range tests {
		t.Run("is rejected with "+tt.name, func(t *testing.T) {
			item := encode(t)
			if item[tt.attribute] = tt.value; tt.value == nil {
				delete(item, tt.attribute)
			}
			_, err := dynamodbledger.DecodeItem(item)
			if !errors.Is(err, dynamodbledger.ErrItem) {
				t.Fatalf("%v, want ErrItem", err)
			}
			if text := err.Error(); strings.Contains(text, "secret") || !strings.Contains(text, tt.attribute) && tt.attribute != contract.FieldFraud {
				t.Errorf("the error %q should name %s and no value", text, tt.attribute)
			}
		})
	}
}
