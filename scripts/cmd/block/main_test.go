package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	const before = "<!-- a -->\nold\n<!-- end a -->\n"
	for when, c := range map[string]struct {
		args        []string
		stdin, want string // the page afterwards; the same for an error
	}{
		"there is text, it is written": {[]string{file, "a"}, "| 1 |\n", "<!-- a -->\n\n| 1 |\n\n<!-- end a -->\n"},
		"there is none, nothing is":    {[]string{file, "a"}, "\n", before},
		"there is no such block":       {[]string{file, "b"}, "| 1 |\n", before},
		"an argument is missing":       {[]string{file}, "| 1 |\n", before},
	} {
		t.Run("when "+when, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			err := run(c.args, strings.NewReader(c.stdin), &out)
			got, _ := os.ReadFile(file)
			if string(got) != c.want || (err != nil) != (c.want == before) {
				t.Errorf("%q, %v", got, err)
			}
			if err == nil && out.String() != c.stdin {
				t.Errorf("printed %q", out.String())
			}
		})
	}
}
