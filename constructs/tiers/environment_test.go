package tiers

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// environmentFile is read by the tests of event-relay as well: what is written here is what is
// read there.
const environmentFile = "../../handlers/internal/relay/testdata/tiers.json"

func TestEnvironment(t *testing.T) {
	t.Run("is what the relay reads when tiers and currencies have bounds of every kind", func(t *testing.T) {
		l := parse(t, `{"tiers": [
			{"name": "low", "target": "log"},
			{"name": "medium", "from": 1000, "target": "alert"},
			{"name": "high", "above": "10000", "target": "workflow"},
			{"name": "very-high", "from": "4999999999.999999", "target": "queue"}],
			"currencies": {
				"JPY": {"medium": 100000, "high": 1000000, "very-high": 100000000},
				"KRW": {"medium": 100000, "high": "1000000", "very-high": 100000000},
				"KWD": {"medium": "300.125", "high": 3000, "very-high": 300000}}}`)
		got, err := l.Environment()
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(environmentFile)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("has no bounds when there is one tier", func(t *testing.T) {
		got, err := parse(t, `{"tiers": [{"name": "all", "target": "workflow"}]}`).Environment()
		if want := `{"tiers":[{"name":"all","scored":true}],"bounds":[{"lower":[]}]}`; err != nil || string(got) != want {
			t.Errorf("got %s, %v", got, err)
		}
	})
	t.Run("is rejected when it is too large for the function", func(t *testing.T) {
		var many, own []string
		for i := range maxTiers {
			name := fmt.Sprintf("tier-%s", strings.Repeat(string(rune('a'+i%26)), 10+i/26))
			if i == 0 {
				many = append(many, fmt.Sprintf(`{"name": %q, "target": "log"}`, name))
				continue
			}
			many = append(many, fmt.Sprintf(`{"name": %q, "target": "log", "from": %d}`, name, i*1000))
			own = append(own, fmt.Sprintf(`%q: %d`, name, i*1000))
		}
		bounds := func(first int) string {
			return strings.Replace("{"+strings.Join(own, ", ")+"}", "1000,", fmt.Sprintf("%d,", first), 1)
		}
		policy := func(currencies ...string) string {
			var all []string
			for i, code := range currencies {
				all = append(all, fmt.Sprintf("%q: %s", code, bounds(100+i)))
			}
			return `{"tiers": [` + strings.Join(many, ", ") + `], "currencies": {` + strings.Join(all, ", ") + `}}`
		}
		parse(t, policy("JPY", "KRW", "EUR"))
		_, err := Parse(policy("JPY", "KRW", "EUR", "GBP", "CHF", "SEK", "NOK", "DKK"))
		if err == nil || !strings.Contains(err.Error(), "environment of event-relay") {
			t.Errorf("got %v", err)
		}
	})
}
