package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"payment-webhooks/local/session"
)

// want is the expected result of a row. The route follows from the stored amount and the
// rules of the assembly; see expect.
type want struct {
	status int
	stored string // what the table holds for the key afterwards: "new", "unchanged", "nothing"
	kind   string // of a new transaction: "payment", "refund", …
	route  string // "workflow", "alert", "log" or "queue" with the tier's name, or "" for none
	fraud  string // risk level; "" when it is not scored
	alerts int    // messages to subscribers: email and SMS
}

// row is one request and its result.
type row struct {
	title    string
	body     string   // posted to /webhook, if sendArgs is nil
	sendArgs []string // arguments of scripts/send, which sends it as the provider
	provider string
	id       string // of the transaction, "" when the body has none
	risk     string // level that a workflow must find, "" for any
	want     want

	before map[string]any // the item before the request
	got    want
	note   string // summary of the response
	millis string
}

func payment(id, amount, currency, more string) string {
	return fmt.Sprintf(`{"transaction_id": %q, "amount": %s, "currency": %q, "provider": "shop", "customer_id": "cust_789"%s}`,
		id, amount, currency, more)
}

// payments returns the rows that are posted to /webhook: amounts of each tier and on both
// sides of each bound, and requests that the webhook endpoint rejects.
func payments(tiers []session.Tier) ([]row, error) {
	const (
		order      = `, "metadata": {"order_id": "order_123"}`
		wary       = `, "metadata": {"new_customer": true, "vpn": true}`
		suspicious = `, "metadata": {"ip_country": "US", "card_country": "ID", "attempts_last_hour": 12}`
	)
	accepted := want{status: 202, stored: "new", kind: "payment"}
	rejected := want{status: 400, stored: "nothing"}
	rows := []row{
		{title: "15000 USD", id: "txn_1", body: payment("txn_1", "15000", "USD", order), risk: "low", want: accepted},
		{title: "10000.01 USD, new customer, VPN", id: "txn_2", body: payment("txn_2", "10000.01", "USD", wary), risk: "medium", want: accepted},
		{title: "10000 USD", id: "txn_3", body: payment("txn_3", "10000", "USD", ""), risk: "low", want: accepted},
		{title: "5000 EUR", id: "txn_4", body: payment("txn_4", "5000", "EUR", ""), risk: "low", want: accepted},
		{title: "1000 USD", id: "txn_5", body: payment("txn_5", "1000", "USD", ""), risk: "low", want: accepted},
		{title: "999.99 USD", id: "txn_6", body: payment("txn_6", "999.99", "USD", ""), risk: "low", want: accepted},
		{title: "15000 JPY", id: "txn_7", body: payment("txn_7", "15000", "JPY", ""), risk: "low", want: accepted},
		{title: "6000000000 IDR, many attempts", id: "txn_8", body: payment("txn_8", "6000000000", "IDR", suspicious), risk: "high", want: accepted},
		{title: "the first again", id: "txn_1", body: payment("txn_1", "15000.00", "USD", order), want: want{status: 200, stored: "unchanged"}},
		{title: "the first, 15001 USD", id: "txn_1", body: payment("txn_1", "15001", "USD", order), want: want{status: 409, stored: "unchanged"}},
		{title: "no customer_id, currency DOLLAR", id: "txn_9", body: `{"transaction_id": "txn_9", "amount": 1, "currency": "DOLLAR", "provider": "shop"}`, want: rejected},
		{title: "malformed JSON", body: `{"transaction_id": "txn_10", `, want: rejected},
		{title: "card number in metadata", id: "txn_11", body: payment("txn_11", "250", "USD", `, "metadata": {"note": "paid with 4111 1111 1111 1111"}`), risk: "low", want: accepted},
	}
	amounts, err := aroundBounds(tiers)
	if err != nil {
		return nil, err
	}
	for _, amount := range amounts {
		title := amount + " USD"
		if slices.ContainsFunc(rows, func(r row) bool { return r.title == title || strings.HasPrefix(r.title, title+",") }) {
			continue
		}
		id := "txn_bound_" + strings.Replace(amount, ".", "_", 1)
		rows = append(rows, row{title: title, id: id, body: payment(id, amount, "USD", ""), want: accepted})
	}
	for i := range rows {
		rows[i].provider = "shop"
	}
	return rows, nil
}

// aroundBounds returns the USD amounts in whole cents on both sides of each bound between
// tiers.
func aroundBounds(tiers []session.Tier) ([]string, error) {
	var amounts []string
	for _, t := range tiers {
		limits, err := t.Limits("USD")
		if err != nil {
			return nil, err
		}
		for _, limit := range limits {
			cents, ok := new(big.Rat).SetString(limit.String())
			if !ok {
				return nil, fmt.Errorf("tier %s has the limit %s", t.Name, limit)
			}
			cents.Mul(cents, big.NewRat(100, 1))
			floor := new(big.Int).Quo(cents.Num(), cents.Denom()).Int64() // at most 5e11
			for c := max(floor-1, 1); c <= floor; c++ {
				low, high := dollars(c), dollars(c+1)
				below, err := tierOf(tiers, low, "USD")
				if err != nil {
					return nil, err
				}
				above, err := tierOf(tiers, high, "USD")
				if err != nil {
					return nil, err
				}
				if below.Name != above.Name {
					amounts = append(amounts, low, high)
				}
			}
		}
	}
	slices.Sort(amounts)
	return slices.Compact(amounts), nil
}

// dollars writes cents as an amount, without needless zeros.
func dollars(cents int64) string {
	return strings.TrimSuffix(big.NewRat(cents, 100).FloatString(2), ".00")
}

// maxMatchable is the largest amount that every version of EventBridge compares; the relay marks
// events of larger ones.
var maxMatchable = big.NewRat(5_000_000_000, 1)

// tierOf returns the one tier whose rule matches an amount.
func tierOf(tiers []session.Tier, amount, currency string) (session.Tier, error) {
	detail := map[string]any{"amount": json.Number(amount), "currency": currency}
	if r, ok := new(big.Rat).SetString(amount); ok && r.Cmp(maxMatchable) > 0 {
		detail["amount_beyond_matching"] = true
	}
	var found []session.Tier
	for _, t := range tiers {
		matches, err := t.Matches(detail)
		if err != nil {
			return session.Tier{}, err
		}
		if matches {
			found = append(found, t)
		}
	}
	if len(found) != 1 {
		return session.Tier{}, fmt.Errorf("%d tiers match %s %s, want one", len(found), amount, currency)
	}
	return found[0], nil
}

// providerRows returns the rows that scripts/send sends: one notification of each
// provider, a forged one and a stale one.
func providerRows(sender session.Sender) []row {
	accepted := func(kind string) want { return want{status: 202, stored: "new", kind: kind} }
	forged := want{status: 401, stored: "nothing"}
	featured := map[string]row{
		"stripe": {title: "Stripe: payment_intent.succeeded", id: "pi_3RkExamplePayment000001", sendArgs: []string{"--fixture", "payment"}, risk: "low", want: accepted("payment")},
		"adyen":  {title: "Adyen: REFUND", id: "NC6HT9CRT65ZGN82", sendArgs: []string{"--fixture", "refund"}, risk: "low", want: accepted("refund")},
		"paypal": {title: "PayPal: PAYMENT.PAYOUTS-ITEM.SUCCEEDED", id: "K7M2QXW5ZT9BE", sendArgs: []string{"--fixture", "payout"}, risk: "low", want: accepted("payout")},
		"square": {title: "Square: dispute.created", id: "XDgyFu7yo1E2S5lQGGpYn", sendArgs: []string{"--fixture", "dispute"}, risk: "low", want: accepted("dispute")},
	}
	var rows []row
	for _, name := range slices.Sorted(maps.Keys(sender.Providers)) {
		if name == "canonical" { // payments has its rows
			continue
		}
		r, ok := featured[name]
		if !ok {
			r = row{title: name + ": payment", sendArgs: []string{"--fixture", "payment"}, want: accepted("payment")}
		}
		r.provider = name
		rows = append(rows, r)
	}
	return append(rows,
		row{title: "Adyen: REFUND_FAILED", provider: "adyen", id: "NC6HT9CRT65ZGN82_refund_failed", sendArgs: []string{"--fixture", "refund_failed"}, risk: "low", want: accepted("reversal")},
		row{title: "Stripe, amount changed after signing", provider: "stripe", id: "pi_forged", sendArgs: []string{"--id", "pi_forged", "--tamper"}, want: forged},
		row{title: "Stripe, signed ten minutes ago", provider: "stripe", id: "pi_stale", sendArgs: []string{"--id", "pi_stale", "--skew", "-10m"}, want: forged},
	)
}

// send makes the row's delivery and records the response.
func (r *row) send(ctx context.Context, s *stack) (err error) {
	if r.id != "" {
		if r.before, err = s.Item(ctx, r.id, r.provider); err != nil {
			return err
		}
	}
	response, err := r.deliver(ctx, s)
	if err != nil {
		return err
	}
	r.millis = response.Millis
	r.got.status = response.Status
	r.note = summary([]byte(response.Body))
	if r.id == "" && r.sendArgs != nil { // the fixture's id, known once it is accepted
		var accepted struct {
			TransactionID string `json:"transaction_id"`
		}
		if err := json.Unmarshal([]byte(response.Body), &accepted); err != nil {
			return err
		}
		r.id = accepted.TransactionID
	}
	return nil
}

func (r *row) deliver(ctx context.Context, s *stack) (session.SenderResponse, error) {
	if r.sendArgs == nil {
		start := time.Now()
		res, err := s.Post(ctx, "/webhook", "application/json", []byte(r.body))
		took := float64(time.Since(start).Microseconds()) / 1000
		return session.SenderResponse{Status: res.Status, Body: string(res.Body), Millis: fmt.Sprintf("%.1f", took)}, err
	}
	args := r.sendArgs
	if s.sender.Providers[r.provider].Certificate {
		args = append(args, "--egress", s.egressDir)
	}
	sent, err := s.Send(ctx, s.sender, r.provider, s.secrets[r.provider], args...)
	if err != nil {
		return session.SenderResponse{}, err
	}
	if len(sent.Responses) != 1 {
		return session.SenderResponse{}, fmt.Errorf("%d responses: %s", len(sent.Responses), sent.Errors)
	}
	return sent.Responses[0], nil
}

// summary describes a response in a few words.
func summary(body []byte) string {
	var result struct {
		Duplicate *bool
		Results   []json.RawMessage
		Title     string
		Errors    []struct{ Field string }
	}
	if err := json.Unmarshal(body, &result); err != nil {
		return "not JSON"
	}
	if len(result.Results) == 1 {
		return summary(result.Results[0])
	}
	if result.Duplicate != nil {
		if *result.Duplicate {
			return "duplicate"
		}
		return "accepted"
	}
	if len(result.Errors) == 0 {
		return result.Title
	}
	fields := make([]string, len(result.Errors))
	for i, e := range result.Errors {
		fields[i] = e.Field
	}
	return "wrong: " + strings.Join(fields, ", ")
}
