package main

import (
	"strings"
	"testing"

	"payment-webhooks/handlers/operations/archiving"
)

func TestArchiveUsage(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"when only the first hour is given", []string{"run", "--from", "2026-11-20T15"}, "--from and --to"},
		{"when only the last hour is given", []string{"run", "--to", "2026-11-20T15"}, "--from and --to"},
		{"when the hours are backwards", []string{"verify", "--from", "2026-11-20T15", "--to", "2026-11-20T14"}, "--to is before --from"},
		{"when an hour is none", []string{"verify", "--from", "yesterday"}, "--from"},
		{"when there is an argument", []string{"status", "all"}, "all"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errors := runOps(t, append([]string{"archive"}, c.args...)...)
			if code != exitUsage || out != "" || !strings.Contains(errors, c.says) {
				t.Errorf("status %d, stdout %q, stderr %q", code, out, errors)
			}
		})
	}
}

func TestDifferenceAsText(t *testing.T) {
	for want, d := range map[string]archiving.Difference{
		"2026-11-20T15: the hour": {Hour: "2026-11-20T15", Text: "the hour"},
		"2026-11-20T15 key line 3 txn_1 of stripe: differs": {
			Hour: "2026-11-20T15", Object: "key", Line: 3, TransactionID: "txn_1", Provider: "stripe", Text: "differs",
		},
	} {
		if got := describeDifference(d); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
