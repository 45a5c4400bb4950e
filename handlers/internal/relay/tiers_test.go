package relay_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"payment-webhooks/handlers/internal/money"
	"payment-webhooks/handlers/internal/relay"
)

const policy = `{"tiers": [{"name": "low"}, {"name": "medium"}, {"name": "high", "above": true, "scored": true}],
	"bounds": [{"lower": ["1000", "10000"]}, {"currencies": ["JPY", "KRW"], "lower": ["100000", "999999.999999"]}]}`

func parseTiers(t *testing.T, text string) relay.Tiers {
	t.Helper()
	tiers, err := relay.ParseTiers(text)
	if err != nil {
		t.Fatal(err)
	}
	return tiers
}

func TestParseTiers(t *testing.T) {
	for name, text := range map[string]string{
		"when there is one tier":               `{"tiers": [{"name": "all", "scored": true}], "bounds": [{"lower": []}]}`,
		"when a tier is a bound alone":         `{"tiers": [{"name": "a"}, {"name": "b"}, {"name": "c", "above": true}], "bounds": [{"lower": ["5", "5"]}]}`,
		"when a bound has decimals":            `{"tiers": [{"name": "a"}, {"name": "b"}], "bounds": [{"lower": ["999.99"]}]}`,
		"when two currencies share own bounds": policy,
	} {
		t.Run("accepts "+name, func(t *testing.T) { parseTiers(t, text) })
	}
	t.Run("accepts what the stack writes", func(t *testing.T) { // constructs/tiers tests that it writes this
		text, err := os.ReadFile("testdata/tiers.json")
		if err != nil {
			t.Fatal(err)
		}
		tiers := parseTiers(t, string(text))
		amount, err := money.Parse("300.125")
		if err != nil {
			t.Fatal(err)
		}
		if got := relay.TierOf(tiers, money.Money{Amount: amount, Currency: "KWD"}); got != "medium" {
			t.Errorf("300.125 KWD is %s", got)
		}
	})
	for name, c := range map[string]struct{ text, reason string }{
		"no JSON":             {``, ""},
		"no tier":             {`{"tiers": [], "bounds": [{"lower": []}]}`, "no tier"},
		"a nameless tier":     {`{"tiers": [{"scored": true}], "bounds": [{"lower": []}]}`, "empty"},
		"one name twice":      {`{"tiers": [{"name": "a"}, {"name": "a"}], "bounds": [{"lower": ["1"]}]}`, `"a"`},
		"an unknown member":   {`{"tiers": [{"name": "a", "target": "log"}], "bounds": [{"lower": []}]}`, "target"},
		"a bound too few":     {`{"tiers": [{"name": "a"}, {"name": "b"}], "bounds": [{"lower": []}]}`, "0 of them for 2 tiers"},
		"a number as bound":   {`{"tiers": [{"name": "a"}, {"name": "b"}], "bounds": [{"lower": [1]}]}`, ""},
		"words as bound":      {`{"tiers": [{"name": "a"}, {"name": "b"}], "bounds": [{"lower": ["many"]}]}`, `"many"`},
		"a bound of 0":        {`{"tiers": [{"name": "a"}, {"name": "b"}], "bounds": [{"lower": ["0"]}]}`, "not above 0"},
		"descending bounds":   {`{"tiers": [{"name": "a"}, {"name": "b"}, {"name": "c", "above": true}], "bounds": [{"lower": ["5", "4"]}]}`, "leaves no amount"},
		"equal bounds":        {`{"tiers": [{"name": "a"}, {"name": "b"}, {"name": "c"}], "bounds": [{"lower": ["5", "5"]}]}`, "leaves no amount"},
		"no general bounds":   {`{"tiers": [{"name": "a"}, {"name": "b"}], "bounds": [{"currencies": ["JPY"], "lower": ["5"]}]}`, "without currencies"},
		"two general bounds":  {`{"tiers": [{"name": "a"}, {"name": "b"}], "bounds": [{"lower": ["5"]}, {"lower": ["6"]}]}`, "two entries"},
		"an unknown currency": {`{"tiers": [{"name": "a"}, {"name": "b"}], "bounds": [{"lower": ["5"]}, {"currencies": ["XYZ"], "lower": ["5"]}]}`, "XYZ"},
		"one currency twice":  {`{"tiers": [{"name": "a"}, {"name": "b"}], "bounds": [{"lower": ["5"]}, {"currencies": ["JPY", "JPY"], "lower": ["5"]}]}`, "JPY"},
	} {
		t.Run("rejects it when it has "+name, func(t *testing.T) {
			_, err := relay.ParseTiers(c.text)
			if !errors.Is(err, relay.ErrTiers) || !strings.Contains(err.Error(), "TIERS") || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTierOfAmount(t *testing.T) {
	tiers := parseTiers(t, policy)
	for _, c := range []struct{ amount, currency, tier string }{
		{"0.01", "USD", "low"},
		{"999.99", "USD", "low"},
		{"1000", "USD", "medium"},
		{"1000.00", "EUR", "medium"},
		{"10000", "USD", "medium"}, // high is above it
		{"10000.01", "USD", "high"},
		{"9999999999999.99", "USD", "high"}, // more than EventBridge compares
		{"10000.01", "JPY", "low"},
		{"99999", "KRW", "low"},
		{"100000", "JPY", "medium"},
		{"999999", "KRW", "medium"},
		{"999999.9999999", "KRW", "high"}, // a double would not tell
	} {
		t.Run("is "+c.tier+" when it is "+c.amount+" "+c.currency, func(t *testing.T) {
			amount, err := money.Parse(c.amount)
			if err != nil {
				t.Fatal(err)
			}
			if got := relay.TierOf(tiers, money.Money{Amount: amount, Currency: c.currency}); got != c.tier {
				t.Errorf("got %s", got)
			}
		})
	}
}
