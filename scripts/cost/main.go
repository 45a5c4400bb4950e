// Command cost estimates the monthly AWS bill of one stack from the number of
// transactions and the share of each tier of cdk.json.
//
//	go run ./scripts/cost -transactions 1000000 -share high=5 -share medium=15
//
// The lowest tier gets the rest. Without -share, the topmost tier has 5 percent of the
// transactions, the one below it 15, and any others above the lowest none.
//
// It multiplies list prices by the requests that one transaction causes. Prices
// are those of us-east-1 without the free tier, as of PricesOf; look at
// https://aws.amazon.com/pricing/ before you rely on them. SMS is left out: its
// price depends on country and carrier.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"payment-webhooks/constructs/tiers"
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
	settings := flags.String("cdk-json", "cdk.json", "file with the tiers")
	emails := flags.Float64("emails", 1, "email subscriptions on the alert topic")
	providers := flags.Float64("providers", 1, "payment providers with a secret")
	kb := flags.Float64("kb", 1, "size of a stored transaction, in KiB")
	percent := map[string]float64{}
	flags.Func("share", "`TIER=PERCENT` of the transactions in a tier; may be repeated", func(text string) error {
		name, number, _ := strings.Cut(text, "=")
		share, err := strconv.ParseFloat(number, 64)
		if err != nil || share < 0 || share > 100 {
			return errors.New("want the name of a tier, = and a number from 0 to 100, such as high=5")
		}
		percent[name] = share
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("cost: unexpected argument %q, there are flags only", flags.Arg(0))
	}
	if *n < 0 || *emails < 0 || *providers < 0 || *kb <= 0 {
		return errors.New("cost: -transactions, -emails and -providers must not be negative, -kb must be above 0")
	}
	list, err := readTiers(*settings)
	if err != nil {
		return fmt.Errorf("cost: %w", err)
	}
	shares, err := sharesOf(list, percent)
	if err != nil {
		return fmt.Errorf("cost: %w", err)
	}

	lines := bill(list, shares, *n, *emails, *providers, *kb)
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
	_, err = fmt.Fprintf(out, "List prices of us-east-1, %s, without free tier, SMS and data transfer.\n", PricesOf)
	return err
}

// readTiers reads the tiers from cdk.json.
func readTiers(file string) (tiers.List, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var settings struct {
		Context map[string]any `json:"context"`
	}
	if err := json.Unmarshal(text, &settings); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return tiers.Parse(settings.Context[tiers.ContextKey])
}

// sharesOf returns the fraction of the transactions in each tier. No percentage
// at all stands for the default ones.
func sharesOf(list tiers.List, percent map[string]float64) (map[string]float64, error) {
	if len(percent) == 0 {
		percent = map[string]float64{}
		for i, share := range []float64{5, 15} {
			if tier := len(list) - 1 - i; tier > 0 {
				percent[list[tier].Name] = share
			}
		}
	}
	shares, rest := map[string]float64{}, 1.0
	var names []string
	for _, t := range list[1:] {
		shares[t.Name] = percent[t.Name] / 100
		rest -= shares[t.Name]
		names = append(names, t.Name)
	}
	for name := range percent {
		if _, ok := shares[name]; !ok {
			return nil, fmt.Errorf("no share can be given to %q: want one of [%s]; %s gets the rest", name, strings.Join(names, ", "), list[0].Name)
		}
	}
	const rounding = 1e-9
	if rest < -rounding {
		return nil, errors.New("the shares are more than 100 percent together")
	}
	shares[list[0].Name] = max(rest, 0)
	return shares, nil
}

// The alarms of a stack without tiers and providers, of a tier's dead-letter queue, of a
// tier's own queue and of a provider.
const (
	alarmsWithoutTiers = 27
	alarmsOfTier       = 1
	alarmsOfQueue      = 1
	alarmsOfProvider   = 1
)

// Custom metrics of a stack without providers, and of a provider.
const (
	metricsWithoutProviders = 24
	metricsOfProvider       = 2
)

// bill lists what n transactions a month cost. Each tier has a fraction of
// them, its share.
func bill(list tiers.List, shares map[string]float64, n, emails, providers, kb float64) []line {
	of := func(target tiers.Target) (share float64) {
		for _, t := range list.With(target) {
			share += shares[t.Name]
		}
		return share
	}
	workflows, alerted, queued := of(tiers.Workflow), of(tiers.Alert), of(tiers.Queue)
	alarms := float64(alarmsWithoutTiers+alarmsOfTier*len(list)+alarmsOfQueue*len(list.With(tiers.Queue))) + alarmsOfProvider*providers
	metrics := metricsWithoutProviders + metricsOfProvider*providers
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
	alerts := n*alerted + n*workflows*1.2 // a fifth of the workflows raise a fraud alert too
	units := 1 + float64(int(kb-0.001))   // write units are whole KiB
	return []line{
		{"API Gateway", "REST requests", n, 3.50 / million},
		{"Lambda", "requests", n * (1.1 + workflows), 0.20 / million},
		{"Lambda", "GB-seconds, arm64", n * (validator + relay + fraud*workflows), 0.0000133334},
		{"DynamoDB", "write request units: item, index, TTL is free", n * units * 2 * (1 + workflows), 0.625 / million},
		{"DynamoDB", "read request units: archiver", n * kb / 8, 0.125 / million},
		{"DynamoDB", "GiB stored and PITR, 35 days, twice for the index", n * kb * 2 * 35 / 30 / gib, 0.25 + 0.20},
		{"EventBridge", "custom events", n, 1.00 / million},
		{"EventBridge", "GiB into the event archive", n * kb / gib, 0.10},
		{"Step Functions", "EXPRESS requests", n * workflows, 1.00 / million},
		{"Step Functions", "GB-seconds, 64 MB for a second", n * workflows * 0.0625, 0.00001667},
		{"SQS", "requests: send, receive and delete", n * queued * 3, 0.40 / million},
		{"SNS", "publishes", alerts, 0.50 / million},
		{"SNS", "emails", alerts * emails, 2.00 / 100_000},
		{"CloudWatch", "GiB of logs, 2 KiB a transaction", n * 2 / gib, 0.50},
		{"CloudWatch", fmt.Sprintf("%.0f alarms", alarms), alarms, 0.10},
		{"CloudWatch", fmt.Sprintf("%.0f custom metrics, if all are in use", metrics), metrics, 0.30},
		{"CloudWatch", "the dashboard", 1, 3.00},
		{"Secrets Manager", "secrets of providers", providers, 0.40},
		{"X-Ray", "traces, five percent sampled", n * 0.05, 5.00 / million},
		{"KMS", "the key", 1, 1.00},
		{"S3", "audit objects and manifests written", 30 * 24 * 9, 0.005 / 1000},
		{"S3", "GiB of audit logs a year, compressed five times", n * kb * 12 / 5 / gib, 0.0125},
	}
}
