package main

import (
	"cmp"
	"slices"
)

// section is a part of the table, in the order of the constants.
type section string

// The sections.
const (
	destroyed   section = "destroys"    // replaced or deleted, or a setting that deletes data
	unsure      section = "not judged"  // what this command cannot judge
	protections section = "protection"  // weakened or changed, nothing is deleted by it
	permissions section = "permissions" // who may do what
	routing     section = "routing"     // which amounts go where
	alarms      section = "alarms"      // removed or loosened, and who is told
	cost        section = "cost"
	others      section = "other" // everything else, by count
)

var sections = []section{destroyed, unsure, protections, permissions, routing, alarms, cost, others}

// direction says what a row means for its reader.
type direction string

// The directions.
const (
	worsens  direction = "worse"   // less safe: wider, weaker, fewer
	improves direction = "better"  // the opposite
	changes  direction = "changed" // neither, or both
)

// row is a row of the table. Before and After are values of the templates.
type row struct {
	Section   section   `json:"section"`
	Direction direction `json:"direction"`
	Stack     string    `json:"stack,omitempty"`
	LogicalID string    `json:"logicalId,omitempty"`
	Type      string    `json:"type,omitempty"`
	Name      string    `json:"name,omitempty"` // physical name, or place in the CDK app
	What      string    `json:"what"`           // in words
	Before    string    `json:"before,omitempty"`
	After     string    `json:"after,omitempty"`
}

// report is everything that a review found.
type report struct {
	Base        string    `json:"base"`
	Head        string    `json:"head"`
	Result      result    `json:"result"`
	Destructive int       `json:"destructive"` // rows of the section destroys
	Rows        []row     `json:"rows"`
	Cost        *costs    `json:"cost,omitempty"`
	Counts      []counted `json:"counts"` // changed resources by type
}

// costs are US dollars a month for a million transactions.
type costs struct {
	Before     float64 `json:"before"`
	After      float64 `json:"after"`
	IdleBefore float64 `json:"idleBefore"` // without transactions
	IdleAfter  float64 `json:"idleAfter"`
}

// counted is how many resources of a type are added, changed, replaced and removed.
type counted struct {
	Type     string `json:"type"`
	Added    int    `json:"added"`
	Changed  int    `json:"changed"`
	Replaced int    `json:"replaced"`
	Removed  int    `json:"removed"`
}

// result is what the exit status says.
type result string

// The results.
const (
	resultSafe        result = "not destructive"
	resultDestructive result = "destructive"
	resultAllowed     result = "destructive, allowed"
)

// comparison compares a stack before and after.
type comparison struct {
	stack         string
	before, after *template
	schema        *schema
	changes       map[string]*change // by logical id
	rows          []row
	told          map[string]bool // logical ids that have a row
	routes        map[string]bool // logical ids of rules that may match transactions
}

// add adds a row about a resource, which may be nil.
func (c *comparison) add(s section, d direction, r *resource, what, before, after string) {
	added := row{Section: s, Direction: d, Stack: c.stack, What: what, Before: before, After: after}
	if r != nil {
		added.LogicalID, added.Type, added.Name = r.id, r.Type, r.name()
		if s != permissions { // those are of whom they are given to, and told of the policy
			c.told[r.id] = true
		}
	}
	c.rows = append(c.rows, added)
}

// compare compares two sets of stacks. A stack that only one of them has is compared with
// an empty one.
func compare(s *schema, before, after stacks) *report {
	found := &report{Rows: []row{}, Counts: []counted{}}
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	var sorted []string
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	for _, name := range sorted {
		c := &comparison{stack: name, before: before[name], after: after[name], schema: s, told: map[string]bool{}, routes: map[string]bool{}}
		if c.before == nil {
			c.before = &template{}
		}
		if c.after == nil {
			c.after = &template{}
		}
		c.changes = diff(s, c.before, c.after)
		c.resources()
		c.sections()
		c.settings()
		c.permissions()
		c.routing()
		c.alarms()
		found.Counts = append(found.Counts, c.counts()...)
		found.Rows = append(found.Rows, c.rows...)
	}
	slices.SortStableFunc(found.Rows, func(a, b row) int {
		return cmp.Or(
			cmp.Compare(slices.Index(sections, a.Section), slices.Index(sections, b.Section)),
			-cmp.Compare(a.Direction, b.Direction), // worse, changed, better
			cmp.Compare(a.Stack, b.Stack), cmp.Compare(a.Type, b.Type), cmp.Compare(a.LogicalID, b.LogicalID),
		)
	})
	for _, r := range found.Rows {
		if r.Section == destroyed {
			found.Destructive++
		}
	}
	found.Result = resultSafe
	if found.Destructive > 0 {
		found.Result = resultDestructive
	}
	return found
}

// counts counts the changed resources that no row tells of, by type.
func (c *comparison) counts() []counted {
	byType := map[string]*counted{}
	for id, change := range c.changes {
		if c.told[id] {
			continue
		}
		typeName := change.resource().Type
		n := byType[typeName]
		if n == nil {
			n = &counted{Type: typeName}
			byType[typeName] = n
		}
		switch change.action {
		case added:
			n.Added++
		case removed:
			n.Removed++
		case replaced:
			n.Replaced++
		default:
			n.Changed++
		}
	}
	var all []counted
	for _, n := range byType {
		all = append(all, *n)
	}
	slices.SortFunc(all, func(a, b counted) int { return cmp.Compare(a.Type, b.Type) })
	return all
}
