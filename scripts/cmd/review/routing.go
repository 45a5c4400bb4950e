package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/events"
)

// route is a rule that may match transactions.
type route struct {
	rule    *resource
	pattern *events.Pattern
}

// routes are the rules of a template, by logical id.
type routes struct {
	all      []route
	samples  *samples
	problems map[string]*resource
}

// samples are the values with which patterns are tried: each number of a pattern and what
// lies between, each text of it and one that no pattern names.
type samples struct {
	amounts map[string]*big.Rat
	fields  map[string]map[string]any // values of other fields of the detail, by their JSON text
}

// routing reports which amounts go elsewhere, and what else of the rules changes. It does not
// read bounds out of patterns: it asks the local run's EventBridge which rules match, on both
// sides of every number of every pattern, so that any pattern is understood as it acts.
func (c *comparison) routing() {
	s := &samples{amounts: map[string]*big.Rat{}, fields: map[string]map[string]any{}}
	before, after := readRoutes(c.before, s), readRoutes(c.after, s)
	for text, r := range after.problems {
		c.add(unsure, worsens, r, "a pattern that could not be read: "+text, "", show(r.Properties["EventPattern"]))
	}
	c.bands(before, after, s)
	c.rules()
	c.mappings()
}

func readRoutes(t *template, s *samples) *routes {
	r := &routes{samples: s, problems: map[string]*resource{}}
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		rule := t.Resources[id]
		value := rule.Properties["EventPattern"]
		if rule.Type != "AWS::Events::Rule" || value == nil || strings.EqualFold(show(rule.Properties["State"]), "DISABLED") {
			continue
		}
		text, err := json.Marshal(rendered(value))
		if err != nil {
			r.problems[err.Error()] = rule
			continue
		}
		p, err := events.ParsePattern(text)
		if err != nil {
			r.problems[err.Error()] = rule
			continue
		}
		if !carries(t, rule) || !envelopeMatches(rendered(value)) {
			continue // transactions do not get there
		}
		s.read(get(value, "detail"))
		r.all = append(r.all, route{rule, p})
	}
	return r
}

// carries reports whether a rule is on the stack's own bus, which transactions are sent to.
// Without a bus in the template, every rule is.
func carries(t *template, rule *resource) bool {
	buses := map[string]bool{}
	for id, r := range t.Resources {
		buses[id] = r.Type == "AWS::Events::EventBus"
	}
	return !slices.Contains(slices.Collect(maps.Values(buses)), true) || refersTo(rule.Properties["EventBusName"], buses) != ""
}

// envelopeMatches reports whether a pattern, but for what it wants of the detail, matches a
// transaction.
func envelopeMatches(pattern any) bool {
	whole, _ := pattern.(map[string]any)
	top := maps.Clone(whole)
	delete(top, "detail")
	if len(top) == 0 {
		return true
	}
	text, err := json.Marshal(top)
	if err != nil {
		return true // the row about the pattern says so
	}
	p, err := events.ParsePattern(text)
	if err != nil {
		return true
	}
	event, err := json.Marshal(map[string]any{"source": contract.EventSource, "detail-type": contract.DetailTypeTransactionReceived})
	if err != nil {
		return true
	}
	matches, err := p.Matches(event)
	return matches || err != nil
}

// read collects the values that a pattern of the detail names.
func (s *samples) read(detail any) {
	fields, _ := detail.(map[string]any)
	for name, value := range fields {
		values, isList := value.([]any)
		switch {
		case name == "$or":
			for _, branch := range values {
				s.read(branch)
			}
		case !isList, name == contract.DetailAmountBeyondMatching:
		case name == contract.FieldAmount:
			for _, v := range values {
				s.amount(v)
			}
		default:
			for _, v := range values {
				s.field(name, v)
			}
		}
	}
}

// amount collects the numbers within a matcher of amounts.
func (s *samples) amount(value any) {
	switch v := value.(type) {
	case json.Number, string:
		if n, ok := new(big.Rat).SetString(fmt.Sprint(v)); ok {
			s.amounts[n.RatString()] = n
		}
	case []any:
		for _, element := range v {
			s.amount(element)
		}
	case map[string]any:
		for _, argument := range v {
			s.amount(argument)
		}
	}
}

// field collects the literals within a matcher of another field.
func (s *samples) field(name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for operator, argument := range v {
			if operator != "exists" {
				s.field(name, argument)
			}
		}
	case []any:
		for _, element := range v {
			s.field(name, element)
		}
	default:
		if s.fields[name] == nil {
			s.fields[name] = map[string]any{}
		}
		s.fields[name][scalar(v)] = v
	}
}

// scale is the number of decimals that EventBridge compares.
// https://github.com/aws/event-ruler (ComparableNumber)
const scale = 6

// point is an amount to try, or what stands for the amounts between two others.
type point struct {
	amount   *big.Rat
	low, top *big.Rat // of a range, without its ends; nil for none
	exact    bool     // the amount itself
}

// points returns the amounts to try in ascending order.
func (s *samples) points() []point {
	bounds := []*big.Rat{big.NewRat(contract.MaxMatchableAmount, 1)}
	for _, n := range s.amounts {
		if n.Sign() > 0 && n.Cmp(bounds[0]) != 0 {
			bounds = append(bounds, n)
		}
	}
	slices.SortFunc(bounds, func(a, b *big.Rat) int { return a.Cmp(b) })
	var all []point
	low := new(big.Rat)
	for _, n := range bounds {
		middle := new(big.Rat).Mul(new(big.Rat).Add(low, n), big.NewRat(1, 2))
		if text := middle.FloatString(scale); rat(text).Cmp(low) > 0 && rat(text).Cmp(n) < 0 {
			all = append(all, point{amount: rat(text), low: low, top: n})
		}
		all = append(all, point{amount: n, low: n, top: n, exact: true})
		low = n
	}
	return append(all, point{amount: new(big.Rat).Add(low, big.NewRat(1000, 1)), low: low})
}

func rat(text string) *big.Rat {
	n, _ := new(big.Rat).SetString(text)
	return n
}

// combination is a choice of values for the fields beside the amount.
type combination struct {
	label  string
	detail map[string]any
}

// otherCurrency is reserved for tests by ISO 4217, so no currency has its code.
const otherCurrency = "XTS"

// maxCombinations bounds the work for patterns that name many values of many fields.
const maxCombinations = 2000

// combinations returns every choice of values that patterns name, and of others.
func (s *samples) combinations() ([]combination, bool) {
	all := []combination{{"", map[string]any{contract.FieldCurrency: otherCurrency, contract.FieldKind: contract.KindPayment}}}
	for _, name := range slices.Sorted(maps.Keys(s.fields)) {
		var next []combination
		for _, c := range all {
			extend := func(label string, value any) {
				detail := maps.Clone(c.detail)
				detail[name] = value
				next = append(next, combination{strings.TrimPrefix(c.label+", "+label, ", "), detail})
			}
			for _, text := range slices.Sorted(maps.Keys(s.fields[name])) {
				label := text
				if name != contract.FieldCurrency {
					label = name + " " + text
				}
				extend(label, s.fields[name][text])
			}
			if name == contract.FieldCurrency {
				extend("other currencies", otherCurrency)
			} else {
				extend("other "+name, "value-that-no-pattern-names")
			}
			if len(next) > maxCombinations {
				return all, false
			}
		}
		all = next
	}
	return all, true
}

// targets says where the rules send a transaction, "" if none matches.
func (r *routes) targets(detail map[string]any, amount *big.Rat) (string, error) {
	whole := maps.Clone(detail)
	text := strings.TrimRight(strings.TrimRight(amount.FloatString(scale), "0"), ".")
	whole[contract.FieldAmount] = json.Number(text)
	if amount.Cmp(big.NewRat(contract.MaxMatchableAmount, 1)) > 0 {
		whole[contract.DetailAmountBeyondMatching] = true
	}
	event, err := json.Marshal(map[string]any{
		"source": contract.EventSource, "detail-type": contract.DetailTypeTransactionReceived, "detail": whole,
	})
	if err != nil {
		return "", err
	}
	var all []string
	for _, route := range r.all {
		matches, err := route.pattern.Matches(event)
		if err != nil {
			return "", err
		}
		if matches {
			all = append(all, route.label())
		}
	}
	slices.Sort(all)
	return strings.Join(all, " and "), nil
}

// label names a route: the tier, or the rule.
func (r route) label() string {
	name := r.rule.name()
	if tier, _, ok := strings.Cut(name, contract.TierRuleInfix); ok {
		return tier
	}
	return name
}

// nowhere is where amounts go that no rule matches.
const nowhere = "NO RULE"

// bandsOf returns the bands of amounts in words, the lowest first, and which amounts no rule
// or several match.
func (r *routes) bandsOf(detail map[string]any, points []point) (words string, gaps, overlaps bool, err error) {
	type band struct {
		first, last point
		to          string
	}
	var all []band
	for _, p := range points {
		to, err := r.targets(detail, p.amount)
		if err != nil {
			return "", false, false, err
		}
		if to == "" {
			to = nowhere
		}
		gaps, overlaps = gaps || to == nowhere, overlaps || strings.Contains(to, " and ")
		if n := len(all); n > 0 && all[n-1].to == to {
			all[n-1].last = p
			continue
		}
		all = append(all, band{p, p, to})
	}
	var texts []string
	for _, b := range all {
		texts = append(texts, span(b.first, b.last)+" → "+b.to)
	}
	return strings.Join(texts, "; "), gaps, overlaps, nil
}

// span says in words which amounts lie from one point up to another.
func span(first, last point) string {
	decimal := func(n *big.Rat) string { return strings.TrimRight(strings.TrimRight(n.FloatString(scale), "0"), ".") }
	var low, top string
	if first.low.Sign() > 0 {
		low = "above " + decimal(first.low)
		if first.exact {
			low = "from " + decimal(first.low)
		}
	}
	if last.top != nil {
		top = "below " + decimal(last.top)
		if last.exact {
			top = "up to and including " + decimal(last.top)
		}
	}
	switch {
	case first.exact && last.exact && first.low.Cmp(last.top) == 0:
		return "exactly " + decimal(first.low)
	case low == "" && top == "":
		return "every amount"
	}
	if low != "" && strings.HasPrefix(top, "below") {
		low += " to"
	}
	return strings.TrimSpace(low + " " + top)
}

// bands reports each combination of other fields for which the bands differ.
func (c *comparison) bands(before, after *routes, s *samples) {
	points := s.points()
	combinations, all := s.combinations()
	if !all {
		c.add(unsure, worsens, nil, "the patterns name too many values of fields to try them all", "", "")
	}
	labels := map[row][]string{} // of combinations that change alike
	var order []row
	for _, combination := range combinations {
		was, gapWas, twiceWas, err := before.bandsOf(combination.detail, points)
		if err != nil {
			c.add(unsure, worsens, nil, "patterns: "+err.Error(), "", "")
			return
		}
		is, gap, twice, err := after.bandsOf(combination.detail, points)
		if err != nil {
			c.add(unsure, worsens, nil, "patterns: "+err.Error(), "", "")
			return
		}
		if was == is || len(before.all) == 0 && len(after.all) == 0 {
			continue
		}
		what, d := "", changes
		switch {
		case gap && !gapWas:
			what, d = ": some are now matched by NO RULE, so nobody hears of them", worsens
		case twice && !twiceWas:
			what, d = ": some are now matched TWICE", worsens
		case gapWas && !gap || twiceWas && !twice:
			d = improves
		}
		next := row{Direction: d, What: what, Before: was, After: is}
		if labels[next] == nil {
			order = append(order, next)
		}
		labels[next] = append(labels[next], combination.label)
	}
	for _, r := range order {
		of := "every currency"
		if len(labels[r]) < len(combinations) {
			of = strings.Join(labels[r], "; ")
		}
		c.add(routing, r.Direction, nil, "amounts of "+of+r.What, r.Before, r.After)
	}
	for _, r := range []*routes{before, after} {
		for _, route := range r.all {
			c.routes[route.rule.id] = true
			c.told[route.rule.id] = true // its pattern is part of the bands
		}
	}
}

// rules reports what else of rules and schedules changes.
func (c *comparison) rules() {
	for _, id := range slices.Sorted(maps.Keys(c.changes)) {
		ch := c.changes[id]
		r := ch.resource()
		if r.Type != "AWS::Events::Rule" && r.Type != "AWS::Scheduler::Schedule" && r.Type != "AWS::Pipes::Pipe" {
			continue
		}
		switch ch.action {
		case added:
			c.add(routing, changes, r, "a new rule, to "+c.targetsOf(c.after, r), "", rulePattern(r))
			continue
		case removed:
			c.add(routing, worsens, r, "THE RULE IS REMOVED, with its targets "+c.targetsOf(c.before, r), rulePattern(r), "")
			continue
		case replaced:
			c.add(routing, changes, r, "the rule is replaced ("+strings.Join(ch.reasons, ", ")+")", ch.values(true), ch.values(false))
		}
		before, after := ch.before.Properties, ch.after.Properties
		if disabled(before) != disabled(after) {
			if disabled(after) {
				c.add(routing, worsens, r, "THE RULE IS DISABLED", show(before["State"]), show(after["State"]))
			} else {
				c.add(routing, improves, r, "the rule is enabled", show(before["State"]), show(after["State"]))
			}
		}
		if !same(before["ScheduleExpression"], after["ScheduleExpression"]) {
			c.add(routing, changes, r, "another schedule", show(before["ScheduleExpression"]), show(after["ScheduleExpression"]))
		}
		if !c.routes[id] && !same(before["EventPattern"], after["EventPattern"]) {
			c.add(routing, changes, r, "another pattern", show(before["EventPattern"]), show(after["EventPattern"]))
		}
		c.targets(ch)
	}
}

func disabled(properties map[string]any) bool {
	return strings.EqualFold(show(properties["State"]), "DISABLED")
}

func rulePattern(r *resource) string {
	if pattern := r.Properties["EventPattern"]; pattern != nil {
		return show(pattern)
	}
	return show(r.Properties["ScheduleExpression"])
}

// targets reports targets of a rule that are added, removed or changed, but for what the rows
// about protections say.
func (c *comparison) targets(ch *change) {
	for _, p := range pairs(list(ch.before.Properties["Targets"]), list(ch.after.Properties["Targets"])) {
		switch {
		case p.after == nil:
			c.add(routing, worsens, ch.after, "NO LONGER SENT to a target", c.nameOf(c.before, get(p.before, "Arn")), "")
		case p.before == nil:
			c.add(routing, changes, ch.after, "also sent to a target", "", c.nameOf(c.after, get(p.after, "Arn")))
		case !same(get(p.before, "Arn"), get(p.after, "Arn")):
			c.add(routing, worsens, ch.after, "sent to ANOTHER target", c.nameOf(c.before, get(p.before, "Arn")), c.nameOf(c.after, get(p.after, "Arn")))
		default:
			for _, member := range []string{"Input", "InputPath", "InputTransformer"} {
				if !same(get(p.before, member), get(p.after, member)) {
					c.add(routing, changes, ch.after, "the target gets another "+member, show(get(p.before, member)), show(get(p.after, member)))
				}
			}
		}
	}
}

func (c *comparison) targetsOf(t *template, r *resource) string {
	var all []string
	for _, target := range list(r.Properties["Targets"]) {
		all = append(all, c.nameOf(t, get(target, "Arn")))
	}
	return strings.Join(all, ", ")
}

// nameOf returns the name of the resource that a value refers to, or its text.
func (c *comparison) nameOf(t *template, value any) string {
	var found *resource
	references(value, func(id string) {
		if r := t.Resources[id]; r != nil {
			found = r
		}
	})
	if found == nil {
		return show(value)
	}
	return found.name()
}

// mappings reports what changes of what functions read.
func (c *comparison) mappings() {
	for _, id := range slices.Sorted(maps.Keys(c.changes)) {
		ch := c.changes[id]
		if ch.before == nil || ch.after == nil || ch.after.Type != "AWS::Lambda::EventSourceMapping" {
			continue
		}
		before, after := ch.before.Properties, ch.after.Properties
		if truth(before["Enabled"], true) && !truth(after["Enabled"], true) {
			c.add(routing, worsens, ch.after, "THE MAPPING IS DISABLED: its function processes nothing", show(before["Enabled"]), show(after["Enabled"]))
		}
		if !same(before["FilterCriteria"], after["FilterCriteria"]) {
			c.add(routing, worsens, ch.after, "the function gets OTHER records", show(before["FilterCriteria"]), show(after["FilterCriteria"]))
		}
	}
}
