package compliance

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Set is a configuration of the stack.
type Set string

// The sets that are held against the rules.
const (
	Default    Set = "default"
	Production Set = "production" // production: true, with what it requires
)

// Acknowledgement is the reason why a finding stays.
type Acknowledgement struct {
	Rules     []string // as cdk-nag names them, with the part in brackets of a rule that has findings
	Resources []string // paths below the stack; each rule finds something in each of them
	Only      Set      // the set in which they are found; "" for both
	Reason    string   // for an auditor
}

// Finding is what a rule found.
type Finding struct{ Rule, Resource string }

// Check compares what was found in a set with the acknowledgements: unexplained findings have
// none, stale ones have one and were not found. Both are in order.
func Check(set Set, found []Finding) (unexplained, stale []Finding) {
	return check(Acknowledgements(), set, found)
}

func check(acknowledgements []Acknowledgement, set Set, found []Finding) (unexplained, stale []Finding) {
	acknowledged := map[Finding]bool{}
	for _, a := range acknowledgements {
		if a.Only != "" && a.Only != set {
			continue
		}
		for _, rule := range a.Rules {
			for _, resource := range a.Resources {
				acknowledged[Finding{rule, resource}] = true
			}
		}
	}
	for _, f := range found {
		if !acknowledged[f] {
			unexplained = append(unexplained, f)
		}
	}
	for f := range acknowledged {
		if !slices.Contains(found, f) {
			stale = append(stale, f)
		}
	}
	order := func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Resource, b.Resource))
	}
	slices.SortFunc(unexplained, order)
	slices.SortFunc(stale, order)
	return unexplained, stale
}

// Line is a line of a pack's report: a rule held against a resource.
type Line struct {
	RuleID     string // without a part in brackets
	ResourceID string // path with the stack
	Compliance string // "Compliant" or "Non-Compliant"
	RuleInfo   string // a sentence, and the controls in parentheses
}

// Packs are the names of the packs of rules, as their reports' names begin.
func Packs() []string { return []string{"AwsSolutions", "NIST.800.53.R5", "PCI.DSS.321"} }

// titles of the packs for people.
var titles = map[string]string{
	"AwsSolutions": "AWS Solutions", "NIST.800.53.R5": "NIST 800-53 revision 5", "PCI.DSS.321": "PCI DSS 3.2.1",
}

// Markdown returns the tables of docs/compliance.md, from the lines of every pack's report on
// every set.
func Markdown(reports map[Set]map[string][]Line) string {
	var b strings.Builder
	b.WriteString("## The packs\n\n| pack | rules that apply | checks passed, by default | acknowledged | checks passed, in production | acknowledged |\n|---|---|---|---|---|---|\n")
	for _, pack := range Packs() {
		rules := map[string]bool{}
		cells := ""
		for _, set := range []Set{Default, Production} {
			passed := 0
			for _, line := range reports[set][pack] {
				rules[line.RuleID] = true
				if line.Compliance == "Compliant" {
					passed++
				}
			}
			cells += fmt.Sprintf(" %d | %d |", passed, len(reports[set][pack])-passed)
		}
		fmt.Fprintf(&b, "| %s | %d |%s\n", titles[pack], len(rules), cells)
	}
	b.WriteString("\n## PCI DSS 3.2.1, rule by rule\n\n| rule | requirements | fails when | by default | in production |\n|---|---|---|---|---|\n")
	const pci = "PCI.DSS.321"
	about, results := map[string]string{}, map[string]map[Set]string{}
	for set, packs := range reports {
		total, failed := map[string]int{}, map[string]int{}
		for _, line := range packs[pci] {
			about[line.RuleID] = line.RuleInfo
			total[line.RuleID]++
			if line.Compliance != "Compliant" {
				failed[line.RuleID]++
			}
		}
		for rule, n := range total {
			if results[rule] == nil {
				results[rule] = map[Set]string{}
			}
			results[rule][set] = fmt.Sprintf("%d passed", n-failed[rule])
			switch {
			case failed[rule] == n:
				results[rule][set] = fmt.Sprintf("%d acknowledged", n)
			case failed[rule] > 0:
				results[rule][set] += fmt.Sprintf(", %d acknowledged", failed[rule])
			}
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(about)) {
		info, controls := split(about[rule])
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", strings.TrimPrefix(rule, pci+"-"), controls, info,
			cmp.Or(results[rule][Default], "does not apply"), cmp.Or(results[rule][Production], "does not apply"))
	}
	b.WriteString("\n## What is acknowledged\n\n")
	for _, a := range Acknowledgements() {
		where := "By default and in production"
		switch a.Only {
		case Default:
			where = "By default only"
		case Production:
			where = "In production only"
		}
		fmt.Fprintf(&b, "**%s**\n\n%s, on %s. %s\n\n", code(a.Rules), where, code(a.Resources), a.Reason)
	}
	return strings.TrimSpace(b.String()) + "\n"
}

var controlsPattern = regexp.MustCompile(`^(.*?) - \(Control IDs?: (.*)\)\.?$`)

// split separates the sentence of a rule from its controls.
func split(info string) (sentence, controls string) {
	info = strings.ReplaceAll(info, "\u00a0", " ")
	if match := controlsPattern.FindStringSubmatch(info); match != nil {
		return match[1], match[2]
	}
	return info, ""
}

// code joins names, each as code.
func code(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }
