package states

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// condition reports whether a rule of a Choice state holds for an input. The error becomes
// States.Runtime.
type condition func(input, context any) (bool, error)

// compileCondition compiles a choice rule without its Next: one comparison of a
// Variable, or And, Or, Not (developer guide, "Choice workflow state").
func compileCondition(rule map[string]any) (condition, error) {
	var variable expression
	var operator string
	for name := range rule {
		switch name {
		case "Next", "Comment":
		case "Variable":
			text, ok := rule[name].(string)
			if !ok {
				return nil, errors.New("the Variable is not a string")
			}
			e, err := compileExpression(text)
			if err != nil {
				return nil, err
			}
			variable = e
		default:
			if operator != "" {
				return nil, fmt.Errorf("a rule has one operator, not %s and %s", operator, name)
			}
			operator = name
		}
	}
	switch operator {
	case "":
		return nil, errors.New("a rule needs an operator")
	case "And", "Or", "Not":
		if variable != nil {
			return nil, fmt.Errorf("%s has no Variable", operator)
		}
		return compileLogic(operator, rule[operator])
	}
	if variable == nil {
		return nil, fmt.Errorf("%s needs a Variable", operator)
	}
	if strings.HasPrefix(operator, "Is") {
		return compileTypeTest(operator, variable, rule[operator])
	}
	return compileComparison(operator, variable, rule[operator])
}

func compileLogic(operator string, argument any) (condition, error) {
	rules, ok := argument.([]any)
	if operator == "Not" {
		rules, ok = []any{argument}, true
	}
	if !ok || len(rules) == 0 {
		return nil, fmt.Errorf("%s needs an array of rules", operator)
	}
	conditions := make([]condition, len(rules))
	for i, r := range rules {
		rule, ok := r.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s needs rules", operator)
		}
		if _, has := rule["Next"]; has {
			return nil, errors.New("a nested rule has no Next")
		}
		c, err := compileCondition(rule)
		if err != nil {
			return nil, err
		}
		conditions[i] = c
	}
	return func(input, context any) (bool, error) {
		for _, c := range conditions {
			holds, err := c(input, context)
			if err != nil || operator == "Not" {
				return !holds, err
			}
			if holds == (operator == "Or") {
				return holds, nil
			}
		}
		return operator == "And", nil
	}, nil
}

func compileTypeTest(operator string, variable expression, argument any) (condition, error) {
	want, ok := argument.(bool)
	if !ok {
		return nil, fmt.Errorf("%s needs true or false", operator)
	}
	tests := map[string]func(any) bool{
		"IsPresent":   func(any) bool { return true },
		"IsNull":      func(v any) bool { return v == nil },
		"IsString":    func(v any) bool { _, ok := v.(string); return ok },
		"IsNumeric":   func(v any) bool { _, ok := v.(json.Number); return ok },
		"IsBoolean":   func(v any) bool { _, ok := v.(bool); return ok },
		"IsTimestamp": func(v any) bool { _, ok := timestamp(v); return ok },
	}
	test, ok := tests[operator]
	if !ok {
		return nil, fmt.Errorf("operator %s is not supported", operator)
	}
	return func(input, context any) (bool, error) {
		value, err := variable(input, context)
		if err != nil && operator == "IsPresent" {
			return !want, nil
		}
		if err != nil {
			return false, err
		}
		return test(value) == want, nil
	}, nil
}

// compileComparison compiles an operator such as NumericGreaterThanEqualsPath. Values of
// another type than the operator's compare as false.
func compileComparison(operator string, variable expression, argument any) (condition, error) {
	name, byPath := strings.CutSuffix(operator, "Path")
	compare, err := comparison(name)
	if err != nil {
		return nil, err
	}
	other := literal(argument)
	if byPath {
		text, ok := argument.(string)
		if !ok || name == "StringMatches" {
			return nil, fmt.Errorf("operator %s needs a path", operator)
		}
		if other, err = compileExpression(text); err != nil {
			return nil, err
		}
	} else if !compare(argument, argument) && (strings.HasSuffix(name, "Equals")) {
		return nil, fmt.Errorf("%s cannot compare with %v", operator, argument)
	}
	return func(input, context any) (bool, error) {
		value, err := variable(input, context)
		if err != nil {
			return false, err
		}
		with, err := other(input, context)
		if err != nil {
			return false, err
		}
		return compare(value, with), nil
	}, nil
}

// comparison returns the comparison of an operator, whose name is without Path.
func comparison(name string) (func(a, b any) bool, error) {
	if name == "StringMatches" {
		return func(a, b any) bool {
			s, ok1 := a.(string)
			pattern, ok2 := b.(string)
			return ok1 && ok2 && matchesPattern(pattern, s)
		}, nil
	}
	types := map[string]func(a, b any) (int, bool){
		"String": func(a, b any) (int, bool) {
			x, ok1 := a.(string)
			y, ok2 := b.(string)
			return strings.Compare(x, y), ok1 && ok2
		},
		"Numeric": func(a, b any) (int, bool) {
			x, ok1 := a.(json.Number)
			y, ok2 := b.(json.Number)
			// Step Functions compares numbers as IEEE 754 doubles.
			f, err1 := x.Float64()
			g, err2 := y.Float64()
			return compareFloats(f, g), ok1 && ok2 && err1 == nil && err2 == nil
		},
		"Timestamp": func(a, b any) (int, bool) {
			x, ok1 := timestamp(a)
			y, ok2 := timestamp(b)
			return x.Compare(y), ok1 && ok2
		},
		"Boolean": func(a, b any) (int, bool) {
			x, ok1 := a.(bool)
			y, ok2 := b.(bool)
			if x == y {
				return 0, ok1 && ok2
			}
			return 1, ok1 && ok2
		},
	}
	orders := map[string][]int{
		"Equals": {0}, "LessThan": {-1}, "GreaterThan": {1}, "LessThanEquals": {-1, 0}, "GreaterThanEquals": {0, 1},
	}
	for prefix, compare := range types {
		rest, ok := strings.CutPrefix(name, prefix)
		accepted, known := orders[rest]
		if !ok || !known || (prefix == "Boolean" && rest != "Equals") {
			continue
		}
		return func(a, b any) bool {
			order, comparable := compare(a, b)
			return comparable && slices.Contains(accepted, order)
		}, nil
	}
	return nil, fmt.Errorf("operator %s is not supported", name)
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

func timestamp(value any) (time.Time, bool) {
	s, ok := value.(string)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil
}

// matchesPattern is StringMatches: * stands for anything, \* for itself.
func matchesPattern(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	switch pattern[0] {
	case '*':
		return matchesPattern(pattern[1:], s) || (s != "" && matchesPattern(pattern, s[1:]))
	case '\\':
		if len(pattern) > 1 {
			pattern = pattern[1:]
		}
	}
	return s != "" && s[0] == pattern[0] && matchesPattern(pattern[1:], s[1:])
}
