// Package failures is the map of what can fail: for each hop of a transaction's way what
// retries, for how long, where it ends, which alarm rings, which command repairs it, and
// which test shows it. docs/failures.md is written from it, and tests compare it with the
// synthesized template, the commands of scripts/ops and the tests of this repository.
//
// The package knows nothing of the CDK.
package failures

import (
	"fmt"
	"strings"
)

// Failure is a way in which a hop fails.
type Failure struct {
	Fails   string // what fails, as an operator would say it
	Retries string // who retries, and for how long
	Ends    string // where the transaction or delivery is afterwards

	// Queues are the dead-letter queues in which it may end: names without the
	// environment suffix. <tier> stands for each tier.
	Queues []string

	// Alarms ring: names without payment-webhooks- and the suffix. <tier>, <function>,
	// <queue> and <provider> stand for each of them.
	Alarms []string

	Command string // of scripts/ops, with its arguments; empty if nothing is left to repair
	Tests   []string
	Reason  string // why there is no test, or no alarm, or no command
}

// Hop is a step of a transaction's way.
type Hop struct {
	Name     string // "source → destination"
	Failures []Failure
}

// Markdown returns the map as tables, one for each hop.
func Markdown() string {
	var b strings.Builder
	for _, h := range All() {
		fmt.Fprintf(&b, "## %s\n\n| what fails | retries | where it ends | alarm | command | shown by |\n|---|---|---|---|---|---|\n", h.Name)
		for _, f := range h.Failures {
			ends := f.Ends
			if len(f.Queues) > 0 {
				ends = strings.TrimSpace(ends + " " + code(f.Queues))
			}
			command := "none needed"
			if f.Command != "" {
				command = code([]string{"scripts/ops " + f.Command})
			}
			shown := code(f.Tests)
			if f.Reason != "" {
				shown = strings.TrimPrefix(shown+"; "+f.Reason, "; ")
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", cell(f.Fails), cell(f.Retries), cell(ends), cell(code(f.Alarms)), cell(command), cell(shown))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// code joins names, each as code.
func code(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

// cell escapes what would end a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
