package campaign

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	write := func(text string) {
		if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("a block is replaced", func(t *testing.T) {
		write("before\n<!-- small -->\nold\n<!-- end small -->\nafter\n")
		if err := Report(page, "small", "new\n"); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(page)
		if want := "before\n<!-- small -->\nnew\n<!-- end small -->\nafter\n"; err != nil || string(text) != want {
			t.Errorf("got %q, %v, want %q", text, err, want)
		}
	})
	t.Run("a page without the block is an error", func(t *testing.T) {
		write("before\n<!-- small -->\n")
		if err := Report(page, "small", "new\n"); err == nil {
			t.Error("no error")
		}
	})
}

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
