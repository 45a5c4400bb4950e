// Package cost estimates the monthly bill of a synthesized template, for the command
// scripts/cost and for scripts/review, which compares the bills of two revisions.
package cost

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
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
	fixed   bool    // the units do not depend on the transactions
}

// cost is in US dollars a month.
func (l line) cost() float64 { return l.units * l.price }

// Run is the command scripts/cost: it prints the bill that its flags ask for. The error is of
// a flag, a file or a template.
func Run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("cost", flag.ContinueOnError)
	n := flags.Float64("transactions", 1e6, "transactions a month")
	template := flags.String("template", "", "the synthesized template; by default the one in cdk.out")
	settings := flags.String("cdk-json", "cdk.json", "file with the tiers")
	emails := flags.Float64("emails", 1, "email subscriptions on the alert topic")
	providers := flags.Float64("providers", 1, "payment providers with a secret")
	kb := flags.Float64("kb", 1, "size of a stored transaction, in KiB")
	revision := flags.String("compare", "", "compare the bill with that of an earlier git `revision`")
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

	price := func(c counts) []line { return bill(c, list, shares, *n, *emails, *providers, *kb) }
	if *revision != "" {
		before, err := atRevision(*revision)
		if err != nil {
			return fmt.Errorf("cost: %w", err)
		}
		after, err := readTemplate(cmp.Or(*template, golden))
		if err != nil {
			return fmt.Errorf("cost: %w", err)
		}
		_, err = io.WriteString(out, comparison(*n, price(before), price(after)))
		return err
	}
	counted, err := readTemplate(*template)
	if err != nil {
		return fmt.Errorf("cost: %w", err)
	}
	return printBill(out, *n, price(counted))
}

// Bill is what a stack costs, in US dollars a month.
type Bill struct {
	Total float64
	Idle  float64            // what of it does not depend on the transactions
	Lines map[string]float64 // by service and what is billed
}

// Estimate prices a template for n transactions a month, as Run does without flags: an alert
// subscription, a provider, 1 KiB stored for each, and the default shares of the tiers of
// settings, which is the text of a cdk.json.
func Estimate(template, settings []byte, n float64) (Bill, error) {
	counted, err := parseTemplate("template", template)
	if err != nil {
		return Bill{}, err
	}
	list, err := parseTiers("cdk.json", settings)
	if err != nil {
		return Bill{}, err
	}
	shares, err := sharesOf(list, nil)
	if err != nil {
		return Bill{}, err
	}
	lines := bill(counted, list, shares, n, 1, 1, 1)
	b := Bill{Lines: map[string]float64{}}
	b.Total, b.Idle = totals(lines)
	for _, l := range lines {
		// Texts may name a number, which would make two lines of one.
		b.Lines[l.service+", "+countedAlarms.ReplaceAllString(l.what, "alarms")] += l.cost()
	}
	return b, nil
}

// countedAlarms is the number of alarms in the text of a line.
var countedAlarms = regexp.MustCompile(`[0-9]+ alarms`)

// printBill prints every line of a bill for n transactions, and the total.
func printBill(out io.Writer, n float64, lines []line) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "service\twhat\tunits a month\tUSD a month\tidle\t")
	for _, l := range lines {
		idle := ""
		if l.fixed {
			idle = fmt.Sprintf("%.2f", l.cost())
		}
		fmt.Fprintf(table, "%s\t%s\t%.0f\t%.2f\t%s\t\n", l.service, l.what, l.units, l.cost(), idle)
	}
	total, idle := totals(lines)
	fmt.Fprintf(table, "total\t%.0f transactions\t\t%.2f\t%.2f\t\n", n, total, idle)
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "List prices of us-east-1, %s, without free tier, SMS and data transfer.\n", PricesOf)
	return err
}

// comparison is a Markdown table of what differs between two bills for n transactions, which
// have the same lines, and of the totals.
func comparison(n float64, before, after []line) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| US dollars a month, %.0f transactions | before | now |\n|---|---|---|\n", n)
	for i, l := range after {
		if was, is := fmt.Sprintf("%.2f", before[i].cost()), fmt.Sprintf("%.2f", l.cost()); was != is {
			fmt.Fprintf(&b, "| %s, %s | %s | %s |\n", l.service, l.what, was, is)
		}
	}
	total, idle := totals(before)
	totalNow, idleNow := totals(after)
	fmt.Fprintf(&b, "| everything | %.2f | %.2f |\n| of which without transactions | %.2f | %.2f |\n", total, totalNow, idle, idleNow)
	return b.String()
}

// totals adds up a bill, and what of it does not depend on the transactions.
func totals(lines []line) (total, idle float64) {
	for _, l := range lines {
		total += l.cost()
		if l.fixed {
			idle += l.cost()
		}
	}
	return total, idle
}

// readTiers reads the tiers from cdk.json.
func readTiers(file string) (tiers.List, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseTiers(file, text)
}

// parseTiers reads the tiers from the text of a file such as cdk.json.
func parseTiers(file string, text []byte) (tiers.List, error) {
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

// bill lists what n transactions a month cost. Each tier has a fraction of
// them, its share.
func bill(counted counts, list tiers.List, shares map[string]float64, n, emails, providers, kb float64) []line {
	of := func(target tiers.Target) (share float64) {
		for _, t := range list.With(target) {
			share += shares[t.Name]
		}
		return share
	}
	workflows, queued := of(tiers.Workflow), of(tiers.Queue)
	const (
		million = 1e6
		gib     = 1 << 20 // in KiB
	)
	// GB-seconds of one invocation: memory times an assumed duration. A warm
	// call spends its time waiting for DynamoDB or EventBridge.
	const (
		validator = 1.0 * 0.020
		relay     = 0.5 * 0.020
		fraud     = 0.5 * 0.020
		digest    = 0.5 * 0.200
	)
	const secondsAMonth = 30 * 24 * 3600
	alerts := n * workflows * 1.2 // a fifth of the workflows raise a fraud alert too
	var digests, polls float64
	for _, t := range list.With(tiers.Alert) {
		events := n * shares[t.Name]
		if t.Digest == 0 {
			alerts += events
			continue
		}
		// At most one message a window. The events wait in a queue, which Lambda polls all
		// the time: five requests of up to 20 seconds at once.
		// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
		messages := min(events, secondsAMonth/60/float64(t.Digest))
		alerts, digests, queued = alerts+messages, digests+messages, queued+shares[t.Name]
		polls += 5 * secondsAMonth / 20
	}
	units := 1 + float64(int(kb-0.001)) // write units are whole KiB
	// Spread evenly, each transaction is a batch of its own, up to the four times a second
	// that Lambda polls a shard of the table's stream.
	// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
	batches := min(n, 4*secondsAMonth)
	// Lambda samples batches as X-Ray's default rule does. Without traces of them, those of
	// the workflow begin there.
	// https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
	traced := batches
	if !counted.batches {
		traced = n * workflows
	}
	// A custom metric is billed for the hours in which it gets data.
	// https://aws.amazon.com/cloudwatch/pricing/
	const hoursAMonth = 30 * 24
	hours := min(n, hoursAMonth)
	// For each event at most one request to encrypt it, one to decrypt it for the rules, and one
	// for the archive. AWS does not say for how many events EventBridge uses a data key.
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-cmkey.html
	var busRequests float64
	if counted.busKey {
		busRequests = 3 * n
	}
	var inspected float64
	if counted.firewalls > 0 {
		inspected = n
	}
	logged := counted.logged(n, batches, n*workflows, n*of(tiers.Log))
	return []line{
		{"API Gateway", "REST requests", n, 3.50 / million, false},
		{"Lambda", "requests", n*(1+workflows) + batches + digests, 0.20 / million, false},
		{"Lambda", "GB-seconds, arm64", n*(validator+fraud*workflows) + batches*relay + digests*digest, 0.0000133334, false},
		{"DynamoDB", "write request units: item, index, TTL is free", n * units * 2 * (1 + workflows), 0.625 / million, false},
		{"DynamoDB", "read request units: archiver", n * kb / 8, 0.125 / million, false},
		{"DynamoDB", "GiB stored, 35 days, twice for the index", n * kb * 2 * 35 / 30 / gib, 0.25, false},
		// Of the table alone: https://aws.amazon.com/dynamodb/pricing/on-demand/
		{"DynamoDB", "GiB of point-in-time recovery, 35 days", n * kb * 35 / 30 / gib, 0.20, false},
		{"EventBridge", "custom events", n, 1.00 / million, false},
		{"EventBridge", "GiB into the event archive", n * kb / gib, 0.10, false},
		{"Step Functions", "EXPRESS requests", n * workflows, 1.00 / million, false},
		{"Step Functions", "GB-seconds, 64 MB for a second", n * workflows * 0.0625, 0.00001667, false},
		{"SQS", "requests: send, receive and delete", n * queued * 3, 0.40 / million, false},
		{"SQS", "requests of Lambda, which polls the queues of digests", polls, 0.40 / million, true},
		{"SNS", "publishes", alerts, 0.50 / million, false},
		{"SNS", "emails", alerts * emails, 2.00 / 100_000, false},
		{"CloudWatch", "GiB of logs", logged / gib, 0.50, false},
		{"CloudWatch", "GiB of logs kept for 30 days, compressed five times", logged / 5 / gib, 0.03, false},
		{"CloudWatch", fmt.Sprintf("metrics of %d alarms", counted.alarms), float64(counted.alarmMetrics), 0.10, true},
		{"CloudWatch", "custom metrics, if all have data each hour", float64(counted.metrics) * hours / hoursAMonth, 0.30, false},
		{"CloudWatch", "dashboards beyond three of up to 50 metrics", float64(counted.paidDashboards()), 3.00, true},
		{"Secrets Manager", "secrets of providers", providers, 0.40, true},
		{"X-Ray", "traces of requests", counted.sampling.of(n, secondsAMonth), 5.00 / million, false},
		{"X-Ray", "traces of what begins behind the table's stream", defaultSampling.of(traced, secondsAMonth), 5.00 / million, false},
		{"KMS", "the key", 1, 1.00, true},
		{"KMS", "requests: table, and at most one a message of topic and queues", 30*24*12*min(n, 1) + alerts + n*queued, 0.03 / 10_000, false},
		{"KMS", "requests: bus and archive, at most three an event", busRequests, 0.03 / 10_000, false},
		// https://aws.amazon.com/waf/pricing/
		{"WAF", "web ACLs", float64(counted.firewalls), 5.00, true},
		{"WAF", "rules", float64(counted.rules), 1.00, true},
		{"WAF", "requests", inspected, 0.60 / million, false},
		{"S3", "audit objects and manifests written", 30 * 24 * 9 * min(n, 1), 0.005 / 1000, false},
		{"S3", "transitions of them to IA and to Glacier", 30 * 24 * 9 * min(n, 1), (0.01 + 0.03) / 1000, false},
		{"S3", "GiB of audit logs a year, compressed five times", n * kb * 12 / 5 / gib, 0.0125, false},
	}
}
