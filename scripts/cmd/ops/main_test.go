package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// runOps runs a command line without AWS.
func runOps(t *testing.T, args ...string) (code int, out, errors string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := &app{out: &stdout, err: &stderr, getenv: func(string) string { return "" }, now: time.Now}
	code = a.run(t.Context(), args)
	return code, stdout.String(), stderr.String()
}

func TestUsage(t *testing.T) {
	t.Run("when a command is unknown", func(t *testing.T) {
		if code, out, errors := runOps(t, "nope"); code != exitUsage || out != "" || !strings.Contains(errors, "nope") {
			t.Errorf("status %d, stdout %q, stderr %q", code, out, errors)
		}
	})
	t.Run("when a flag is unknown", func(t *testing.T) {
		if code, _, errors := runOps(t, "describe", "--nope"); code != exitUsage || !strings.Contains(errors, "--nope") {
			t.Errorf("status %d, stderr %q", code, errors)
		}
	})
	t.Run("when an argument is too many", func(t *testing.T) {
		if code, _, errors := runOps(t, "describe", "nope"); code != exitUsage || !strings.Contains(errors, "nope") {
			t.Errorf("status %d, stderr %q", code, errors)
		}
	})
	t.Run("when a rate is none", func(t *testing.T) {
		for _, rate := range []string{"0", "-1", "10001", "NaN"} {
			if code, _, errors := runOps(t, "republish", "--id", "txn_1", "--rate", rate); code != exitUsage || !strings.Contains(errors, "--rate "+rate) {
				t.Errorf("--rate %s: status %d, stderr %q", rate, code, errors)
			}
		}
	})
	t.Run("when help is asked for", func(t *testing.T) {
		code, out, errors := runOps(t, "--help")
		if code != exitDone || errors != "" {
			t.Errorf("status %d, stderr %q", code, errors)
		}
		for _, want := range []string{"describe", "--json", "TapStackdev"} {
			if !strings.Contains(out, want) {
				t.Errorf("help lacks %q:\n%s", want, out)
			}
		}
	})
}

func TestTimeValues(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-22T15:04:05+01:00": "2026-11-22T14:04:05Z",
		"2026-11-22T15:04":          "2026-11-22T15:04:00Z",
		"2026-11-22T15":             "2026-11-22T15:00:00Z",
		"2026-11-22":                "2026-11-22T00:00:00Z",
	} {
		t.Run("when it is "+text, func(t *testing.T) {
			var v timeValue
			if err := v.Set(text); err != nil || v.String() != want {
				t.Errorf("%s, %v, want %s", v.String(), err, want)
			}
		})
	}
	for _, text := range []string{"", "yesterday", "22.11.2026", "2026-11-22T25"} {
		t.Run("when it is "+text, func(t *testing.T) {
			var v timeValue
			if err := v.Set(text); err == nil || !strings.Contains(err.Error(), "2026-11-22T15") {
				t.Errorf("error %v does not say what is accepted", err)
			}
		})
	}
}
