package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"payment-webhooks/local/session"
)

// want is how a row must come out.
type want struct {
	status int
	stored string // what the table holds for the key afterwards: "new", "unchanged", "nothing"
	route  string // "workflow", "alert", "log", or "" for none
	fraud  string // risk level; "" when it is not scored
	alerts int    // texts that subscribers receive: email and SMS
}

// row is one request and what became of it.
type row struct {
	title string
	body  string
	id    string // of the transaction, "" when the body has none
	want  want

	before map[string]any // the item before the request
	got    want
	note   string // what the answer says
	millis float64
}

const provider = "stripe"

func payment(id, amount, currency, more string) string {
	return fmt.Sprintf(`{"transaction_id": %q, "amount": %s, "currency": %q, "provider": %q, "customer_id": "cust_789"%s}`,
		id, amount, currency, provider, more)
}

// payments lists what the demonstration sends: each tier, each side of each
// threshold, and what the door refuses.
func payments() []row {
	const (
		order      = `, "metadata": {"order_id": "order_123"}`
		wary       = `, "metadata": {"new_customer": true, "vpn": true}`
		suspicious = `, "metadata": {"ip_country": "US", "card_country": "ID", "attempts_last_hour": 12}`
	)
	high := func(risk string) want {
		w := want{status: 202, stored: "new", route: "workflow", fraud: risk, alerts: 2}
		if risk == "high" {
			w.alerts = 4 // the fraud alert too
		}
		return w
	}
	medium := want{status: 202, stored: "new", route: "alert", alerts: 2}
	low := want{status: 202, stored: "new", route: "log"}
	refused := want{status: 400, stored: "nothing"}
	return []row{
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
		{title: "no customer_id, currency DOLLAR", id: "txn_9", body: fmt.Sprintf(`{"transaction_id": "txn_9", "amount": 1, "currency": "DOLLAR", "provider": %q}`, provider), want: refused},
		{title: "malformed JSON", body: `{"transaction_id": "txn_10", `, want: refused},
		{title: "card number in metadata", id: "txn_11", body: payment("txn_11", "250", "USD", `, "metadata": {"note": "paid with 4111 1111 1111 1111"}`), want: low},
	}
}

// send posts the row's body and notes the answer.
func (r *row) send(ctx context.Context, s *session.Session) (err error) {
	if r.id != "" {
		if r.before, err = s.Item(ctx, r.id, provider); err != nil {
			return err
		}
	}
	start := time.Now()
	res, err := s.Post(ctx, "/webhook", "application/json", []byte(r.body))
	if err != nil {
		return err
	}
	r.millis = float64(time.Since(start).Microseconds()) / 1000
	r.got.status = res.Status
	r.note = summary(res.Body)
	return nil
}

// summary is what an answer says, in a few words.
func summary(body []byte) string {
	var answer struct {
		Duplicate *bool
		Title     string
		Errors    []struct{ Field string }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "not JSON"
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
