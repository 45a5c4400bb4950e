package reconcile

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// State is what the comparison says of an event or of a transaction.
type State string

// States, as in the package's description. Of those of its transactions, an event has the
// first in this order.
const (
	Unreadable State = "unreadable"
	Missing    State = "missing"
	Different  State = "different"
	Flying     State = "in flight"
	Present    State = "present"
	Unknown    State = "unknown"
	Ignored    State = "ignored"
)

// States returns all states, in the order of their columns in a table.
func States() []State {
	return []State{Present, Missing, Different, Flying, Ignored, Unknown, Unreadable}
}

// MaxItems bounds the items that a report lists, so that a comparison in which everything is
// missing fits into memory. All are counted and delivered.
const MaxItems = 10_000

// Report is the result of a comparison. Its JSON is printed by scripts/ops reconcile.
type Report struct {
	Provider string    `json:"provider"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Complete bool      `json:"complete"` // false if the comparison ended with an error
	Listed   int       `json:"listed"`   // events, each once
	Repeated int       `json:"repeated"` // how often an event was listed again
	Pages    int       `json:"pages"`

	// Transactions counts those that are missing, different or in flight, each once, whatever
	// number of events tell it.
	Transactions map[State]int `json:"transactions"`

	Types    []Type   `json:"types"` // by name
	Items    []Item   `json:"items"` // missing, different, in flight, unknown and unreadable ones, oldest first
	Omitted  int      `json:"omitted,omitempty"`
	Warnings []string `json:"warnings,omitempty"`

	Delivery *DeliveryReport `json:"delivery,omitempty"`
}

// Type is what became of the events of one type.
type Type struct {
	Name   string        `json:"type"`
	Events int           `json:"events"`
	States map[State]int `json:"states"`
}

// Item is a transaction, or an event that tells none.
type Item struct {
	State         State      `json:"state"`
	TransactionID string     `json:"transaction_id,omitempty"`
	Kind          string     `json:"kind,omitempty"`
	Amount        string     `json:"amount,omitempty"`
	Currency      string     `json:"currency,omitempty"`
	EventID       string     `json:"event_id"` // of the event that told it first, in the order of the list
	EventType     string     `json:"event_type"`
	CreatedAt     *time.Time `json:"created_at,omitempty"` // when the event happened; absent if it does not say so
	AgeSeconds    int64      `json:"age_seconds,omitempty"`
	KeptUntil     *time.Time `json:"kept_until,omitempty"` // until when the provider lists the event
	Differs       []Field    `json:"differs,omitempty"`
	Detail        string     `json:"detail,omitempty"`   // why it is unreadable
	Delivery      string     `json:"delivery,omitempty"` // what became of its delivery
}

// Field is a field about money in which the provider and the ledger contradict each other.
type Field struct {
	Name     string `json:"field"`
	Provider string `json:"provider"`
	Ledger   string `json:"ledger"`
}

// DeliveryReport says what was, or would be, delivered.
type DeliveryReport struct {
	Executed   bool        `json:"executed"` // false: a dry run
	By         string      `json:"by"`       // how events are delivered, a phrase
	Events     int         `json:"events"`   // to deliver
	Statuses   map[int]int `json:"statuses"` // responses by HTTP status; 0 for none
	NowPresent int         `json:"now_present"`
	StillGone  int         `json:"still_missing"`
}

// Balanced reports whether nothing is missing or different, also after a delivery.
func (r Report) Balanced() bool {
	return r.Complete && r.Transactions[Missing] == 0 && r.Transactions[Different] == 0
}

// created returns when the event of an item happened; the zero time if it does not say so.
func created(i Item) time.Time {
	if i.CreatedAt == nil {
		return time.Time{}
	}
	return *i.CreatedAt
}

// sort brings types and items into an order that does not depend on the provider's.
func (r *Report) sort(types map[string]*Type) {
	r.Types = r.Types[:0]
	for _, t := range types {
		r.Types = append(r.Types, *t)
	}
	slices.SortFunc(r.Types, func(a, b Type) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(r.Items, func(a, b Item) int {
		return cmp.Or(created(a).Compare(created(b)), strings.Compare(a.TransactionID, b.TransactionID))
	})
}
