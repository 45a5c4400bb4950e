package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each edit of a handler's source is for a text that is there. Those of the template are
// checked when scripts/removals makes them.
func TestRemovals(t *testing.T) {
	for _, r := range removals {
		for _, e := range r.edits {
			if e.file == template {
				continue
			}
			text, err := os.ReadFile(filepath.Join("..", "..", "handlers", filepath.FromSlash(e.file)))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), e.old); n != 1 {
				t.Errorf("%s: %s has the text %d times, want once:\n%s", r.name, e.file, n, e.old)
			}
		}
	}
}

func TestEdit(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		edit edit
		want string // "" for an error
	}{
		"the text is replaced":               {`{ "a": 1 }`, edit{template, `"a":1`, `"a":2`, 0}, `{"a":2}`},
		"the text is not there":              {`{"b": 1}`, edit{template, `"a":1`, `"a":2`, 0}, ""},
		"the text is there twice":            {`[{"a": 1}, {"a": 1}]`, edit{template, `"a":1`, `"a":2`, 0}, ""},
		"the text is there as often as told": {`[{"a": 1}, {"a": 1}]`, edit{template, `"a":1`, `"a":2`, 2}, `[{"a":2},{"a":2}]`},
		"the edit changes nothing":           {`{"a": 1}`, edit{template, `"a":1`, `"a":1`, 0}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "x.template.json")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			err := apply(dir, []edit{c.edit})
			text, errRead := os.ReadFile(file)
			if errRead != nil {
				t.Fatal(errRead)
			}
			if (err != nil) != (c.want == "") || err == nil && string(text) != c.want {
				t.Errorf("got %s, %v, want %q", text, err, c.want)
			}
		})
	}
}
