package deliveries

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a list, in deliveries and in events of a delivery.
const (
	pageSize   = 100
	maxInRow   = 20
	maxChoices = 200 // of a filter
)

// row is a delivery in the list.
type row struct {
	ID       uint64     `json:"id"`
	At       time.Time  `json:"at"`
	Method   string     `json:"method"`
	Path     string     `json:"path"`
	Provider string     `json:"provider"`
	Status   int        `json:"status"`
	Result   string     `json:"result"` // in a few words: accepted, Unauthorized, …
	Why      string     `json:"why"`    // as the sender was told
	Cause    string     `json:"cause"`  // as the function's log says
	MS       float64    `json:"ms"`
	Events   []eventRow `json:"events"`
	More     int        `json:"more"` // events that are not shown
}

// eventRow is an event of a delivery in the list.
type eventRow struct {
	Type     string   `json:"type"`
	Result   string   `json:"result"`
	ID       string   `json:"transaction_id"`
	Kind     string   `json:"kind"`
	Amount   string   `json:"amount"` // with its currency
	Currency string   `json:"currency"`
	Tiers    []string `json:"tiers"` // the rules that matched
	Risk     string   `json:"risk"`
	Score    string   `json:"score"`
	Alerts   int      `json:"alerts"` // notifications to subscribers
}

// list is a page of deliveries.
type list struct {
	Rows     []row               `json:"rows"`     // newest first
	Matching int                 `json:"matching"` // all that match
	Newer    int                 `json:"newer"`    // of these, newer than the rows
	Older    int                 `json:"older"`    // of these, older than the rows
	Kept     int                 `json:"kept"`
	Capacity int                 `json:"capacity"`
	Total    uint64              `json:"total"`   // since the local run began
	Choices  map[string][]string `json:"choices"` // values of what is kept, by filter
}

// filter selects deliveries. A zero field selects all. Where it is about an event of a delivery, one that
// matches is enough.
type filter struct {
	provider, eventType, status, tier, risk, kind, result, currency, text string

	alerts   string // yes or no
	min, max *float64
	slow     *float64 // milliseconds, at least
	from, to time.Time

	upTo uint64 // no delivery newer than this one in the rows; 0: from the newest on
}

var errFilter = errors.New("no such filter")

// parseFilter reads a filter from a query, such as provider=stripe&status=401.
func parseFilter(query url.Values) (f filter, err error) {
	number := func(text string) *float64 {
		n, errNumber := strconv.ParseFloat(text, 64)
		if errNumber != nil {
			err = errors.Join(err, fmt.Errorf("%w: %q is no number", errFilter, text))
		}
		return &n
	}
	at := func(text string) time.Time {
		t, errTime := time.Parse(time.RFC3339, text)
		if errTime != nil {
			err = errors.Join(err, fmt.Errorf("%w: %q is no time such as 2026-11-28T10:00:00Z", errFilter, text))
		}
		return t
	}
	texts := map[string]*string{
		"provider": &f.provider, "type": &f.eventType, "status": &f.status, "result": &f.result, "tier": &f.tier,
		"risk": &f.risk, "kind": &f.kind, "currency": &f.currency, "alerts": &f.alerts,
	}
	for name, values := range query {
		value := values[len(values)-1]
		if value == "" {
			continue
		}
		if field := texts[name]; field != nil {
			*field = value
			continue
		}
		switch name {
		case "q":
			f.text = strings.ToLower(value)
		case "min":
			f.min = number(value)
		case "max":
			f.max = number(value)
		case "ms":
			f.slow = number(value)
		case "from":
			f.from = at(value)
		case "to":
			f.to = at(value)
		case "upto":
			var errID error
			if f.upTo, errID = strconv.ParseUint(value, 10, 64); errID != nil {
				err = errors.Join(err, fmt.Errorf("%w: %q is no delivery", errFilter, value))
			}
		default:
			err = errors.Join(err, fmt.Errorf("%w: %s", errFilter, name))
		}
	}
	return f, err
}

// matches reports whether a filter selects a delivery.
func (j *joined) matches(f filter, d *delivery) bool {
	switch {
	case f.provider != "" && f.provider != d.provider,
		f.status != "" && !matchesStatus(f.status, d.Status),
		f.slow != nil && milliseconds(d.Took) < *f.slow,
		!f.from.IsZero() && d.At.Before(f.from), !f.to.IsZero() && !d.At.Before(f.to),
		f.eventType != "" && !slices.Contains(d.types(), f.eventType),
		f.text != "" && !j.contains(d, f.text):
		return false
	}
	if f.result != "" && f.result != d.result() && !slices.ContainsFunc(d.events, func(e *result) bool { return e.kind == f.result }) {
		return false
	}
	if f.tier == "" && f.risk == "" && f.kind == "" && f.currency == "" && f.alerts == "" && f.min == nil && f.max == nil {
		return true
	}
	one := func(t *transaction) bool {
		amount := 0.0
		if f.min != nil || f.max != nil {
			var err error
			if amount, err = t.detail.Amount.Float64(); err != nil {
				return false
			}
		}
		return (f.tier == "" || slices.Contains(t.rules, f.tier)) && (f.risk == "" || f.risk == t.risk) &&
			(f.kind == "" || f.kind == t.detail.Kind) && (f.currency == "" || f.currency == t.detail.Currency) &&
			(f.alerts == "" || (f.alerts == "yes") == (len(t.alerts) > 0)) &&
			(f.min == nil || amount >= *f.min) && (f.max == nil || amount <= *f.max)
	}
	if slices.ContainsFunc(d.events, func(e *result) bool { t := j.transactions[e.key]; return t != nil && one(t) }) {
		return true
	}
	return f.alerts == "no" && len(d.events) == 0 && one(&transaction{})
}

// matchesStatus compares with 401 or 4xx.
func matchesStatus(want string, status int) bool {
	if class, is := strings.CutSuffix(want, "xx"); is {
		return class == strconv.Itoa(status/100)
	}
	return want == strconv.Itoa(status)
}

// contains reports whether something that is known of a delivery contains a text, in lower case.
func (j *joined) contains(d *delivery, text string) bool {
	has := func(in string) bool { return strings.Contains(strings.ToLower(in), text) }
	// The texts in a body and in a log line are also compared as they are shown: JSON has escapes.
	if has(d.why()) || slices.ContainsFunc(d.types(), has) || d.log != nil && has(d.log.Error) {
		return true
	}
	if has(d.Path) || has(d.provider) || has(d.RequestID) || has(d.InvocationID) || has(d.Trace) || has(d.Body) || d.log != nil && has(d.log.text) {
		return true
	}
	if slices.ContainsFunc(d.Headers, func(h Header) bool { return has(h.Name) || has(h.Value) }) {
		return true
	}
	return slices.ContainsFunc(d.events, func(e *result) bool {
		t := j.transactions[e.key]
		return has(e.ID) || t != nil && has(string(t.event))
	})
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// types returns the event types of a delivery, in the order of its events.
func (d *delivery) types() []string {
	if d.log != nil && d.log.EventTypes != nil {
		return d.log.EventTypes
	}
	var types []string
	for _, r := range append(slices.Clone(d.response.Results), d.response) {
		if r.Ignored != nil {
			types = append(types, *r.Ignored)
		}
	}
	return types
}

// result says in a few words what became of a delivery: of its events, or the title of the problem.
func (d *delivery) result() string {
	var kinds []string
	for _, e := range d.events {
		if !slices.Contains(kinds, e.kind) {
			kinds = append(kinds, e.kind)
		}
	}
	switch {
	case len(kinds) > 0:
		return strings.Join(kinds, ", ")
	case d.response.Title != "":
		return d.response.Title
	}
	return d.response.Message
}

// why returns what the sender was told, with the fields that are not valid.
func (d *delivery) why() string {
	why := d.response.Detail
	for _, e := range d.response.Errors {
		why += "\n" + e.Field + " " + e.Detail
	}
	return why
}

func (j *joined) row(d *delivery) row {
	r := row{
		ID: d.ID, At: d.At, Method: d.Method, Path: d.Path, Provider: d.provider, Status: d.Status, Result: d.result(), Why: d.why(), MS: milliseconds(d.Took),
		Events: []eventRow{},
	}
	if d.log != nil {
		r.Cause = d.log.Error
	}
	types := d.types()
	for i := range max(len(d.events), len(types)) {
		if i == maxInRow {
			r.More = max(len(d.events), len(types)) - maxInRow
			break
		}
		e := eventRow{Tiers: []string{}}
		if i < len(types) {
			e.Type = types[i]
		}
		if i < len(d.events) {
			e.ID, e.Result = d.events[i].ID, d.events[i].kind
			if t := j.transactions[d.events[i].key]; t != nil {
				e.Kind, e.Amount, e.Currency = t.detail.Kind, t.detail.amount(), t.detail.Currency
				e.Tiers, e.Risk, e.Score, e.Alerts = append(e.Tiers, t.rules...), t.risk, t.score, len(t.alerts)
			}
		}
		r.Events = append(r.Events, e)
	}
	return r
}

// amount returns the amount with its currency.
func (d detail) amount() string {
	if d.AmountText != "" {
		return d.AmountText
	}
	return strings.TrimSpace(d.Amount.String() + " " + d.Currency)
}

// list returns the deliveries that a filter selects.
func (j *joined) list(f filter) list {
	l := list{Rows: []row{}, Kept: len(j.deliveries), Capacity: MaxDeliveries}
	if n := len(j.deliveries); n > 0 {
		l.Total = j.deliveries[n-1].ID
	}
	for _, d := range slices.Backward(j.deliveries) {
		if !j.matches(f, d) {
			continue
		}
		l.Matching++
		switch {
		case f.upTo > 0 && d.ID > f.upTo:
			l.Newer++
		case len(l.Rows) < pageSize:
			l.Rows = append(l.Rows, j.row(d))
		default:
			l.Older++
		}
	}
	l.Choices = j.choices()
	return l
}

// choices returns the values that filters may have.
func (j *joined) choices() map[string][]string {
	sets := map[string]map[string]bool{}
	add := func(name, value string) {
		if sets[name] == nil {
			sets[name] = map[string]bool{}
		}
		if value != "" && len(sets[name]) < maxChoices {
			sets[name][value] = true
		}
	}
	for _, name := range []string{"provider", "type", "status", "result", "kind", "tier", "risk", "currency"} {
		sets[name] = map[string]bool{}
	}
	for _, d := range j.deliveries {
		add("provider", d.provider)
		add("status", strconv.Itoa(d.Status))
		if len(d.events) == 0 {
			add("result", d.result())
		}
		for _, t := range d.types() {
			add("type", t)
		}
		for _, e := range d.events {
			add("result", e.kind)
			if t := j.transactions[e.key]; t != nil {
				add("kind", t.detail.Kind)
				add("risk", t.risk)
				add("currency", t.detail.Currency)
				for _, rule := range t.rules {
					add("tier", rule)
				}
			}
		}
	}
	lists := map[string][]string{}
	for name, set := range sets {
		lists[name] = append([]string{}, slices.Sorted(maps.Keys(set))...)
	}
	return lists
}
