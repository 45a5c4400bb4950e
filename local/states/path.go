package states

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// path is a compiled reference path: it names one node of a JSON value ("$.a[0]['b-c']").
// JSONPath's wildcards, slices and filters are not played.
type path []any // string: field, int: array index

var pathStep = regexp.MustCompile(`^(?:\.([^.\[\]*?()'"\s]+)|\['([^']+)'\]|\["([^"]+)"\]|\[(\d+)\])`)

func parsePath(text string) (path, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return nil, fmt.Errorf("path %q does not start with $", text)
	}
	p := path{}
	for rest != "" {
		m := pathStep.FindStringSubmatch(rest)
		switch {
		case m == nil:
			return nil, fmt.Errorf("path %q: %q is not played (reference paths only)", text, rest)
		case m[4] != "":
			index, err := strconv.Atoi(m[4])
			if err != nil {
				return nil, fmt.Errorf("path %q: %w", text, err)
			}
			p = append(p, index)
		default:
			p = append(p, m[1]+m[2]+m[3])
		}
		rest = rest[len(m[0]):]
	}
	return p, nil
}

func (p path) String() string {
	var b strings.Builder
	b.WriteByte('$')
	for _, step := range p {
		if name, ok := step.(string); ok {
			fmt.Fprintf(&b, "['%s']", name)
		} else {
			fmt.Fprintf(&b, "[%d]", step)
		}
	}
	return b.String()
}

// find returns the node, and whether there is one.
func (p path) find(value any) (any, bool) {
	for _, step := range p {
		switch s := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			child, ok := object[s]
			if !ok {
				return nil, false
			}
			value = child
		case int:
			array, _ := value.([]any)
			if s >= len(array) {
				return nil, false
			}
			value = array[s]
		}
	}
	return value, true
}

// put returns value with node at the path, making the objects on the way where there is
// nothing yet. value itself is not changed: branches of a Parallel share it.
func (p path) put(value, node any) (any, error) {
	if len(p) == 0 {
		return node, nil
	}
	switch s := p[0].(type) {
	case string:
		object, ok := value.(map[string]any)
		if !ok && value != nil {
			return nil, fmt.Errorf("%q is not in an object", s)
		}
		child, err := p[1:].put(object[s], node)
		if err != nil {
			return nil, err
		}
		object = maps.Clone(object)
		if object == nil {
			object = map[string]any{}
		}
		object[s] = child
		return object, nil
	default:
		index := p[0].(int)
		array, _ := value.([]any)
		if index >= len(array) {
			return nil, fmt.Errorf("array index %d does not exist", index)
		}
		child, err := p[1:].put(array[index], node)
		if err != nil {
			return nil, err
		}
		array = slices.Clone(array)
		array[index] = child
		return array, nil
	}
}

// decode reads exactly one JSON value. Numbers keep their text.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("data after the JSON value")
	}
	return value, nil
}

// encode writes a value without escaping <, > and &.
func encode(value any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // values come from JSON, they encode
	return strings.TrimSuffix(b.String(), "\n")
}
