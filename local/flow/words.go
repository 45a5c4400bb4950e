package flow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Words says what events a rule's pattern selects, in one line for each alternative: "amount > 10 000",
// "JPY: amount 100 000 to 1 000 000". A pattern without conditions on the detail is described by its
// detail-type and source.
func Words(pattern map[string]any) []string {
	detail, _ := pattern["detail"].(map[string]any)
	lines := alternatives(detail)
	if len(lines) > 0 {
		if !hasNumeric(detail) {
			if types := texts(pattern["detail-type"]); types != "" {
				lines = []string{types}
			}
		}
		return lines
	}
	for _, field := range []string{"detail-type", "source"} {
		if text := texts(pattern[field]); text != "" {
			return []string{"all of " + text}
		}
	}
	return []string{"every event"}
}

// alternatives returns a line for each alternative of an object of a pattern.
func alternatives(object map[string]any) []string {
	branches, isOr := object["$or"].([]any)
	common := maps.Clone(object)
	delete(common, "$or")
	rest := conditions(common, "")
	if !isOr {
		if rest == "" {
			return nil
		}
		return []string{rest}
	}
	var lines []string
	for _, branch := range branches {
		one, _ := branch.(map[string]any)
		for _, line := range alternatives(one) {
			if rest != "" {
				line += ", " + rest
			}
			if len(lines) > 0 && !strings.Contains(line, ": ") {
				line = "or " + line
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// conditions returns what all fields of an object ask for. The currencies come first.
func conditions(object map[string]any, prefix string) string {
	var parts []string
	currency := ""
	for _, field := range slices.Sorted(maps.Keys(object)) {
		switch value := object[field].(type) {
		case map[string]any:
			if text := conditions(value, prefix+field+"."); text != "" {
				parts = append(parts, text)
			}
		case []any:
			text := condition(prefix+field, value)
			switch {
			case prefix+field == "currency" && isTexts(value):
				currency = texts(value) + ": "
			case prefix+field == "currency" && len(value) == 1:
				if m, is := value[0].(map[string]any); is && m["anything-but"] != nil {
					currency = "other currencies: "
					continue
				}
				parts = append(parts, text)
			default:
				parts = append(parts, text)
			}
		}
	}
	return currency + strings.Join(parts, ", ")
}

// condition returns what one field asks for.
func condition(field string, values []any) string {
	name := strings.ReplaceAll(field, "_", " ")
	if isTexts(values) {
		if len(values) == 1 && values[0] == true {
			return name
		}
		return name + " " + texts(values)
	}
	var parts []string
	for _, value := range values {
		matcher, is := value.(map[string]any)
		if !is {
			parts = append(parts, name+" "+texts([]any{value}))
			continue
		}
		for _, operator := range slices.Sorted(maps.Keys(matcher)) {
			argument := matcher[operator]
			switch operator {
			case "numeric":
				list, _ := argument.([]any)
				parts = append(parts, name+" "+bounds(list))
			case "anything-but":
				parts = append(parts, name+" not "+texts(argument))
			case "prefix", "suffix":
				parts = append(parts, fmt.Sprintf("%s with %s %s", name, operator, texts(argument)))
			case "exists":
				parts = append(parts, map[bool]string{true: "with ", false: "without "}[argument == true]+name)
			default:
				parts = append(parts, fmt.Sprintf("%s %s %s", name, operator, texts(argument)))
			}
		}
	}
	return strings.Join(parts, " or ")
}

// bounds says a numeric matcher in words.
func bounds(list []any) string {
	var parts []string
	for pair := range slices.Chunk(list, 2) {
		if len(pair) == 2 {
			parts = append(parts, strings.ReplaceAll(strings.ReplaceAll(fmt.Sprint(pair[0]), "<=", "≤"), ">=", "≥")+" "+grouped(fmt.Sprint(number(pair[1]))))
		}
	}
	if len(parts) == 2 && strings.HasPrefix(parts[0], "≥ ") && strings.HasPrefix(parts[1], "≤ ") {
		return strings.TrimPrefix(parts[0], "≥ ") + " to " + strings.TrimPrefix(parts[1], "≤ ")
	}
	return strings.Join(parts, " and ")
}

// number keeps the digits of a number as they are written.
func number(value any) any {
	if f, is := value.(float64); is {
		text, _ := json.Marshal(f) // a float64 always marshals
		return string(text)
	}
	return value
}

// grouped puts no-break spaces between groups of three digits, as in the documentation.
func grouped(digits string) string {
	whole, fraction, hasFraction := strings.Cut(digits, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "\u00a0" + whole[i:]
	}
	if hasFraction {
		whole += "." + fraction
	}
	return whole
}

func isTexts(values []any) bool {
	return !slices.ContainsFunc(values, func(v any) bool { _, is := v.(map[string]any); return is })
}

func texts(value any) string {
	list, is := value.([]any)
	if !is {
		if value == nil {
			return ""
		}
		return fmt.Sprint(number(value))
	}
	var parts []string
	for _, one := range list {
		if m, is := one.(map[string]any); is {
			text, _ := json.Marshal(m) // was JSON
			parts = append(parts, string(text))
			continue
		}
		parts = append(parts, fmt.Sprint(number(one)))
	}
	return strings.Join(parts, ", ")
}

func hasNumeric(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for key, one := range v {
			if key == "numeric" || hasNumeric(one) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, hasNumeric)
	}
	return false
}
