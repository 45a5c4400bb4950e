// Command cost estimates the monthly AWS bill of one stack from the number of
// transactions and the share of each tier.
//
//	go run ./scripts/cost -transactions 1000000 -high 5 -medium 15
//
// It multiplies list prices by the requests that one transaction causes. Prices
// are those of us-east-1 without the free tier, as of PricesOf; look at
// https://aws.amazon.com/pricing/ before you rely on them. SMS is left out: its
// price depends on country and carrier.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

// PricesOf is the year of the price lists that the prices below were taken from.
const PricesOf = "2025"

// line is one row of the bill.
type line struct {
	service string
	what    string
	units   float64 // how many a month
	price   float64 // US dollars for one
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(2)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("cost", flag.ContinueOnError)
	n := flags.Float64("transactions", 1e6, "transactions a month")
	high := flags.Float64("high", 5, "percent of them above the high threshold (a workflow each)")
	medium := flags.Float64("medium", 15, "percent of them between the thresholds (an alert each)")
	emails := flags.Float64("emails", 1, "email subscriptions on the alert topic")
	providers := flags.Float64("providers", 1, "payment providers with a secret")
	kb := flags.Float64("kb", 1, "size of a stored transaction, in KiB")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *n < 0 || *high < 0 || *medium < 0 || *high+*medium > 100 || *emails < 0 || *providers < 0 || *kb <= 0 {
		return errors.New("cost: -transactions, -high, -medium, -emails and -providers must not be negative, -high and -medium together at most 100, -kb above 0")
	}

	lines := bill(*n, *high/100, *medium/100, *emails, *providers, *kb)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "service\twhat\tunits a month\tUSD a month\t")
	var total float64
	for _, l := range lines {
		total += l.units * l.price
		fmt.Fprintf(table, "%s\t%s\t%.0f\t%.2f\t\n", l.service, l.what, l.units, l.units*l.price)
	}
	fmt.Fprintf(table, "total\t%.0f transactions\t\t%.2f\t\n", *n, total)
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "List prices of us-east-1, %s, without free tier, SMS and data transfer.\n", PricesOf)
	return err
}

// bill lists what n transactions a month cost. high and medium are fractions
// of n.
func bill(n, high, medium, emails, providers, kb float64) []line {
	const (
		million = 1e6
		gib     = 1 << 20 // in KiB
	)
	// GB-seconds of one invocation: memory times an assumed duration. A warm
	// call spends its time waiting for DynamoDB or EventBridge.
	const (
		validator = 1.0 * 0.020
		relay     = 0.5 * 0.050 / 10 // ten records a batch
		fraud     = 0.5 * 0.020
	)
	alerts := n*medium + n*high*1.2     // a fifth of the workflows raise a fraud alert too
	units := 1 + float64(int(kb-0.001)) // write units are whole KiB
	return []line{
		{"API Gateway", "REST requests", n, 3.50 / million},
		{"Lambda", "requests", n * (1.1 + high), 0.20 / million},
		{"Lambda", "GB-seconds, arm64", n * (validator + relay + fraud*high), 0.0000133334},
		{"DynamoDB", "write request units: item, index, TTL is free", n * units * 2 * (1 + high), 0.625 / million},
		{"DynamoDB", "read request units: archiver", n * kb / 8, 0.125 / million},
		{"DynamoDB", "GiB stored and PITR, 35 days, twice for the index", n * kb * 2 * 35 / 30 / gib, 0.25 + 0.20},
		{"EventBridge", "custom events", n, 1.00 / million},
		{"EventBridge", "GiB into the event archive", n * kb / gib, 0.10},
		{"Step Functions", "EXPRESS requests", n * high, 1.00 / million},
		{"Step Functions", "GB-seconds, 64 MB for a second", n * high * 0.0625, 0.00001667},
		{"SNS", "publishes", alerts, 0.50 / million},
		{"SNS", "emails", alerts * emails, 2.00 / 100_000},
		{"CloudWatch", "GiB of logs, 2 KiB a transaction", n * 2 / gib, 0.50},
		{"CloudWatch", "27 alarms", 27, 0.10},
		{"CloudWatch", "22 custom metrics, if all are in use", 22, 0.30},
		{"CloudWatch", "the dashboard", 1, 3.00},
		{"Secrets Manager", "secrets of providers", providers, 0.40},
		{"X-Ray", "traces, five percent sampled", n * 0.05, 5.00 / million},
		{"KMS", "the key", 1, 1.00},
		{"S3", "audit objects and manifests written", 30 * 24 * 9, 0.005 / 1000},
		{"S3", "GiB of audit logs a year, compressed five times", n * kb * 12 / 5 / gib, 0.0125},
	}
}
