package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// ErrPattern is wrapped by the error of an event pattern that is invalid or uses an operator
// that is not supported.
var ErrPattern = errors.New("event pattern")

// Pattern is a compiled event pattern. A field name with dots is the path of a nested field, in the
// pattern and in the event. The rules are those of "Comparison operators
// for use in event patterns in Amazon EventBridge" (EventBridge user guide,
// eb-create-pattern-operators) and, where the guide is silent, of aws/event-ruler, the
// matcher that EventBridge runs.
type Pattern struct{ root *object }

// object is a level of a pattern: all of its fields and one branch of each $or
// must match.
type object struct {
	fields map[string]node
	ors    [][]*object
}

// node is a level below, or the alternatives for a value.
type node struct {
	object *object
	leaf   *leaf
}

// leaf matches when one of its matchers accepts one value of the field.
type leaf struct {
	path     []string // from the root of the event, for exists
	absent   bool     // {"exists": false} is among the alternatives
	matchers []matcher
}

// matcher reports whether one value matches: a string, json.Number, bool or nil.
type matcher func(value any) bool

// ParsePattern compiles an event pattern, which compares [Doubles]. The error wraps ErrPattern
// and names every problem with the path of its field.
func ParsePattern(text []byte) (*Pattern, error) { return Doubles.ParsePattern(text) }

// ParsePattern is [ParsePattern] with another way of comparing numbers. Only tests need it: to
// show that a pattern matches the same events in each.
func (n Numbers) ParsePattern(text []byte) (*Pattern, error) {
	value, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPattern, err)
	}
	top, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: must be a JSON object", ErrPattern)
	}
	c := compiler{numbers: n}
	root := c.object(top, nil, false)
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	return &Pattern{root}, nil
}

// Matches reports whether the pattern matches event, a JSON object. The error is that event is
// not JSON.
func (p *Pattern) Matches(event []byte) (bool, error) {
	value, err := decode(event)
	if err != nil {
		return false, err
	}
	return p.root.matches(value, value), nil
}

// decode reads exactly one JSON value, keeping the text of numbers, and nests the fields whose
// names have dots.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("data after the JSON value")
	}
	return nest(value), nil
}

// nest replaces {"a.b": 1} by {"a": {"b": 1}}: event-ruler compares paths, in which dots join the
// names, so that both are the same to it. Recorded on AWS in localstack/localstack, test_event_pattern[dot_joining_event]
// and [dot_joining_pattern].
func nest(value any) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = nest(v[i])
		}
	case map[string]any:
		for name, member := range v {
			v[name] = nest(member)
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			first, rest, dotted := strings.Cut(name, ".")
			if !dotted {
				continue
			}
			member := v[name]
			delete(v, name)
			merge(v, first, nest(map[string]any{rest: member}))
		}
	}
	return value
}

// merge adds a member to an object. Members of the same name become one, as their fields have
// paths with the same beginning; of two values of a field, either may match.
func merge(object map[string]any, name string, member any) {
	existing, has := object[name]
	from, ok := member.(map[string]any)
	into, both := existing.(map[string]any)
	switch {
	case !has:
		object[name] = member
	case ok && both:
		for _, inner := range slices.Sorted(maps.Keys(from)) {
			merge(into, inner, from[inner])
		}
	default:
		object[name] = []any{existing, member}
	}
}

// matches reports whether value matches the level. Of an array, one element must match the
// whole level: fields of different elements do not belong together.
func (o *object) matches(value, event any) bool {
	switch v := value.(type) {
	case []any:
		if slices.ContainsFunc(v, func(element any) bool { return o.matches(element, event) }) {
			return true
		}
		return len(v) == 0 && o.matches(nil, event)
	case map[string]any:
		return o.matchesFields(v, event)
	default: // nothing below a scalar: only {"exists": false} can match there
		return o.matchesFields(nil, event)
	}
}

func (o *object) matchesFields(fields map[string]any, event any) bool {
	for name, n := range o.fields {
		if n.object != nil && !n.object.matches(fields[name], event) {
			return false
		}
		if n.leaf != nil && !n.leaf.matches(fields, name, event) {
			return false
		}
	}
	for _, branches := range o.ors {
		if !slices.ContainsFunc(branches, func(b *object) bool { return b.matchesFields(fields, event) }) {
			return false
		}
	}
	return true
}

func (l *leaf) matches(fields map[string]any, name string, event any) bool {
	if l.absent && !hasLeaf(event, l.path) {
		return true
	}
	value, present := fields[name]
	if !present {
		return false
	}
	return slices.ContainsFunc(leaves(value), func(v any) bool {
		return slices.ContainsFunc(l.matchers, func(m matcher) bool { return m(v) })
	})
}

// leaves returns the values of a field: itself, or the elements of an array of any
// depth. An object yields no values: operators apply to leaf nodes only.
func leaves(value any) []any {
	switch v := value.(type) {
	case map[string]any:
		return nil
	case []any:
		var all []any
		for _, element := range v {
			all = append(all, leaves(element)...)
		}
		return all
	default:
		return []any{v}
	}
}

// hasLeaf reports whether the event has a value at path, in whichever array
// elements on the way.
func hasLeaf(value any, path []string) bool {
	if len(path) == 0 {
		return len(leaves(value)) > 0
	}
	switch v := value.(type) {
	case map[string]any:
		member, ok := v[path[0]]
		return ok && hasLeaf(member, path[1:])
	case []any:
		return slices.ContainsFunc(v, func(element any) bool { return hasLeaf(element, path) })
	default:
		return false
	}
}

// compiler collects the problems of a pattern.
type compiler struct {
	numbers  Numbers
	problems []error
}

func (c *compiler) problem(path []string, format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf("%w: %s: %s", ErrPattern, strings.Join(path, "."), fmt.Sprintf(format, args...)))
}

// or is the only operator among field names.
const or = "$or"

// reservedInOr cannot be field names inside $or: a branch that names one is most
// likely an operator in the wrong place (aws/event-ruler, Constants.java).
var reservedInOr = []string{"exactly", "prefix", "suffix", "anything-but", "numeric", "exists", "cidr", "equals-ignore-case", "wildcard"}

func (c *compiler) object(fields map[string]any, path []string, inOr bool) *object {
	o := &object{fields: map[string]node{}}
	if len(fields) == 0 {
		c.problem(path, "empty objects are not allowed")
	}
	for name, value := range fields {
		below := append(slices.Clone(path), name)
		if inOr && slices.Contains(reservedInOr, name) {
			c.problem(below, "a reserved name cannot be a field inside $or")
			continue
		}
		switch v := value.(type) {
		case map[string]any:
			o.fields[name] = node{object: c.object(v, below, inOr)}
		case []any:
			if name == or {
				o.ors = append(o.ors, c.branches(v, path))
				continue
			}
			o.fields[name] = node{leaf: c.leaf(v, below)}
		default:
			c.problem(below, "must be an object or an array")
		}
	}
	return o
}

func (c *compiler) branches(values []any, path []string) []*object {
	if len(values) < 2 {
		c.problem(path, "$or needs at least two objects")
	}
	var branches []*object
	for _, value := range values {
		fields, ok := value.(map[string]any)
		if !ok {
			c.problem(path, "$or holds objects only")
			continue
		}
		branches = append(branches, c.object(fields, path, true))
	}
	return branches
}

func (c *compiler) leaf(values []any, path []string) *leaf {
	l := &leaf{path: path}
	if len(values) == 0 {
		c.problem(path, "empty arrays are not allowed")
	}
	for _, value := range values {
		switch v := value.(type) {
		case map[string]any:
			c.operator(v, path, l)
		case []any:
			c.problem(path, "a value must be a string, number, boolean, null or operator")
		default:
			l.matchers = append(l.matchers, c.numbers.equals(v))
		}
	}
	return l
}

// operator adds the matcher of {"name": argument} to l.
func (c *compiler) operator(expression map[string]any, path []string, l *leaf) {
	if len(expression) != 1 {
		c.problem(path, "an operator is an object with one key, not %d", len(expression))
		return
	}
	for name, argument := range expression {
		if name == "exists" {
			switch argument {
			case true:
				l.matchers = append(l.matchers, func(any) bool { return true })
			case false:
				l.absent = true
			default:
				c.problem(path, "exists takes true or false")
			}
			return
		}
		var m matcher
		var err error
		switch name {
		case "prefix", "suffix":
			m, err = affix(name, argument)
		case "equals-ignore-case", "wildcard":
			m, err = textMatcher(name, argument)
		case "numeric":
			m, err = c.numbers.numeric(argument)
		case "anything-but":
			m, err = c.numbers.anythingBut(argument)
		case "cidr":
			m, err = cidr(argument)
		default:
			err = fmt.Errorf("operator %q is not supported", name)
		}
		if err != nil {
			c.problem(path, "%v", err)
			return
		}
		l.matchers = append(l.matchers, m)
	}
}

// equals matches a literal. Numbers are equal when EventBridge can compare them as
// numbers and they are, or when their texts are the same.
func (n Numbers) equals(literal any) matcher {
	number, ok := literal.(json.Number)
	if !ok {
		return func(value any) bool { return value == literal }
	}
	want, comparable := n.comparable(number.String())
	return func(value any) bool {
		other, ok := value.(json.Number)
		if !ok {
			return false
		}
		if other == number {
			return true
		}
		got, ok := n.comparable(other.String())
		return ok && comparable && got == want
	}
}

// affix is prefix or suffix, also of {"equals-ignore-case": text}.
func affix(name string, argument any) (matcher, error) {
	if nested, ok := argument.(map[string]any); ok {
		text, ok := nested["equals-ignore-case"].(string)
		if !ok || len(nested) != 1 {
			return nil, fmt.Errorf("%s takes a string or {\"equals-ignore-case\": string}", name)
		}
		return strMatcher(func(s string) bool {
			// Case folding may change a letter's length in bytes, so runes are compared.
			have, want := []rune(s), []rune(text)
			if len(have) < len(want) {
				return false
			}
			if name == "prefix" {
				return strings.EqualFold(string(have[:len(want)]), text)
			}
			return strings.EqualFold(string(have[len(have)-len(want):]), text)
		}), nil
	}
	return textMatcher(name, argument)
}

// textMatcher returns the matcher of an operator whose argument is one string.
func textMatcher(name string, argument any) (matcher, error) {
	text, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("%s takes a string", name)
	}
	switch name {
	case "prefix":
		return strMatcher(func(s string) bool { return strings.HasPrefix(s, text) }), nil
	case "suffix":
		return strMatcher(func(s string) bool { return strings.HasSuffix(s, text) }), nil
	case "equals-ignore-case":
		return strMatcher(func(s string) bool { return strings.EqualFold(s, text) }), nil
	case "wildcard":
		parts, err := splitWildcard(text)
		if err != nil {
			return nil, err
		}
		return strMatcher(func(s string) bool { return matchWildcard(parts, s) }), nil
	default:
		return nil, fmt.Errorf("operator %q is not supported", name)
	}
}

func strMatcher(accept func(string) bool) matcher {
	return func(value any) bool {
		s, ok := value.(string)
		return ok && accept(s)
	}
}

// splitWildcard cuts a wildcard expression at its asterisks. A backslash makes
// an asterisk or backslash literal; two asterisks in a row are rejected, as by AWS.
func splitWildcard(text string) ([]string, error) {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
			if i == len(text) || (text[i] != '*' && text[i] != '\\') {
				return nil, fmt.Errorf("wildcard %q: a backslash may only come before * or \\", text)
			}
			part.WriteByte(text[i])
		case '*':
			if i > 0 && text[i-1] == '*' && part.Len() == 0 && len(parts) > 0 {
				return nil, fmt.Errorf("wildcard %q: consecutive asterisks are not allowed", text)
			}
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(text[i])
		}
	}
	return append(parts, part.String()), nil
}

// matchWildcard reports whether s is the parts in order with anything between them.
func matchWildcard(parts []string, s string) bool {
	if len(parts) == 1 {
		return s == parts[0]
	}
	last := len(parts) - 1
	rest, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[last])
}

// numeric is one comparison, or a lower bound followed by an upper bound. Two
// bounds the other way round are rejected by AWS too.
func (n Numbers) numeric(argument any) (matcher, error) {
	terms, ok := argument.([]any)
	if !ok || (len(terms) != 2 && len(terms) != 4) {
		return nil, errors.New("numeric takes [operator, number] or [\">\" or \">=\", number, \"<\" or \"<=\", number]")
	}
	var bounds [2]float64
	var operators []string
	for i := 0; i < len(terms); i += 2 {
		operator, _ := terms[i].(string)
		if !slices.Contains([]string{"=", "<", "<=", ">", ">="}, operator) {
			return nil, fmt.Errorf("numeric operator %v is not one of = < <= > >=", terms[i])
		}
		number, ok := terms[i+1].(json.Number)
		if !ok {
			return nil, fmt.Errorf("numeric %s needs a number, not %v", operator, terms[i+1])
		}
		bound, ok := n.comparable(number.String())
		if !ok {
			return nil, fmt.Errorf("numeric bound %s is none that EventBridge compares", number)
		}
		operators, bounds[i/2] = append(operators, operator), bound
	}
	if len(operators) == 2 {
		if operators[0][0] != '>' || operators[1][0] != '<' {
			return nil, errors.New("a numeric range is a lower bound followed by an upper bound")
		}
		if bounds[0] >= bounds[1] {
			return nil, errors.New("a numeric range must not be empty")
		}
	}
	return func(value any) bool {
		number, ok := value.(json.Number)
		if !ok {
			return false
		}
		compared, ok := n.comparable(number.String())
		if !ok {
			return false
		}
		for i, operator := range operators {
			if !compare(compared, operator, bounds[i]) {
				return false
			}
		}
		return true
	}, nil
}

func compare(n float64, operator string, bound float64) bool {
	switch operator {
	case "<":
		return n < bound
	case "<=":
		return n <= bound
	case ">":
		return n > bound
	case ">=":
		return n >= bound
	default:
		return n == bound
	}
}

// anythingBut matches every value except the given ones: a string or number, several strings or
// numbers, or what prefix, suffix, equals-ignore-case or wildcard match. It does not match an
// absent field.
func (n Numbers) anythingBut(argument any) (matcher, error) {
	var excluded []matcher
	switch a := argument.(type) {
	case string, json.Number:
		excluded = append(excluded, n.equals(a))
	case []any:
		_, numbers := firstOf(a).(json.Number)
		for _, value := range a {
			_, isNumber := value.(json.Number)
			_, isString := value.(string)
			if (numbers && !isNumber) || (!numbers && !isString) {
				return nil, errors.New("anything-but takes strings only or numbers only")
			}
			excluded = append(excluded, n.equals(value))
		}
	case map[string]any:
		if len(a) != 1 {
			return nil, errors.New("anything-but takes an object with one key")
		}
		for name, nested := range a {
			texts, ok := nested.([]any)
			if !ok {
				texts = []any{nested}
			}
			for _, text := range texts {
				m, err := textMatcher(name, text)
				if err != nil {
					return nil, fmt.Errorf("anything-but: %w", err)
				}
				if text == "" && (name == "prefix" || name == "suffix") {
					return nil, fmt.Errorf("anything-but: an empty %s is not allowed", name)
				}
				excluded = append(excluded, m)
			}
		}
	}
	if len(excluded) == 0 {
		return nil, errors.New("anything-but takes strings, numbers or an operator")
	}
	return func(value any) bool {
		return !slices.ContainsFunc(excluded, func(m matcher) bool { return m(value) })
	}, nil
}

func firstOf(values []any) any {
	if len(values) == 0 {
		return nil
	}
	return values[0]
}

func cidr(argument any) (matcher, error) {
	text, _ := argument.(string)
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, fmt.Errorf("cidr: %w", err)
	}
	return strMatcher(func(s string) bool {
		address, err := netip.ParseAddr(s)
		return err == nil && network.Masked().Contains(address)
	}), nil
}
