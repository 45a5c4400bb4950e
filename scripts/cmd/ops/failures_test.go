package main

import (
	"strings"
	"testing"

	"payment-webhooks/constructs/failures"
)

// The commands of docs/failures.md must be commands of this tool, with flags that it has.
func TestCommandsOfFailures(t *testing.T) {
	n := 0
	for _, hop := range failures.All() {
		for _, f := range hop.Failures {
			if f.Command == "" {
				continue
			}
			n++
			t.Run(f.Command, func(t *testing.T) {
				a := &app{getenv: func(string) string { return "" }}
				command, rest, err := a.root().Find(strings.Fields(f.Command))
				if err != nil || !command.Runnable() {
					t.Fatalf("no command: %v", err)
				}
				if err := command.ParseFlags(rest); err != nil {
					t.Error(err)
				}
				if err := command.ValidateArgs(command.Flags().Args()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if n == 0 {
		t.Error("no failure has a command")
	}
}
