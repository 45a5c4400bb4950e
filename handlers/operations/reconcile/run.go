package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"payment-webhooks/handlers/internal/ledger"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/history"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/transaction"
)

// InFlight is the age below which an event may still be on its way: providers deliver within
// seconds, and repeat a delivery that failed a few times within minutes.
const InFlight = 15 * time.Minute

// maxAhead is how far an event may be ahead of our clock before the report warns. It is the
// tolerance of signed times.
const maxAhead = provider.Tolerance

// Ledger is what the comparison reads. package table has one for a stack's table.
type Ledger interface {
	// Get returns the transaction that is stored under a key, or ledger.ErrNotFound. It is
	// safe for concurrent use.
	Get(ctx context.Context, key ledger.Key) (ledger.Record, error)
}

// Config is what a comparison works with.
type Config struct {
	Source   *Source
	Ledger   Ledger
	From, To time.Time // of Source.Window
	Now      func() time.Time

	// Delivery delivers what is missing; nil only compares.
	Delivery *Delivery

	// Progress, unless it is nil, is called after each page.
	Progress func(Progress)
}

// Progress is how far a comparison is.
type Progress struct {
	Pages, Listed, Missing, Different, Sent int
	Oldest, Newest                          time.Time // of the last page's events
}

// Run compares the events of a window with the ledger. Beside an error there is a report of
// what was compared until then, whose Complete is false. It holds one page of events at a
// time, and of the others what the report lists and 16 bytes each.
func Run(ctx context.Context, c Config) (Report, error) {
	r := run{
		Config: c,
		report: Report{Provider: c.Source.Name(), From: c.From, To: c.To, Items: []Item{}, Transactions: map[State]int{Missing: 0, Different: 0, Flying: 0}},
		types:  map[string]*Type{}, told: map[ledger.Key]State{}, listed: map[ledger.Key]int{}, sent: map[ledger.Key]bool{},
	}
	err := r.pages(ctx)
	r.report.Complete = err == nil
	if c.Delivery != nil {
		err = errors.Join(err, r.awaitStored(ctx))
	}
	if r.ahead > 0 {
		r.report.Warnings = append(r.report.Warnings, fmt.Sprintf("%d events are dated up to %s after now: check the clock of this machine", r.ahead, r.aheadBy.Round(time.Second)))
	}
	if err == nil && r.report.Listed == 0 && c.Source.provider.WhenEmpty != "" {
		r.report.Warnings = append(r.report.Warnings, c.Source.provider.WhenEmpty)
	}
	r.report.sort(r.types)
	return r.report, err
}

// run is a comparison.
type run struct {
	Config
	report Report
	types  map[string]*Type

	told   map[ledger.Key]State // transactions that are not present, by what was found first
	listed map[ledger.Key]int   // their index in the report's items, unless omitted
	sent   map[ledger.Key]bool  // those of which an event was delivered

	limiter  *rate.Limiter   // of deliveries
	endpoint *history.Client // of the webhook endpoint

	ahead   int // events dated after now
	aheadBy time.Duration
}

func (r *run) pages(ctx context.Context) error {
	for batch, err := range history.Pages(ctx, r.Source.api, r.From, r.To) {
		if err != nil {
			return fmt.Errorf("list events of %s: %w", r.report.Provider, err)
		}
		r.report.Pages, r.report.Repeated = batch.Page, r.report.Repeated+batch.Repeated
		if err := r.batch(ctx, batch.Events); err != nil {
			return err
		}
		r.progress(batch.Events)
	}
	return nil
}

func (r *run) progress(events []history.Event) {
	if r.Progress == nil {
		return
	}
	p := Progress{
		Pages: r.report.Pages, Listed: r.report.Listed,
		Missing: r.report.Transactions[Missing], Different: r.report.Transactions[Different], Sent: len(r.sent),
	}
	for _, e := range events {
		if p.Oldest.IsZero() || e.CreatedAt.Before(p.Oldest) {
			p.Oldest = e.CreatedAt
		}
		if e.CreatedAt.After(p.Newest) {
			p.Newest = e.CreatedAt
		}
	}
	r.Progress(p)
}

// batch compares the events of a page, and delivers those that are missing.
func (r *run) batch(ctx context.Context, events []history.Event) error {
	decoded := make([]told, len(events))
	for i, event := range events {
		decoded[i] = r.decode(event)
	}
	if err := r.lookUp(ctx, decoded); err != nil {
		return err
	}
	for _, t := range decoded {
		missing := r.add(t)
		if len(missing) == 0 || r.Delivery == nil {
			continue
		}
		if err := r.deliver(ctx, t.event, missing); err != nil {
			return err
		}
	}
	return nil
}

// told is an event with the transactions that it tells.
type told struct {
	event   history.Event
	facts   []fact
	state   State  // of an event that tells none
	problem string // why it is unreadable
}

// fact is a transaction that an event tells, and what the ledger says of it.
type fact struct {
	transaction transaction.Transaction
	stored      *transaction.Transaction // nil if there is none
}

// decode reads an event as the webhook endpoint does.
func (r *run) decode(event history.Event) told {
	t := told{event: event, state: Ignored}
	events, err := r.Source.decoder.Decode(provider.Delivery{Body: event.Body, ReceivedAt: r.Now().UTC()})
	if err != nil {
		events = []provider.Event{{Err: err}}
	}
	for _, e := range events {
		err := e.Err
		if err == nil && e.Transaction != nil {
			e.Transaction.Provider = r.report.Provider
			err = e.Transaction.Check()
		}
		switch {
		case err != nil:
			t.state, t.problem = Unreadable, redact.Sanitise(err.Error())
		case e.Transaction != nil:
			clean, _ := e.Transaction.Redact(r.Source.declared.OwnIDs...)
			t.facts = append(t.facts, fact{transaction: clean})
		case e.Type != "" && !r.Source.declared.Knows(e.Type):
			t.state = Unknown
		}
	}
	return t
}

// add counts an event, lists what is not present, and returns those of its transactions that
// are missing and not on their way.
func (r *run) add(t told) (missing []ledger.Key) {
	r.report.Listed++
	now := r.Now()
	age := now.Sub(t.event.CreatedAt)
	if !t.event.CreatedAt.IsZero() && -age > maxAhead {
		r.ahead, r.aheadBy = r.ahead+1, max(r.aheadBy, -age)
	}
	state := t.state
	if len(t.facts) > 0 && state != Unreadable {
		state = Present
	}
	if state == Unknown || state == Unreadable {
		item := r.item(t.event, now)
		item.State, item.Detail = state, t.problem
		r.list(item)
	}
	for _, f := range t.facts {
		key := ledger.KeyOf(f.transaction)
		found, differs := f.compare()
		if found == Missing && !t.event.CreatedAt.IsZero() && age < InFlight {
			found = Flying
		}
		state = worse(state, found)
		if found == Present {
			continue
		}
		if found == Missing {
			missing = append(missing, key)
		}
		before, known := r.told[key]
		if known && worse(before, found) == before {
			continue
		}
		r.told[key] = found
		item := r.item(t.event, now)
		item.State, item.Differs = found, differs
		item.TransactionID, item.Kind = f.transaction.ID, f.transaction.Kind
		item.Amount, item.Currency = f.transaction.Amount.String(), f.transaction.Currency
		r.report.Transactions[found]++
		if !known {
			r.listKey(key, item)
			continue
		}
		r.report.Transactions[before]--
		if i, ok := r.listed[key]; ok {
			r.report.Items[i] = item
		}
	}
	r.count(t.event, state)
	return missing
}

// compare compares a transaction with the stored one.
func (f fact) compare() (State, []Field) {
	if f.stored == nil {
		return Missing, nil
	}
	contradictions, _ := f.transaction.Differences(*f.stored)
	if len(contradictions) == 0 {
		return Present, nil
	}
	var fields []Field
	for _, name := range contradictions {
		fields = append(fields, Field{name, f.transaction.MoneyField(name), f.stored.MoneyField(name)})
	}
	return Different, fields
}

// worse returns the state that an event has of which parts have two.
func worse(a, b State) State {
	for _, s := range []State{Unreadable, Missing, Different, Flying, Present, Unknown, Ignored} {
		if a == s || b == s {
			return s
		}
	}
	return a
}

func (r *run) item(e history.Event, now time.Time) Item {
	item := Item{EventID: redact.Sanitise(e.ID), EventType: redact.Sanitise(e.Type)}
	if at := e.CreatedAt; !at.IsZero() {
		until := at.Add(r.Source.Keeps())
		item.CreatedAt, item.KeptUntil, item.AgeSeconds = &at, &until, int64(now.Sub(at).Seconds())
	}
	return item
}

func (r *run) list(item Item) {
	if len(r.report.Items) == MaxItems {
		r.report.Omitted++
		return
	}
	r.report.Items = append(r.report.Items, item)
}

func (r *run) listKey(key ledger.Key, item Item) {
	if len(r.report.Items) < MaxItems {
		r.listed[key] = len(r.report.Items)
	}
	r.list(item)
}

// maxTypes bounds the event types that are counted by name, of which a provider has some
// hundred. The others are counted together.
const maxTypes = 1000

func (r *run) count(e history.Event, state State) {
	name := redact.Sanitise(e.Type)
	if r.types[name] == nil && len(r.types) >= maxTypes {
		name = "other"
	}
	if r.types[name] == nil {
		r.types[name] = &Type{Name: name, States: map[State]int{}}
	}
	r.types[name].Events++
	r.types[name].States[state]++
}
