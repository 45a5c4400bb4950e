package cloudwatch

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"payment-webhooks/local/assembly"
)

// filterType is emulated by [Filters].
var filterType = assembly.Type{Name: "AWS::Logs::MetricFilter", Properties: FilterProperties{}, NameProperty: "FilterName"}

// FilterProperties is AWS::Logs::MetricFilter.
type FilterProperties struct {
	FilterName, FilterPattern, LogGroupName string
	MetricTransformations                   []struct {
		MetricNamespace, MetricName, MetricValue, Unit string
		Dimensions                                     []struct{ Key, Value string }
	}
}

// Filters are the metric filters of a stack. They are safe for concurrent use.
type Filters struct {
	store   *Store
	byGroup map[string][]filter
}

// filter is a metric filter with one transformation.
type filter struct {
	matches         condition
	namespace, name string
	value           string // a number or a selector
	dimensions      [][2]string
}

// NewFilters loads the stack's metric filters. The error lists everything unsupported, with
// logical ids.
func NewFilters(stack *assembly.Stack, resolver *assembly.Resolver, store *Store) (*Filters, error) {
	f := &Filters{store: store, byGroup: map[string][]filter{}}
	var problems []error
	for _, resource := range stack.ByType(filterType.Name) {
		var p FilterProperties
		if err := resolver.Into(resource, &p); err != nil {
			problems = append(problems, err)
			continue
		}
		if err := f.add(p); err != nil {
			problems = append(problems, fmt.Errorf("%s (%s): %w", resource.LogicalID, filterType.Name, err))
		}
	}
	return f, assembly.Join(problems...)
}

func (f *Filters) add(p FilterProperties) error {
	matches, err := parsePattern(p.FilterPattern)
	if err != nil {
		return err
	}
	for _, t := range p.MetricTransformations {
		one := filter{matches: matches, namespace: t.MetricNamespace, name: t.MetricName, value: t.MetricValue}
		if _, err := strconv.ParseFloat(t.MetricValue, 64); err != nil && !selector.MatchString(t.MetricValue) {
			return fmt.Errorf("MetricValue %q is not supported", t.MetricValue)
		}
		for _, d := range t.Dimensions {
			if !selector.MatchString(d.Value) {
				return fmt.Errorf("dimension %s: %q is not supported", d.Key, d.Value)
			}
			one.dimensions = append(one.dimensions, [2]string{d.Key, d.Value})
		}
		f.byGroup[p.LogGroupName] = append(f.byGroup[p.LogGroupName], one)
	}
	return nil
}

// Logged puts the metrics of a log event's text into the store.
func (f *Filters) Logged(group, text string, at time.Time) {
	filters := f.byGroup[group]
	if len(filters) == 0 {
		return
	}
	var event any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&event) != nil {
		return // a JSON pattern matches JSON only
	}
	for _, one := range filters {
		if one.matches(event) {
			one.put(f.store, event, at)
		}
	}
}

// put puts the filter's metric. As on AWS, an event without a value for one of the dimensions or
// for the metric itself yields no value.
func (f filter) put(store *Store, event any, at time.Time) {
	number, err := strconv.ParseFloat(f.value, 64)
	if err != nil {
		found, _ := find(event, f.value)
		if number, err = strconv.ParseFloat(plain(found), 64); err != nil {
			return
		}
	}
	var dimensions []string
	for _, d := range f.dimensions {
		found, has := find(event, d[1])
		if !has {
			return
		}
		dimensions = append(dimensions, d[0], plain(found))
	}
	store.Put(NewMetric(f.namespace, f.name, dimensions...), number, at)
}

// condition reports whether a JSON log event matches.
type condition func(event any) bool

// selector is a path of property names. Arrays are not supported.
var selector = regexp.MustCompile(`^\$(\.[A-Za-z0-9_-]+)+$`)

func find(event any, path string) (any, bool) {
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "$."), ".") {
		members, isObject := event.(map[string]any)
		if event = members[name]; !isObject {
			return nil, false
		}
		if _, has := members[name]; !has {
			return nil, false
		}
	}
	return event, true
}

// plain returns the text of a value as patterns compare it.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	default:
		return ""
	}
}

// patternToken matches a token of a JSON pattern with the space before it.
var patternToken = regexp.MustCompile(`^\s*(&&|\|\||[(){}]|!=|>=|<=|[=<>]|"(?:[^"\\]|\\.)*"|[^\s(){}=!<>&|"]+)`)

// parsePattern parses a JSON filter pattern: comparisons of a property with a text, which may
// have wildcards, or with a number, EXISTS, && and ||, and parentheses.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
func parsePattern(pattern string) (condition, error) {
	p := &patternParser{}
	for rest := strings.TrimSpace(pattern); rest != ""; rest = strings.TrimSpace(rest) {
		match := patternToken.FindString(rest)
		if match == "" {
			return nil, fmt.Errorf("FilterPattern %q is not supported", pattern)
		}
		p.tokens = append(p.tokens, strings.TrimSpace(match))
		rest = rest[len(match):]
	}
	if n := len(p.tokens); n < 2 || p.tokens[0] != "{" || p.tokens[n-1] != "}" {
		return nil, fmt.Errorf("FilterPattern %q is not supported: want { … }", pattern)
	}
	p.tokens = p.tokens[1 : len(p.tokens)-1]
	c := p.or()
	if p.err == nil && len(p.tokens) > 0 {
		p.err = fmt.Errorf("unexpected %s", p.tokens[0])
	}
	if p.err != nil {
		return nil, fmt.Errorf("FilterPattern %q is not supported: %w", pattern, p.err)
	}
	return c, nil
}

type patternParser struct {
	tokens []string
	err    error
}

var errPatternEnd = errors.New("it ends too early")

func (p *patternParser) take() string {
	if len(p.tokens) == 0 {
		if p.err == nil {
			p.err = errPatternEnd
		}
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *patternParser) at(token string) bool { return len(p.tokens) > 0 && p.tokens[0] == token }

func (p *patternParser) or() condition {
	left := p.and()
	for p.at("||") {
		p.take()
		a, b := left, p.and()
		left = func(event any) bool { return a(event) || b(event) }
	}
	return left
}

func (p *patternParser) and() condition {
	left := p.comparison()
	for p.at("&&") {
		p.take()
		a, b := left, p.comparison()
		left = func(event any) bool { return a(event) && b(event) }
	}
	return left
}

func (p *patternParser) comparison() condition {
	none := func(any) bool { return false }
	if p.at("(") {
		p.take()
		c := p.or()
		if closing := p.take(); closing != ")" && p.err == nil {
			p.err = fmt.Errorf("want ), got %s", closing)
		}
		return c
	}
	path := p.take()
	if !selector.MatchString(path) && p.err == nil {
		p.err = fmt.Errorf("selector %s", path)
	}
	operator := p.take()
	operand := p.take()
	if p.err != nil {
		return none
	}
	if operator == "NOT" && operand == "EXISTS" {
		return func(event any) bool { _, has := find(event, path); return !has }
	}
	if quoted, err := strconv.Unquote(operand); err == nil && (operator == "=" || operator == "!=") {
		text := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(quoted), `\*`, ".*") + "$")
		return func(event any) bool {
			found, has := find(event, path)
			return has && text.MatchString(plain(found)) == (operator == "=")
		}
	}
	want, err := strconv.ParseFloat(operand, 64)
	compare := map[string]func(a, b float64) bool{
		"=": func(a, b float64) bool { return a == b }, "!=": func(a, b float64) bool { return a != b },
		"<": func(a, b float64) bool { return a < b }, "<=": func(a, b float64) bool { return a <= b },
		">": func(a, b float64) bool { return a > b }, ">=": func(a, b float64) bool { return a >= b },
	}[operator]
	if err != nil || compare == nil {
		p.err = fmt.Errorf("%s %s %s", path, operator, operand)
		return none
	}
	return func(event any) bool {
		found, _ := find(event, path)
		got, isNumber := found.(json.Number)
		if !isNumber {
			return false
		}
		f, err := got.Float64()
		return err == nil && compare(f, want)
	}
}
