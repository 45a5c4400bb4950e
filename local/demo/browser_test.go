package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// onPath puts commands into a directory of their own, the only one on PATH.
func onPath(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	return dir
}

func TestOpenPage(t *testing.T) {
	const address = "http://127.0.0.1:4566/_local/"
	record := func(name string) string { return fmt.Sprintf(`echo "%s $*" >>"${0%%/*}/opened"`, name) }
	for name, c := range map[string]struct {
		goos    string
		scripts map[string]string
		opened  string // "": nothing is
		printed string // "": nothing is
	}{
		"there is xdg-open":         {"linux", map[string]string{"xdg-open": record("xdg-open")}, "xdg-open " + address, ""},
		"it is Windows' Linux":      {"linux", map[string]string{"xdg-open": record("xdg-open"), "wslview": record("wslview")}, "wslview " + address, ""},
		"it is a Mac":               {"darwin", map[string]string{"xdg-open": record("xdg-open"), "open": record("open")}, "open " + address, ""},
		"there is none":             {"linux", nil, "", "none of wslview, xdg-open, open is on PATH; open " + address + " yourself"},
		"it finds no browser":       {"linux", map[string]string{"xdg-open": "echo noise; echo noise >&2; exit 3"}, "", "xdg-open: exit status 3; open " + address + " yourself"},
		"the command does not work": {"linux", map[string]string{"xdg-open": "exit 127"}, "", "not opened in a browser"},
	} {
		t.Run("when "+name, func(t *testing.T) {
			dir := onPath(t, c.scripts)
			var out bytes.Buffer
			<-openPage(&out, c.goos, address)
			opened, err := os.ReadFile(filepath.Join(dir, "opened"))
			if c.opened != "" && err != nil || strings.TrimSpace(string(opened)) != c.opened {
				t.Errorf("opened %q, want %q", opened, c.opened)
			}
			if got := out.String(); (c.printed == "") != (got == "") || !strings.Contains(got, c.printed) || strings.Contains(got, "noise") {
				t.Errorf("printed %q, want %q", got, c.printed)
			}
		})
	}
}

func TestWrongFlags(t *testing.T) {
	for name, args := range map[string][]string{
		"a flag is unknown":          {"--opens"},
		"a known one comes before":   {"--keep", "--nothing"},
		"there is an argument":       {"payments"},
		"an argument is empty":       {""},
		"a flag has a value":         {"--open=yes"},
		"flags are written together": {"--keep --open"},
	} {
		t.Run("when "+name, func(t *testing.T) {
			var stderr, stdout bytes.Buffer
			cmd := exec.Command("../../scripts/demo", args...)
			cmd.Stderr, cmd.Stdout = &stderr, &stdout
			err := cmd.Run()
			exit, ended := errors.AsType[*exec.ExitError](err)
			if !ended || exit.ExitCode() != 2 || !strings.Contains(stderr.String(), "usage: scripts/demo [--keep] [--open]") || stdout.Len() != 0 {
				t.Errorf("%v, printed %s%s", err, stdout.String(), stderr.String())
			}
		})
	}
}
