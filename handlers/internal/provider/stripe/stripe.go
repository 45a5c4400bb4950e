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

// Name is the provider's name in the path and in transactions.
const Name = "stripe"

// maxTypeBytes bounds the event type, which the response repeats. Stripe's longest is
// shorter than 100 bytes.
const maxTypeBytes = 128

// Provider is Stripe as a provider.Provider. It has no state.
type Provider struct{}

var _ provider.Provider = Provider{}

// New returns the provider.
func New() Provider { return Provider{} }

// eventMappings maps the event types that become transactions.
var eventMappings = map[string]struct {
	kind   string // the transaction's kind
	object string // the type of the event's object
	amount string // the object's member with the amount
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
	eventType := event.Text("type")
	if eventType == "" || len(eventType) > maxTypeBytes || strings.ContainsFunc(eventType, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("%w: an event without a type", provider.ErrUnreadable)
	}
	out := provider.Event{Type: eventType}
	switch event.Text("object") {
	case "event":
		out.Transaction, out.Err = decodeSnapshot(eventType, event)
	case "v2.core.event":
		out.Err = decodeThin(eventType)
	default:
		out.Err = fmt.Errorf("%w: neither a snapshot event nor a thin one", provider.ErrUnreadable)
	}
	return []provider.Event{out}, nil
}

// decodeThin returns an error for an event type whose snapshot event would have become
// a transaction.
func decodeThin(eventType string) error {
	if _, ok := eventMappings[strings.TrimPrefix(eventType, "v1.")]; ok {
		return fmt.Errorf("%w: a thin event has no amount; set the endpoint's payload style to snapshot", provider.ErrUnreadable)
	}
	return nil
}

// decodeSnapshot returns the transaction of an event, or nil without an error if the
// event is ignored.
func decodeSnapshot(eventType string, event provider.Object) (*transaction.Transaction, error) {
	mapping, ok := eventMappings[eventType]
	if !ok {
		return nil, nil
	}
	about := event.Object("data").Object("object")
	if about.Text("object") != mapping.object {
		return nil, fmt.Errorf("%w: the event is not about a %s", provider.ErrUnreadable, mapping.object)
	}
	if status := about.Text("status"); status == "failed" || status == "canceled" {
		return nil, nil // no money was moved
	}
	paid, err := readMoney(about, mapping.amount)
	if err != nil {
		return nil, err
	}
	t := &transaction.Transaction{
		ID:         about.Text("id"),
		Provider:   Name,
		Kind:       mapping.kind,
		Money:      paid,
		CustomerID: cmp.Or(ref(about, "customer"), ref(about, "customer_account"), contract.UnknownCustomer),
		Metadata:   metadata(mapping.kind, event, about),
	}
	if mapping.kind == contract.KindRefund || mapping.kind == contract.KindDispute {
		t.PaymentID = cmp.Or(ref(about, "payment_intent"), ref(about, "charge"))
	}
	if err := t.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	return t, nil
}

// readMoney reads a member that counts minor units. A missing member is a syntax error.
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

// metadata returns the metadata that the package comment lists.
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

// ref returns the id of another object. Stripe writes the id in place of the object
// unless it was asked to expand the object.
// https://docs.stripe.com/api/expanding_objects
func ref(o provider.Object, name string) string {
	return cmp.Or(o.Object(name).Text("id"), o.Text(name))
}
