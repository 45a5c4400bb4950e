// Command cost estimates the monthly AWS bill of one stack from the number of
// transactions and the share of each tier of cdk.json.
//
//	go run ./scripts/cost -transactions 1000000 -share high=5 -share medium=15
//
// The lowest tier gets the rest. Without -share, the topmost tier has 5 percent of the
// transactions, the one below it 15, and any others above the lowest none.
//
// It multiplies list prices by the requests that one transaction causes. What is there without
// any transaction (alarms, dashboards, metrics, log groups) is counted in the template that
// npx cdk synth wrote to cdk.out, or in that of -template, and so is what is traced and logged.
// The last column is the bill of a stack without transactions. Prices
// are those of us-east-1 without the free tier, as of PricesOf; look at
// https://aws.amazon.com/pricing/ before you rely on them. SMS is left out: its
// price depends on country and carrier.
//
// -compare REVISION prices two templates of the default configuration by the same prices: that
// of an earlier revision and that of this checkout. It prints a table for a page, of the lines
// that differ.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"payment-webhooks/scripts/internal/cost"
)

func main() {
	if err := cost.Run(os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(2)
	}
}
