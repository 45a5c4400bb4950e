package stripe_test

import (
	"net/http"
	"strings"
	"testing"

	"payment-webhooks/handlers/internal/intake/intaketest"
	"payment-webhooks/handlers/internal/provider/stripe"
)

// deliver delivers bodies one after the other, and returns the last response and all
// that is stored, as "payment pi_1 19.99 USD".
func deliver(t *testing.T, bodies ...[]byte) (status int, body string, stored []string, endpoint *intaketest.Endpoint) {
	t.Helper()
	endpoint = intaketest.NewEndpoint(t, stripe.Declaration, nil)
	for _, b := range bodies {
		response := endpoint.Deliver(t, sentAt, nil, string(b))
		status, body = response.Status, response.Body
	}
	for _, tx := range endpoint.Ledger.All() {
		stored = append(stored, strings.Join([]string{tx.Kind, tx.ID, tx.Amount.String(), tx.Currency}, " "))
	}
	return status, body, stored, endpoint
}

// Of an API version before 2024-10-28 every refund of a charge used to be ignored.
func TestRefundOfAnOldVersion(t *testing.T) {
	t.Run("is quarantined with the version if it has no id", func(t *testing.T) {
		status, body, stored, endpoint := deliver(t, fixture(t, "charge_refunded_unlisted"))
		if status != http.StatusAccepted || !strings.Contains(body, `"quarantined":"unreadable"`) || len(stored) > 0 {
			t.Errorf("%d %s %v", status, body, stored)
		}
		if len(endpoint.Quarantined) != 1 || !strings.Contains(endpoint.Quarantined[0], "charge.refunded of API version 2023-10-16 ") {
			t.Errorf("quarantined: %v", endpoint.Quarantined)
		}
	})
	t.Run("is stored if the charge lists it", func(t *testing.T) {
		status, _, stored, endpoint := deliver(t, fixture(t, "charge_refunded"))
		if status != http.StatusAccepted || len(stored) != 2 || len(endpoint.Quarantined) > 0 {
			t.Errorf("%d %v %v", status, stored, endpoint.Quarantined)
		}
	})
	t.Run("is ignored in a version with refund.created", func(t *testing.T) {
		body := edit(t, fixture(t, "charge_refunded_unlisted"), "2023-10-16", "2026-09-30.endive")
		if status, body, stored, _ := deliver(t, body); status != http.StatusOK || body != `{"ignored":"charge.refunded"}` || len(stored) > 0 {
			t.Errorf("%d %s %v", status, body, stored)
		}
	})
	t.Run("is a duplicate of refund.created", func(t *testing.T) {
		status, body, stored, _ := deliver(t, fixture(t, "refund"), edit(t, fixture(t, "charge_refunded"), "re_3RkExampleRefund0000010", "re_3RkExampleRefund0000011"))
		if status != http.StatusAccepted || len(stored) != 2 || strings.Count(body, `"duplicate":true`) != 1 {
			t.Errorf("%d %s %v", status, body, stored)
		}
	})
}

func TestTwoVersionsAreDuplicates(t *testing.T) {
	for _, tt := range []struct {
		name       string
		first, old []byte
	}{
		{"payment", fixture(t, "payment"), fixture(t, "payment_2022")},
		{"refund", fixture(t, "refund"), object(before, "charge.refund.updated", `"object":"refund","id":"re_3RkExampleRefund0000001","amount":250050,"charge":"ch_3RkExampleCharge0000001","payment_intent":"pi_3RkExamplePayment000001","status":"succeeded"`)},
		{"dispute", fixture(t, "dispute"), object(before, "charge.dispute.created", `"object":"dispute","id":"du_1RkExampleDispute000001","amount":1500000,"charge":"ch_3RkExampleCharge0000001","payment_intent":"pi_3RkExamplePayment000001","status":"needs_response"`)},
		{"refund without a PaymentIntent", fixture(t, "refund"), object("2018-11-08", "charge.refund.updated", `"object":"refund","id":"re_3RkExampleRefund0000001","amount":250050,"charge":"ch_3RkExampleCharge0000001","status":"succeeded"`)},
		{"dispute without a PaymentIntent", fixture(t, "dispute"), object("2018-11-08", "charge.dispute.created", `"object":"dispute","id":"du_1RkExampleDispute000001","amount":1500000,"charge":"ch_3RkExampleCharge0000001","status":"needs_response"`)},
		{"payout", edit(t, fixture(t, "payout"), `"eur"`, `"usd"`), object(before, "payout.paid", `"object":"payout","id":"po_1RkExamplePayout0000001","amount":78042`)},
		{"charge", fixture(t, "charge"), object("2017-08-15", "charge.succeeded", `"object":"charge","id":"ch_3RkExampleCharge0000009","amount":1500000,"captured":true`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, bodies := range map[string][][]byte{"the old one last": {tt.first, tt.old}, "the old one first": {tt.old, tt.first}} {
				status, body, stored, endpoint := deliver(t, bodies...)
				if status != http.StatusOK || !strings.Contains(body, `"duplicate":true`) || len(stored) != 1 || len(endpoint.Quarantined) > 0 {
					t.Errorf("%s: %d %s %v %v", name, status, body, stored, endpoint.Quarantined)
				}
			}
		})
	}
}

func TestZeroPaymentIsIgnored(t *testing.T) {
	status, body, stored, endpoint := deliver(t, edit(t, fixture(t, "payment"), `"amount_received": 1500000`, `"amount_received": 0`))
	if status != http.StatusOK || body != `{"ignored":"payment_intent.succeeded"}` || len(stored) > 0 || len(endpoint.Quarantined) > 0 {
		t.Errorf("%d %s %v", status, body, stored)
	}
}
