package stripe

import (
	"cmp"
	"fmt"
	"strings"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/transaction"
)

// Name is the provider's name, in paths and in transactions.
const Name = "stripe"

// maxTypeBytes bounds the type of an event, which an answer repeats. The
// longest of Stripe's is below 100.
const maxTypeBytes = 128

// Provider is Stripe. It keeps nothing.
type Provider struct{}

var _ provider.Provider = Provider{}

// New returns Stripe.
func New() Provider { return Provider{} }

// facts are the event types that become transactions.
var facts = map[string]struct {
	kind, object string // what it becomes, and what it must be about
	amount       string // the member that has the amount
}{
	"payment_intent.succeeded": {contract.KindPayment, "payment_intent", "amount_received"},
	"refund.created":           {contract.KindRefund, "refund", "amount"},
	"charge.dispute.created":   {contract.KindDispute, "dispute", "amount"},
	"payout.paid":              {contract.KindPayout, "payout", "amount"},
}

// Decode reads the one event of a delivery. See the package comment.
func (Provider) Decode(d provider.Delivery) ([]provider.Event, error) {
	event, err := provider.ParseObject(d.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	kind := event.Text("type")
	if kind == "" || len(kind) > maxTypeBytes || strings.ContainsFunc(kind, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("%w: an event without a type", provider.ErrUnreadable)
	}
	out := provider.Event{Type: kind}
	switch event.Text("object") {
	case "event":
		out.Transaction, out.Err = decodeSnapshot(kind, event)
	case "v2.core.event":
		out.Err = decodeThin(kind)
	default:
		out.Err = fmt.Errorf("%w: neither a snapshot event nor a thin one", provider.ErrUnreadable)
	}
	return []provider.Event{out}, nil
}

// decodeThin returns an error for a fact that a snapshot event would have told.
func decodeThin(kind string) error {
	if _, ok := facts[strings.TrimPrefix(kind, "v1.")]; ok {
		return fmt.Errorf("%w: a thin event has no amount; set the endpoint's payload style to snapshot", provider.ErrUnreadable)
	}
	return nil
}

// decodeSnapshot returns the transaction of an event, or none when the event is
// to be ignored.
func decodeSnapshot(kind string, event provider.Object) (*transaction.Transaction, error) {
	fact, ok := facts[kind]
	if !ok {
		return nil, nil
	}
	about := event.Object("data").Object("object")
	if about.Text("object") != fact.object {
		return nil, fmt.Errorf("%w: the event is not about a %s", provider.ErrUnreadable, fact.object)
	}
	if status := about.Text("status"); status == "failed" || status == "canceled" {
		return nil, nil // no money was moved
	}
	paid, err := readMoney(about, fact.amount)
	if err != nil {
		return nil, err
	}
	t := &transaction.Transaction{
		ID:         about.Text("id"),
		Provider:   Name,
		Kind:       fact.kind,
		Money:      paid,
		CustomerID: cmp.Or(ref(about, "customer"), ref(about, "customer_account"), contract.UnknownCustomer),
		Metadata:   metadata(fact.kind, event, about),
	}
	if fact.kind == contract.KindRefund || fact.kind == contract.KindDispute {
		t.PaymentID = cmp.Or(ref(about, "payment_intent"), ref(about, "charge"))
	}
	if err := t.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	return t, nil
}

// readMoney reads the member that counts minor units; if there is none, that is
// a syntax error.
func readMoney(about provider.Object, member string) (money.Money, error) {
	currency := strings.ToUpper(about.Text("currency"))
	n, ok := decimals(currency)
	if !ok {
		return money.Money{}, fmt.Errorf("%w: a currency whose minor unit Stripe does not document", provider.ErrUnreadable)
	}
	m, err := money.FromMinor(about.Number(member), n, currency)
	if err != nil {
		return money.Money{}, fmt.Errorf("%w: amount: %w", provider.ErrUnreadable, err)
	}
	return m, nil
}

// metadata is what the package comment lists, none when there is nothing.
func metadata(kind string, event, about provider.Object) transaction.Metadata {
	members := map[string]any{"account": event.Text("account")}
	if live, ok := event["livemode"].(bool); ok && !live {
		members["livemode"] = false
	}
	switch kind {
	case contract.KindPayment:
		members["charge"] = ref(about, "latest_charge")
	case contract.KindRefund, contract.KindDispute:
		members["charge"] = ref(about, "charge")
		members["reason"] = about.Text("reason")
	case contract.KindPayout:
		members["balance_transaction"] = ref(about, "balance_transaction")
		members["destination"] = ref(about, "destination")
	}
	if own := about.Object("metadata"); len(own) > 0 {
		members["metadata"] = map[string]any(own)
	}
	return provider.Metadata(members)
}

// ref is the id of another object, which Stripe writes in place of that object
// unless it was asked to expand it.
// https://docs.stripe.com/api/expanding_objects
func ref(o provider.Object, name string) string {
	return cmp.Or(o.Object(name).Text("id"), o.Text(name))
}
