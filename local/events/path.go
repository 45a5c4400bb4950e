package events

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// path is a compiled JSON path to one node: "$", "$.detail.amount", "$.resources[0]".
// EventBridge takes dots, letters, digits, dashes, underscores, slashes and array indices
// (user guide, eb-transform-target-input), and no names in brackets (API reference,
// InputTransformer). Its wildcard is not played.
type path []any // string: field, int: array index

var pathStep = regexp.MustCompile(`^(?:\.([\p{L}\p{N}_\-/]+)|\[(\d+)\])`)

func parsePath(text string) (path, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return nil, fmt.Errorf("path %q does not start with $", text)
	}
	var p path
	for rest != "" {
		m := pathStep.FindStringSubmatch(rest)
		switch {
		case m == nil:
			return nil, fmt.Errorf("path %q: %q is not played", text, rest)
		case m[2] != "":
			index, err := strconv.Atoi(m[2])
			if err != nil {
				return nil, fmt.Errorf("path %q: %w", text, err)
			}
			p = append(p, index)
		default:
			p = append(p, m[1])
		}
		rest = rest[len(m[0]):]
	}
	return p, nil
}

// find returns the node as it is written in document, so that numbers keep their
// text, and whether there is one.
func (p path) find(document []byte) (json.RawMessage, bool) {
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
