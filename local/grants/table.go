package grants

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Failed counts the removals that went unnoticed or are undecided.
func Failed(results []Result) (n int) {
	for _, r := range results {
		if r.Outcome == Unnoticed || r.Outcome == Undecided {
			n++
		}
	}
	return n
}

// Table sums results up as a Markdown table, with a row for what the removals were tried by.
func Table(results []Result) string {
	type row struct {
		outcomes map[Outcome]int
		seconds  float64
	}
	const explained, all = "nothing: explained, and out all the time", "all"
	rows := map[string]*row{}
	add := func(name string, r Result) {
		if rows[name] == nil {
			rows[name] = &row{outcomes: map[Outcome]int{}}
		}
		rows[name].outcomes[r.Outcome]++
		rows[name].seconds += r.Seconds
	}
	for _, r := range results {
		name := r.By
		if r.Outcome == Explained {
			name = explained
		}
		add(name, r)
		add(all, r)
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(rows)), func(name string) bool { return name == explained || name == all })
	var b strings.Builder
	b.WriteString("| tried by | grants | noticed | unnoticed | undecided | minutes |\n|---|---|---|---|---|---|\n")
	for _, name := range append(names, explained, all) {
		r := rows[name]
		if r == nil {
			continue
		}
		grants := 0
		for _, n := range r.outcomes {
			grants += n
		}
		cells := fmt.Sprintf("%d | %d | %d | %.0f", r.outcomes[Noticed], r.outcomes[Unnoticed], r.outcomes[Undecided], r.seconds/60)
		if name == explained {
			cells = "- | - | - | -"
		}
		fmt.Fprintf(&b, "| %s | %d | %s |\n", name, grants, cells)
	}
	return b.String()
}
