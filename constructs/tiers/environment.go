package tiers

import (
	"encoding/json"
	"maps"
	"slices"
)

// maxEnvironmentBytes bounds the value of the variable that holds the policy. All
// variables of a function together may have 4 KB; the relay's others need some hundred bytes.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
const maxEnvironmentBytes = 3 * 1024

// Environment returns the policy as event-relay reads it (relay.ParseTiers), for counting:
// the bounds as decimal text, so that they are exact, and once for all currencies that
// share them.
func (l List) Environment() ([]byte, error) {
	type tier struct {
		Name   string `json:"name"`
		Above  bool   `json:"above,omitempty"`
		Scored bool   `json:"scored,omitempty"`
	}
	type bounds struct {
		Currencies []string `json:"currencies,omitempty"`
		Lower      []string `json:"lower"`
	}
	var value struct {
		Tiers  []tier    `json:"tiers"`
		Bounds []*bounds `json:"bounds"`
	}
	for _, t := range l {
		value.Tiers = append(value.Tiers, tier{t.Name, t.Above, t.Target == Workflow})
	}
	lower := func(code string) []string {
		limits := []string{}
		for _, t := range l[1:] {
			limits = append(limits, t.lower(code).String())
		}
		return limits
	}
	value.Bounds = []*bounds{{Lower: lower("")}}
	for _, code := range slices.Sorted(maps.Keys(l[len(l)-1].Currencies)) {
		limits := lower(code)
		sharing := slices.IndexFunc(value.Bounds, func(b *bounds) bool { return b.Currencies != nil && slices.Equal(b.Lower, limits) })
		if sharing < 0 {
			sharing = len(value.Bounds)
			value.Bounds = append(value.Bounds, &bounds{Lower: limits})
		}
		value.Bounds[sharing].Currencies = append(value.Bounds[sharing].Currencies, code)
	}
	return json.Marshal(value)
}
