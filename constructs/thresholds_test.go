package constructs

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/bojanz/currency"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
)

// detail is as much of an event as the patterns look at.
func detail(amount, code string) map[string]any {
	d := map[string]any{contract.AttrAmount: json.Number(amount), contract.AttrCurrency: code}
	if rat(amount).Cmp(big.NewRat(contract.MaxMatchableAmount, 1)) > 0 {
		d[contract.DetailAmountBeyondMatching] = true
	}
	return d
}

func rat(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(text)
	}
	return r
}

// matches plays the operators that the patterns use as EventBridge does: a
// number above 5e9 equals nothing and lies in no range (aws/event-ruler,
// ComparableNumber). The pattern is as read from JSON.
func matches(t *testing.T, pattern map[string]any, event map[string]any) bool {
	t.Helper()
	for key, condition := range pattern {
		if key == "$or" {
			if !slices.ContainsFunc(condition.([]any), func(p any) bool { return matches(t, p.(map[string]any), event) }) {
				return false
			}
			continue
		}
		value, present := event[key]
		if !present || !slices.ContainsFunc(condition.([]any), func(m any) bool { return matchesOne(t, m, value) }) {
			return false
		}
	}
	return true
}

func matchesOne(t *testing.T, matcher, value any) bool {
	t.Helper()
	object, ok := matcher.(map[string]any)
	if !ok {
		return matcher == value
	}
	if others, ok := object["anything-but"]; ok {
		return !slices.Contains(others.([]any), value)
	}
	numeric, ok := object["numeric"].([]any)
	if !ok {
		t.Fatalf("matcher %v is not played", matcher)
	}
	amount := rat(value.(json.Number).String())
	if amount.Cmp(big.NewRat(contract.MaxMatchableAmount, 1)) > 0 {
		return false
	}
	for i := 0; i < len(numeric); i += 2 {
		order := amount.Cmp(rat(fmt.Sprint(numeric[i+1])))
		ok := map[string]bool{">": order > 0, ">=": order >= 0, "<": order < 0, "<=": order <= 0}
		if !ok[numeric[i].(string)] {
			return false
		}
	}
	return true
}

// asRead is a pattern as EventBridge reads it.
func asRead(t *testing.T, pattern map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(pattern)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var read map[string]any
	if err := decoder.Decode(&read); err != nil {
		t.Fatal(err)
	}
	return read
}

func route(t *testing.T, high, medium, low map[string]any, event map[string]any) []string {
	t.Helper()
	var routes []string
	for _, tier := range []struct {
		name    string
		pattern map[string]any
	}{{"high", high}, {"medium", medium}, {"low", low}} {
		if matches(t, tier.pattern, event) {
			routes = append(routes, tier.name)
		}
	}
	return routes
}

func TestEveryAmountTakesExactlyOneRoute(t *testing.T) {
	custom, err := ThresholdsFromContext(map[string]any{
		"default": map[string]any{"medium": 1000.0, "high": "10000"},
		"currencies": map[string]any{
			"IDR": map[string]any{"medium": "15000000", "high": "150000000"},
			"VND": map[string]any{"medium": "15000000", "high": "150000000"},
			"KWD": map[string]any{"medium": "300.5", "high": "3000.125"},
			"JPY": map[string]any{"medium": "5000000000", "high": "5000000000"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, thresholds := range map[string]Thresholds{"default": DefaultThresholds(), "by currency": custom} {
		t.Run(name, func(t *testing.T) {
			high, medium, low := asRead(t, thresholds.high()), asRead(t, thresholds.medium()), asRead(t, thresholds.low())
			for _, code := range []string{"USD", "EUR", "IDR", "VND", "KWD", "JPY"} {
				band := thresholds.Of(code)
				step := rat("0.000001")
				amounts := []*big.Rat{rat("0.01"), rat("4999999999.99"), rat("5000000000"), rat("5000000000.01"), rat("6000000000"), rat("999999999999999")}
				for _, limit := range []Limit{band.Medium, band.High} {
					amounts = append(amounts, new(big.Rat).Sub(limit.rat(), step), limit.rat(), new(big.Rat).Add(limit.rat(), step))
				}
				for _, amount := range amounts {
					want := "low"
					if amount.Cmp(band.High.rat()) > 0 {
						want = "high"
					} else if amount.Cmp(band.Medium.rat()) >= 0 {
						want = "medium"
					}
					text := strings.TrimSuffix(strings.TrimRight(amount.FloatString(6), "0"), ".")
					if diff := cmp.Diff([]string{want}, route(t, high, medium, low, detail(text, code))); diff != "" {
						t.Errorf("%s %s: %s", text, code, diff)
					}
				}
			}
		})
	}
}

func TestThresholdsAreReadFromContext(t *testing.T) {
	want := Thresholds{
		Default:    Band{Limit{"500"}, Limit{"2500.5"}},
		Currencies: map[string]Band{"IDR": {Limit{"15000000"}, Limit{"150000000"}}},
	}
	for name, value := range map[string]any{
		"object": map[string]any{
			"default":    map[string]any{"medium": 500.0, "high": 2500.5},
			"currencies": map[string]any{"IDR": map[string]any{"medium": "15000000", "high": 1.5e8}},
		},
		"text of the command line": `{"default":{"medium":500,"high":"2500.5"},"currencies":{"IDR":{"medium":15000000,"high":150000000}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ThresholdsFromContext(value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(Limit{})); diff != "" {
				t.Error(diff)
			}
		})
	}
	got, err := ThresholdsFromContext(nil)
	if diff := cmp.Diff(DefaultThresholds(), got, cmp.AllowUnexported(Limit{})); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestSenselessThresholdsAreRefusedByName(t *testing.T) {
	band := func(medium, high any) map[string]any {
		return map[string]any{"default": map[string]any{"medium": medium, "high": high}}
	}
	manyCurrencies := map[string]any{}
	for i, code := range currency.GetCurrencyCodes() {
		manyCurrencies[code] = map[string]any{"medium": float64(i + 1), "high": float64(i + 2)}
	}
	for name, c := range map[string]struct {
		value any
		fact  string
	}{
		"no object":                 {7.0, "JSON object"},
		"no JSON":                   {"{", "JSON object"},
		"unknown key":               {map[string]any{"defaults": 1}, "defaults"},
		"unknown key of a band":     {map[string]any{"default": map[string]any{"medium": 1.0, "high": 2.0, "low": 0.0}}, "default.low"},
		"zero":                      {band(0.0, 1.0), "default.medium"},
		"negative":                  {band("-1", 1.0), "default.medium"},
		"exponent":                  {band("1e3", 5000.0), "1e3"},
		"missing":                   {map[string]any{"default": map[string]any{"medium": 1.0}}, "default.high"},
		"beyond what can compare":   {band(1.0, "5000000000.000001"), "5000000000"},
		"seven decimals":            {band("0.1234567", 1.0), "6 decimals"},
		"medium above high":         {band("10.01", 10.0), "at most"},
		"no currency":               {map[string]any{"currencies": map[string]any{"EURO": map[string]any{"medium": 1.0, "high": 2.0}}}, "EURO"},
		"too many for one pattern":  {map[string]any{"currencies": manyCurrencies}, "2048"},
		"two problems, both listed": {band("x", "y"), "default.high"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ThresholdsFromContext(c.value)
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), ContextThresholds) || !strings.Contains(err.Error(), c.fact) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestLimitIsWrittenExactlyIntoThePattern(t *testing.T) {
	for _, text := range []string{"0.000001", "999.99", "3000.125", "4999999999.999999", "5000000000"} {
		limit, err := ParseLimit(text)
		if err != nil {
			t.Fatal(err)
		}
		written, err := json.Marshal(limit.number())
		if err != nil || rat(string(written)).Cmp(rat(text)) != 0 {
			t.Errorf("%s became %s, %v", text, written, err)
		}
	}
}
