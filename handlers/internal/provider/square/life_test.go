package square_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"payment-webhooks/handlers/internal/intake/intaketest"
	"payment-webhooks/handlers/internal/provider/square"
)

// script builds the events of a Life.
type script struct{ events []intaketest.Event }

// notify adds a notification that is the same in all API versions.
func (s *script) notify(eventType, object, id, content string) {
	s.add(eventType+" "+content, s.body(eventType, object, id, content))
}

func (s *script) add(name string, bodies ...string) {
	s.events = append(s.events, intaketest.Event{Name: name, Bodies: bodies})
}

func (s *script) body(eventType, object, id, content string) string {
	return fmt.Sprintf(`{
  "merchant_id": "MLEXAMPLE0042",
  "location_id": "L88917AVBK2S5",
  "type": %q,
  "event_id": "6a8f5f28-54a1-4eb0-a98a-%012d",
  "created_at": "2026-11-22T15:04:06.310Z",
  "data": {
    "type": %q,
    "id": %q,
    "object": {%[3]q: {
      %[5]s,
      "location_id": "L88917AVBK2S5",
      "created_at": "2026-11-22T15:04:04.846Z",
      "updated_at": "2026-11-22T15:04:06.138Z",
      "version": %[2]d
    }}
  }
}`, eventType, len(s.events), object, id, content)
}

func amount(name string, minor int, currency string) string {
	return fmt.Sprintf(`%q: {"amount": %d, "currency": %q}`, name, minor, currency)
}

// payment notifies of a payment; more are members that Square adds later.
func (s *script) payment(event, id, status string, minor int, more ...string) {
	s.paymentIn("USD", event, id, status, minor, more...)
}

func (s *script) paymentIn(currency, event, id, status string, minor int, more ...string) {
	content := fmt.Sprintf(`"id": %q, "status": %q, "order_id": "O%s", %s, %s`, id, status, id,
		amount("amount_money", minor, currency), amount("total_money", minor, currency))
	s.notify("payment."+event, "payment", id, strings.Join(append([]string{content}, more...), ", "))
}

func (s *script) refund(event, id, paymentID, status string, minor int) {
	s.notify("refund."+event, "refund", id, fmt.Sprintf(`"id": %q, "payment_id": %q, "status": %q, %s`,
		id, paymentID, status, amount("amount_money", minor, "USD")))
}

// dispute notifies of a dispute, in the API versions before and since 2021-06-16.
func (s *script) dispute(event, id, paymentID, state string, minor int) {
	content := func(idName, reportedName string) string {
		return fmt.Sprintf(`%q: %q, "state": %q, "reason": "NO_KNOWLEDGE", "disputed_payment": {"payment_id": %q}, %q: "2026-11-22T00:00:00.000Z", %s`,
			idName, id, state, paymentID, reportedName, amount("amount_money", minor, "USD"))
	}
	before := map[string]string{"created": "created", "state.updated": "state.changed", "evidence.created": "evidence.added"}[event]
	s.add("dispute."+event+" "+id+" "+state,
		s.body("dispute."+before, "dispute", id, content("dispute_id", "reported_date")),
		s.body("dispute."+event, "dispute", id, content("id", "reported_at")))
}

func (s *script) payout(event, id string, minor int, currency string) {
	s.notify("payout."+event, "payout", id, fmt.Sprintf(`"id": %q, "status": %q, "type": "BATCH", %s`,
		id, strings.ToUpper(event), amount("amount_money", minor, currency)))
}

// The balance by Square's documents, which package square's comment cites. Square's fees
// are left out.
func TestLifeOfTenPayments(t *testing.T) {
	var s script

	// 1: 100.00 at once, reported again with its customer and its fee. +100.00
	s.payment("created", "Pay1", "COMPLETED", 10000)
	s.payment("updated", "Pay1", "COMPLETED", 10000, `"customer_id": "W92WH6P11H4Z77CTET0RNTGFW8"`)
	s.payment("updated", "Pay1", "COMPLETED", 10000, `"customer_id": "W92WH6P11H4Z77CTET0RNTGFW8"`,
		`"processing_fee": [{"type": "INITIAL", "amount_money": {"amount": 320, "currency": "USD"}}]`)

	// 2: 50.00 is authorised, 55.00 with the tip is captured; the dispute is accepted. 0.00
	s.payment("created", "Pay2", "APPROVED", 5000)
	s.payment("updated", "Pay2", "APPROVED", 5500)
	s.payment("updated", "Pay2", "COMPLETED", 5500)
	s.dispute("created", "Dispute2", "Pay2", "EVIDENCE_REQUIRED", 5500)
	s.dispute("state.updated", "Dispute2", "Pay2", "ACCEPTED", 5500)

	// 3: 20.00 is authorised and canceled. 0.00
	s.payment("created", "Pay3", "APPROVED", 2000)
	s.payment("updated", "Pay3", "CANCELED", 2000)

	// 4: a bank transfer of 80.00 fails. 0.00
	s.payment("created", "Pay4", "PENDING", 8000)
	s.payment("updated", "Pay4", "FAILED", 8000)

	// 5: 60.00, of which 25.00 are refunded. +35.00
	s.payment("created", "Pay5", "APPROVED", 6000)
	s.payment("updated", "Pay5", "COMPLETED", 6000)
	s.refund("created", "Pay5_R1", "Pay5", "PENDING", 2500)
	s.refund("updated", "Pay5_R1", "Pay5", "COMPLETED", 2500)
	s.payment("updated", "Pay5", "COMPLETED", 6000, `"refund_ids": ["Pay5_R1"]`, amount("refunded_money", 2500, "USD"))

	// 6: the refund of all 40.00 fails after it was completed. +40.00
	s.payment("created", "Pay6", "COMPLETED", 4000)
	s.refund("created", "Pay6_R1", "Pay6", "PENDING", 4000)
	s.refund("updated", "Pay6_R1", "Pay6", "COMPLETED", 4000)
	s.refund("updated", "Pay6_R1", "Pay6", "FAILED", 4000)

	// 7: of 30.00, a refund is rejected, and another fails for want of funds. +30.00
	s.payment("created", "Pay7", "COMPLETED", 3000)
	s.refund("created", "Pay7_R1", "Pay7", "PENDING", 3000)
	s.refund("updated", "Pay7_R1", "Pay7", "REJECTED", 3000)
	s.refund("created", "Pay7_R2", "Pay7", "PENDING", 3000)
	s.refund("updated", "Pay7_R2", "Pay7", "FAILED", 3000)

	// 8: 9 000 yen, all paid out. 0
	s.paymentIn("JPY", "created", "Pay8", "COMPLETED", 9000)
	s.payout("sent", "po_8", 9000, "JPY")
	s.payout("paid", "po_8", 9000, "JPY")

	// 9: an inquiry about 70.00 is closed; a dispute is won later. +70.00
	s.payment("created", "Pay9", "COMPLETED", 7000)
	s.dispute("created", "Inquiry9", "Pay9", "INQUIRY_EVIDENCE_REQUIRED", 7000)
	s.dispute("state.updated", "Inquiry9", "Pay9", "INQUIRY_PROCESSING", 7000)
	s.dispute("state.updated", "Inquiry9", "Pay9", "INQUIRY_CLOSED", 7000)
	s.dispute("created", "Dispute9", "Pay9", "EVIDENCE_REQUIRED", 7000)
	s.dispute("evidence.created", "Dispute9", "Pay9", "EVIDENCE_REQUIRED", 7000)
	s.dispute("state.updated", "Dispute9", "Pay9", "PROCESSING", 7000)
	s.dispute("state.updated", "Dispute9", "Pay9", "WON", 7000)

	// 10: an inquiry about 45.00 of 110.00 becomes a dispute, which is lost. +65.00
	s.payment("created", "Pay10", "COMPLETED", 11000)
	s.dispute("created", "Dispute10", "Pay10", "INQUIRY_EVIDENCE_REQUIRED", 4500)
	s.dispute("state.updated", "Dispute10", "Pay10", "EVIDENCE_REQUIRED", 4500)
	s.dispute("state.updated", "Dispute10", "Pay10", "PROCESSING", 4500)
	s.dispute("state.updated", "Dispute10", "Pay10", "LOST", 4500)

	// Payouts of 150.00, which arrives; of 60.00, which the bank rejects; of 35.00, which comes
	// back after it arrived. A debit of 15.50, and one of 12.00 that the bank rejects.
	// -150.00 + 15.50
	s.payout("sent", "po_a", 15000, "USD")
	s.payout("paid", "po_a", 15000, "USD")
	s.payout("sent", "po_b", 6000, "USD")
	s.payout("failed", "po_b", 6000, "USD")
	s.payout("sent", "po_c", 3500, "USD")
	s.payout("paid", "po_c", 3500, "USD")
	s.payout("failed", "po_c", 3500, "USD")
	s.payout("sent", "po_d", -1550, "USD")
	s.payout("paid", "po_d", -1550, "USD")
	s.payout("sent", "po_e", -1200, "USD")
	s.payout("failed", "po_e", -1200, "USD")

	// The older API versions have the notifications that have not changed as well.
	for i, e := range s.events {
		if len(e.Bodies) == 1 {
			s.events[i].Bodies = []string{e.Bodies[0], e.Bodies[0]}
		}
	}
	intaketest.Life{
		Declaration: square.Declaration,
		Start:       time.Date(2026, 11, 22, 15, 4, 10, 0, time.UTC),
		Events:      s.events,
		Sums: map[string]string{
			"payment USD":             "465",   // 100 + 55 + 60 + 40 + 30 + 70 + 110
			"refund USD":              "95",    // 25 + 40 + 30
			"reversal of refund USD":  "70",    // 40 + 30
			"dispute USD":             "170",   // 55 + 70 + 45
			"reversal of dispute USD": "70",    // won
			"payout USD":              "257",   // 150 + 60 + 35, and 12 for the debit that failed
			"reversal of payout USD":  "122.5", // 60 + 35, and the debits of 15.50 and 12
			"payment JPY":             "9000",
			"payout JPY":              "9000",
		},
		Balance: map[string]string{
			"USD": "205.5", // 100 + 35 + 40 + 30 + 70 + 65 - 150 + 15.50
			"JPY": "0",
		},
	}.Run(t)
}

// What Square adds to a payment later is no conflict, and another amount is one.
func TestReportedAgain(t *testing.T) {
	paid := string(fixture(t, "payment"))
	anonymous := strings.Replace(paid, `"customer_id": "W92WH6P11H4Z77CTET0RNTGFW8",`, "", 1)
	for name, tt := range map[string]struct {
		bodies []string
		want   []string // what each response contains
	}{
		"when the customer is known later": {
			[]string{anonymous, strings.Replace(paid, `"version": 4`, `"version": 7`, 1)},
			[]string{`202 "duplicate":false`, `200 "duplicate":true`},
		},
		"when it is complete at once, of a payment in cash": {
			[]string{
				strings.NewReplacer("payment.updated", "payment.created", `"source_type": "CARD"`, `"source_type": "CASH"`).Replace(anonymous),
				strings.Replace(paid, `"source_type": "CARD"`, `"source_type": "CASH"`, 1),
				strings.Replace(paid, `"source_type": "CARD"`, `"source_type": "CASH", "processing_fee": []`, 1),
			},
			[]string{`202 "duplicate":false`, `200 "duplicate":true`, `200 "duplicate":true`},
		},
		"when the customer is merged into another, and fees and a refund follow": {
			[]string{paid, strings.ReplaceAll(string(fixture(t, "payment_later")), "W92WH6P11H4Z77CTET0RNTGFW8", "JDKYHBWT1D4F8MFH63DBMEN8Y4")},
			[]string{`202 "duplicate":false`, `200 "duplicate":true`},
		},
		"when the seller names the payment later": {
			[]string{strings.Replace(paid, `"reference_id": "ORDER-2026-004711",`, "", 1), paid},
			[]string{`202 "duplicate":false`, `200 "duplicate":true`},
		},
		"when the amount is another": {
			[]string{paid, strings.ReplaceAll(paid, "1500000", "1500100")},
			[]string{`202 "duplicate":false`, `202 "quarantined":"conflict"`},
		},
		"when the currency is another": {
			[]string{paid, strings.ReplaceAll(paid, "USD", "CAD")},
			[]string{`202 "duplicate":false`, `202 "quarantined":"conflict"`},
		},
		"when a customer is created, at a time without a zone": {
			[]string{string(fixture(t, "customer"))},
			[]string{`200 "ignored":"customer.created"`},
		},
		"when a refund fails that was completed": {
			[]string{string(fixture(t, "refund")), string(fixture(t, "refund_failed")), string(fixture(t, "refund_failed"))},
			[]string{`202 "duplicate":false`, `202 "transaction_id":"hYy9pRFVxpDsO1FB05SunFWUe9JZY_A1b2_failed"`, `200 "duplicate":true`},
		},
		"when a completed refund is reported after it failed": {
			[]string{string(fixture(t, "refund_failed")), string(fixture(t, "refund"))},
			[]string{`202 "transaction_id":"hYy9pRFVxpDsO1FB05SunFWUe9JZY_A1b2_failed"`, `200 "duplicate":true`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := intaketest.NewEndpoint(t, square.Declaration, nil)
			for i, body := range tt.bodies {
				response := endpoint.Deliver(t, now.Add(time.Duration(i)*time.Second), nil, body)
				status, part, _ := strings.Cut(tt.want[i], " ")
				if fmt.Sprint(response.Status) != status || !strings.Contains(response.Body, part) {
					t.Errorf("delivery %d: %d %s, want %s", i+1, response.Status, response.Body, tt.want[i])
				}
			}
			if conflict := strings.Contains(tt.want[len(tt.want)-1], "conflict"); conflict != (len(endpoint.Quarantined) > 0) {
				t.Errorf("quarantined %q", endpoint.Quarantined)
			}
		})
	}
}

// An id of Square may look like a card number, and the reference of the seller may be one.
func TestOwnIDsAreKept(t *testing.T) {
	const own = "A4111111111111111Z"
	body := strings.NewReplacer("03O3USaPaAaFnI6kkwB1JxGgBsUZY", own, "ORDER-2026-004711", own).Replace(string(fixture(t, "payment")))
	endpoint := intaketest.NewEndpoint(t, square.Declaration, nil)
	if response := endpoint.Deliver(t, now, nil, body); response.Status != 202 {
		t.Fatalf("%d %s", response.Status, response.Body)
	}
	metadata := endpoint.Ledger.All()[0].Metadata.String()
	if !strings.Contains(metadata, `"order_id":"`+own+`"`) || strings.Contains(metadata, `"reference_id":"`+own+`"`) {
		t.Error(metadata)
	}
}
