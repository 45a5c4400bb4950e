package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/local/grants"
)

func TestResults(t *testing.T) {
	out := filepath.Join(t.TempDir(), "cdk.out")
	template := filepath.Join(out, "Stack.template.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(template, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	write("{}")
	open := func(resume bool) *results {
		t.Helper()
		r, err := openResults(out, resume)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.file.Close() })
		return r
	}
	first := open(false)
	for _, one := range []grants.Result{
		{Grant: "explained", Outcome: grants.Explained},
		{Grant: "noticed", Outcome: grants.Noticed, By: "exercise", How: "a\nb", Seconds: 1.5},
		{Grant: "unnoticed", Outcome: grants.Unnoticed},
		{Grant: "undecided", Outcome: grants.Undecided},
	} {
		first.add(one)
	}
	if first.err != nil {
		t.Fatal(first.err)
	}

	t.Run("when a run goes on, it tries again what was not noticed", func(t *testing.T) {
		resumed := open(true)
		if diff := cmp.Diff(first.list, resumed.list); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		for _, one := range first.list {
			if got, want := resumed.has(one.Grant), one.Grant == "noticed"; got != want {
				t.Errorf("%s is done: %v, want %v", one.Grant, got, want)
			}
		}
		resumed.add(grants.Result{Grant: "unnoticed", Outcome: grants.Noticed})
		if again := open(true); len(again.list) != len(first.list) || !again.has("unnoticed") {
			t.Errorf("after the second try: %+v", again.list)
		}
	})
	t.Run("when the template is another one, nothing is done", func(t *testing.T) {
		write(`{"Resources": {}}`)
		if other := open(true); len(other.list) > 0 {
			t.Errorf("%+v", other.list)
		}
		write("{}")
	})
	t.Run("when a run begins again, nothing is done", func(t *testing.T) {
		if begun := open(false); len(begun.list) > 0 {
			t.Errorf("%+v", begun.list)
		}
		if later := open(true); len(later.list) > 0 {
			t.Errorf("%+v", later.list)
		}
	})
}
