package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// deadline bounds the whole measurement, including the builds of the functions.
const deadline = time.Hour

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "throughput:", err)
		cancel()
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("throughput", flag.ContinueOnError)
	flags.SetOutput(stderr)
	cdkOut := flags.String("cdk-out", "build/bench/cdk.out", "the synthesized cloud assembly; /webhook must be open")
	clientList := flags.String("clients", "1,4,8,16", "numbers of concurrent clients")
	payments := flags.Int("payments", 600, "payments per number of clients")
	rounds := flags.Int("rounds", 3, "how often everything is measured")
	if err := flags.Parse(args); err != nil {
		return err
	}
	clients, err := numbers(*clientList)
	if err != nil || *payments < 1 || *rounds < 1 || flags.NArg() > 0 {
		return errors.New("want no arguments, numbers of clients such as 1,8, and at least one payment and round")
	}
	results := make([]result, len(clients))
	for round := range *rounds {
		fmt.Fprintf(stderr, "round %d of %d\n", round+1, *rounds)
		if err := measure(ctx, *cdkOut, clients, *payments, results, stderr); err != nil {
			return err
		}
	}
	_, err = io.WriteString(stdout, table(clients, results))
	return err
}

func numbers(list string) ([]int, error) {
	var all []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a number of clients", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// result has a value per round.
type result struct {
	local, bare, whole []float64 // a second
	p50, p99           []time.Duration
	bareP50, bareP99   []time.Duration
}

// table returns a Markdown table of the medians of the rounds.
func table(clients []int, results []result) string {
	text := "| clients | payments acknowledged | p50 | p99 | bare conditional puts | p50 | p99 | ratio | payments through to the end |\n|---|---|---|---|---|---|---|---|---|\n"
	for i, r := range results {
		var ratios []float64
		for round := range r.local {
			ratios = append(ratios, r.local[round]/r.bare[round])
		}
		text += fmt.Sprintf("| %d | %.0f/s | %.1f ms | %.1f ms | %.0f/s | %.1f ms | %.1f ms | %.0f %% | %.0f/s |\n", clients[i],
			median(r.local), milliseconds(median(r.p50)), milliseconds(median(r.p99)),
			median(r.bare), milliseconds(median(r.bareP50)), milliseconds(median(r.bareP99)),
			100*median(ratios), median(r.whole))
	}
	return text
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median[N float64 | time.Duration](values []N) N {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
