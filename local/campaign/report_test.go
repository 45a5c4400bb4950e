package campaign

import (
	"strings"
	"testing"
)

func TestMarkdown(t *testing.T) {
	sheet := func(seed uint64, differences ...string) Sheet {
		return Sheet{
			Seed: seed, Transactions: 2, Tiers: []string{"high"}, Facts: []Fact{{"attempts", 3}, {"fault kill", 1}, {"fault store-cut", 4}},
			Rows: []Row{{"alerted", map[string]int{"high": 2}, map[string]int{"high": 2 - len(differences)}, differences}},
		}
	}
	text := Markdown("scripts/chaos", []Sheet{sheet(1), sheet(2, "nobody was told")})
	for _, want := range []string{"| 1 | 2 | 3 | 5 | 0 | 0 |", "| 2 | 2 | 3 | 5 | 0 | 1 |", "| alerted | 3 of 4 | - | 1 |"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
