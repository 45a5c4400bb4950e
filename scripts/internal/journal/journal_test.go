package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"payment-webhooks/scripts/internal/journal"
)

func open(t *testing.T, path string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestJournal(t *testing.T) {
	t.Run("when a run is resumed, knows what was done", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "new", "state.jsonl")
		j := open(t, path)
		must(t, j.Record("a"), j.Record("b"), j.Record("a"), j.Forget("b"), j.Forget("never"))
		// The process is killed: the file is not closed, and its last line not complete.
		file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		must(t, err)
		_, err = file.WriteString(`{"done":"c`)
		must(t, err, file.Close(), j.Close())

		j = open(t, path)
		if !j.Done("a") || j.Done("b") || j.Done("c") || j.Len() != 1 {
			t.Errorf("a %v, b %v, c %v of %d", j.Done("a"), j.Done("b"), j.Done("c"), j.Len())
		}
		must(t, j.Record("d"), j.Close())
		if j = open(t, path); !j.Done("d") || !j.Done("a") {
			t.Error("what was recorded behind the broken line is lost")
		}
		must(t, j.Close())
	})

	t.Run("when nothing is left, removes the file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state.jsonl")
		j := open(t, path)
		must(t, j.Record("a"), j.Forget("a"), j.Close())
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
		j = open(t, path)
		must(t, j.Record("a"), j.Finish())
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	})

	t.Run("when another run uses it, is locked", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state.jsonl")
		j := open(t, path)
		defer j.Close()
		if _, err := journal.Open(path); !errors.Is(err, journal.ErrLocked) {
			t.Error(err)
		}
	})
}
