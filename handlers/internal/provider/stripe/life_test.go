package stripe_test

import (
	"encoding/json"
	"maps"
	"testing"

	"payment-webhooks/handlers/internal/intake/intaketest"
	"payment-webhooks/handlers/internal/provider/stripe"
)

type members = map[string]any

// happened is an event that is sent in a recent version and in 2022-08-01, with the same
// members of the object in both.
func happened(t *testing.T, name, eventType string, object members) intaketest.Event {
	return intaketest.Event{Name: name + ": " + eventType, Bodies: []string{body(t, recent, eventType, object), body(t, listed, eventType, object)}}
}

// inRecent and inOld are events that only one of the versions sends.
func inRecent(t *testing.T, name, eventType string, object members) intaketest.Event {
	return intaketest.Event{Name: name + ": " + eventType, Bodies: []string{body(t, recent, eventType, object)}}
}

func inOld(t *testing.T, name, eventType string, object members) intaketest.Event {
	return intaketest.Event{Name: name + ": " + eventType, Bodies: []string{"", body(t, listed, eventType, object)}}
}

func body(t *testing.T, version, eventType string, object members) string {
	t.Helper()
	if _, ok := object["currency"]; !ok {
		object = with(object, members{"currency": "usd"})
	}
	text, err := json.Marshal(members{
		"id": "evt_" + eventType, "object": "event", "api_version": version, "livemode": true, "type": eventType,
		"data": members{"object": object},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func with(object, more members) members {
	object = maps.Clone(object)
	maps.Copy(object, more)
	return object
}

func entry(id string, amount, at int, currency string) members {
	return members{"id": id, "object": "balance_transaction", "amount": amount, "created": at, "currency": currency, "type": "adjustment"}
}

// TestLife is the life of ten payments, with what Stripe says is left of each in the
// balance, without fees (https://docs.stripe.com/reports/balance-transaction-types).
// Version 2022-08-01 has neither latest_charge nor events of refunds: there,
// charge.refunded lists them.
func TestLife(t *testing.T) {
	var events []intaketest.Event
	add := func(more ...intaketest.Event) { events = append(events, more...) }

	intent := func(id string, amount, received int, more members) members {
		return with(members{"object": "payment_intent", "id": id, "amount": amount, "amount_received": received, "status": "succeeded"}, more)
	}
	// paid is a PaymentIntent that succeeds: only the recent version has latest_charge.
	paid := func(name, id string, amount, received int, more members) {
		e := happened(t, name, "payment_intent.succeeded", intent(id, amount, received, more))
		e.Bodies[0] = body(t, recent, "payment_intent.succeeded", with(intent(id, amount, received, more), members{"latest_charge": "ch_of_" + id}))
		add(e)
	}
	charge := func(id string, amount, refunded int, more members) members {
		return with(members{
			"object": "charge", "id": "ch_of_" + id, "payment_intent": id, "amount": amount, "amount_captured": amount,
			"amount_refunded": refunded, "captured": true, "status": "succeeded",
		}, more)
	}
	refund := func(id, payment string, amount, at int, status string) members {
		return members{
			"object": "refund", "id": id, "amount": amount, "created": at, "currency": "usd", "charge": "ch_of_" + payment,
			"payment_intent": payment, "status": status, "balance_transaction": "txn_" + id,
		}
	}
	list := func(refunds ...members) members {
		return members{"refunds": members{"object": "list", "data": refunds, "has_more": false}}
	}

	// 1. A card payment of 100.00, refunded by 40.00 and by 10.00: 50.00 are left.
	a, b := refund("re_1a", "pi_1", 4000, 10, "succeeded"), refund("re_1b", "pi_1", 1000, 20, "succeeded")
	add(happened(t, "1", "payment_intent.created", intent("pi_1", 10000, 0, nil)))
	add(happened(t, "1", "charge.succeeded", charge("pi_1", 10000, 0, nil)))
	paid("1", "pi_1", 10000, 10000, nil)
	add(inRecent(t, "1, first refund", "refund.created", a), inRecent(t, "1, first refund", "charge.refunded", charge("pi_1", 10000, 4000, nil)))
	add(inOld(t, "1, first refund", "charge.refunded", charge("pi_1", 10000, 4000, list(a))))
	add(inRecent(t, "1, second refund", "refund.created", b), inRecent(t, "1, second refund", "charge.refunded", charge("pi_1", 10000, 5000, nil)))
	add(inOld(t, "1, second refund", "charge.refunded", charge("pi_1", 10000, 5000, list(b, a))))

	// 2. 80.00 authorised, 50.00 captured, 20.00 of them refunded: 30.00 are left. The
	// capture was requested in the old version, so a refund of 30.00 was created for what it
	// released, which is reported by events about the charge only.
	part := members{"amount_captured": 5000}
	release := with(refund("re_2r", "pi_2", 3000, 10, "succeeded"), members{"destination_details": members{"type": "card", "card": members{"type": "reversal"}}})
	genuine := refund("re_2", "pi_2", 2000, 20, "succeeded")
	add(happened(t, "2", "payment_intent.amount_capturable_updated", intent("pi_2", 8000, 0, members{"status": "requires_capture"})))
	add(happened(t, "2, authorization", "charge.succeeded", charge("pi_2", 8000, 0, members{"captured": false, "amount_captured": 0})))
	add(happened(t, "2", "charge.captured", charge("pi_2", 8000, 3000, part)))
	paid("2", "pi_2", 8000, 5000, nil)
	add(inRecent(t, "2, release", "charge.refunded", charge("pi_2", 8000, 3000, part)))
	add(inOld(t, "2, release", "charge.refunded", charge("pi_2", 8000, 3000, with(part, list(release)))))
	add(happened(t, "2, release", "charge.refund.updated", release))
	add(inRecent(t, "2, refund", "refund.created", genuine))
	add(inOld(t, "2, refund", "charge.refunded", charge("pi_2", 8000, 5000, with(part, list(genuine, release)))))

	// 3. 25.00, refunded, but the bank returns the refund: 25.00 are left.
	failed := with(refund("re_3", "pi_3", 2500, 10, "failed"), members{"failure_balance_transaction": "txn_re_3f", "failure_reason": "expired_or_canceled_card"})
	paid("3", "pi_3", 2500, 2500, nil)
	add(inRecent(t, "3, refund", "refund.created", refund("re_3", "pi_3", 2500, 10, "pending")))
	add(inOld(t, "3, refund", "charge.refunded", charge("pi_3", 2500, 2500, list(refund("re_3", "pi_3", 2500, 10, "pending")))))
	add(inRecent(t, "3, refund", "refund.updated", refund("re_3", "pi_3", 2500, 10, "succeeded")))
	add(inRecent(t, "3, refund returned", "refund.updated", failed), inRecent(t, "3, refund returned", "refund.failed", failed))
	add(happened(t, "3, refund returned", "charge.refund.updated", failed))

	dispute := func(id, payment string, amount int, status, currency string, entries ...members) members {
		return members{
			"object": "dispute", "id": id, "amount": amount, "currency": currency, "charge": "ch_of_" + payment, "payment_intent": payment,
			"status": status, "reason": "fraudulent", "balance_transactions": append([]members{}, entries...),
		}
	}

	// 4. 60.00, disputed and won: 60.00 are left.
	out, in := entry("txn_4a", -6000, 10, "usd"), entry("txn_4b", 6000, 20, "usd")
	paid("4", "pi_4", 6000, 6000, nil)
	add(happened(t, "4", "charge.dispute.created", dispute("du_4", "pi_4", 6000, "needs_response", "usd", out)))
	add(happened(t, "4", "charge.dispute.funds_withdrawn", dispute("du_4", "pi_4", 6000, "needs_response", "usd", out)))
	add(happened(t, "4", "charge.dispute.updated", dispute("du_4", "pi_4", 6000, "under_review", "usd", out)))
	add(happened(t, "4", "charge.dispute.closed", dispute("du_4", "pi_4", 6000, "won", "usd", out, in)))
	add(happened(t, "4", "charge.dispute.funds_reinstated", dispute("du_4", "pi_4", 6000, "won", "usd", out, in)))

	// 5. 70.00, an inquiry that becomes a dispute and is lost: nothing is left.
	out = entry("txn_5a", -7000, 10, "usd")
	paid("5", "pi_5", 7000, 7000, nil)
	add(happened(t, "5, inquiry", "charge.dispute.created", dispute("du_5", "pi_5", 7000, "warning_needs_response", "usd")))
	add(happened(t, "5", "charge.dispute.funds_withdrawn", dispute("du_5", "pi_5", 7000, "needs_response", "usd", out)))
	add(happened(t, "5", "charge.dispute.closed", dispute("du_5", "pi_5", 7000, "lost", "usd", out)))

	// 6. 90.00 EUR, half of them disputed, won, and withdrawn again: 45.00 EUR are left.
	out, in = entry("txn_6a", -4500, 10, "eur"), entry("txn_6b", 4500, 20, "eur")
	again := entry("txn_6c", -4500, 30, "eur")
	paid("6", "pi_6", 9000, 9000, members{"currency": "eur"})
	add(happened(t, "6", "charge.dispute.created", dispute("du_6", "pi_6", 4500, "needs_response", "eur", out)))
	add(happened(t, "6", "charge.dispute.funds_reinstated", dispute("du_6", "pi_6", 4500, "won", "eur", out, in)))
	add(happened(t, "6", "charge.dispute.funds_withdrawn", dispute("du_6", "pi_6", 4500, "lost", "eur", out, in, again)))

	// 7. 30.00 by the Charges API, refunded by 5.00: 25.00 are left.
	noIntent := members{"payment_intent": nil}
	small := with(refund("re_7", "7", 500, 10, "succeeded"), noIntent)
	add(happened(t, "7", "charge.succeeded", charge("7", 3000, 0, noIntent)))
	add(inRecent(t, "7, refund", "refund.created", small), inRecent(t, "7, refund", "charge.refunded", charge("7", 3000, 500, noIntent)))
	add(inOld(t, "7, refund", "charge.refunded", charge("7", 3000, 500, with(noIntent, list(small)))))

	// 8. 20.00 authorised by the Charges API, 15.00 captured: 15.00 are left.
	add(happened(t, "8, authorization", "charge.succeeded", charge("8", 2000, 0, members{"payment_intent": nil, "captured": false, "amount_captured": 0})))
	add(happened(t, "8", "charge.captured", charge("8", 2000, 500, members{"payment_intent": nil, "amount_captured": 1500})))
	add(inOld(t, "8, release", "charge.refunded", charge("8", 2000, 500, with(members{"payment_intent": nil, "amount_captured": 1500},
		list(with(refund("re_8r", "8", 500, 10, "succeeded"), noIntent))))))

	// 9. A bank debit of 200.00 that is returned after it succeeded, as a dispute that is
	// lost at once: nothing is left.
	out = entry("txn_9a", -20000, 10, "usd")
	add(happened(t, "9", "payment_intent.processing", intent("pi_9", 20000, 0, members{"status": "processing"})))
	add(happened(t, "9", "charge.pending", charge("pi_9", 20000, 0, members{"status": "pending"})))
	paid("9", "pi_9", 20000, 20000, nil)
	add(happened(t, "9", "charge.succeeded", charge("pi_9", 20000, 0, nil)))
	add(happened(t, "9", "charge.dispute.created", dispute("du_9", "pi_9", 20000, "lost", "usd", out)))
	add(happened(t, "9", "charge.dispute.closed", dispute("du_9", "pi_9", 20000, "lost", "usd", out)))

	// 10. 5000 JPY, of which a refund that needs the customer's bank account is canceled:
	// 5000 JPY are left.
	yen := members{"currency": "jpy"}
	waiting := with(refund("re_10", "pi_10", 5000, 10, "requires_action"), yen)
	canceled := with(waiting, members{"status": "canceled", "failure_reason": "merchant_request"})
	paid("10", "pi_10", 5000, 5000, yen)
	add(inRecent(t, "10, refund", "refund.created", waiting))
	add(inOld(t, "10, refund", "charge.refunded", charge("pi_10", 5000, 5000, with(yen, list(waiting)))))
	add(inRecent(t, "10, refund canceled", "refund.updated", canceled))
	add(happened(t, "10, refund canceled", "charge.refund.updated", canceled))

	// An authorization of 99.00 that is canceled: nothing has moved. Requests of the old
	// version create a refund for it.
	void := refund("re_11", "pi_11", 9900, 10, "succeeded")
	add(happened(t, "11", "payment_intent.canceled", intent("pi_11", 9900, 0, members{"status": "canceled"})))
	add(inOld(t, "11", "charge.refunded", charge("pi_11", 9900, 9900, with(members{"captured": false, "amount_captured": nil}, list(void)))))
	// One of 98.00 that expires.
	add(happened(t, "12", "charge.expired", charge("pi_12", 9800, 0, members{"captured": false})))
	add(happened(t, "12", "charge.refund.updated", with(refund("re_12", "pi_12", 9800, 10, "succeeded"), members{"reason": "expired_uncaptured_charge"})))

	// Payouts: 50.00 arrive; 40.00 are returned by the bank after they were reported as
	// paid; 10.00 are canceled; 12.00 EUR fail at once. 7.00 are debited from the bank
	// account; a debit of 3.00 fails. 43.00 have left the balance.
	payout := func(id string, amount int, status, currency string) members {
		return members{"object": "payout", "id": id, "amount": amount, "status": status, "currency": currency, "destination": "ba_1", "balance_transaction": "txn_" + id}
	}
	add(happened(t, "payout 1", "payout.created", payout("po_1", 5000, "in_transit", "usd")))
	add(happened(t, "payout 1", "payout.paid", payout("po_1", 5000, "paid", "usd")))
	add(happened(t, "payout 2", "payout.paid", payout("po_2", 4000, "paid", "usd")))
	add(happened(t, "payout 2", "payout.failed", payout("po_2", 4000, "failed", "usd")))
	add(happened(t, "payout 3", "payout.canceled", payout("po_3", 1000, "canceled", "usd")))
	add(happened(t, "payout 4", "payout.failed", payout("po_4", 1200, "failed", "eur")))
	add(happened(t, "payout 5", "payout.paid", payout("po_5", -700, "paid", "usd")))
	add(happened(t, "payout 6", "payout.paid", payout("po_6", -300, "paid", "usd")))
	add(happened(t, "payout 6", "payout.failed", payout("po_6", -300, "failed", "usd")))

	intaketest.Life{
		Declaration: stripe.Declaration,
		Start:       sentAt,
		Events:      events,
		Sums: map[string]string{
			"payment USD": "550", // 100 + 50 + 25 + 60 + 70 + 30 + 15 + 200
			"payment EUR": "90", "payment JPY": "5000",
			"refund USD": "100", "refund JPY": "5000", // 40 + 10 + 20 + 25 + 5
			"reversal of refund USD": "25", "reversal of refund JPY": "5000",
			"dispute USD": "330", "dispute EUR": "90", // 60 + 70 + 200; 45 + 45
			"reversal of dispute USD": "60", "reversal of dispute EUR": "45",
			"payout USD": "103", "payout EUR": "12", // 50 + 40 + 10 + the failed debit's 3
			"reversal of payout USD": "60", "reversal of payout EUR": "12", // 40 + 10 + 7 + 3
		},
		// 50 + 30 + 25 + 60 + 0 + 25 + 15 + 0 - 43; 45; 5000
		Balance: map[string]string{"USD": "162", "EUR": "45", "JPY": "5000"},
	}.Run(t)
}
