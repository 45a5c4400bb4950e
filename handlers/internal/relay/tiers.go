package relay

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/money"
)

// Tiers are the bands of amounts of the routing policy, for counting only. The rules of
// the bus route each event, by patterns that are written from the same policy; the relay
// computes the tier a second time, from the exact decimal, so that a rule that is
// disabled or has a wrong pattern shows as a difference between both counts (double
// entry). Nothing is routed by Tiers.
type Tiers struct {
	tiers      []tier
	bounds     []money.Amount            // lower bound of each tier but the lowest
	byCurrency map[string][]money.Amount // by ISO 4217 code, for currencies with bounds of their own
}

type tier struct {
	Name   string `json:"name"`
	Above  bool   `json:"above,omitzero"`  // the lower bound itself belongs to the tier below
	Scored bool   `json:"scored,omitzero"` // its events start the workflow, which scores them
}

// ErrTiers is the error of a value that is not a policy.
var ErrTiers = errors.New("not a list of tiers")

// ParseTiers reads the value of contract.EnvTiers: the tiers from the lowest amounts to the
// highest, and the lower bounds of all but the lowest, as decimal text so that they are
// exact. The entry without currencies is for every currency that no other entry names.
//
//	{"tiers": [{"name": "low"}, {"name": "medium"}, {"name": "high", "above": true, "scored": true}],
//	 "bounds": [{"lower": ["1000", "10000"]}, {"currencies": ["JPY"], "lower": ["100000", "1000000"]}]}
//
// The error is ErrTiers and says what is wrong.
func ParseTiers(text string) (Tiers, error) {
	var value struct {
		Tiers  []tier `json:"tiers"`
		Bounds []struct {
			Currencies []string `json:"currencies"`
			Lower      []string `json:"lower"`
		} `json:"bounds"`
	}
	reject := func(format string, args ...any) (Tiers, error) {
		return Tiers{}, fmt.Errorf("environment variable %s: %w: %s", contract.EnvTiers, ErrTiers, fmt.Sprintf(format, args...))
	}
	if err := json.Unmarshal([]byte(text), &value, json.RejectUnknownMembers(true)); err != nil {
		return reject("%v", err)
	}
	if len(value.Tiers) == 0 {
		return reject("there is no tier")
	}
	names := map[string]bool{}
	for _, t := range value.Tiers {
		if t.Name == "" || names[t.Name] {
			return reject("the name %q is empty or that of another tier", t.Name)
		}
		names[t.Name] = true
	}
	parsed := Tiers{tiers: value.Tiers, byCurrency: map[string][]money.Amount{}}
	for _, b := range value.Bounds {
		lower, err := parsed.parse(b.Lower)
		if err != nil {
			return reject("bounds of %q: %v", b.Currencies, err)
		}
		if len(b.Currencies) == 0 {
			if parsed.bounds != nil {
				return reject("two entries of bounds are without currencies")
			}
			parsed.bounds = lower
		}
		for _, code := range b.Currencies {
			if _, ok := money.Digits(code); !ok || parsed.byCurrency[code] != nil {
				return reject("%q is not a currency or has bounds already", code)
			}
			parsed.byCurrency[code] = lower
		}
	}
	if parsed.bounds == nil {
		return reject("no entry of bounds is without currencies")
	}
	return parsed, nil
}

// parse returns one bound for each tier but the lowest; never nil without an error.
func (t Tiers) parse(lower []string) ([]money.Amount, error) {
	if len(lower) != len(t.tiers)-1 {
		return nil, fmt.Errorf("%d of them for %d tiers", len(lower), len(t.tiers))
	}
	bounds := make([]money.Amount, len(lower))
	for i, text := range lower {
		var err error
		if bounds[i], err = money.Parse(text); err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		if bounds[i].Sign() <= 0 {
			return nil, fmt.Errorf("%q is not above 0", text)
		}
		if i == 0 {
			continue
		}
		// The tier below may consist of the bound alone.
		order := bounds[i].Cmp(bounds[i-1])
		point := t.tiers[i+1].Above && !t.tiers[i].Above
		if order < 0 || order == 0 && !point {
			return nil, fmt.Errorf("%q leaves no amount to tier %s", text, t.tiers[i].Name)
		}
	}
	return bounds, nil
}

// of returns the tier of an amount.
func (t Tiers) of(m money.Money) tier {
	bounds := t.bounds
	if own, ok := t.byCurrency[m.Currency]; ok {
		bounds = own
	}
	for i := len(bounds) - 1; i >= 0; i-- {
		order := m.Amount.Cmp(bounds[i])
		if order > 0 || order == 0 && !t.tiers[i+1].Above {
			return t.tiers[i+1]
		}
	}
	return t.tiers[0]
}
