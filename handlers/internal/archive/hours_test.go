package archive_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"payment-webhooks/handlers/internal/archive"
)

func TestRangeOfAnOperator(t *testing.T) {
	now := time.Date(2026, 11, 22, 15, 30, 0, 0, time.UTC)
	cases := map[string]struct {
		from, to string
		count    int
		says     string // of the error
	}{
		"one hour":               {"2026-11-20T15", "2026-11-20T15", 1, ""},
		"over midnight":          {"2026-11-20T22", "2026-11-21T01", 4, ""},
		"the latest":             {"2026-11-21T14", "2026-11-21T14", 1, ""},
		"all there are":          {"2026-10-18T17", "2026-11-21T14", 34*24 - 2, ""},
		"later than the latest":  {"2026-11-20T15", "2026-11-21T15", 0, "the latest hour is 2026-11-21T14"},
		"the future":             {"2027-11-20T15", "2027-11-20T15", 0, "has not been over"},
		"older than the table":   {"2026-10-18T16", "2026-10-18T17", 0, "the earliest hour is 2026-10-18T17"},
		"backwards":              {"2026-11-20T15", "2026-11-20T14", 0, "is before from"},
		"minutes":                {"2026-11-20T15:30", "2026-11-20T16", 0, `from is "2026-11-20T15:30"; write`},
		"words":                  {"2026-11-20T15", "yesterday", 0, `to is "yesterday"`},
		"a month that is none":   {"2026-13-20T15", "2026-11-20T15", 0, "from is"},
		"something far too long": {strings.Repeat("9", 10_000), "2026-11-20T15", 0, "from is"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			hours, err := archive.ParseRange(c.from, c.to, now, now)
			if c.says == "" {
				if err != nil || len(hours) != c.count {
					t.Errorf("%d hours, %v", len(hours), err)
				}
				return
			}
			if !errors.Is(err, archive.ErrRange) || !strings.Contains(err.Error(), c.says) || len(err.Error()) > 300 {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
		})
	}
}

func TestKeysSortAsHoursDo(t *testing.T) {
	before := ""
	for h := time.Date(2026, 12, 30, 0, 0, 0, 0, time.UTC); h.Year() < 2028; h = h.Add(time.Hour) {
		key := archive.ManifestKey(h)
		if key <= before {
			t.Fatalf("%s does not sort after %s", key, before)
		}
		before = key
	}
	if key := archive.ObjectKey(time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC), 7); key != "transactions/dt=2026-01-02/hour=03/shard-7.jsonl.gz" {
		t.Error(key)
	}
}
