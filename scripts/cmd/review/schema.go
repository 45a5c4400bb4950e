package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// database is where the CDK CLI keeps what it knows of resource types, below the repository.
const database = "node_modules/aws-cdk/db.json.gz"

// replacement says whether a changed property replaces its resource.
type replacement string

// The values, but for unknown as in the database.
const (
	keeps    replacement = ""
	replaces replacement = "yes"
	maybe    replacement = "maybe"
	unknown  replacement = "unknown" // the database does not know the type or the property
)

// worse returns the one that is worse for what the resource holds.
func worse(a, b replacement) replacement {
	order := []replacement{keeps, maybe, unknown, replaces}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// schema is what the database knows of resource types.
type schema struct {
	types  map[string]*resourceType
	nested map[string]map[string]*property // property types by id
}

type resourceType struct {
	Type       string               `json:"cloudFormationType"`
	Properties map[string]*property `json:"properties"`
	Primary    []string             `json:"primaryIdentifier"`
	Stateful   bool                 `json:"isStateful"`
	Additional [][]string           `json:"additionalReplacementProperties"` // paths, * for an element
}

type property struct {
	Replacement replacement     `json:"causesReplacement"`
	Type        json.RawMessage `json:"type"`

	members map[string]*property // of children, once it was called
}

// readSchema reads the database.
func readSchema(path string) (*schema, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing, which says what replaces a resource: run scripts/setup", path)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s, err := parseSchema(unpacked)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func parseSchema(r io.Reader) (*schema, error) {
	var db struct {
		Schema struct {
			Resource struct {
				Entities []*resourceType `json:"entities"`
			} `json:"resource"`
			TypeDefinition struct {
				Entities []struct {
					ID         string               `json:"$id"`
					Properties map[string]*property `json:"properties"`
				} `json:"entities"`
			} `json:"typeDefinition"`
		} `json:"schema"`
	}
	if err := json.NewDecoder(r).Decode(&db); err != nil {
		return nil, err
	}
	s := &schema{types: map[string]*resourceType{}, nested: map[string]map[string]*property{}}
	for _, t := range db.Schema.TypeDefinition.Entities {
		s.nested[t.ID] = t.Properties
	}
	known := 0
	for _, t := range db.Schema.Resource.Entities {
		s.types[t.Type] = t
		for _, p := range t.Properties {
			switch p.Replacement {
			case replaces, maybe:
				known++
			case "no":
				p.Replacement = keeps
			case keeps:
			default:
				return nil, fmt.Errorf("%s: the database has another format: causesReplacement is %q", t.Type, p.Replacement)
			}
		}
	}
	// Another format would be read as if no change replaced anything.
	if known == 0 {
		return nil, errors.New("the database has another format: no property of any type causes a replacement")
	}
	return s, nil
}

// children returns the properties below a property, of every type that it may have.
func (s *schema) children(p *property) map[string]*property {
	if p == nil || len(p.Type) == 0 {
		return nil
	}
	if p.members != nil {
		return p.members
	}
	var tree any
	if json.Unmarshal(p.Type, &tree) != nil {
		return nil
	}
	all := map[string]*property{}
	p.members = all
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case []any:
			for _, element := range v {
				walk(element)
			}
		case map[string]any:
			if id, ok := get(v, "reference", "$ref").(string); ok {
				for name, child := range s.nested[id] {
					if old := all[name]; old == nil || worse(old.Replacement, child.Replacement) != old.Replacement {
						all[name] = child
					}
				}
				return
			}
			for _, member := range v {
				walk(member)
			}
		}
	}
	walk(tree)
	return all
}

// change returns what changing a property of a type from one value to another does to the
// resource.
func (s *schema) change(typeName, name string, before, after any) replacement {
	if isCustom(typeName) {
		return keeps // its provider decides, which the table says
	}
	t := s.types[typeName]
	if t == nil {
		return unknown
	}
	p := t.Properties[name]
	if p == nil {
		return unknown
	}
	result := s.below(p, before, after, 0)
	for _, path := range t.Additional {
		if path[0] == name && !same(at(before, path[1:]), at(after, path[1:])) {
			result = worse(result, replaces)
		}
	}
	return result
}

// isCustom reports whether resources of a type are made by a provider in the template.
func isCustom(typeName string) bool {
	return strings.HasPrefix(typeName, "Custom::") || typeName == "AWS::CloudFormation::CustomResource"
}

// maxDepth bounds the walk of types that contain themselves, such as a WAF statement.
const maxDepth = 12

func (s *schema) below(p *property, before, after any, depth int) replacement {
	if same(before, after) || p == nil {
		return keeps
	}
	if p.Replacement == replaces || p.Replacement == maybe {
		return p.Replacement
	}
	children := s.children(p)
	if len(children) == 0 || depth == maxDepth {
		return keeps
	}
	result := keeps
	a, aList := before.([]any)
	b, bList := after.([]any)
	if aList || bList {
		for i := range max(len(a), len(b)) {
			var x, y any
			if i < len(a) {
				x = a[i]
			}
			if i < len(b) {
				y = b[i]
			}
			result = worse(result, s.members(children, x, y, depth+1))
		}
		// An element may only have moved, or be a new one.
		if result == replaces && len(a) != len(b) {
			result = maybe
		}
		return result
	}
	return s.members(children, before, after, depth+1)
}

func (s *schema) members(children map[string]*property, before, after any, depth int) replacement {
	x, _ := before.(map[string]any)
	y, _ := after.(map[string]any)
	result := keeps
	if isFunction(before) || isFunction(after) {
		for _, child := range children {
			if child.Replacement == replaces || child.Replacement == maybe {
				result = maybe // which member of the value changes is not known
			}
		}
		return result
	}
	for name, child := range children {
		result = worse(result, s.below(child, x[name], y[name], depth))
	}
	return result
}

// at returns the values below a path, * for each element, as one list.
func at(value any, path []string) any {
	if len(path) == 0 {
		return value
	}
	if path[0] == "*" {
		var all []any
		for _, element := range list(value) {
			all = append(all, at(element, path[1:]))
		}
		return all
	}
	return at(get(value, path[0]), path[1:])
}

// fixed calls found for each value within a resource that cannot change without a replacement.
func (s *schema) fixed(r *resource, found func(path string, value any, how replacement)) {
	t := s.types[r.Type]
	if t == nil {
		return
	}
	for name, value := range r.Properties {
		s.fixedBelow(t.Properties[name], name, value, 0, found)
	}
}

func (s *schema) fixedBelow(p *property, path string, value any, depth int, found func(string, any, replacement)) {
	if p == nil || depth == maxDepth || value == nil {
		return
	}
	if p.Replacement == replaces || p.Replacement == maybe {
		found(path, value, p.Replacement)
		return
	}
	children := s.children(p)
	for _, element := range list(value) {
		object, _ := element.(map[string]any)
		for name, member := range object {
			s.fixedBelow(children[name], path+"."+name, member, depth+1, found)
		}
	}
}

// ownName returns the property that holds the resource's name, which its user chose, if the
// name is the same before and after: CloudFormation does not replace such a resource.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html
func (s *schema) ownName(before, after *resource) string {
	t := s.types[after.Type]
	if t == nil || len(t.Primary) == 0 {
		return ""
	}
	for name, p := range t.Properties {
		isName := slices.Equal(t.Primary, []string{name}) || name == after.lastName()
		if isName && p.Replacement == replaces && after.Properties[name] != nil && same(before.Properties[name], after.Properties[name]) {
			return name
		}
	}
	return ""
}

// lastName returns the property that would hold the name of a type such as AWS::SQS::Queue.
func (r *resource) lastName() string { return r.Type[strings.LastIndex(r.Type, ":")+1:] + "Name" }
