package paypal

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/providertest"
	"payment-webhooks/handlers/internal/transaction"
)

func amount(tb testing.TB, text string) money.Amount {
	tb.Helper()
	a, err := money.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func decode(tb testing.TB, body []byte) provider.Event {
	tb.Helper()
	events, err := New(Options{}).Decode(provider.Delivery{Body: body})
	if err != nil || len(events) != 1 {
		tb.Fatalf("Decode = %v, %v, want one event", events, err)
	}
	return events[0]
}

func TestEventsBecomeTransactions(t *testing.T) {
	for _, tt := range []struct {
		fixture, eventType string
		want               transaction.Transaction
	}{
		{"payment", "PAYMENT.CAPTURE.COMPLETED", transaction.Transaction{
			ID: "5TB61832KE940713M", Kind: contract.KindPayment, Money: money.Money{Amount: amount(t, "15000"), Currency: "USD"}, CustomerID: contract.UnknownCustomer,
			Metadata: ledgertest.Metadata(`{"custom_id":"cart-8812","invoice_id":"INV-2026-004711","order_id":"8RD40217PV652390L"}`),
		}},
		{"refund", "PAYMENT.CAPTURE.REFUNDED", transaction.Transaction{
			ID: "2HN95604WL817320F", Kind: contract.KindRefund, PaymentID: "5TB61832KE940713M",
			Money: money.Money{Amount: amount(t, "1250.5"), Currency: "USD"}, CustomerID: contract.UnknownCustomer,
			Metadata: ledgertest.Metadata(`{"custom_id":"cart-8812","invoice_id":"INV-2026-004711"}`),
		}},
		{"reversal", "PAYMENT.CAPTURE.REVERSED", transaction.Transaction{
			ID: "7CJ30918RS246501V", Kind: contract.KindReversal, ReversedKind: contract.KindPayment, Reverses: "1VW72653QA085914G", PaymentID: "1VW72653QA085914G",
			Money: money.Money{Amount: amount(t, "48000"), Currency: "JPY"}, CustomerID: contract.UnknownCustomer,
		}},
		{"sale", "PAYMENT.SALE.COMPLETED", transaction.Transaction{
			ID: "4KD70519XM382641B", Kind: contract.KindPayment, Money: money.Money{Amount: amount(t, "49.9"), Currency: "EUR"}, CustomerID: contract.UnknownCustomer,
			Metadata: ledgertest.Metadata(`{"billing_agreement_id":"I-7KD2QXH94MTW","custom":"member-20417"}`),
		}},
		{"sale_refund", "PAYMENT.SALE.REFUNDED", transaction.Transaction{
			ID: "8YM26703HC514930L", Kind: contract.KindRefund, PaymentID: "4KD70519XM382641B",
			Money: money.Money{Amount: amount(t, "19.9"), Currency: "EUR"}, CustomerID: contract.UnknownCustomer,
		}},
		{"sale_reversal", "PAYMENT.SALE.REVERSED", transaction.Transaction{
			ID: "3VB58264ZN901736E", Kind: contract.KindReversal, ReversedKind: contract.KindPayment,
			Money: money.Money{Amount: amount(t, "30"), Currency: "EUR"}, CustomerID: contract.UnknownCustomer,
		}},
		{"dispute", "CUSTOMER.DISPUTE.CREATED", transaction.Transaction{
			ID: "PP-R-TZV-560214873", Kind: contract.KindDispute, PaymentID: "5TB61832KE940713M",
			Money: money.Money{Amount: amount(t, "13749.5"), Currency: "USD"}, CustomerID: contract.UnknownCustomer,
			Metadata: ledgertest.Metadata(`{"custom":"cart-8812","invoice_number":"INV-2026-004711","reason":"MERCHANDISE_OR_SERVICE_NOT_RECEIVED"}`),
		}},
		{"payout", "PAYMENT.PAYOUTS-ITEM.SUCCEEDED", transaction.Transaction{
			ID: "K7M2QXW5ZT9BE", Kind: contract.KindPayout, Money: money.Money{Amount: amount(t, "842.1"), Currency: "EUR"}, CustomerID: "GH7W2KX9TQ4ML",
			Metadata: ledgertest.Metadata(`{"payout_batch_id":"R4HD8LNC3VJ6Y","sender_item_id":"share-2026-11-0042","transaction_id":"9FL06471GX532817D"}`),
		}},
	} {
		t.Run(tt.fixture, func(t *testing.T) {
			tt.want.Provider = "paypal"
			got := decode(t, fixture(t, tt.fixture))
			if got.Err != nil || got.Type != tt.eventType {
				t.Fatalf("Decode = %q, %v, want %q", got.Type, got.Err, tt.eventType)
			}
			if diff := cmp.Diff(&tt.want, got.Transaction); diff != "" {
				t.Errorf("transaction (-want +got):\n%s", diff)
			}
			if err := got.Transaction.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOtherEventsAreIgnored(t *testing.T) {
	if got := decode(t, fixture(t, "ignored")); got.Type != "CHECKOUT.ORDER.APPROVED" || got.Transaction != nil || got.Err != nil {
		t.Errorf("Decode = %+v", got)
	}
	for _, eventType := range []string{
		"PAYMENT.CAPTURE.PENDING", "PAYMENT.CAPTURE.DENIED", "PAYMENT.AUTHORIZATION.CREATED", "PAYMENT.SALE.PENDING", "PAYMENT.SALE.DENIED",
		"CUSTOMER.DISPUTE.UPDATED", "RISK.DISPUTE.CREATED",
		"PAYMENT.PAYOUTSBATCH.SUCCESS", "PAYMENT.PAYOUTS-ITEM.HELD", "payment.capture.completed", "SOMETHING.NEW",
	} {
		got := decode(t, fmt.Appendf(nil, `{"event_type": %q, "resource": {"id": "X"}}`, eventType))
		if got.Type != eventType || got.Transaction != nil || got.Err != nil {
			t.Errorf("%s: %+v", eventType, got)
		}
	}
}

// PayPal's own repetition differs in the envelope, and a later look at the same
// object in its state and fees.
func TestRepeatedEventIsTheSame(t *testing.T) {
	for name, changes := range map[string][][2]string{
		"payment": {
			{`"id": "WH-3MT58213AB604915K-7PE20467XN318254D"`, `"id": "WH-0000"`},
			{`"create_time": "2026-11-22T14:03:11.482Z"`, `"create_time": "2026-11-23T00:00:00Z"`},
			{`"value": "523.99"`, `"value": "600.00"`},
			{`"status": "COMPLETED"`, `"status": "PARTIALLY_REFUNDED"`},
			{`"update_time": "2026-11-22T14:03:07Z"`, `"update_time": "2026-11-23T00:00:00Z"`},
			{`"value": "15000.00"`, `"value": "15000"`},
		},
		"sale": {
			{`"id": "WH-1HC62947RT308516V-4SN85073EB619204P"`, `"id": "WH-0000"`},
			{`"invoice_number": ""`, `"invoice_number": "INV-1"`}, // as PayPal does
			{`"value": "1.84"`, `"value": "2.00"`},
			{`"state": "completed"`, `"state": "partially_refunded"`},
			{`"update_time": "2026-11-22T10:02:11Z"`, `"update_time": "2026-11-23T00:00:00Z"`},
		},
		"sale_refund": {
			{`"total": "-19.90"`, `"total": "19.90"`}, // either sign, as the package comment says
			{`"refund_reason_code": "REFUND"`, `"refund_reason_code": "OTHER"`},
		},
	} {
		first := fixture(t, name)
		again := first
		for _, change := range changes {
			if !bytes.Contains(again, []byte(change[0])) {
				t.Fatalf("%s has no %s", name, change[0])
			}
			again = bytes.ReplaceAll(again, []byte(change[0]), []byte(change[1]))
		}
		a, b := decode(t, first), decode(t, again)
		if a.Transaction.Fingerprint() != b.Transaction.Fingerprint() {
			t.Errorf("transactions differ:\n%s", cmp.Diff(a.Transaction, b.Transaction))
		}
	}
}

func TestReceiverOfAPayout(t *testing.T) {
	body := bytes.Replace(fixture(t, "payout"), []byte(`"recipient_type": "PAYPAL_ID"`), []byte(`"recipient_type": "EMAIL"`), 1)
	body = bytes.Replace(body, []byte("GH7W2KX9TQ4ML"), []byte("alex@example.com"), 1)
	if got := decode(t, body); got.Err != nil || got.Transaction.CustomerID != contract.UnknownCustomer {
		t.Errorf("Decode = %+v", got)
	}
}

func TestAmountsAreTakenAsWritten(t *testing.T) {
	for _, tt := range []struct{ value, currency, want string }{
		{"10.99", "USD", "10.99 USD"},
		{"0.01", "EUR", "0.01 EUR"},
		{".5", "USD", "0.50 USD"},
		{"1500", "JPY", "1500 JPY"},
		{"1500.00", "JPY", "1500 JPY"},
		{"1500", "HUF", "1500.00 HUF"}, // two decimals in ISO 4217
		{"1500", "TWD", "1500.00 TWD"},
	} {
		got := decode(t, capture(tt.value, tt.currency))
		if got.Err != nil {
			t.Errorf("%s %s: %v", tt.value, tt.currency, got.Err)
		} else if text := got.Transaction.Format(); text != tt.want {
			t.Errorf("%s %s = %s, want %s", tt.value, tt.currency, text, tt.want)
		}
	}
}

func capture(value, currency string) []byte {
	return fmt.Appendf(nil, `{"event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"id": "X1", "amount": {"value": %q, "currency_code": %q}}}`, value, currency)
}

func TestUnreadableEvents(t *testing.T) {
	refund := func(links string) []byte {
		return fmt.Appendf(nil, `{"event_type": "PAYMENT.CAPTURE.REFUNDED", "resource": {"id": "X1", "amount": {"value": "1", "currency_code": "USD"}, "links": %s}}`, links)
	}
	saleRefund := func(old, new string) []byte {
		return bytes.ReplaceAll(fixture(t, "sale_refund"), []byte(old), []byte(new))
	}
	bodies := map[string][]byte{
		"no resource":                     []byte(`{"event_type": "PAYMENT.CAPTURE.COMPLETED"}`),
		"resource of another type":        []byte(`{"event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": "X1"}`),
		"no id":                           []byte(`{"event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"amount": {"value": "1", "currency_code": "USD"}}}`),
		"id of another type":              []byte(`{"event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"id": 1, "amount": {"value": "1", "currency_code": "USD"}}}`),
		"no amount":                       []byte(`{"event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"id": "X1"}}`),
		"amount as a number":              []byte(`{"event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"id": "X1", "amount": {"value": 1, "currency_code": "USD"}}}`),
		"no dispute":                      []byte(`{"event_type": "CUSTOMER.DISPUTE.CREATED", "resource": {"disputed_transactions": []}}`),
		"no payout":                       []byte(`{"event_type": "PAYMENT.PAYOUTS-ITEM.SUCCEEDED", "resource": {"payout_item": []}}`),
		"negative":                        capture("-1.00", "USD"),
		"exponent":                        capture("1e3", "USD"),
		"not a number":                    capture("NaN", "USD"),
		"empty amount":                    capture("", "USD"),
		"two points":                      capture("1.2.3", "USD"),
		"thousands":                       capture("15,000.00", "USD"),
		"too many decimals":               capture("1.001", "USD"),
		"too much":                        capture("99999999999999.99", "USD"),
		"forint with decimals":            capture("1500.50", "HUF"),
		"new Taiwan dollar with decimals": capture("1500.5", "TWD"),
		"yen with decimals":               capture("1500.5", "JPY"),
		"no currency":                     capture("1.00", ""),
		"currency in lower case":          capture("1.00", "usd"),
		"unknown currency":                capture("1.00", "XBT"),
		"refund of nothing":               refund(`[]`),
		"refund without a link up":        refund(`[{"rel": "self", "href": "https://api.paypal.com/v2/payments/captures/X2"}]`),
		"refund of no capture":            refund(`[{"rel": "up", "href": "https://api.paypal.com/v2/payments/sale/X2"}]`),
		"refund of further":               refund(`[{"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/X2/refund"}]`),
		"links of another type":           refund(`{"rel": "up"}`),
		"link of another type":            refund(`["up"]`),
		"sale of a negative amount":       bytes.ReplaceAll(fixture(t, "sale"), []byte(`"total": "49.90"`), []byte(`"total": "-49.90"`)),
		"sale without an amount":          []byte(`{"event_type": "PAYMENT.SALE.COMPLETED", "resource": {"id": "X1", "amount": {"value": "1", "currency_code": "USD"}}}`),
		"sale refund of a double sign":    saleRefund(`"total": "-19.90"`, `"total": "--19.90"`),
		"sale refund of an odd sale":      saleRefund(`"sale_id": "4KD70519XM382641B"`, `"sale_id": "a b"`),
		"sale refund that is the sale":    saleRefund(`/v1/payments/refund/8YM26703HC514930L`, `/v1/payments/sale/8YM26703HC514930L`),
		"sale refund without links":       saleRefund(`"links"`, `"no links"`),
	}
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		t.Run(name, func(t *testing.T) {
			got := decode(t, bodies[name])
			if !errors.Is(got.Err, provider.ErrUnreadable) || got.Transaction != nil || got.Type == "" {
				t.Errorf("Decode = %+v, want %v", got, provider.ErrUnreadable)
			}
		})
	}
}

func TestBodyThatIsNoEventIsUnreadable(t *testing.T) {
	bodies := map[string]string{
		"not JSON":           "event_type=PAYMENT.CAPTURE.COMPLETED",
		"no type":            `{"id": "WH-1"}`,
		"type is a number":   `{"event_type": 1}`,
		"type is empty":      `{"event_type": ""}`,
		"type of two lines":  `{"event_type": "A\nB"}`,
		"type of many bytes": `{"event_type": "` + strings.Repeat("A", maxEventType+1) + `"}`,
	}
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		t.Run(name, func(t *testing.T) {
			got := decode(t, []byte(bodies[name]))
			if !errors.Is(got.Err, provider.ErrUnreadable) || got.Transaction != nil {
				t.Errorf("Decode = %+v, want %v", got, provider.ErrUnreadable)
			}
		})
	}
}

// FuzzDecode: whatever PayPal signs, there are one or two events, each with the binding
// of the transmission, and a transaction only if it obeys the rules.
func FuzzDecode(f *testing.F) {
	providertest.Seed(f)
	f.Add(capture(".5", "HUF"))
	f.Add([]byte(`{"event_type": "PAYMENT.SALE.REVERSED", "resource": {"id": "X1", "amount": {"total": "-.5", "currency": "HUF"}, "links": [{"rel": "self", "href": "/v1/payments/refund/X1"}]}}`))
	p := New(Options{})
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := p.Decode(provider.Delivery{Header: http.Header{"Paypal-Transmission-Id": {"b2384410"}}, Body: body})
		providertest.CheckDecoded(t, Name, events, err)
		if err != nil || len(events) < 1 || len(events) > 2 {
			t.Fatalf("Decode = %+v, %v", events, err)
		}
		for _, e := range events {
			if len(e.Type) > maxEventType || e.Binding.ID != "b2384410" || e.Binding.Content != sha256.Sum256(body) || e.Binding.For <= MaxAge {
				t.Errorf("Decode = %+v", e)
			}
		}
	})
}
