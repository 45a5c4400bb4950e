package stripe

import (
	"cmp"
	"fmt"
	"strconv"
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

// decoders maps the event types that become transactions to the type of the event's
// object and to what reads it.
var decoders = map[string]struct {
	object string
	decode func(snapshot) ([]*transaction.Transaction, error)
}{
	"payment_intent.succeeded": {"payment_intent", snapshot.paymentIntent},
	"payment_intent.canceled":  {"payment_intent", snapshot.paymentIntent},
	"charge.succeeded":         {"charge", snapshot.charge},
	"charge.captured":          {"charge", snapshot.charge},

	"charge.refunded":       {"charge", snapshot.refundsOfCharge},
	"refund.created":        {"refund", snapshot.refund},
	"refund.updated":        {"refund", snapshot.refund},
	"refund.failed":         {"refund", snapshot.refund},
	"charge.refund.updated": {"refund", snapshot.refund},

	"charge.dispute.created":          {"dispute", snapshot.dispute},
	"charge.dispute.funds_withdrawn":  {"dispute", snapshot.dispute},
	"charge.dispute.funds_reinstated": {"dispute", snapshot.dispute},

	"payout.paid":     {"payout", snapshot.payout},
	"payout.failed":   {"payout", snapshot.payout},
	"payout.canceled": {"payout", snapshot.payout},
}

// Decode reads the one event of a delivery, which may tell several facts: one Event for
// each of them. See the package comment.
func (Provider) Decode(d provider.Delivery) ([]provider.Event, error) {
	event, err := provider.ParseObject(d.Body, "account", "api_version", "data", "livemode", "object", "type")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
	}
	eventType := event.Text("type")
	if eventType == "" || len(eventType) > maxTypeBytes || strings.ContainsFunc(eventType, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("%w: an event without a type", provider.ErrUnreadable)
	}
	var facts []*transaction.Transaction
	switch event.Text("object") {
	case "event":
		facts, err = decodeSnapshot(eventType, event)
	case "v2.core.event":
		err = decodeThin(eventType)
	default:
		err = fmt.Errorf("%w: neither a snapshot event nor a thin one", provider.ErrUnreadable)
	}
	var events []provider.Event
	for _, fact := range facts {
		events = append(events, provider.Event{Type: eventType, Transaction: fact})
	}
	if err != nil || len(events) == 0 {
		events = append(events, provider.Event{Type: eventType, Err: err})
	}
	return events, nil
}

// decodeThin returns an error for an event type whose snapshot event may become a
// transaction.
func decodeThin(eventType string) error {
	if _, ok := decoders[strings.TrimPrefix(eventType, thinPrefix)]; ok {
		return fmt.Errorf("%w: a thin event has no amount; set the endpoint's payload style to snapshot", provider.ErrUnreadable)
	}
	return nil
}

// snapshot is an event with its object as it was when the event happened.
type snapshot struct {
	eventType    string
	event, about provider.Object
}

// decodeSnapshot returns the facts that an event tells; none without an error if the
// event is ignored. There may be facts beside an error.
func decodeSnapshot(eventType string, event provider.Object) ([]*transaction.Transaction, error) {
	decoder, ok := decoders[eventType]
	if !ok {
		return nil, nil
	}
	s := snapshot{eventType, event, event.Object("data").Object("object")}
	if s.about.Text("object") != decoder.object {
		return nil, fmt.Errorf("%w: the event is not about a %s", provider.ErrUnreadable, decoder.object)
	}
	facts, err := decoder.decode(s)
	for _, fact := range facts {
		if err := fact.Check(); err != nil {
			return nil, fmt.Errorf("%w: %w", provider.ErrUnreadable, err)
		}
	}
	return facts, err
}

// fact returns a transaction about an object with an amount in minor units of the
// object's currency, or nil if the amount is zero. A missing amount is an error.
func (s snapshot) fact(kind string, about provider.Object, minor string, members map[string]any) (*transaction.Transaction, error) {
	amount, err := readMoney(minor, about.Text("currency"))
	if err != nil || amount.Amount.IsZero() {
		return nil, err
	}
	return &transaction.Transaction{
		ID:         about.Text("id"),
		Provider:   Name,
		Kind:       kind,
		Money:      amount,
		CustomerID: transaction.CustomerID(cmp.Or(ref(about, "customer"), ref(about, "customer_account"))),
		Metadata:   s.metadata(about, members),
	}, nil
}

// one returns the result of fact as a list.
func one(fact *transaction.Transaction, err error) ([]*transaction.Transaction, error) {
	if fact == nil {
		return nil, err
	}
	return []*transaction.Transaction{fact}, nil
}

// reversal returns the transaction that takes a fact back. Stripe has no object of its
// own for it, so its id is told from the fact's.
func (s snapshot) reversal(fact *transaction.Transaction, what string, members map[string]any) *transaction.Transaction {
	back := *fact
	back.ID += "_" + what
	back.Kind, back.Reverses, back.ReversedKind = contract.KindReversal, fact.ID, fact.Kind
	back.Metadata = s.metadata(s.about, members)
	return &back
}

// metadata returns the metadata that the package comment lists, with members, which it
// changes.
func (s snapshot) metadata(about provider.Object, members map[string]any) transaction.Metadata {
	members["account"] = s.event.Text("account")
	if live, ok := s.event["livemode"].(bool); ok && !live {
		members["livemode"] = false
	}
	if own := about.Object("metadata"); len(own) > 0 {
		members["metadata"] = map[string]any(own)
	}
	return provider.Metadata(members)
}

// readMoney reads a number of minor units. Zero is read in any currency.
func readMoney(minor, currency string) (money.Money, error) {
	currency = strings.ToUpper(currency)
	n, ok := decimals(currency)
	m, err := money.FromMinor(minor, n, currency)
	switch {
	case err != nil:
		return money.Money{}, fmt.Errorf("%w: amount: %w", provider.ErrUnreadable, err)
	case !ok && !m.Amount.IsZero():
		return money.Money{}, fmt.Errorf("%w: a currency whose minor unit Stripe does not document", provider.ErrUnreadable)
	}
	return m, nil
}

// integer reads a member that is an integer, as all of Stripe's amounts and times are.
func integer(o provider.Object, name string) (n int64, ok bool) {
	n, err := strconv.ParseInt(o.Number(name), 10, 64)
	return n, err == nil
}

// ref returns the id of another object. Stripe writes the id in place of the object
// unless it was asked to expand the object.
// https://docs.stripe.com/api/expanding_objects
func ref(o provider.Object, name string) string {
	return cmp.Or(o.Object(name).Text("id"), o.Text(name))
}

// movedNothing reports whether an object's status says that its money did not move, or
// came back.
func movedNothing(about provider.Object) bool {
	status := about.Text("status")
	return status == "failed" || status == "canceled"
}
