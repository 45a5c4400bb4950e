// Package jsonpath parses and evaluates the JSON paths that name exactly one node of a value:
// reference paths such as $.detail.items[0]['unit-price']. Wildcards, slices and filters are
// not supported.
//
// Its callers are events (paths of input transformers) and states (paths of the States
// language), whose notations differ: see [Notation].
package jsonpath

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Path names one node. The zero value names the whole value.
type Path []any // string: a field, int: an index of an array

// Notation is the way in which a service writes the steps of a path. Its groups are field
// names, the last one is an array's index.
type Notation struct{ step *regexp.Regexp }

var (
	// States is the notation of reference paths in the Amazon States Language: names after a
	// dot or in brackets.
	States = Notation{regexp.MustCompile(`^(?:\.([^.\[\]*?()'"\s]+)|\['([^']+)'\]|\["([^"]+)"\]|\[(\d+)\])`)}
	// EventBridge is the notation of EventBridge: names of letters, digits, dashes,
	// underscores and slashes (user guide, eb-transform-target-input), none in brackets (API
	// reference, InputTransformer).
	EventBridge = Notation{regexp.MustCompile(`^(?:\.([\p{L}\p{N}_\-/]+)|\[(\d+)\])`)}
)

// Parse parses a path that starts with $.
func (n Notation) Parse(text string) (Path, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return nil, fmt.Errorf("path %q does not start with $", text)
	}
	p := Path{}
	for rest != "" {
		groups := n.step.FindStringSubmatch(rest)
		if groups == nil {
			return nil, fmt.Errorf("path %q: %q is not supported", text, rest)
		}
		names, index := groups[1:len(groups)-1], groups[len(groups)-1]
		if index == "" {
			p = append(p, strings.Join(names, "")) // only one of them is not empty
		} else {
			i, err := strconv.Atoi(index)
			if err != nil {
				return nil, fmt.Errorf("path %q: %w", text, err)
			}
			p = append(p, i)
		}
		rest = rest[len(groups[0]):]
	}
	return p, nil
}

// String returns the path in the notation of the States language.
func (p Path) String() string {
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

// Find returns the node, and whether value has it.
func (p Path) Find(value any) (any, bool) {
	for _, step := range p {
		switch s := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			member, ok := object[s]
			if !ok {
				return nil, false
			}
			value = member
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

// FindText returns the node as it is written in a JSON document, and whether the document has
// it. Numbers keep their text.
func (p Path) FindText(document []byte) (json.RawMessage, bool) {
	node := json.RawMessage(document)
	for _, step := range p {
		var ok bool
		switch s := step.(type) {
		case string:
			var fields map[string]json.RawMessage
			if json.Unmarshal(node, &fields) != nil {
				return nil, false
			}
			node, ok = fields[s]
		case int:
			var elements []json.RawMessage
			if json.Unmarshal(node, &elements) != nil {
				return nil, false
			}
			if ok = s < len(elements); ok {
				node = elements[s]
			}
		}
		if !ok {
			return nil, false
		}
	}
	return node, true
}

// Put returns value with node at the path. Missing objects on the way are created; a missing
// array element is an error. value itself is not changed.
func (p Path) Put(value, node any) (any, error) {
	if len(p) == 0 {
		return node, nil
	}
	switch s := p[0].(type) {
	case string:
		object, ok := value.(map[string]any)
		if !ok && value != nil {
			return nil, fmt.Errorf("%q is not in an object", s)
		}
		member, err := p[1:].Put(object[s], node)
		if err != nil {
			return nil, err
		}
		object = maps.Clone(object)
		if object == nil {
			object = map[string]any{}
		}
		object[s] = member
		return object, nil
	default:
		index := p[0].(int)
		array, _ := value.([]any)
		if index >= len(array) {
			return nil, fmt.Errorf("array index %d does not exist", index)
		}
		element, err := p[1:].Put(array[index], node)
		if err != nil {
			return nil, err
		}
		array = slices.Clone(array)
		array[index] = element
		return array, nil
	}
}
