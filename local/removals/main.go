// Command removals takes each safety of the stack away in turn, in a copy of a synthesized
// assembly, and makes a small campaign (package campaign) that has to notice it.
//
//	go run ./local/removals -cdk-out build/chaos/cdk.out [-only NAME]
//
// scripts/removals calls it. Exit status: 0 if every removal was noticed, 1 if one was not
// or could not be made, 2 for wrong flags.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"payment-webhooks/local/campaign"
	"payment-webhooks/local/page"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit statuses.
const (
	exitNoticed   = 0
	exitUnnoticed = 1
	exitUsage     = 2
)

// result is a line of the table.
type result struct {
	Name    string             `json:"name"`
	Removed string             `json:"removed"`
	Faults  string             `json:"faults"`
	Noticed []campaign.Noticed `json:"noticed"` // the rows that differ; none if it went unnoticed
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("removals", flag.ContinueOnError)
	flags.SetOutput(stderr)
	cdkOut := flags.String("cdk-out", "cdk.out", "the synthesized `assembly`")
	only := flags.String("only", "", "make the removals whose names contain this `text`")
	seed := flags.Uint64("seed", 1, "the campaigns' `seed`")
	transactions := flags.Int("transactions", 150, "deliveries of each campaign that are not repeats")
	report := flags.Bool("report", false, "write the table into docs/reliability.md")
	asJSON := flags.Bool("json", false, "print the table as JSON")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitNoticed
	} else if err != nil {
		return exitUsage
	}
	if flags.NArg() > 0 || *transactions < 1 {
		fmt.Fprintln(stderr, "removals: takes no arguments, and -transactions is at least 1")
		return exitUsage
	}
	log, err := os.Create(filepath.Join(filepath.Dir(filepath.Clean(*cdkOut)), "removals.log"))
	if err != nil {
		fmt.Fprintln(stderr, "removals:", err)
		return exitUnnoticed
	}
	defer log.Close()

	var results []result
	code := exitNoticed
	for _, r := range append([]removal{control()}, removals...) {
		if !strings.Contains(r.name, *only) {
			continue
		}
		started := time.Now()
		sheet, err := r.campaign(ctx, *cdkOut, campaign.Options{
			Root: ".", Log: log, Seed: *seed, Transactions: *transactions, Senders: 8,
			Progress: func(format string, args ...any) {
				fmt.Fprintf(stderr, "%s, %3.0f s: %s\n", r.name, time.Since(started).Seconds(), fmt.Sprintf(format, args...))
			},
		})
		if err != nil {
			fmt.Fprintf(stderr, "removals: %s: %v\n", r.name, err)
			return exitUnnoticed
		}
		found := result{r.name, r.removed, r.faults, sheet.Noticed()}
		if balanced := len(found.Noticed) == 0; balanced != (r.name == controlName) {
			code = exitUnnoticed
		}
		for _, n := range found.Noticed {
			fmt.Fprintf(stderr, "%s: %s: %d differences, such as: %s\n", r.name, n.Row, n.Differences, n.First)
		}
		results = append(results, found)
	}
	if len(results) == 0 {
		fmt.Fprintf(stderr, "removals: there is none whose name contains %q\n", *only)
		return exitUsage
	}
	if *report {
		err = page.Replace(filepath.Join("docs", "reliability.md"), "removals", markdown(results))
	}
	if err != nil {
		fmt.Fprintln(stderr, "removals:", err)
		return exitUnnoticed
	}
	if *asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(results)
	} else {
		err = print(stdout, results)
	}
	if err != nil {
		fmt.Fprintln(stderr, "removals:", err)
		return exitUnnoticed
	}
	return code
}

// campaign makes the campaign of one removal.
func (r removal) campaign(ctx context.Context, cdkOut string, o campaign.Options) (sheet campaign.Sheet, err error) {
	dir, err := copied(cdkOut)
	if err != nil {
		return sheet, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	o.CDKOut, o.Faults = filepath.Join(dir, "cdk.out"), r.faults
	build := filepath.Join(dir, "build")
	if err := errors.Join(apply(o.CDKOut, r.edits), unchanged(filepath.Join(o.Root, "build", "local"), build, r.edits, o.CDKOut)); err != nil {
		return sheet, err
	}
	o.Flags = []string{"--build-dir", build}
	return campaign.Run(ctx, o)
}

// markdown returns the table for a page.
func markdown(results []result) string {
	var b strings.Builder
	b.WriteString("| safety | removed | faults | noticed by |\n|---|---|---|---|\n")
	for _, r := range results {
		var rows []string
		for _, n := range r.Noticed {
			rows = append(rows, fmt.Sprintf("%s: %d", n.Row, n.Differences))
		}
		noticed := strings.Join(rows, "; ")
		switch {
		case len(rows) == 0 && r.Name == controlName:
			noticed = "balances"
		case len(rows) == 0:
			noticed = "NOT NOTICED"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Name, r.Removed, strings.ReplaceAll(r.Faults, ",", ", "), noticed)
	}
	return b.String()
}

func print(out io.Writer, results []result) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "safety\tremoved\tfaults\tnoticed by")
	for _, r := range results {
		noticed := "NOT NOTICED"
		if r.Name == controlName && len(r.Noticed) == 0 {
			noticed = "balances"
		}
		for i, n := range r.Noticed {
			line := fmt.Sprintf("%s: %d differences", n.Row, n.Differences)
			if i == 0 {
				noticed = line
			} else {
				noticed += "; " + line
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", r.Name, r.Removed, r.Faults, noticed)
	}
	return table.Flush()
}
