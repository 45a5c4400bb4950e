package campaign

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// shownDifferences bounds the differences that Print shows for a row.
const shownDifferences = 20

// Print writes the sheet as a table, with the differences below it.
func (s Sheet) Print(out io.Writer) {
	fmt.Fprintf(out, "seed %d: %d transactions\n\n", s.Seed, s.Transactions)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	columns := append(append([]string{}, s.Tiers...), "")
	fmt.Fprint(table, "\t")
	for _, tier := range s.Tiers {
		fmt.Fprintf(table, "%s\t", tier)
	}
	fmt.Fprint(table, "other\tdifferences\t\n")
	for _, r := range s.Rows {
		fmt.Fprintf(table, "%s\t", r.Name)
		for _, tier := range columns {
			fmt.Fprintf(table, "%s\t", r.cell(tier))
		}
		fmt.Fprintf(table, "%d\t\n", len(r.Differences))
	}
	table.Flush()
	fmt.Fprintln(out)
	for i, f := range s.Facts {
		if i > 0 {
			fmt.Fprint(out, ", ")
		}
		fmt.Fprintf(out, "%s: %d", f.Name, f.Count)
	}
	fmt.Fprintln(out)
	for _, r := range s.Rows {
		for i, d := range r.Differences {
			if i == shownDifferences {
				fmt.Fprintf(out, "%s: and %d more\n", r.Name, len(r.Differences)-i)
				break
			}
			fmt.Fprintf(out, "%s: %s\n", r.Name, d)
		}
	}
}

// cell is "got" where that is what is expected, and "got of want" otherwise.
func (r Row) cell(tier string) string {
	want, got := r.Want[tier], r.Got[tier]
	switch {
	case want == 0 && got == 0:
		return "-"
	case want == got:
		return fmt.Sprint(got)
	}
	return fmt.Sprintf("%d of %d", got, want)
}
