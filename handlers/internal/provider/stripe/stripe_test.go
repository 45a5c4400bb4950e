package stripe_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/ledger/ledgertest"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/providertest"
	"payment-webhooks/handlers/internal/provider/stripe"
	"payment-webhooks/handlers/internal/transaction"
)

func decode(body []byte) ([]provider.Event, error) {
	return stripe.New().Decode(provider.Delivery{Body: body})
}

// one returns the one event of a body that can be read at all.
func one(t testing.TB, body []byte) provider.Event {
	t.Helper()
	events, err := decode(body)
	if err != nil || len(events) != 1 {
		t.Fatalf("%v, %v; want one event", events, err)
	}
	return events[0]
}

// edit replaces text that occurs in a fixture.
func edit(t testing.TB, body []byte, oldnew ...string) []byte {
	t.Helper()
	for i := 0; i < len(oldnew); i += 2 {
		if !bytes.Contains(body, []byte(oldnew[i])) {
			t.Fatalf("the fixture has no %s", oldnew[i])
		}
		body = bytes.ReplaceAll(body, []byte(oldnew[i]), []byte(oldnew[i+1]))
	}
	return body
}

// emptied removes the balance transactions from the fixture of a dispute.
func emptied(t testing.TB, body []byte) []byte {
	t.Helper()
	from, to := bytes.Index(body, []byte(`"balance_transactions": [`)), bytes.Index(body, []byte(`"charge": "ch_`))
	if from < 0 || to < from {
		t.Fatal("no balance transactions")
	}
	return slices.Concat(body[:from], []byte(`"balance_transactions": [], `), body[to:])
}

// told describes the result of Decode: "refund re_1 5 USD of pi_1", "reversal
// re_1_failed 5 USD of pi_1, of refund re_1", "ignored" or "unreadable".
func told(t testing.TB, body []byte) []string {
	t.Helper()
	events, err := decode(body)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range events {
		switch tx := e.Transaction; {
		case e.Err != nil:
			texts = append(texts, "unreadable")
		case tx == nil:
			texts = append(texts, "ignored")
		default:
			text := fmt.Sprintf("%s %s %s %s", tx.Kind, tx.ID, tx.Amount, tx.Currency)
			if tx.PaymentID != "" {
				text += " of " + tx.PaymentID
			}
			if tx.ReversedKind != "" {
				text += strings.TrimRight(", of "+tx.ReversedKind+" "+tx.Reverses, " ")
			}
			texts = append(texts, text)
		}
	}
	return texts
}

func amount(t testing.TB, text string) money.Amount {
	t.Helper()
	a, err := money.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestFactsBecomeTransactions(t *testing.T) {
	tests := []struct {
		fixture, event string
		want           transaction.Transaction
	}{
		{"payment", "payment_intent.succeeded", transaction.Transaction{
			ID: "pi_3RkExamplePayment000001", Provider: "stripe", Kind: contract.KindPayment,
			Money: money.Money{Amount: amount(t, "15000"), Currency: "USD"}, CustomerID: "cus_RkExampleCustomer1",
			Metadata: ledgertest.Metadata(`{"charge":"ch_3RkExampleCharge0000001","metadata":{"channel":"web","order_id":"1001"}}`),
		}},
		{"refund", "refund.created", transaction.Transaction{
			ID: "re_3RkExampleRefund0000001", Provider: "stripe", Kind: contract.KindRefund, PaymentID: "pi_3RkExamplePayment000001",
			Money: money.Money{Amount: amount(t, "2500.5"), Currency: "USD"}, CustomerID: "cus_RkExampleCustomer1",
			Metadata: ledgertest.Metadata(`{"charge":"ch_3RkExampleCharge0000001","metadata":{"ticket":"S-204"},"reason":"requested_by_customer"}`),
		}},
		{"dispute", "charge.dispute.created", transaction.Transaction{
			ID: "du_1RkExampleDispute000001", Provider: "stripe", Kind: contract.KindDispute, PaymentID: "pi_3RkExamplePayment000001",
			Money: money.Money{Amount: amount(t, "15000"), Currency: "USD"}, CustomerID: contract.UnknownCustomer,
			Metadata: ledgertest.Metadata(`{"charge":"ch_3RkExampleCharge0000001","reason":"fraudulent"}`),
		}},
		{"payout", "payout.paid", transaction.Transaction{
			ID: "po_1RkExamplePayout0000001", Provider: "stripe", Kind: contract.KindPayout,
			Money: money.Money{Amount: amount(t, "780.42"), Currency: "EUR"}, CustomerID: contract.UnknownCustomer,
			Metadata: ledgertest.Metadata(`{"balance_transaction":"txn_1RkExampleBalance00004","destination":"ba_1RkExampleBank000000001"}`),
		}},
	}
	for _, tt := range tests {
		t.Run(tt.fixture, func(t *testing.T) {
			got := one(t, fixture(t, tt.fixture))
			if diff := cmp.Diff(provider.Event{Type: tt.event, Transaction: &tt.want}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Stripe may create two events for one object, or post one to two endpoints.
func TestSecondEventIsADuplicate(t *testing.T) {
	for _, name := range []string{"payment", "refund", "dispute", "payout"} {
		t.Run(name, func(t *testing.T) {
			body := fixture(t, name)
			first := one(t, body)
			second := one(t, edit(t, body, `"id": "evt_`, `"id": "evt_9`, `"pending_webhooks": 1`, `"pending_webhooks": 2`,
				`"api_version": "2026-09-30.endive"`, `"api_version": "2024-10-28.acacia"`, `"request": {`, `"request": { "attempt": 2, `,
				`"created": 17`, `"created": 18`))
			if first.Transaction.Fingerprint() != second.Transaction.Fingerprint() {
				t.Errorf("\n%+v\n%+v", first.Transaction, second.Transaction)
			}
		})
	}
}

func TestOtherEventsAreIgnored(t *testing.T) {
	payment, refund, thin := fixture(t, "payment"), fixture(t, "refund"), fixture(t, "thin")
	tests := []struct {
		name string
		body []byte
		want string
	}{
		{"the charge of a payment", fixture(t, "ignored"), "charge.succeeded"},
		{"a payment that begins", edit(t, payment, "payment_intent.succeeded", "payment_intent.created"), "payment_intent.created"},
		{"a payment to be captured", edit(t, payment, "payment_intent.succeeded", "payment_intent.amount_capturable_updated"), "payment_intent.amount_capturable_updated"},
		{"a refund that is created as failed", edit(t, refund, `"status": "succeeded"`, `"status": "failed"`), "refund.created"},
		{"a refund that is created as canceled", edit(t, refund, `"status": "succeeded"`, `"status": "canceled"`), "refund.created"},
		{"a payout that failed at once", edit(t, fixture(t, "payout"), `"status": "paid"`, `"status": "failed"`), "payout.paid"},
		{"a running total of refunds", edit(t, fixture(t, "ignored"), "charge.succeeded", "charge.refunded"), "charge.refunded"},
		{"a dispute that is an inquiry", edit(t, emptied(t, fixture(t, "dispute")), "needs_response", "warning_needs_response"), "charge.dispute.created"},
		{"a dispute that was prevented", edit(t, emptied(t, fixture(t, "dispute")), "needs_response", "prevented"), "charge.dispute.created"},
		{"a dispute that ends", edit(t, fixture(t, "dispute"), "charge.dispute.created", "charge.dispute.closed"), "charge.dispute.closed"},
		{"a payout on its way", edit(t, fixture(t, "payout"), "payout.paid", "payout.created"), "payout.created"},
		{"a type to come", edit(t, payment, "payment_intent.succeeded", "payment_intent.succeeded.twice"), "payment_intent.succeeded.twice"},
		{"a thin event of another kind", edit(t, thin, "v1.payment_intent.succeeded", "v1.payment_intent.created"), "v1.payment_intent.created"},
		{"an event of API v2", edit(t, thin, "v1.payment_intent.succeeded", "v2.core.account[requirements].updated"), "v2.core.account[requirements].updated"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(provider.Event{Type: tt.want}, one(t, tt.body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReferences(t *testing.T) {
	payment, refund, dispute := fixture(t, "payment"), fixture(t, "refund"), fixture(t, "dispute")
	const intent = `"payment_intent": "pi_3RkExamplePayment000001"`
	tests := []struct {
		name                string
		body                []byte
		customer, paymentID string
		metadata            string
	}{
		{
			"guest", edit(t, payment, `"cus_RkExampleCustomer1"`, `null`),
			"unknown", "", `{"charge":"ch_3RkExampleCharge0000001","metadata":{"channel":"web","order_id":"1001"}}`,
		},
		{
			"customer that is an account", edit(t, payment, `"cus_RkExampleCustomer1"`, `null`, `"customer_account": null`, `"customer_account": "acct_1RkExample"`),
			"acct_1RkExample", "", `{"charge":"ch_3RkExampleCharge0000001","metadata":{"channel":"web","order_id":"1001"}}`,
		},
		{
			"expanded customer", edit(t, payment, `"cus_RkExampleCustomer1"`, `{"id": "cus_2", "object": "customer", "email": "e@example.com"}`),
			"cus_2", "", `{"charge":"ch_3RkExampleCharge0000001","metadata":{"channel":"web","order_id":"1001"}}`,
		},
		{
			"no metadata, as before 2022-11-15", edit(t, payment, `"order_id": "1001",`, ``, `"channel": "web"`, ``, `"latest_charge"`, `"charges"`),
			"cus_RkExampleCustomer1", "", ``,
		},
		{
			"test mode of a connected account", edit(t, payment, `"livemode": true`, `"livemode": false`, `"object": "event",`, `"object": "event", "account": "acct_1",`),
			"cus_RkExampleCustomer1", "", `{"account":"acct_1","charge":"ch_3RkExampleCharge0000001","livemode":false,"metadata":{"channel":"web","order_id":"1001"}}`,
		},
		{
			"refund of a charge without a PaymentIntent", edit(t, refund, intent, `"payment_intent": null`),
			"cus_RkExampleCustomer1", "ch_3RkExampleCharge0000001", `{"charge":"ch_3RkExampleCharge0000001","metadata":{"ticket":"S-204"},"reason":"requested_by_customer"}`,
		},
		{
			"refund of no payment", edit(t, refund, intent, `"payment_intent": null`, `"charge": "ch_3RkExampleCharge0000001"`, `"charge": null`),
			"cus_RkExampleCustomer1", "", `{"metadata":{"ticket":"S-204"},"reason":"requested_by_customer"}`,
		},
		{
			"refund that is pending", edit(t, refund, `"status": "succeeded"`, `"status": "pending"`),
			"cus_RkExampleCustomer1", "pi_3RkExamplePayment000001", `{"charge":"ch_3RkExampleCharge0000001","metadata":{"ticket":"S-204"},"reason":"requested_by_customer"}`,
		},
		{
			"inquiry that became a chargeback", edit(t, dispute, `"needs_response"`, `"warning_needs_response"`),
			"unknown", "pi_3RkExamplePayment000001", `{"charge":"ch_3RkExampleCharge0000001","reason":"fraudulent"}`,
		},
		{
			"customer of two lines", edit(t, payment, `cus_RkExampleCustomer1`, `a\nb`),
			"sha256:7e18f737311b2dc3b2f269dd78396b0351f14fb66efa879f768cb23181883c78", "", `{"charge":"ch_3RkExampleCharge0000001","metadata":{"channel":"web","order_id":"1001"}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			event := one(t, tt.body)
			if event.Transaction == nil {
				t.Fatal(event.Err)
			}
			got := [3]string{event.Transaction.CustomerID, event.Transaction.PaymentID, event.Transaction.Metadata.String()}
			if want := [3]string{tt.customer, tt.paymentID, tt.metadata}; got != want {
				t.Errorf("\n%q, want\n%q", got, want)
			}
		})
	}
}

func TestPartialCapture(t *testing.T) {
	event := one(t, edit(t, fixture(t, "payment"), `"amount_received": 1500000`, `"amount_received": 999`))
	if got := event.Transaction.Amount.String(); got != "9.99" {
		t.Errorf("%s", got)
	}
}

func TestUnreadableEvents(t *testing.T) {
	payment := fixture(t, "payment")
	received := `"amount_received": 1500000`
	tests := []struct {
		name string
		body []byte
	}{
		{"thin event of a used type", fixture(t, "thin")},
		{"neither snapshot nor thin", edit(t, payment, `"object": "event"`, `"object": "events"`)},
		{"about another object", edit(t, payment, `"object": "payment_intent"`, `"object": "charge"`)},
		{"about nothing", edit(t, payment, `"data": {`, `"date": {`)},
		{"about a list", edit(t, payment, `"object": {`, `"object": [{`, "    }\n  },\n  \"livemode\"", "    }]\n  },\n  \"livemode\"")},
		{"no amount", edit(t, payment, received, `"amount_received": null`)},
		{"amount as text", edit(t, payment, received, `"amount_received": "1500000"`)},
		{"amount negative", edit(t, payment, received, `"amount_received": -1500000`)},
		{"amount of half a cent", edit(t, payment, received, `"amount_received": 0.5`)},
		{"amount absurd", edit(t, payment, received, `"amount_received": 1e60`)},
		{"amount beyond every bound once converted", edit(t, payment, received, `"amount_received": 1e-129`)},
		{"króna in fractions", edit(t, payment, received, `"amount_received": 550`, `"usd"`, `"isk"`)},
		{"stablecoin", edit(t, payment, `"usd"`, `"usdc"`)},
		{"no currency", edit(t, payment, `"usd"`, `null`)},
		{"currency of which Stripe says nothing", edit(t, payment, `"usd"`, `"iqd"`)},
		{"no id", edit(t, payment, `"id": "pi_3RkExamplePayment000001"`, `"id": ""`)},
		{"id like a card number", edit(t, payment, `"id": "pi_3RkExamplePayment000001"`, `"id": "4111111111111111"`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			event := one(t, tt.body)
			if !errors.Is(event.Err, provider.ErrUnreadable) || event.Transaction != nil || event.Type == "" {
				t.Errorf("%+v", event)
			}
		})
	}
}

func TestBodiesThatAreNoEventAreUnreadable(t *testing.T) {
	tests := []struct{ name, body string }{
		{"no JSON", "id=evt_1&type=payment_intent.succeeded"},
		{"no type", `{"object":"event"}`},
		{"a type that is a number", `{"object":"event","type":1}`},
		{"a type of two lines", `{"object":"event","type":"payment_intent.succeeded\n"}`},
		{"a type without end", `{"object":"event","type":"` + strings.Repeat("x", 129) + `"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, err := decode([]byte(tt.body))
			if !errors.Is(err, provider.ErrUnreadable) || events != nil {
				t.Errorf("%v, %v", events, err)
			}
		})
	}
}

// A quarantine's reason goes into logs and alarms.
func TestReasonsRepeatNothingOfTheBody(t *testing.T) {
	for _, body := range []string{
		`{"object":"event","type":"refund.created","data":{"object":{"object":"refund","id":"4111111111111111","amount":"4111111111111111","currency":"4111111111111111"}}}`,
		`{"object":"event","type":"refund.created","data":{"object":{"object":"refund","id":"4111111111111111","amount":4111111111111111,"currency":"usd","customer":"4111111111111111"}}}`,
		`{"4111111111111111":4111111111111111e999}`,
		`{"4111111111111111":4111111111111111,}`,
	} {
		events, err := decode([]byte(body))
		if err == nil {
			err = events[0].Err
		}
		if err == nil || strings.Contains(err.Error(), "4111111111111111") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Whatever the body: no panic, a result that fits the contract of Decode, and
// only transactions that the rules allow.
func FuzzDecode(f *testing.F) {
	// Small ones: the fuzzer spends its time minimising large ones.
	for _, seed := range []string{
		`{"object":"event","type":"payment_intent.succeeded","livemode":false,"account":"acct_1","data":{"object":{"object":"payment_intent","id":"pi_1","amount_received":1e2,"currency":"usd","customer":{"id":"cus_1"},"latest_charge":"ch_1","metadata":{"a":"b"}}}}`,
		`{"object":"event","type":"refund.created","data":{"object":{"object":"refund","id":"re_1","amount":550,"currency":"isk","payment_intent":"pi_1","status":"failed"}}}`,
		`{"object":"event","type":"charge.dispute.created","data":{"object":{"object":"dispute","id":"du_1","amount":1,"currency":"kwd","charge":"ch_1","reason":"fraudulent"}}}`,
		`{"object":"event","type":"payout.paid","data":{"object":{"object":"payout","id":"po_1","amount":-5,"currency":"jpy","destination":"ba_1"}}}`,
		`{"object":"event","type":"charge.captured","data":{"object":{"object":"charge","id":"ch_1","amount":500,"amount_refunded":5,"currency":"usd"}}}`,
		`{"object":"event","type":"charge.refunded","api_version":"2020-08-27","data":{"object":{"object":"charge","id":"ch_1","amount":9,"amount_captured":7,"amount_refunded":3,"currency":"usd","refunds":{"data":[{"id":"re_2","amount":1,"currency":"usd"},{"id":"re_1","amount":2,"currency":"usd"}]}}}}`,
		`{"object":"event","type":"refund.failed","data":{"object":{"object":"refund","id":"re_1","amount":5,"currency":"usd","charge":"ch_1"}}}`,
		`{"object":"event","type":"charge.dispute.funds_reinstated","data":{"object":{"object":"dispute","id":"du_1","amount":5,"currency":"usd","balance_transactions":[{"amount":-5,"currency":"eur"},{"amount":5,"currency":"eur","created":2}]}}}`,
		`{"object":"event","type":"payout.failed","data":{"object":{"object":"payout","id":"po_1","amount":-5,"currency":"jpy","original_payout":"po_2"}}}`,
		`{"object":"v2.core.event","type":"v1.payout.paid"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := decode(body)
		providertest.CheckDecoded(t, stripe.Name, events, err)
		if err == nil && len(events) == 0 {
			t.Error("no event")
		}
		for _, e := range events {
			if !utf8.ValidString(e.Type) || e.Type != events[0].Type {
				t.Errorf("%+v", events)
			}
		}
	})
}
