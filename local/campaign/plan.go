package campaign

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// Plan chooses what is sent. The same seed and tiers give the same plan.
type Plan struct {
	seed  uint64
	tiers []session.Tier
}

// NewPlan returns the plan of a seed for the tiers of an assembly.
func NewPlan(seed uint64, tiers []session.Tier) Plan { return Plan{seed, tiers} }

// What a delivery is.
const (
	original = "original" // the first description of its transactions, until it is accepted
	twice    = "twice"    // the same at the same time, from another connection
	again    = "again"    // the same, or the same written otherwise, after it was accepted
	later    = "later"    // another description of the same fact, after it was accepted
	conflict = "conflict" // another amount under the same id, after it was accepted

	// Noise, which must never be accepted.
	forged    = "forged"    // a captured signature with other content that it verifies, after the original was accepted
	unsigned  = "unsigned"  // without a signature
	tampered  = "tampered"  // changed after it was signed
	stale     = "stale"     // signed a month ago
	malformed = "malformed" // not a transaction
	stranger  = "stranger"  // to a provider that is not configured
)

// Delivery is a payload with what is done with it.
type Delivery struct {
	What         string
	Provider     string        // whose route it is sent to; "" for /webhook
	Body         []byte        // not signed yet
	Transactions []Transaction // what it describes; for noise, what must not be stored
}

// tier is that of the first transaction.
func (d Delivery) tier() string {
	if len(d.Transactions) == 0 {
		return ""
	}
	return d.Transactions[0].Tier
}

// noise reports whether the delivery must be rejected.
func (d Delivery) noise() bool {
	return slices.Contains([]string{forged, unsigned, tampered, stale, malformed, stranger}, d.What)
}

// Entry is the nth part of a plan: an original delivery, with what precedes it and what
// follows once it is accepted.
type Entry struct {
	Before, After []Delivery
	Original      Delivery
	Twice         bool // the original is sent by two connections at once
}

// Entry returns the nth entry, from 0.
func (p Plan) Entry(n int) (Entry, error) {
	r := rand.New(rand.NewPCG(p.seed, uint64(n)))
	if r.IntN(5) < 2 {
		return p.own(r, n)
	}
	return p.notification(r, n, shapes[r.IntN(len(shapes))])
}

// id returns a transaction's id: sixteen capital letters, as Adyen's references have,
// which no card number and no other id can be mistaken for.
func (p Plan) id(n int, variant byte) string {
	letters := func(n uint64, length int) string {
		text := make([]byte, length)
		for i := length - 1; i >= 0; i-- {
			text[i], n = 'A'+byte(n%26), n/26
		}
		return string(text)
	}
	return "C" + letters(p.seed, 6) + "X" + letters(uint64(n), 7) + string(variant)
}

// own returns an entry of a system of one's own, which posts the canonical payload.
func (p Plan) own(r *rand.Rand, n int) (Entry, error) {
	t := Transaction{
		Key: Key{p.id(n, 'O'), "shop"}, Kind: contract.KindPayment, Currency: pick(r, "USD", "EUR", "JPY", "KWD", "IDR"),
		Customer: fmt.Sprintf("cust_%d", r.IntN(1000)),
	}
	minor, err := p.minor(r, t.Currency)
	if err != nil {
		return Entry{}, err
	}
	t.Amount = plain(minor, t.Currency)
	if r.IntN(4) == 0 {
		t.Kind, t.PaymentID = contract.KindRefund, p.id(max(0, n+r.IntN(41)-20), 'O')
	}
	metadata := map[string]any{"order_id": fmt.Sprintf("order_%d", n)}
	if r.IntN(3) == 0 { // facts that the fraud model finds risky
		metadata["ip_country"], metadata["card_country"], metadata["attempts_last_hour"] = "US", "ID", 12
	}
	if r.IntN(5) > 0 {
		t.Metadata = string(canonical(metadata))
	}
	if err := p.route(&t); err != nil {
		return Entry{}, err
	}
	written := func(t Transaction, otherwise bool) []byte { return ownPayload(t, minor, otherwise) }
	e := Entry{Original: Delivery{original, "", written(t, false), []Transaction{t}}, Twice: r.IntN(10) == 0}
	for range r.IntN(8) - 5 {
		e.After = append(e.After, Delivery{again, "", written(t, r.IntN(2) == 0), []Transaction{t}})
	}
	if r.IntN(20) == 0 {
		other := t
		other.Amount = plain(minor+1, t.Currency)
		e.After = append(e.After, Delivery{conflict, "", ownPayload(other, minor+1, false), []Transaction{other}})
	}
	switch r.IntN(24) {
	case 0:
		wrong := t
		wrong.ID, wrong.Currency = p.id(n, 'M'), "DOLLAR"
		e.Before = append(e.Before, Delivery{malformed, "", ownPayload(wrong, minor, false), []Transaction{wrong}})
	case 1:
		wrong := t
		wrong.ID, wrong.Provider = p.id(n, 'S'), "stripe" // that name has a route of its own
		e.Before = append(e.Before, Delivery{malformed, "", ownPayload(wrong, minor, false), []Transaction{wrong}})
	case 2:
		wrong := t
		wrong.ID = p.id(n, 'P')
		e.Before = append(e.Before, Delivery{stranger, "nobody", ownPayload(wrong, minor, false), []Transaction{wrong}})
	}
	return e, nil
}

// ownPayload writes a canonical payload; otherwise writes the same with another notation
// of the amount.
func ownPayload(t Transaction, minor int64, otherwise bool) []byte {
	members := map[string]any{
		contract.FieldTransactionID: t.ID, contract.FieldProvider: t.Provider, contract.FieldCustomerID: t.Customer,
		contract.FieldCurrency: t.Currency, contract.FieldAmount: json.Number(t.Amount),
	}
	if otherwise {
		members[contract.FieldAmount] = fixed(minor, t.Currency)
		members[contract.FieldCurrency] = strings.ToLower(t.Currency)
		members[contract.FieldKind] = t.Kind
	}
	if t.Kind != contract.KindPayment {
		members[contract.FieldKind], members[contract.FieldPaymentID] = t.Kind, t.PaymentID
	}
	if t.Metadata != "" {
		members[contract.FieldMetadata] = json.RawMessage(t.Metadata)
	}
	return canonical(members)
}

// notification returns an entry of a provider.
func (p Plan) notification(r *rand.Rand, n int, s shape) (Entry, error) {
	f := facts{id: p.id(n, 'N'), payment: p.id(max(0, n+r.IntN(41)-20), 'N'), currency: s.currencies[r.IntN(len(s.currencies))]}
	var err error
	if f.minor, err = p.minor(r, f.currency); err != nil {
		return Entry{}, err
	}
	var failure error
	describe := func(what string, all ...facts) Delivery {
		d := Delivery{What: what, Provider: s.provider}
		for _, f := range all {
			t := s.describe(f)
			err := p.route(&t)
			body, errBody := s.payload(f)
			if failure == nil && (err != nil || errBody != nil) {
				failure = fmt.Errorf("%s %s: %w %w", s.provider, s.fixture, err, errBody)
			}
			d.Transactions = append(d.Transactions, t)
			if d.Body == nil {
				d.Body = body
			} else if failure == nil {
				d.Body, failure = batch(d.Body, body)
			}
		}
		return d
	}
	all := []facts{f}
	if s.provider == "adyen" && r.IntN(3) == 0 { // several facts in one delivery
		second := f
		second.id = p.id(n, 'B')
		all = append(all, second)
	}
	e := Entry{Original: describe(original, all...), Twice: r.IntN(10) == 0}
	for range r.IntN(8) - 5 {
		e.After = append(e.After, describe(again, all...))
	}
	if s.notes != "" && r.IntN(10) == 0 {
		notes := f
		notes.later = true
		e.After = append(e.After, describe(later, notes))
	}
	if r.IntN(20) == 0 {
		other := f
		other.minor++
		e.After = append(e.After, describe(conflict, other))
	}
	if other, ok := s.forge(f); ok && r.IntN(2) == 0 {
		other.id = p.id(n, 'F')
		e.After = append(e.After, describe(forged, other))
	}
	if r.IntN(8) == 0 {
		wrong := f
		wrong.id = p.id(n, 'W')
		what := pick(r, unsigned, tampered, stale)
		if what == stale && !s.dated() {
			what = tampered
		}
		e.Before = append(e.Before, describe(what, wrong))
	}
	return e, failure
}

// batch appends the items of a notification to those of another.
func batch(to, from []byte) ([]byte, error) {
	type notification struct {
		Live  string            `json:"live"`
		Items []json.RawMessage `json:"notificationItems"`
	}
	var a, b notification
	if err := json.Unmarshal(to, &a); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(from, &b); err != nil {
		return nil, err
	}
	a.Items = append(a.Items, b.Items...)
	return canonical(a), nil
}

// minor chooses an amount in minor units: at a bound of a tier or a minor unit beside it,
// anything up to a few hundred times the highest bound, or beyond what EventBridge compares.
func (p Plan) minor(r *rand.Rand, currency string) (int64, error) {
	var bounds []int64
	for _, t := range p.tiers {
		limits, err := t.Limits(currency)
		if err != nil {
			return 0, err
		}
		for _, limit := range limits {
			major, ok := new(big.Rat).SetString(limit.String())
			if !ok {
				return 0, fmt.Errorf("tier %s has the limit %s", t.Name, limit)
			}
			major.Mul(major, new(big.Rat).SetInt(pow10(decimals[currency])))
			bounds = append(bounds, new(big.Int).Quo(major.Num(), major.Denom()).Int64())
		}
	}
	slices.Sort(bounds)
	switch at := r.IntN(10); {
	case at < 4 && len(bounds) > 0:
		return max(1, bounds[r.IntN(len(bounds))]+r.Int64N(3)-1), nil
	case at == 4 && currency == "IDR":
		return contract.MaxMatchableAmount*100 + r.Int64N(1000) - 1, nil
	}
	highest := int64(1_000_000)
	if len(bounds) > 0 {
		highest = bounds[len(bounds)-1]
	}
	return 1 + int64(math.Exp(r.Float64()*math.Log(100*float64(highest)))), nil
}

// maxMatchable is the largest amount that every version of EventBridge compares; the relay marks
// events of larger ones.
var maxMatchable = big.NewRat(contract.MaxMatchableAmount, 1)

// route sets the transaction's tier: the one whose rule matches it.
func (p Plan) route(t *Transaction) error {
	detail := map[string]any{contract.FieldAmount: json.Number(t.Amount), contract.FieldCurrency: t.Currency, contract.FieldKind: t.Kind}
	if amount, ok := new(big.Rat).SetString(t.Amount); ok && amount.Cmp(maxMatchable) > 0 {
		detail[contract.DetailAmountBeyondMatching] = true
	}
	found := 0
	for _, tier := range p.tiers {
		matches, err := tier.Matches(detail)
		if err != nil {
			return err
		}
		if matches {
			t.Tier = tier.Name
			found++
		}
	}
	if found != 1 {
		return fmt.Errorf("%d tiers match %s %s, want one", found, t.Amount, t.Currency)
	}
	return nil
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }
