// Command chaos makes campaigns (package campaign) and prints their balance sheets.
//
//	go run ./local/chaos -cdk-out build/test/cdk.out [-seed 1] [-transactions 1000] [-faults all]
//
// scripts/chaos calls it. Exit status: 0 if every sheet balances, 1 if one has a
// difference or a campaign could not be made, 2 for wrong flags.
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
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

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
	exitBalanced  = 0
	exitDifferent = 1
	exitUsage     = 2
)

type options struct {
	campaign.Options
	seeds    []uint64
	parallel int
	json     bool
	report   string
}

func parse(args []string, stdout, stderr io.Writer) (options, error) {
	o := options{Options: campaign.Options{Root: "."}, seeds: []uint64{1}}
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.CDKOut, "cdk-out", "cdk.out", "the synthesized `assembly`")
	flags.Func("seed", "a campaign for each of these `seeds`, such as 7, 1,2,3 or 1-20 (default 1)", func(text string) (err error) {
		o.seeds, err = seeds(text)
		return err
	})
	flags.IntVar(&o.Transactions, "transactions", 500, "`number` of deliveries that are not repeats; some hold two transactions")
	flags.DurationVar(&o.Duration, "duration", 0, "send for this `long`, such as 10m, instead")
	flags.StringVar(&o.Faults, "faults", "all", "`names` of faults, or of their hops, separated by commas; all; none")
	flags.IntVar(&o.Senders, "senders", 8, "`number` of concurrent senders")
	flags.IntVar(&o.parallel, "parallel", 1, "`number` of campaigns at the same time: each waits a lot")
	flags.BoolVar(&o.json, "json", false, "print the sheets as a JSON array")
	flags.StringVar(&o.report, "report", "", "write the sheets into the block of this `name` in docs/reliability.md")
	names := flags.Bool("list-faults", false, "print the names of the faults")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *names {
		fmt.Fprintln(stdout, strings.Join(campaign.FaultNames(), "\n"))
		return o, flag.ErrHelp
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.Transactions < 1 || o.Senders < 1 || o.parallel < 1 || o.Duration < 0:
		return o, errors.New("-transactions, -senders and -parallel are at least 1, -duration is positive")
	}
	return o, nil
}

// seeds reads a list such as "1,2,7-9".
func seeds(text string) (list []uint64, err error) {
	for part := range strings.SplitSeq(text, ",") {
		low, high, span := strings.Cut(part, "-")
		first, err := strconv.ParseUint(low, 10, 32)
		last := first
		if err == nil && span {
			last, err = strconv.ParseUint(high, 10, 32)
		}
		if err != nil || last < first || last-first >= 1000 {
			return nil, fmt.Errorf("must be numbers or ranges below 2^32, such as 1-20")
		}
		for ; first <= last; first++ {
			list = append(list, first)
		}
	}
	return list, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stdout, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitBalanced
	}
	if err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
		return exitUsage
	}
	sheets := make([]campaign.Sheet, len(o.seeds))
	var printing sync.Mutex
	var all errgroup.Group
	all.SetLimit(o.parallel)
	for i, seed := range o.seeds {
		all.Go(func() (err error) {
			started := time.Now()
			if sheets[i], err = one(ctx, o.Options, seed, stderr); err != nil || o.json {
				return err
			}
			printing.Lock()
			defer printing.Unlock()
			sheets[i].Print(stdout)
			fmt.Fprintf(stdout, "%d differences, %s\n\n", sheets[i].Differences(), time.Since(started).Round(time.Second/10))
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
		return exitDifferent
	}
	code := exitBalanced
	for _, sheet := range sheets {
		if sheet.Differences() > 0 {
			code = exitDifferent
		}
	}
	if o.json {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(sheets); err != nil {
			fmt.Fprintln(stderr, "chaos:", err)
			return exitDifferent
		}
	}
	if o.report != "" {
		command := "scripts/chaos " + strings.Join(withoutAssembly(args), " ")
		if err := page.Replace(filepath.Join("docs", "reliability.md"), o.report, campaign.Markdown(command, sheets)); err != nil {
			fmt.Fprintln(stderr, "chaos:", err)
			return exitDifferent
		}
	}
	return code
}

// one makes the campaign of a seed. The log of its local run is a file beside the assembly.
func one(ctx context.Context, o campaign.Options, seed uint64, stderr io.Writer) (campaign.Sheet, error) {
	name := filepath.Join(filepath.Dir(filepath.Clean(o.CDKOut)), fmt.Sprintf("chaos-%d.log", seed))
	log, err := os.Create(name)
	if err != nil {
		return campaign.Sheet{}, err
	}
	defer log.Close()
	started := time.Now()
	o.Seed, o.Log = seed, log
	o.Progress = func(format string, args ...any) {
		fmt.Fprintf(stderr, "seed %d, %3.0f s: %s\n", seed, time.Since(started).Seconds(), fmt.Sprintf(format, args...))
	}
	sheet, err := campaign.Run(ctx, o)
	if err != nil {
		err = fmt.Errorf("seed %d: %w (the local run's log: %s)", seed, err, name)
	}
	return sheet, err
}

// withoutAssembly returns the arguments as scripts/chaos had them.
func withoutAssembly(args []string) []string {
	if len(args) > 1 && args[0] == "-cdk-out" {
		return args[2:]
	}
	return args
}
