package ledgertest

import (
	"slices"
	"testing"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/transaction"
)

// Full returns a valid transaction with a value in every field.
func Full() transaction.Transaction {
	t := Transaction("re_1_failed")
	t.Kind, t.PaymentID = contract.KindReversal, "txn_1"
	t.Reverses, t.ReversedKind = "re_1", contract.KindRefund
	return t
}

// CheckFields holds the names that a place has, such as the attributes of an
// item, to those that transaction.Fields gives a form.
func CheckFields(t *testing.T, place string, form transaction.Form, names []string) {
	t.Helper()
	listed := transaction.Names(form)
	for _, name := range listed {
		if !slices.Contains(names, name) {
			t.Errorf("%s lacks %s", place, name)
		}
	}
	for _, name := range names {
		if !slices.Contains(listed, name) {
			t.Errorf("%s has %s, which transaction.Fields does not list for it", place, name)
		}
	}
}
