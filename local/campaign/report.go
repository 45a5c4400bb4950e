package campaign

import (
	"fmt"
	"strings"
)

// Markdown returns the sheets of some campaigns as text for a page: a line for each, and
// all rows added up.
func Markdown(command string, sheets []Sheet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "`%s`\n\n", command)
	b.WriteString("| seed | transactions | attempts | faults that struck | dead letters | differences |\n|---|---|---|---|---|---|\n")
	for _, s := range sheets {
		fmt.Fprintf(&b, "| %d | %d | %d | %d | %d | %d |\n", s.Seed, s.Transactions, s.sum("attempts"), s.sum("fault "), s.sum("dead letters "), s.Differences())
	}
	if len(sheets) == 0 {
		return b.String()
	}
	b.WriteString("\n| all together |")
	for _, tier := range sheets[0].Tiers {
		fmt.Fprintf(&b, " %s |", tier)
	}
	b.WriteString(" other | differences |\n|---|---|---|" + strings.Repeat("---|", len(sheets[0].Tiers)) + "\n")
	for i, row := range sheets[0].Rows {
		total := newRow(row.Name)
		for _, s := range sheets {
			for tier, n := range s.Rows[i].Want {
				total.Want[tier] += n
			}
			for tier, n := range s.Rows[i].Got {
				total.Got[tier] += n
			}
			total.Differences = append(total.Differences, s.Rows[i].Differences...)
		}
		fmt.Fprintf(&b, "| %s |", row.Name)
		for _, tier := range append(append([]string{}, sheets[0].Tiers...), "") {
			fmt.Fprintf(&b, " %s |", total.cell(tier))
		}
		fmt.Fprintf(&b, " %d |\n", len(total.Differences))
	}
	return b.String()
}

// sum adds up the facts whose name begins with a text.
func (s Sheet) sum(prefix string) (n int) {
	for _, f := range s.Facts {
		if strings.HasPrefix(f.Name, prefix) {
			n += f.Count
		}
	}
	return n
}
