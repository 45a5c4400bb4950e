package paypal

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/intake/intaketest"
	"payment-webhooks/handlers/internal/transaction"
)

// told writes a transaction as the tests expect it: kind, id, amount, and what it refers to.
func told(t transaction.Transaction) string {
	text := fmt.Sprintf("%s %s %s", t.Kind, t.ID, t.Format())
	if t.ReversedKind != "" {
		text += fmt.Sprintf(" reverses %s %s", t.ReversedKind, t.Reverses)
	}
	if t.PaymentID != "" {
		text += " of " + t.PaymentID
	}
	return text
}

// The whole webhook endpoint, with one delivery after the other.
func TestDeliveries(t *testing.T) {
	const (
		accepted   = `202 "status":"accepted"`
		duplicate  = `200 "duplicate":true`
		ignored    = `200 {"ignored":`
		unreadable = `202 {"quarantined":"unreadable"}`
	)
	type delivery struct{ body, want string }
	for name, tt := range map[string]struct {
		deliveries []delivery
		ledger     []string
	}{
		// Ids in which a card number can be read.
		"capture whose id looks like a card number": {
			[]delivery{{captureEvent("COMPLETED", "COMPLETED", "7QK4507529170342H", "30.00", "USD"), accepted}},
			[]string{"payment 7QK4507529170342H 30.00 USD"},
		},
		"refund of a capture whose id looks like a card number": {
			[]delivery{{refundEvent("PAYMENT.CAPTURE.REFUNDED", "COMPLETED", "1JU08902781X91411", "3ZT4952890786666M", "9.99", "USD"), accepted}},
			[]string{"refund 1JU08902781X91411 9.99 USD of 3ZT4952890786666M"},
		},
		"sale whose id looks like a card number": {
			[]delivery{{saleEvent("COMPLETED", "completed", "1HV4253888539336C", "10.00", "USD"), accepted}},
			[]string{"payment 1HV4253888539336C 10.00 USD"},
		},

		// Payments v1.
		"capture of v1": {
			[]delivery{{captureEventV1("COMPLETED", "completed", "9XA66173DE678932V", "4.54", "USD"), accepted}},
			[]string{"payment 9XA66173DE678932V 4.54 USD"},
		},
		"capture of v1 that was refunded since": {
			[]delivery{{captureEventV1("COMPLETED", "partially_refunded", "9XA66173DE678932V", "4.54", "USD"), accepted}},
			[]string{"payment 9XA66173DE678932V 4.54 USD"},
		},
		"capture of v1 and of v2": {
			[]delivery{
				{captureEventV1("COMPLETED", "completed", "9XA66173DE678932V", "4.54", "USD"), accepted},
				{captureEvent("COMPLETED", "COMPLETED", "9XA66173DE678932V", "4.54", "USD"), duplicate},
			},
			[]string{"payment 9XA66173DE678932V 4.54 USD"},
		},
		"capture of both versions with different amounts": {
			[]delivery{
				{captureEventV1("COMPLETED", "completed", "9XA66173DE678932V", "4.54", "USD"), accepted},
				{captureEvent("COMPLETED", "COMPLETED", "9XA66173DE678932V", "4.55", "USD"), `202 {"quarantined":"conflict"}`},
			},
			[]string{"payment 9XA66173DE678932V 4.54 USD"},
		},
		"refund of a capture of v1": {
			[]delivery{{refundEventV1("PAYMENT.CAPTURE.REFUNDED", "completed", "8YM26703HC514930L", "capture_id", "9XA66173DE678932V", "-4.54", "USD"), accepted}},
			[]string{"refund 8YM26703HC514930L 4.54 USD of 9XA66173DE678932V"},
		},
		"refund of a sale under the name of a capture": {
			[]delivery{{refundEventV1("PAYMENT.CAPTURE.REFUNDED", "completed", "8YM26703HC514930L", "sale_id", "9XA66173DE678932V", "4.54", "USD"), accepted}},
			[]string{"refund 8YM26703HC514930L 4.54 USD of 9XA66173DE678932V"},
		},
		"reversal of a capture of v1": {
			[]delivery{{refundEventV1("PAYMENT.CAPTURE.REVERSED", "completed", "8YM26703HC514930L", "capture_id", "9XA66173DE678932V", "-4.54", "USD"), accepted}},
			[]string{"reversal 8YM26703HC514930L 4.54 USD reverses payment 9XA66173DE678932V of 9XA66173DE678932V"},
		},
		"partial captures": {
			[]delivery{
				{captureEvent("COMPLETED", "COMPLETED", "1TB61832KE940713M", "10.00", "USD"), accepted},
				{captureEvent("COMPLETED", "COMPLETED", "2TB61832KE940713M", "5.00", "USD"), accepted},
			},
			[]string{"payment 1TB61832KE940713M 10.00 USD", "payment 2TB61832KE940713M 5.00 USD"},
		},

		// Statuses with which no money moved.
		"capture that is not completed": {
			[]delivery{
				{captureEvent("COMPLETED", "PENDING", "1TB61832KE940713M", "10.00", "USD"), ignored},
				{captureEvent("COMPLETED", "DECLINED", "1TB61832KE940713M", "10.00", "USD"), ignored},
				{captureEvent("COMPLETED", "FAILED", "1TB61832KE940713M", "10.00", "USD"), ignored},
				{captureEventV1("COMPLETED", "pending", "1TB61832KE940713M", "10.00", "USD"), ignored},
				{captureEventV1("COMPLETED", "denied", "1TB61832KE940713M", "10.00", "USD"), ignored},
				{saleEvent("COMPLETED", "pending", "1TB61832KE940713M", "10.00", "USD"), ignored},
			}, nil,
		},
		"refund that is not completed": {
			[]delivery{
				{refundEvent("PAYMENT.CAPTURE.REFUNDED", "FAILED", "2MU95170AB330184C", "3K160249AB7154100", "9.99", "USD"), ignored},
				{refundEvent("PAYMENT.CAPTURE.REFUNDED", "PENDING", "2MU95170AB330184C", "3K160249AB7154100", "9.99", "USD"), ignored},
				{refundEvent("PAYMENT.CAPTURE.REFUNDED", "CANCELLED", "2MU95170AB330184C", "3K160249AB7154100", "9.99", "USD"), ignored},
				{refundEvent("PAYMENT.CAPTURE.REVERSED", "FAILED", "2MU95170AB330184C", "3K160249AB7154100", "9.99", "USD"), ignored},
				{refundEventV1("PAYMENT.SALE.REFUNDED", "failed", "2MU95170AB330184C", "sale_id", "3K160249AB7154100", "-9.99", "USD"), ignored},
				{refundEventV1("PAYMENT.CAPTURE.REFUNDED", "pending", "2MU95170AB330184C", "capture_id", "3K160249AB7154100", "-9.99", "USD"), ignored},
			}, nil,
		},
		"pending refund that completes": {
			[]delivery{
				{refundEvent("PAYMENT.REFUND.PENDING", "PENDING", "2MU95170AB330184C", "3K160249AB7154100", "9.99", "USD"), ignored},
				{refundEvent("PAYMENT.CAPTURE.REFUNDED", "PENDING", "2MU95170AB330184C", "3K160249AB7154100", "9.99", "USD"), ignored},
				{refundEvent("PAYMENT.CAPTURE.REFUNDED", "COMPLETED", "2MU95170AB330184C", "3K160249AB7154100", "9.99", "USD"), accepted},
			},
			[]string{"refund 2MU95170AB330184C 9.99 USD of 3K160249AB7154100"},
		},
		"status that is not documented": {
			[]delivery{
				{captureEvent("COMPLETED", "SETTLED", "1TB61832KE940713M", "10.00", "USD"), unreadable},
				{refundEvent("PAYMENT.CAPTURE.REFUNDED", "SETTLED", "2MU95170AB330184C", "3K160249AB7154100", "9.99", "USD"), unreadable},
			}, nil,
		},

		// Nothing.
		"amount of zero": {
			[]delivery{
				{captureEvent("COMPLETED", "COMPLETED", "8GT41199AB720055F", "0.00", "USD"), ignored},
				{captureEventV1("COMPLETED", "completed", "8GT41199AB720055F", "0", "USD"), ignored},
				{saleEvent("COMPLETED", "completed", "8GT41199AB720055F", "0.00", "USD"), ignored},
				{refundEvent("PAYMENT.CAPTURE.REFUNDED", "COMPLETED", "2MU95170AB330184C", "8GT41199AB720055F", ".00", "USD"), ignored},
				{refundEvent("PAYMENT.CAPTURE.REVERSED", "COMPLETED", "2MU95170AB330184C", "8GT41199AB720055F", "0", "JPY"), ignored},
				{refundEventV1("PAYMENT.SALE.REFUNDED", "completed", "2MU95170AB330184C", "sale_id", "8GT41199AB720055F", "-0.00", "USD"), ignored},
				{refundEventV1("PAYMENT.SALE.REVERSED", "completed", "2MU95170AB330184C", "sale_id", "8GT41199AB720055F", "0.00", "USD"), ignored},
				{disputeEvent("CREATED", "", "PP-D-1", "8GT41199AB720055F", "0.00", "USD"), ignored},
				{disputeEvent("RESOLVED", "RESOLVED_SELLER_FAVOUR", "PP-D-1", "8GT41199AB720055F", "0.00", "USD"), ignored},
				{payoutEvent("PAYMENT.PAYOUTS-ITEM.SUCCEEDED", "SUCCESS", "K1M2QXW5ZT9BE", "0.00"), ignored},
			}, nil,
		},

		// Reversals.
		"reversal that was stored as a refund before": {
			[]delivery{
				{refundEvent("PAYMENT.CAPTURE.REFUNDED", "COMPLETED", "7CJ30918RS246501V", "1VW72653QA085914G", "48000", "JPY"), accepted},
				{refundEvent("PAYMENT.CAPTURE.REVERSED", "COMPLETED", "7CJ30918RS246501V", "1VW72653QA085914G", "48000", "JPY"), duplicate},
			},
			[]string{"refund 7CJ30918RS246501V 48000 JPY of 1VW72653QA085914G"},
		},
		"dispute and its end": {
			[]delivery{
				{disputeEvent("CREATED", "", "PP-D-1", "5TB61832KE940713M", "70.00", "EUR"), accepted},
				{disputeEvent("UPDATED", "", "PP-D-1", "5TB61832KE940713M", "70.00", "EUR"), ignored},
				{disputeEvent("RESOLVED", "RESOLVED_SELLER_FAVOUR", "PP-D-1", "5TB61832KE940713M", "70.00", "EUR"), accepted},
				{disputeEvent("RESOLVED", "RESOLVED_SELLER_FAVOUR", "PP-D-1", "5TB61832KE940713M", "70.00", "EUR"), duplicate},
			},
			[]string{
				"dispute PP-D-1 70.00 EUR of 5TB61832KE940713M",
				"reversal PP-D-1_released 70.00 EUR reverses dispute PP-D-1 of 5TB61832KE940713M",
			},
		},
		"disputes that end in other ways": {
			[]delivery{
				{disputeEvent("RESOLVED", "RESOLVED_WITH_PAYOUT", "PP-D-1", "5TB61832KE940713M", "1.00", "EUR"), accepted},
				{disputeEvent("RESOLVED", "CANCELED_BY_BUYER", "PP-D-2", "5TB61832KE940713M", "1.00", "EUR"), accepted},
				{disputeEvent("RESOLVED", "DENIED", "PP-D-3", "5TB61832KE940713M", "1.00", "EUR"), accepted},
				{disputeEvent("RESOLVED", "RESOLVED_BUYER_FAVOUR", "PP-D-4", "5TB61832KE940713M", "1.00", "EUR"), accepted},
				{disputeEvent("RESOLVED", "ACCEPTED", "PP-D-5", "5TB61832KE940713M", "1.00", "EUR"), accepted},
				{disputeEvent("RESOLVED", "NONE", "PP-D-6", "5TB61832KE940713M", "1.00", "EUR"), accepted},
			},
			[]string{
				"reversal PP-D-1_released 1.00 EUR reverses dispute PP-D-1 of 5TB61832KE940713M",
				"reversal PP-D-2_released 1.00 EUR reverses dispute PP-D-2 of 5TB61832KE940713M",
				"reversal PP-D-3_released 1.00 EUR reverses dispute PP-D-3 of 5TB61832KE940713M",
				"reversal PP-D-4_lost 1.00 EUR reverses dispute PP-D-4 of 5TB61832KE940713M",
				"reversal PP-D-5_lost 1.00 EUR reverses dispute PP-D-5 of 5TB61832KE940713M",
				"reversal PP-D-6_released 1.00 EUR reverses dispute PP-D-6 of 5TB61832KE940713M",
			},
		},
		"dispute whose resolution names no outcome at first": {
			[]delivery{
				{disputeEvent("CREATED", "", "PP-D-1", "5TB61832KE940713M", "1.00", "EUR"), accepted},
				{disputeEvent("RESOLVED", "", "PP-D-1", "5TB61832KE940713M", "1.00", "EUR"), `202 {"quarantined":"unreadable"}`},
				{disputeEvent("RESOLVED", "UNDECIDED", "PP-D-1", "5TB61832KE940713M", "1.00", "EUR"), `202 {"quarantined":"unreadable"}`},
				{disputeEvent("RESOLVED", "RESOLVED_BUYER_FAVOUR", "PP-D-1", "5TB61832KE940713M", "1.00", "EUR"), accepted},
			},
			[]string{
				"dispute PP-D-1 1.00 EUR of 5TB61832KE940713M",
				"reversal PP-D-1_lost 1.00 EUR reverses dispute PP-D-1 of 5TB61832KE940713M",
			},
		},
		"payout item that is unclaimed, then claimed": {
			[]delivery{
				{payoutEvent("PAYMENT.PAYOUTS-ITEM.UNCLAIMED", "UNCLAIMED", "K1M2QXW5ZT9BE", "25.00"), accepted},
				{payoutEvent("PAYMENT.PAYOUTS-ITEM.SUCCEEDED", "SUCCESS", "K1M2QXW5ZT9BE", "25.00"), duplicate},
			},
			[]string{"payout K1M2QXW5ZT9BE 25.00 EUR"},
		},
		"payout item that is unclaimed, then returned": {
			[]delivery{
				{payoutEvent("PAYMENT.PAYOUTS-ITEM.UNCLAIMED", "UNCLAIMED", "K1M2QXW5ZT9BE", "25.00"), accepted},
				{payoutEvent("PAYMENT.PAYOUTS-ITEM.RETURNED", "RETURNED", "K1M2QXW5ZT9BE", "25.00"), accepted},
				{payoutEvent("PAYMENT.PAYOUTS-ITEM.CANCELED", "RETURNED", "K1M2QXW5ZT9BE", "25.00"), duplicate},
			},
			[]string{"payout K1M2QXW5ZT9BE 25.00 EUR", "reversal K1M2QXW5ZT9BE_returned 25.00 EUR reverses payout K1M2QXW5ZT9BE"},
		},
		"payout item that is returned before anything else was heard of it": {
			[]delivery{
				{payoutEvent("PAYMENT.PAYOUTS-ITEM.RETURNED", "RETURNED", "K1M2QXW5ZT9BE", "25.00"), accepted},
				{payoutEvent("PAYMENT.PAYOUTS-ITEM.UNCLAIMED", "UNCLAIMED", "K1M2QXW5ZT9BE", "25.00"), duplicate},
			},
			[]string{"payout K1M2QXW5ZT9BE 25.00 EUR", "reversal K1M2QXW5ZT9BE_returned 25.00 EUR reverses payout K1M2QXW5ZT9BE"},
		},
		"payout item that was not deducted": {
			[]delivery{
				{payoutEvent("PAYMENT.PAYOUTS-ITEM.HELD", "ONHOLD", "K1M2QXW5ZT9BE", "25.00"), ignored},
				{payoutEvent("PAYMENT.PAYOUTS-ITEM.FAILED", "FAILED", "K1M2QXW5ZT9BE", "25.00"), ignored},
				{payoutEvent("PAYMENT.PAYOUTS-ITEM.DENIED", "FAILED", "K2M2QXW5ZT9BE", "25.00"), ignored},
				{payoutEvent("PAYMENT.PAYOUTS-ITEM.BLOCKED", "BLOCKED", "K3M2QXW5ZT9BE", "25.00"), ignored},
			}, nil,
		},
		"payout item without an id": {
			[]delivery{{payoutEvent("PAYMENT.PAYOUTS-ITEM.RETURNED", "RETURNED", "", "25.00"), `202 {"results":[{"quarantined":"invalid"},{"quarantined":"invalid"}]}`}}, nil,
		},
		"resolved dispute without an id": {
			[]delivery{{disputeEvent("RESOLVED", "RESOLVED_SELLER_FAVOUR", "", "5TB61832KE940713M", "70.00", "EUR"), `202 {"quarantined":"invalid"}`}}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := intaketest.NewEndpoint(t, Declaration, nil)
			for i, d := range tt.deliveries {
				header := http.Header{"Paypal-Transmission-Id": {fmt.Sprintf("b2384410-%d", i)}}
				response := endpoint.Deliver(t, now, header, d.body)
				if got := fmt.Sprint(response.Status, " ", response.Body); !strings.HasPrefix(got, d.want[:4]) || !strings.Contains(got, d.want[4:]) {
					t.Errorf("delivery %d: %s, want %s", i, got, d.want)
				}
			}
			var ledger []string
			for _, tx := range endpoint.Ledger.All() {
				ledger = append(ledger, told(tx))
			}
			slices.Sort(ledger)
			if diff := cmp.Diff(tt.ledger, ledger); diff != "" {
				t.Errorf("ledger (-want +got):\n%s", diff)
			}
		})
	}
}

// PayPal's own ids stay as they are, so that the object can be found at PayPal; what the
// merchant or the payer wrote is masked.
func TestOwnIDs(t *testing.T) {
	stored := func(body string) transaction.Transaction {
		t.Helper()
		endpoint := intaketest.NewEndpoint(t, Declaration, nil)
		endpoint.Deliver(t, now, http.Header{"Paypal-Transmission-Id": {"b2384410"}}, body)
		all := endpoint.Ledger.All()
		if len(all) != 1 {
			t.Fatalf("%d transactions are stored, want one", len(all))
		}
		return all[0]
	}
	const card = "4111 1111 1111 1111"
	capture := strings.Replace(captureEvent("COMPLETED", "COMPLETED", "3K160249AB7154100", "30.00", "USD"), "INV-7", card, 1)
	sale := strings.NewReplacer("I-7KD2QXH94MTW", "I-4507529170342", "member-20417", card).
		Replace(saleEvent("COMPLETED", "completed", "3K160249AB7154100", "30.00", "USD"))
	payout := strings.NewReplacer("R4HD8LNC3VJ6Y", "9WB4962459571177S", "9FL06471GX532817D", "7QK4507529170342H", "share-2026-11-0042", card).
		Replace(payoutEvent("PAYMENT.PAYOUTS-ITEM.SUCCEEDED", "SUCCESS", "K1M2QXW5ZT9BE", "25.00"))
	for _, tt := range []struct{ name, body, own, member, others string }{
		{"order", capture, "9WB4962459571177S", "order_id", "invoice_id"},
		{"subscription", sale, "I-4507529170342", "billing_agreement_id", "custom"},
		{"payout batch", payout, "9WB4962459571177S", "payout_batch_id", "sender_item_id"},
		{"payout's transaction", payout, "7QK4507529170342H", "transaction_id", "sender_item_id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			metadata := stored(tt.body).Metadata.Value()
			if metadata[tt.member] != tt.own {
				t.Errorf("%s = %v, want %s", tt.member, metadata[tt.member], tt.own)
			}
			if text := fmt.Sprint(metadata[tt.others]); text == card || !strings.Contains(text, "*") {
				t.Errorf("%s = %s, which is not masked", tt.others, text)
			}
		})
	}
}

func TestOddReceiver(t *testing.T) {
	body := strings.Replace(payoutEvent("PAYMENT.PAYOUTS-ITEM.SUCCEEDED", "SUCCESS", "K1M2QXW5ZT9BE", "25.00"), "GH7W2KX9TQ4ML", strings.Repeat("G", 300), 1)
	if got := decode(t, []byte(body)); got.Err != nil || got.Transaction.CustomerID != transaction.CustomerID(strings.Repeat("G", 300)) {
		t.Errorf("Decode = %+v", got)
	}
}

func TestSecretIsAWebhookID(t *testing.T) {
	for name, tt := range map[string]struct {
		secret string
		valid  bool
	}{
		"one of PayPal's":          {webhookID, true},
		"another":                  {"0EH40505U7160970P", true},
		"of the documentation":     {"WH0123456789", true},
		"of the local run":         {Declaration.Sender.MakeSecret(), true},
		"in lower case":            {strings.ToLower(webhookID), true},
		"the longest":              {strings.Repeat("A1B2C3D4E5", 5), true},
		"longer":                   {strings.Repeat("A1B2C3D4E5", 5) + "A", false},
		"shorter than any":         {"WH012345678", false},
		"empty":                    {"", false},
		"a letter":                 {"x", false},
		"a digit":                  {"1", false},
		"the simulator's":          {"WEBHOOK_ID", false},
		"a placeholder":            {"YOURWEBHOOKID", false},
		"another placeholder":      {"changeme", false},
		"a long placeholder":       {"changemechangeme", false},
		"digits only":              {"12345678901234567", false},
		"a sentence":               {"Paste the webhook id 1 here", false},
		"JSON":                     {`{"paypal":"1JE4291016473214C"}`, false},
		"JSON of one text":         {`"1JE4291016473214C"`, false},
		"with a separator":         {"1JE4|1016473214CA", false},
		"an event's id":            {"WH-2WR32451HC0233532-67976317FL4543714", false},
		"white space within":       {"1JE42910 16473214C", false},
		"letters beyond ASCII":     {"1JE4291016473214Ç", false},
		"a secret of another kind": {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Declaration.AcceptsSecret(tt.secret); got != tt.valid {
				t.Errorf("AcceptsSecret(%q) = %v, want %v", tt.secret, got, tt.valid)
			}
		})
	}
}

// What is declared of an event type is what becomes of it.
func TestEventTypes(t *testing.T) {
	refund := func(event string) string {
		return refundEvent(event, "COMPLETED", "2MU95170AB330184C", "3K160249AB7154100", "9.99", "USD")
	}
	// By the prefix of the name, which tells the resource.
	resources := []struct {
		prefix string
		body   func(event string) string
	}{
		{"PAYMENT.CAPTURE.REFUNDED", refund},
		{"PAYMENT.CAPTURE.REVERSED", refund},
		{"PAYMENT.REFUND.", refund},
		{"PAYMENT.SALE.COMPLETED", func(event string) string {
			return saleEvent("COMPLETED", "completed", "3K160249AB7154100", "9.99", "USD")
		}},
		{"PAYMENT.SALE.", func(event string) string {
			return refundEventV1(event, "completed", "2MU95170AB330184C", "sale_id", "3K160249AB7154100", "9.99", "USD")
		}},
		{"PAYMENT.PAYOUTS-ITEM.", func(event string) string { return payoutEvent(event, "SUCCESS", "K1M2QXW5ZT9BE", "9.99") }},
		{"CUSTOMER.DISPUTE.", func(event string) string {
			return disputeEvent(strings.TrimPrefix(event, "CUSTOMER.DISPUTE."), "RESOLVED_SELLER_FAVOUR", "PP-D-1", "3K160249AB7154100", "9.99", "USD")
		}},
		{"", func(event string) string {
			return strings.Replace(captureEvent("COMPLETED", "COMPLETED", "3K160249AB7154100", "9.99", "USD"), "PAYMENT.CAPTURE.COMPLETED", event, 1)
		}},
	}
	seen := map[string]bool{}
	for _, e := range Declaration.EventTypes() {
		t.Run(e.Name, func(t *testing.T) {
			if seen[e.Name] || e.Reason == "" {
				t.Errorf("%+v: listed twice, or without a reason", e)
			}
			seen[e.Name] = true
			body := ""
			for _, r := range resources {
				if strings.HasPrefix(e.Name, r.prefix) {
					body = r.body(e.Name)
					break
				}
			}
			var kinds []string
			for _, event := range readEvents([]byte(body)) {
				if event.Type != e.Name || event.Err != nil {
					t.Fatalf("%+v", event)
				}
				if event.Transaction != nil {
					kinds = append(kinds, event.Transaction.Kind)
				}
			}
			if got := strings.Join(kinds, ", "); got != e.Becomes {
				t.Errorf("becomes %q, declared is %q", got, e.Becomes)
			}
		})
	}
	for name := range readersOf {
		if !Declaration.Knows(name) {
			t.Errorf("%s is read and not declared", name)
		}
	}
}
