package stripe

import (
	"strings"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/transaction"
)

// payout reads an event about a payout. One with a negative amount debits the bank
// account, which brings money back: a reversal of payouts, of the original payout if
// the debit reverses one. See the package comment.
// https://docs.stripe.com/payouts/negative-balances
// https://docs.stripe.com/connect/payout-reversals
func (s snapshot) payout() ([]*transaction.Transaction, error) {
	if s.eventType == "payout.paid" && movedNothing(s.about) {
		return nil, nil
	}
	minor, debit := strings.CutPrefix(s.about.Number("amount"), "-")
	fact, err := s.fact(contract.KindPayout, s.about, minor, map[string]any{
		"balance_transaction": ref(s.about, "balance_transaction"),
		"destination":         ref(s.about, "destination"),
	})
	if fact == nil {
		return nil, err
	}
	if debit {
		fact.Kind, fact.ReversedKind, fact.Reverses = contract.KindReversal, contract.KindPayout, ref(s.about, "original_payout")
	}
	if s.eventType == "payout.paid" {
		return []*transaction.Transaction{fact}, nil
	}
	back := s.reversal(fact, strings.TrimPrefix(s.eventType, "payout."), map[string]any{
		"balance_transaction": ref(s.about, "failure_balance_transaction"),
		"destination":         ref(s.about, "destination"),
		"failure_code":        s.about.Text("failure_code"),
	})
	if debit {
		back.Kind, back.ReversedKind, back.Reverses = contract.KindPayout, "", ""
	}
	return []*transaction.Transaction{fact, back}, nil
}
