package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"payment-webhooks/local/session"
)

// want is how a row must come out.
type want struct {
	status int
	stored string // what the table holds for the key afterwards: "new", "unchanged", "nothing"
	kind   string // of what is new: "payment", "refund", …
	route  string // "workflow", "alert", "log", or "" for none
	fraud  string // risk level; "" when it is not scored
	alerts int    // texts that subscribers receive: email and SMS
}

// row is one request and what became of it.
type row struct {
	title    string
	body     string   // posted to /webhook as it is
	native   []string // or what scripts/send does as the provider
	provider string
	id       string // of the transaction, "" when the body has none
	want     want

	// anyEffect says that only the response and the table are checked: what else
	// happens depends on the amount of a payload that is not known here.
	anyEffect bool

	before map[string]any // the item before the request
	got    want
	note   string // what the answer says
	millis string
}

func payment(id, amount, currency, more string) string {
	return fmt.Sprintf(`{"transaction_id": %q, "amount": %s, "currency": %q, "provider": "stripe", "customer_id": "cust_789"%s}`,
		id, amount, currency, more)
}

// payments lists what the demonstration sends: each tier, each side of each
// threshold, and what the webhook endpoint rejects.
func payments() []row {
	const (
		order      = `, "metadata": {"order_id": "order_123"}`
		wary       = `, "metadata": {"new_customer": true, "vpn": true}`
		suspicious = `, "metadata": {"ip_country": "US", "card_country": "ID", "attempts_last_hour": 12}`
	)
	high := func(risk string) want {
		w := want{status: 202, stored: "new", kind: "payment", route: "workflow", fraud: risk, alerts: 2}
		if risk == "high" {
			w.alerts = 4 // the fraud alert too
		}
		return w
	}
	medium := want{status: 202, stored: "new", kind: "payment", route: "alert", alerts: 2}
	low := want{status: 202, stored: "new", kind: "payment", route: "log"}
	refused := want{status: 400, stored: "nothing"}
	rows := []row{
		{title: "15000 USD", id: "txn_1", body: payment("txn_1", "15000", "USD", order), want: high("low")},
		{title: "10000.01 USD, new customer, VPN", id: "txn_2", body: payment("txn_2", "10000.01", "USD", wary), want: high("medium")},
		{title: "10000 USD", id: "txn_3", body: payment("txn_3", "10000", "USD", ""), want: medium},
		{title: "5000 EUR", id: "txn_4", body: payment("txn_4", "5000", "EUR", ""), want: medium},
		{title: "1000 USD", id: "txn_5", body: payment("txn_5", "1000", "USD", ""), want: medium},
		{title: "999.99 USD", id: "txn_6", body: payment("txn_6", "999.99", "USD", ""), want: low},
		{title: "15000 JPY", id: "txn_7", body: payment("txn_7", "15000", "JPY", ""), want: high("low")},
		{title: "6000000000 IDR, many attempts", id: "txn_8", body: payment("txn_8", "6000000000", "IDR", suspicious), want: high("high")},
		{title: "the first again", id: "txn_1", body: payment("txn_1", "15000.00", "USD", order), want: want{status: 200, stored: "unchanged"}},
		{title: "the first, 15001 USD", id: "txn_1", body: payment("txn_1", "15001", "USD", order), want: want{status: 409, stored: "unchanged"}},
		{title: "no customer_id, currency DOLLAR", id: "txn_9", body: `{"transaction_id": "txn_9", "amount": 1, "currency": "DOLLAR", "provider": "stripe"}`, want: refused},
		{title: "malformed JSON", body: `{"transaction_id": "txn_10", `, want: refused},
		{title: "card number in metadata", id: "txn_11", body: payment("txn_11", "250", "USD", `, "metadata": {"note": "paid with 4111 1111 1111 1111"}`), want: low},
	}
	for i := range rows {
		rows[i].provider = "stripe"
	}
	return rows
}

// natives lists what the providers themselves send: one notification of each that
// scripts/send knows, a forged one and a stale one.
func natives(sender session.Sender) []row {
	kind := func(w want, kind string) want {
		w.kind = kind
		return w
	}
	high := want{status: 202, stored: "new", route: "workflow", fraud: "low", alerts: 2}
	medium := want{status: 202, stored: "new", route: "alert", alerts: 2}
	low := want{status: 202, stored: "new", route: "log"}
	forged := want{status: 401, stored: "nothing"}
	featured := map[string]row{
		"stripe": {title: "Stripe: payment_intent.succeeded", id: "pi_3RkExamplePayment000001", native: []string{"--fixture", "payment"}, want: kind(high, "payment")},
		"adyen":  {title: "Adyen: REFUND", id: "NC6HT9CRT65ZGN82", native: []string{"--fixture", "refund"}, want: kind(medium, "refund")},
		"paypal": {title: "PayPal: PAYMENT.PAYOUTS-ITEM.SUCCEEDED", id: "K7M2QXW5ZT9BE", native: []string{"--fixture", "payout"}, want: kind(low, "payout")},
		"square": {title: "Square: dispute.created", id: "XDgyFu7yo1E2S5lQGGpYn", native: []string{"--fixture", "dispute"}, want: kind(high, "dispute")},
	}
	var rows []row
	for _, name := range slices.Sorted(maps.Keys(sender.Providers)) {
		if name == "canonical" { // payments has its rows
			continue
		}
		r, ok := featured[name]
		if !ok {
			r = row{title: name + ": payment", native: []string{"--fixture", "payment"}, want: want{status: 202, stored: "new"}, anyEffect: true}
		}
		r.provider = name
		rows = append(rows, r)
	}
	return append(rows,
		row{title: "Stripe, amount changed after signing", provider: "stripe", id: "pi_forged", native: []string{"--id", "pi_forged", "--tamper"}, want: forged},
		row{title: "Stripe, signed ten minutes ago", provider: "stripe", id: "pi_stale", native: []string{"--id", "pi_stale", "--skew", "-10m"}, want: forged},
	)
}

// send makes the row's delivery and notes the answer.
func (r *row) send(ctx context.Context, b *bench) (err error) {
	if r.id != "" {
		if r.before, err = b.Item(ctx, r.id, r.provider); err != nil {
			return err
		}
	}
	answer, err := r.deliver(ctx, b)
	if err != nil {
		return err
	}
	r.millis = answer.Millis
	r.got.status = answer.Status
	r.note = summary([]byte(answer.Body))
	if r.anyEffect {
		var accepted struct {
			TransactionID string `json:"transaction_id"`
		}
		if err := json.Unmarshal([]byte(answer.Body), &accepted); err != nil {
			return err
		}
		r.id = accepted.TransactionID
	}
	return nil
}

func (r *row) deliver(ctx context.Context, b *bench) (session.Answer, error) {
	if r.native == nil {
		start := time.Now()
		res, err := b.Post(ctx, "/webhook", "application/json", []byte(r.body))
		took := float64(time.Since(start).Microseconds()) / 1000
		return session.Answer{Status: res.Status, Body: string(res.Body), Millis: fmt.Sprintf("%.1f", took)}, err
	}
	args := r.native
	if b.sender.Providers[r.provider].Certificate {
		args = append(args, "--internet", b.internet)
	}
	sent, err := b.Send(ctx, b.sender, r.provider, b.secrets[r.provider], args...)
	if err != nil {
		return session.Answer{}, err
	}
	if len(sent.Answers) != 1 {
		return session.Answer{}, fmt.Errorf("%d answers: %s", len(sent.Answers), sent.Errors)
	}
	return sent.Answers[0], nil
}

// summary is what an answer says, in a few words.
func summary(body []byte) string {
	var answer struct {
		Duplicate *bool
		Results   []json.RawMessage
		Title     string
		Errors    []struct{ Field string }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "not JSON"
	}
	if len(answer.Results) == 1 {
		return summary(answer.Results[0])
	}
	if answer.Duplicate != nil {
		if *answer.Duplicate {
			return "duplicate"
		}
		return "accepted"
	}
	if len(answer.Errors) == 0 {
		return answer.Title
	}
	fields := make([]string, len(answer.Errors))
	for i, e := range answer.Errors {
		fields[i] = e.Field
	}
	return "wrong: " + strings.Join(fields, ", ")
}
