package transaction_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/transaction"
)

func amount(text string) money.Amount {
	a, err := money.Parse(text)
	if err != nil {
		panic(err)
	}
	return a
}

func TestDifferences(t *testing.T) {
	refund := func() transaction.Transaction {
		t := ledgertest.Transaction("re_1")
		t.Kind, t.PaymentID = "refund", "pi_1"
		t.Money = money.Money{Amount: amount("10"), Currency: "USD"}
		t.Metadata = ledgertest.Metadata(`{"a":1,"b":[1]}`)
		return t
	}
	charged := func() transaction.Transaction {
		t := refund()
		t.Metadata = ledgertest.Metadata(`{"charge":"ch_1"}`)
		return t
	}
	reversal := func() transaction.Transaction {
		t := refund()
		t.Kind, t.ReversedKind, t.Reverses = "reversal", "refund", "re_0"
		return t
	}
	for _, tt := range []struct {
		name           string
		stored, later  func() transaction.Transaction
		change         func(*transaction.Transaction)
		contradictions []string
		others         []string
	}{
		{"nothing", refund, refund, func(*transaction.Transaction) {}, nil, nil},
		{"the amount's notation", refund, refund, func(t *transaction.Transaction) { t.Amount = amount("10.00") }, nil, nil},
		{"the amount", refund, refund, func(t *transaction.Transaction) { t.Amount = amount("11") }, []string{"amount"}, nil},
		{"the currency", refund, refund, func(t *transaction.Transaction) { t.Currency = "EUR" }, []string{"currency"}, nil},
		{"the kind", refund, refund, func(t *transaction.Transaction) { t.Kind = "dispute" }, []string{"kind"}, nil},
		{"the payment", refund, refund, func(t *transaction.Transaction) { t.PaymentID = "pi_2" }, []string{"payment_id"}, nil},
		{"the payment, which is unknown now", refund, refund, func(t *transaction.Transaction) { t.PaymentID = "" }, nil, []string{"payment_id"}},
		{"the payment, by the id of its charge", charged, charged, func(t *transaction.Transaction) { t.PaymentID = "ch_1" }, nil, []string{"payment_id"}},
		{"the payment, by the id of its charge, without metadata", charged, charged, func(t *transaction.Transaction) {
			t.PaymentID, t.Metadata = "ch_1", transaction.Metadata{}
		}, nil, []string{"metadata.charge", "payment_id"}},
		{"the payment, with the same charge", charged, charged, func(t *transaction.Transaction) { t.PaymentID = "pi_2" }, []string{"payment_id"}, nil},
		{"the customer", refund, refund, func(t *transaction.Transaction) { t.CustomerID = "cus_2" }, nil, []string{"customer_id"}},
		{"members of the metadata", refund, refund, func(t *transaction.Transaction) {
			t.Metadata = ledgertest.Metadata(`{"b":[2],"c":null}`)
		}, nil, []string{"metadata.a", "metadata.b", "metadata.c"}},
		{"the metadata, which is gone", refund, refund, func(t *transaction.Transaction) { t.Metadata = transaction.Metadata{} }, nil, []string{"metadata.a", "metadata.b"}},
		{"everything", refund, refund, func(t *transaction.Transaction) {
			*t = ledgertest.Transaction("re_1")
			t.Currency, t.CustomerID = "JPY", "cus_2"
			t.Kind = "payout"
			t.Metadata = transaction.Metadata{}
		}, []string{"amount", "currency", "kind"}, []string{"customer_id", "metadata.a", "metadata.b", "payment_id"}},
		{"what it reverses", reversal, reversal, func(t *transaction.Transaction) { t.Reverses = "re_2" }, []string{"reverses"}, nil},
		{"the reversed kind", reversal, reversal, func(t *transaction.Transaction) { t.ReversedKind = "dispute" }, []string{"kind"}, nil},
		{"a refund, which is a reversal of the payment now", refund, reversal, func(t *transaction.Transaction) {
			t.ReversedKind, t.Reverses, t.PaymentID = "payment", "pi_1", ""
		}, nil, []string{"kind"}},
		{"a refund, which is a reversal of another payment now", refund, reversal, func(t *transaction.Transaction) {
			t.ReversedKind, t.Reverses, t.PaymentID = "payment", "pi_2", ""
		}, []string{"payment_id"}, []string{"kind"}},
	} {
		t.Run("when it is "+tt.name, func(t *testing.T) {
			later := tt.later()
			tt.change(&later)
			contradictions, others := later.Differences(tt.stored())
			if diff := cmp.Diff([2][]string{tt.contradictions, tt.others}, [2][]string{contradictions, others}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCustomerID(t *testing.T) {
	long := strings.Repeat("ü", 256)
	for reference, want := range map[string]string{
		"":           "unknown",
		"cus_1":      "cus_1",
		"Zoë, No. 5": "Zoë, No. 5",
		long:         long,
		long + "ü":   "",
		"a\nb":       "",
		"  ":         "",
		"a\u202eb":   "",
	} {
		tx := ledgertest.Transaction("txn_1")
		tx.CustomerID = transaction.CustomerID(reference)
		if err := tx.Check(); err != nil {
			t.Errorf("%q became %q: %v", reference, tx.CustomerID, err)
		}
		hashed := strings.HasPrefix(tx.CustomerID, "sha256:")
		if accepted := want == tx.CustomerID; accepted == hashed || hashed && len(tx.CustomerID) != len("sha256:")+64 {
			t.Errorf("%q became %q", reference, tx.CustomerID)
		}
	}
	if transaction.CustomerID("a\n") == transaction.CustomerID("b\n") {
		t.Error("two customers became one")
	}
}

func TestRedactOwnIDs(t *testing.T) {
	tx := ledgertest.Transaction("txn_1")
	tx.Metadata = ledgertest.Metadata(`{"order_id":"9WB4962459571177S","capture_id":"4111111111111111","invoice_id":"9WB4962459571177S of 4111 1111 1111 1111","note":{"order_id":"4111111111111111"}}`)
	clean, n := tx.Redact("order_id", "capture_id", "absent")
	if got, want := clean.Metadata.String(), `{"capture_id":"411111******1111",`; n < 3 || !strings.HasPrefix(got, want) ||
		!strings.Contains(got, `"order_id":"9WB4962459571177S"`) || strings.Contains(got, "1111 1111") || strings.Contains(got, "4111111111111111") {
		t.Errorf("%d masked: %s", n, got)
	}
	if strings.Contains(tx.Metadata.String(), "*") {
		t.Error("the transaction was changed")
	}
}
