package stripe

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/transaction"
)

// dispute reads an event about a dispute. The dispute's balance_transactions "show funds
// withdrawn and reinstated to your Stripe account as a result of this dispute", so each
// event tells all of them until then. See the package comment.
// https://docs.stripe.com/api/disputes/object
func (s snapshot) dispute() ([]*transaction.Transaction, error) {
	m := movements{snapshot: s}
	list := s.about.List("balance_transactions")
	slices.SortStableFunc(list, func(a, b provider.Object) int {
		return cmp.Or(cmp.Compare(created(a), created(b)), cmp.Compare(sign(a), sign(b))) // what is withdrawn comes back later
	})
	for _, entry := range list {
		if err := m.add(entry); err != nil {
			return m.facts, err
		}
	}
	// What the event itself says, if the list lacks it. Stripe documents at most two
	// entries, so a third movement may not be listed.
	var err error
	switch {
	case s.eventType == "charge.dispute.funds_reinstated":
		if !m.isBack {
			err = m.reinstate(s.about.Number("amount"), "")
		}
	case s.eventType == "charge.dispute.funds_withdrawn" && m.isBack && m.withdrawn <= m.reinstated, m.withdrawn == 0 && s.withdraws():
		err = m.withdraw(s.about.Number("amount"))
	}
	return m.facts, err
}

// withdraws reports whether an event says that the disputed amount was withdrawn,
// whatever is listed. An inquiry or retrieval (warning_…) withdraws nothing, nor does
// a dispute that was prevented.
// https://docs.stripe.com/disputes/how-disputes-work
func (s snapshot) withdraws() bool {
	status := s.about.Text("status")
	return s.eventType != "charge.dispute.created" || !strings.HasPrefix(status, "warning_") && status != "prevented"
}

// movements collects what a dispute moved, in the order in which it happened.
type movements struct {
	snapshot
	facts                 []*transaction.Transaction
	withdrawn, reinstated int    // how many there are
	isBack                bool   // the last one is a reinstatement
	withdrawal            string // the id of the last withdrawal
	settled               int64  // the last withdrawal in minor units of the balance's currency, negative
	minor                 string // the same in minor units of the dispute's currency, positive
}

// add adds an entry of balance_transactions. An entry that has nothing but a fee has the
// amount zero.
func (m *movements) add(entry provider.Object) error {
	if entry == nil {
		return nil // not an object, so it says nothing
	}
	n, ok := integer(entry, "amount")
	if !ok {
		return fmt.Errorf("%w: a balance transaction without an amount", provider.ErrUnreadable)
	}
	minor := strings.TrimPrefix(strconv.FormatInt(n, 10), "-")
	if entry.Text("currency") != m.about.Text("currency") {
		// The whole dispute is known in its own currency, a part of it only in the
		// balance's.
		switch n {
		case 0:
		case m.settled, -m.settled:
			minor = m.minor
		default:
			if m.settled != 0 {
				return fmt.Errorf("%w: a part of the dispute was moved in another currency than the dispute's", provider.ErrUnreadable)
			}
			minor = m.about.Number("amount")
		}
	}
	switch {
	case n < 0:
		m.settled, m.minor = n, minor
		return m.withdraw(minor)
	case n > 0:
		return m.reinstate(minor, entry.Text("id"))
	}
	return nil
}

// withdraw adds a withdrawal. The first one is the dispute itself.
func (m *movements) withdraw(minor string) error {
	fact, err := m.fact(contract.KindDispute, m.about, minor, map[string]any{
		"charge": ref(m.about, "charge"),
		"reason": m.about.Text("reason"),
	})
	if fact == nil {
		return err
	}
	m.withdrawn++
	m.isBack = false
	if m.withdrawn > 1 {
		fact.ID += nth("_funds_withdrawn", m.withdrawn)
	}
	m.withdrawal = fact.ID
	m.keep(fact)
	return nil
}

// reinstate adds a reinstatement of the last withdrawal.
func (m *movements) reinstate(minor, balanceTransaction string) error {
	if m.withdrawn == 0 {
		if err := m.withdraw(m.about.Number("amount")); err != nil {
			return err
		}
	}
	fact, err := m.fact(contract.KindReversal, m.about, minor, map[string]any{
		"balance_transaction": balanceTransaction,
		"charge":              ref(m.about, "charge"),
		"reason":              m.about.Text("reason"),
	})
	if fact == nil {
		return err
	}
	m.reinstated++
	m.isBack = true
	fact.ID += nth("_funds_reinstated", m.reinstated)
	fact.ReversedKind, fact.Reverses = contract.KindDispute, m.withdrawal
	m.keep(fact)
	return nil
}

func (m *movements) keep(fact *transaction.Transaction) {
	fact.PaymentID = cmp.Or(ref(m.about, "payment_intent"), ref(m.about, "charge"))
	m.facts = append(m.facts, fact)
}

// sign returns the sign of a balance transaction's amount.
func sign(entry provider.Object) int {
	n, _ := integer(entry, "amount")
	return cmp.Compare(n, 0)
}

// nth returns the end of the id of the nth movement of its kind.
func nth(what string, n int) string {
	if n == 1 {
		return what
	}
	return what + "_" + strconv.Itoa(n)
}
