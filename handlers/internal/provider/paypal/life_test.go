package paypal

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"payment-webhooks/handlers/internal/intake/intaketest"
)

// webhookEvent returns the body of a webhook event with the given resource.
func webhookEvent(eventType, resourceType, resource string) string {
	return fmt.Sprintf(`{
  "id": "WH-2WR32451HC0233532-67976317FL4543714", "event_version": "1.0", "create_time": "2026-11-27T05:00:00.000Z",
  "resource_type": %q, "event_type": %q, "summary": "An event", "resource": %s,
  "links": [{"href": "https://api.paypal.com/v1/notifications/webhooks-events/WH-2WR32451HC0233532-67976317FL4543714", "rel": "self", "method": "GET"}]
}`, resourceType, eventType, resource)
}

// captureEvent is an event of a capture of the Payments v2 API. A capture of two parts
// is final only with the second; that makes no difference.
func captureEvent(event, status, id, value, currency string) string {
	return webhookEvent("PAYMENT.CAPTURE."+event, "capture", fmt.Sprintf(`{
    "id": %q, "status": %q, "amount": {"currency_code": %q, "value": %q}, "final_capture": false, "invoice_id": "INV-7",
    "seller_protection": {"status": "ELIGIBLE", "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"]},
    "supplementary_data": {"related_ids": {"order_id": "9WB4962459571177S"}},
    "create_time": "2026-11-27T04:59:58Z", "update_time": "2026-11-27T04:59:58Z",
    "links": [{"href": "https://api.paypal.com/v2/payments/captures/%[1]s", "rel": "self", "method": "GET"}]
  }`, id, status, currency, value))
}

// refundEvent is an event of a refund of the Payments v2 API.
func refundEvent(event, status, id, captureID, value, currency string) string {
	return webhookEvent(event, "refund", fmt.Sprintf(`{
    "id": %q, "status": %q, "amount": {"currency_code": %q, "value": %q}, "invoice_id": "INV-7",
    "seller_payable_breakdown": {"gross_amount": {"currency_code": %[3]q, "value": %[4]q}},
    "create_time": "2026-11-27T04:59:58-08:00", "update_time": "2026-11-27T04:59:58-08:00",
    "links": [
      {"href": "https://api.paypal.com/v2/payments/refunds/%[1]s", "rel": "self", "method": "GET"},
      {"href": "https://api.paypal.com/v2/payments/captures/%[5]s", "rel": "up", "method": "GET"}
    ]
  }`, id, status, currency, value, captureID))
}

// captureEventV1 and saleEvent are events of a payment of the Payments v1 API.
func captureEventV1(event, state, id, total, currency string) string {
	return webhookEvent("PAYMENT.CAPTURE."+event, "capture", fmt.Sprintf(`{
    "id": %q, "state": %q, "amount": {"total": %q, "currency": %q, "details": {"subtotal": %[3]q}}, "is_final_capture": false,
    "parent_payment": "PAY-5KL12207SX742604LKYQZQKI", "transaction_fee": {"value": "0.30", "currency": %[4]q},
    "create_time": "2026-11-27T04:59:58Z", "update_time": "2026-11-27T04:59:58Z",
    "links": [{"href": "https://api.paypal.com/v1/payments/capture/%[1]s", "rel": "self", "method": "GET"}]
  }`, id, state, total, currency))
}

func saleEvent(event, state, id, total, currency string) string {
	return webhookEvent("PAYMENT.SALE."+event, "sale", fmt.Sprintf(`{
    "id": %q, "state": %q, "amount": {"total": %q, "currency": %q, "details": {"subtotal": %[3]q}}, "payment_mode": "INSTANT_TRANSFER",
    "billing_agreement_id": "I-7KD2QXH94MTW", "custom": "member-20417",
    "create_time": "2026-11-27T04:59:58Z", "update_time": "2026-11-27T04:59:58Z",
    "links": [{"href": "https://api.paypal.com/v1/payments/sale/%[1]s", "rel": "self", "method": "GET"}]
  }`, id, state, total, currency))
}

// refundEventV1 is an event of a refund of the Payments v1 API; of is "sale_id" or
// "capture_id".
func refundEventV1(event, state, id, of, paymentID, total, currency string) string {
	return webhookEvent(event, "refund", fmt.Sprintf(`{
    "id": %q, "state": %q, "amount": {"total": %q, "currency": %q, "details": {"subtotal": %[3]q}}, %[5]q: %[6]q,
    "parent_payment": "PAY-5KL12207SX742604LKYQZQKI", "create_time": "2026-11-27T04:59:58Z", "update_time": "2026-11-27T04:59:58Z",
    "links": [{"href": "https://api.paypal.com/v1/payments/refund/%[1]s", "rel": "self", "method": "GET"}]
  }`, id, state, total, currency, of, paymentID))
}

// disputeEvent is an event of a dispute; outcome is "" until it is resolved.
func disputeEvent(event, outcome, id, paymentID, value, currency string) string {
	status, decision := "OPEN", ""
	if outcome != "" {
		status, decision = "RESOLVED", fmt.Sprintf(`"dispute_outcome": {"outcome_code": %q}, `, outcome)
	}
	return webhookEvent("CUSTOMER.DISPUTE."+event, "dispute", fmt.Sprintf(`{
    "dispute_id": %q, "create_time": "2026-11-27T04:50:00.000Z", "update_time": "2026-11-27T04:59:58.000Z",
    "disputed_transactions": [{"seller_transaction_id": %q, "invoice_number": "INV-7", "buyer": {"name": "Alex Example"}}],
    "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED", "status": %q, "dispute_amount": {"currency_code": %q, "value": %q},
    %s"dispute_life_cycle_stage": "CHARGEBACK", "dispute_channel": "INTERNAL",
    "links": [{"href": "https://api.paypal.com/v1/customer/disputes/%[1]s", "rel": "self", "method": "GET"}]
  }`, id, paymentID, status, currency, value, decision))
}

// payoutEvent is an event of a payout item in EUR.
func payoutEvent(event, status, id, value string) string {
	return webhookEvent(event, "payouts_item", fmt.Sprintf(`{
    "payout_item_id": %q, "payout_batch_id": "R4HD8LNC3VJ6Y", "transaction_id": "9FL06471GX532817D", "transaction_status": %q,
    "payout_item_fee": {"currency": "EUR", "value": "0.35"},
    "payout_item": {"recipient_type": "PAYPAL_ID", "receiver": "GH7W2KX9TQ4ML", "amount": {"currency": "EUR", "value": %q}, "sender_item_id": "share-2026-11-0042"},
    "time_processed": "2026-11-30T06:00:17Z",
    "links": [{"href": "https://api.paypal.com/v1/payments/payouts-item/%[1]s", "rel": "self", "method": "GET"}]
  }`, id, status, value))
}

// transmitted gives an event the header of its own transmission.
func transmitted(name string, bodies ...string) intaketest.Event {
	id := strings.Map(func(c rune) rune {
		if c == ' ' || c == ',' {
			return '-'
		}
		return c
	}, name)
	return intaketest.Event{Name: name, Header: http.Header{"Paypal-Transmission-Id": {id}}, Bodies: bodies}
}

// Captures are announced in the Payments v2 API and in v1, under the same ids; disputes
// and payouts have one version. Fees are left out. The money of PayPal's documents:
//
//   - a capture is credited when it completes
//     (https://developer.paypal.com/docs/api/payments/v2/#definition-capture_status),
//     a refund debited likewise (#definition-refund_status);
//   - while a dispute is open its amount is on hold, and the hold ends with it
//     (T1110 and T1111 of https://developer.paypal.com/reports/reference/t-codes);
//     if the seller lost, PayPal reverses the payment (T1106);
//   - a payout item is deducted unless it failed, also while it is unclaimed, and given
//     back when it is returned, canceled or refunded
//     (https://developer.paypal.com/payouts/use-payouts/track-payout-item-status).
func TestLife(t *testing.T) {
	const refunded, reversed = "PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED"
	both := func(name, v2, v1 string) []intaketest.Event {
		return []intaketest.Event{transmitted(name+" of v2", v2, ""), transmitted(name+" of v1", "", v1)}
	}
	completed := func(name, id, value, currency string) []intaketest.Event {
		return both(name, captureEvent("COMPLETED", "COMPLETED", id, value, currency), captureEventV1("COMPLETED", "completed", id, value, currency))
	}
	refund := func(name, event, id, captureID, value, currency string) []intaketest.Event {
		return both(name, refundEvent(event, "COMPLETED", id, captureID, value, currency), refundEventV1(event, "completed", id, "capture_id", captureID, "-"+value, currency))
	}
	one := func(name, body string) []intaketest.Event { return []intaketest.Event{transmitted(name, body, body)} }

	var events []intaketest.Event
	for _, of := range [][]intaketest.Event{
		// 1. 100 EUR, authorised, and captured in two parts: 100.
		one("1 authorised", webhookEvent("PAYMENT.AUTHORIZATION.CREATED", "authorization", `{"id": "0AW18945BJ386211C", "status": "CREATED", "amount": {"currency_code": "EUR", "value": "100.00"}}`)),
		completed("1 captured, first part", "7QK4507529170342H", "60.00", "EUR"),
		completed("1 captured, second part", "8QK4507529170342J", "40.00", "EUR"),

		// 2. 50 EUR, whose capture is pending at first, refunded: 0.
		both("2 pending", captureEvent("PENDING", "PENDING", "2HN95604WL817320A", "50.00", "EUR"), captureEventV1("PENDING", "pending", "2HN95604WL817320A", "50.00", "EUR")),
		completed("2 captured", "2HN95604WL817320A", "50.00", "EUR"),
		refund("2 refunded", refunded, "2HN95604WL817320F", "2HN95604WL817320A", "50.00", "EUR"),

		// 3. 80 EUR, of which a refund of 30 is pending and fails, and a dispute that the
		// buyer cancels: 80.
		completed("3 captured", "3ZT4952890786666M", "80.00", "EUR"),
		one("3 refund pending", refundEvent("PAYMENT.REFUND.PENDING", "PENDING", "3HN95604WL817320F", "3ZT4952890786666M", "30.00", "EUR")),
		one("3 refund failed", refundEvent("PAYMENT.REFUND.FAILED", "FAILED", "3HN95604WL817320F", "3ZT4952890786666M", "30.00", "EUR")),
		one("3 disputed", disputeEvent("CREATED", "", "PP-R-TZV-560214873", "3ZT4952890786666M", "80.00", "EUR")),
		one("3 dispute canceled", disputeEvent("RESOLVED", "CANCELED_BY_BUYER", "PP-R-TZV-560214873", "3ZT4952890786666M", "80.00", "EUR")),

		// 4. 120 EUR, disputed and won: 120. The same payment as a sale in v1.
		both("4 captured", captureEvent("COMPLETED", "COMPLETED", "4KD70519XM382641B", "120.00", "EUR"), saleEvent("COMPLETED", "completed", "4KD70519XM382641B", "120.00", "EUR")),
		one("4 disputed", disputeEvent("CREATED", "", "PP-D-27804", "4KD70519XM382641B", "120.00", "EUR")),
		one("4 evidence", disputeEvent("UPDATED", "", "PP-D-27804", "4KD70519XM382641B", "120.00", "EUR")),
		one("4 won", disputeEvent("RESOLVED", "RESOLVED_SELLER_FAVOUR", "PP-D-27804", "4KD70519XM382641B", "120.00", "EUR")),

		// 5. 70 EUR, disputed and lost: 0.
		completed("5 captured", "5TB61832KE940713M", "70.00", "EUR"),
		one("5 disputed", disputeEvent("CREATED", "", "PP-D-27805", "5TB61832KE940713M", "70.00", "EUR")),
		one("5 lost", disputeEvent("RESOLVED", "RESOLVED_BUYER_FAVOUR", "PP-D-27805", "5TB61832KE940713M", "70.00", "EUR")),
		refund("5 reversed", reversed, "5CJ30918RS246501V", "5TB61832KE940713M", "70.00", "EUR"),

		// 6. 90 EUR, of which 45 are disputed, lost, and won after an appeal: 90.
		completed("6 captured", "6TB61832KE940713M", "90.00", "EUR"),
		one("6 disputed", disputeEvent("CREATED", "", "PP-D-27806", "6TB61832KE940713M", "45.00", "EUR")),
		one("6 lost", disputeEvent("RESOLVED", "RESOLVED_BUYER_FAVOUR", "PP-D-27806", "6TB61832KE940713M", "45.00", "EUR")),
		refund("6 reversed", reversed, "6CJ30918RS246501V", "6TB61832KE940713M", "45.00", "EUR"),
		one("6 appeal won", disputeEvent("RESOLVED", "RESOLVED_SELLER_FAVOUR", "PP-D-27806", "6TB61832KE940713M", "45.00", "EUR")),

		// 7. 200 USD, which the buyer's bank returns without a dispute: 0.
		completed("7 captured", "7TB61832KE940713M", "200.00", "USD"),
		refund("7 reversed", reversed, "7CJ30918RS246501V", "7TB61832KE940713M", "200.00", "USD"),

		// 8. 49.90 EUR for a subscription, always a sale, of which 19.90 are refunded: 30.
		one("8 paid", saleEvent("COMPLETED", "completed", "1HV4253888539336C", "49.90", "EUR")),
		one("8 refunded", refundEventV1("PAYMENT.SALE.REFUNDED", "completed", "8YM26703HC514930L", "sale_id", "1HV4253888539336C", "-19.90", "EUR")),

		// 9. Captures that are denied or declined, and one of nothing: 0.
		one("9 pending", captureEvent("PENDING", "PENDING", "9TB61832KE940713M", "60.00", "EUR")),
		one("9 denied", captureEvent("DENIED", "DENIED", "9TB61832KE940713M", "60.00", "EUR")),
		one("9 declined", captureEvent("DECLINED", "DECLINED", "9TB61832KE940714M", "60.00", "EUR")),
		completed("9 of nothing", "9TB61832KE940715M", "0.00", "EUR"),

		// 10. 15 000 JPY, of which 5 000 are refunded, and 5 000 more after a claim that
		// the seller accepts: 5 000.
		completed("10 captured", "0VW72653QA085914G", "15000", "JPY"),
		refund("10 refunded", refunded, "0VW72653QA085914H", "0VW72653QA085914G", "5000", "JPY"),
		one("10 disputed", disputeEvent("CREATED", "", "PP-D-27810", "0VW72653QA085914G", "5000", "JPY")),
		one("10 claim accepted", disputeEvent("RESOLVED", "ACCEPTED", "PP-D-27810", "0VW72653QA085914G", "5000", "JPY")),
		refund("10 refunded again", refunded, "0VW72653QA085914J", "0VW72653QA085914G", "5000", "JPY"),

		// Payout items: 40 paid; 25 unclaimed and claimed; 10 unclaimed and returned after
		// 30 days; 12 unclaimed and canceled; 30 paid and refunded by the recipient; 8 held
		// and returned; 99 failed: -40 - 25.
		one("K1 succeeded", payoutEvent("PAYMENT.PAYOUTS-ITEM.SUCCEEDED", "SUCCESS", "K1M2QXW5ZT9BE", "40.00")),
		one("K2 unclaimed", payoutEvent("PAYMENT.PAYOUTS-ITEM.UNCLAIMED", "UNCLAIMED", "K2M2QXW5ZT9BE", "25.00")),
		one("K2 succeeded", payoutEvent("PAYMENT.PAYOUTS-ITEM.SUCCEEDED", "SUCCESS", "K2M2QXW5ZT9BE", "25.00")),
		one("K3 unclaimed", payoutEvent("PAYMENT.PAYOUTS-ITEM.UNCLAIMED", "UNCLAIMED", "K3M2QXW5ZT9BE", "10.00")),
		one("K3 returned", payoutEvent("PAYMENT.PAYOUTS-ITEM.RETURNED", "RETURNED", "K3M2QXW5ZT9BE", "10.00")),
		one("K4 unclaimed", payoutEvent("PAYMENT.PAYOUTS-ITEM.UNCLAIMED", "UNCLAIMED", "K4M2QXW5ZT9BE", "12.00")),
		one("K4 canceled", payoutEvent("PAYMENT.PAYOUTS-ITEM.CANCELED", "RETURNED", "K4M2QXW5ZT9BE", "12.00")),
		one("K4 returned", payoutEvent("PAYMENT.PAYOUTS-ITEM.RETURNED", "RETURNED", "K4M2QXW5ZT9BE", "12.00")),
		one("K5 succeeded", payoutEvent("PAYMENT.PAYOUTS-ITEM.SUCCEEDED", "SUCCESS", "K5M2QXW5ZT9BE", "30.00")),
		one("K5 refunded", payoutEvent("PAYMENT.PAYOUTS-ITEM.REFUNDED", "REFUNDED", "K5M2QXW5ZT9BE", "30.00")),
		one("K6 held", payoutEvent("PAYMENT.PAYOUTS-ITEM.HELD", "ONHOLD", "K6M2QXW5ZT9BE", "8.00")),
		one("K6 returned", payoutEvent("PAYMENT.PAYOUTS-ITEM.RETURNED", "RETURNED", "K6M2QXW5ZT9BE", "8.00")),
		one("K7 failed", payoutEvent("PAYMENT.PAYOUTS-ITEM.FAILED", "FAILED", "K7M2QXW5ZT9BE", "99.00")),
	} {
		events = append(events, of...)
	}
	intaketest.Life{
		Declaration: Declaration, Start: now, Events: events,
		Sums: map[string]string{
			"payment EUR":             "559.9", // 60 + 40 + 50 + 80 + 120 + 70 + 90 + 49.90
			"payment USD":             "200",
			"payment JPY":             "15000",
			"refund EUR":              "69.9", // 50 + 19.90
			"refund JPY":              "10000",
			"dispute EUR":             "315", // 80 + 120 + 70 + 45
			"dispute JPY":             "5000",
			"reversal of dispute EUR": "360", // 80 + 120 + 70 + 45 + 45
			"reversal of dispute JPY": "5000",
			"reversal of payment EUR": "115", // 70 + 45
			"reversal of payment USD": "200",
			"payout EUR":              "125", // 40 + 25 + 10 + 12 + 30 + 8
			"reversal of payout EUR":  "60",  // 10 + 12 + 30 + 8
		},
		Balance: map[string]string{
			"EUR": "355", // 100 + 0 + 80 + 120 + 0 + 90 + 30 - 40 - 25
			"USD": "0",
			"JPY": "5000",
		},
	}.Run(t)
}
