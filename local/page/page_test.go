package page_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"payment-webhooks/local/page"
)

func TestReplace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("when the page has the block, it is replaced and the rest is kept", func(t *testing.T) {
		write("before\n<!-- small -->\nold\n<!-- end small -->\nafter\n")
		if err := page.Replace(file, "small", "new\n"); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if want := "before\n<!-- small -->\n\nnew\n\n<!-- end small -->\nafter\n"; err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("when it has none, the error names it and nothing is written", func(t *testing.T) {
		for _, text := range []string{"before\n", "<!-- small -->\nold\n", "<!-- large -->\n<!-- end large -->\n"} {
			write(text)
			err := page.Replace(file, "small", "new\n")
			got, _ := os.ReadFile(file)
			if err == nil || !strings.Contains(err.Error(), "<!-- small -->") || string(got) != text {
				t.Errorf("%v, %q", err, got)
			}
		}
	})
	t.Run("when there is no page, it is an error", func(t *testing.T) {
		if err := page.Replace(file+".none", "small", ""); err == nil {
			t.Error("no error")
		}
	})
}

// Every block that a command writes is in its page.
func TestBlocks(t *testing.T) {
	for file, names := range map[string][]string{
		"benchmarks.md":  {"throughput", "functions", "handlers", "synth"},
		"reliability.md": {"small", "thousand", "twenty-thousand", "removals"},
	} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", file))
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(t.TempDir(), file)
		if err := os.WriteFile(copied, text, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if err := page.Replace(copied, name, "new"); err != nil {
				t.Error(err)
			}
		}
	}
}
