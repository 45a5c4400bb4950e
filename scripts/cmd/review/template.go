package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// template is a synthesized CloudFormation template.
type template struct {
	Resources                         map[string]*resource
	Parameters, Mappings, Conditions  map[string]any
	Outputs                           map[string]any
	terminationProtection, text, path string
}

// resource is a resource of a template. Its properties are a JSON tree, numbers as json.Number.
type resource struct {
	Type                                string
	Properties                          map[string]any
	DeletionPolicy, UpdateReplacePolicy string
	Condition                           string
	Metadata                            struct {
		Path string `json:"aws:cdk:path"`
	}

	id string
}

// stacks are templates by the name of their stack; that of a template file has none.
type stacks map[string]*template

// readStacks reads a template file, or every stack of the cloud assembly in a directory.
func readStacks(path string) (stacks, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		t, err := readTemplate(path)
		return stacks{"": t}, err
	}
	text, err := os.ReadFile(filepath.Join(path, "manifest.json"))
	if err != nil {
		return nil, fmt.Errorf("no cloud assembly: %w", err)
	}
	var manifest struct {
		Artifacts map[string]struct {
			Type       string
			Properties struct {
				TemplateFile, StackName string
				TerminationProtection   bool
			}
		}
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(path, "manifest.json"), err)
	}
	found := stacks{}
	for id, artifact := range manifest.Artifacts {
		if artifact.Type != "aws:cloudformation:stack" {
			continue
		}
		t, err := readTemplate(filepath.Join(path, artifact.Properties.TemplateFile))
		if err != nil {
			return nil, err
		}
		t.terminationProtection = strconv.FormatBool(artifact.Properties.TerminationProtection)
		name := artifact.Properties.StackName
		if name == "" {
			name = id
		}
		found[name] = t
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: the assembly has no stack", path)
	}
	return found, nil
}

func readTemplate(path string) (*template, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseTemplate(path, text)
}

func parseTemplate(path string, text []byte) (*template, error) {
	t := &template{path: path, text: string(text)}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(t); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(t.Resources) == 0 {
		return nil, fmt.Errorf("%s: a template without resources", path)
	}
	for id, r := range t.Resources {
		if r == nil || r.Type == "" {
			return nil, fmt.Errorf("%s: resource %s has no type", path, id)
		}
		r.id = id
	}
	return t, nil
}

// canonical returns a JSON tree as text that is equal for values that CloudFormation does not
// distinguish: a scalar is the same as a string, a number or a boolean.
func canonical(value any) string {
	var b strings.Builder
	writeCanonical(&b, value)
	return b.String()
}

func writeCanonical(b *strings.Builder, value any) {
	switch v := value.(type) {
	case nil:
		b.WriteString("null")
	case map[string]any:
		b.WriteByte('{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.Quote(key) + ":")
			writeCanonical(b, v[key])
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, element := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeCanonical(b, element)
		}
		b.WriteByte(']')
	default:
		b.WriteString(strconv.Quote(scalar(v)))
	}
}

// scalar returns a JSON scalar as text, numbers in their shortest notation.
func scalar(value any) string {
	text := fmt.Sprint(value)
	if n, ok := value.(json.Number); ok {
		if f, err := n.Float64(); err == nil {
			text = strconv.FormatFloat(f, 'f', -1, 64)
		}
	}
	return text
}

func same(a, b any) bool { return canonical(a) == canonical(b) }

// show returns a value as a person reads it: what it refers to by logical id, as in Fn::Sub.
func show(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case map[string]any, []any:
		text, err := flatten(v)
		if err == nil {
			return text
		}
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(rendered(v)); err != nil {
			return fmt.Sprint(v)
		}
		return strings.TrimSpace(b.String())
	default:
		return scalar(v)
	}
}

// rendered replaces each intrinsic function in a tree that has a text by that text.
func rendered(value any) any {
	if text, err := flatten(value); err == nil {
		if _, isScalar := value.(map[string]any); isScalar {
			return text
		}
	}
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, member := range v {
			out[key] = rendered(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = rendered(element)
		}
		return out
	}
	return value
}

// errNoText is the error of a value that is not text, such as a list.
var errNoText = errors.New("not a text")

// flatten returns the text of a scalar or of an intrinsic function, in which ${Id} and
// ${Id.Attribute} stand for what the template refers to.
func flatten(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case json.Number, bool:
		return scalar(v), nil
	case map[string]any:
		if len(v) != 1 {
			return "", errNoText
		}
		for name, argument := range v {
			return flattenFunction(name, argument)
		}
	}
	return "", errNoText
}

func flattenFunction(name string, argument any) (string, error) {
	list, _ := argument.([]any)
	switch name {
	case "Ref":
		return fmt.Sprintf("${%v}", argument), nil
	case "Fn::GetAtt":
		if len(list) == 2 {
			return fmt.Sprintf("${%v.%v}", list[0], show(list[1])), nil
		}
		return fmt.Sprintf("${%v}", argument), nil
	case "Fn::Join":
		if len(list) != 2 {
			return "", errNoText
		}
		parts, _ := list[1].([]any)
		var texts []string
		for _, part := range parts {
			text, err := flatten(part)
			if err != nil {
				return "", err
			}
			texts = append(texts, text)
		}
		return strings.Join(texts, fmt.Sprint(list[0])), nil
	case "Fn::Sub":
		if text, ok := argument.(string); ok {
			return text, nil
		}
		if len(list) == 2 {
			text := fmt.Sprint(list[0])
			variables, _ := list[1].(map[string]any)
			for variable, value := range variables {
				text = strings.ReplaceAll(text, "${"+variable+"}", show(value))
			}
			return text, nil
		}
	case "Fn::Select", "Fn::Split", "Fn::ImportValue", "Fn::FindInMap", "Fn::If", "Fn::GetAZs", "Fn::Base64", "Fn::ToJsonString":
		return "${" + name + " " + canonical(argument) + "}", nil
	}
	return "", errNoText
}

// isFunction reports whether a value is an intrinsic function rather than an object.
func isFunction(value any) bool {
	v, ok := value.(map[string]any)
	if !ok || len(v) != 1 {
		return false
	}
	for name := range v {
		return name == "Ref" || strings.HasPrefix(name, "Fn::")
	}
	return false
}

// substitution is a reference within Fn::Sub.
var substitution = regexp.MustCompile(`\$\{([A-Za-z0-9]+)(\.[A-Za-z0-9.]+)?\}`)

// references calls found with the logical id of everything that a value refers to.
func references(value any, found func(id string)) {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			references(element, found)
		}
	case map[string]any:
		for name, argument := range v {
			switch name {
			case "Ref":
				found(fmt.Sprint(argument))
			case "Fn::GetAtt":
				if list, ok := argument.([]any); ok && len(list) > 0 {
					found(fmt.Sprint(list[0]))
				} else {
					id, _, _ := strings.Cut(fmt.Sprint(argument), ".")
					found(id)
				}
			case "Fn::Sub":
				text, _ := argument.(string)
				if list, ok := argument.([]any); ok && len(list) == 2 {
					text = fmt.Sprint(list[0])
					references(list[1], found)
				}
				for _, match := range substitution.FindAllStringSubmatch(text, -1) {
					found(match[1])
				}
			default:
				references(argument, found)
			}
		}
	}
}

// refersTo reports whether a value refers to a resource in a set.
func refersTo(value any, ids map[string]bool) (which string) {
	references(value, func(id string) {
		if ids[id] && (which == "" || id < which) {
			which = id
		}
	})
	return which
}

// name returns the resource's physical name if the template gives one, else its place in the
// CDK app, or its logical id.
func (r *resource) name() string {
	for _, property := range []string{r.lastName(), "Name", "QueueName", "FunctionName", "PolicyName", "AliasName", "PathPart"} {
		if text, err := flatten(r.Properties[property]); err == nil && text != "" && !strings.HasPrefix(text, "${") {
			return text
		}
	}
	return r.place()
}

// place returns the resource's path in the CDK app without the stack, or its logical id.
func (r *resource) place() string {
	if _, below, ok := strings.Cut(r.Metadata.Path, "/"); ok {
		return strings.TrimSuffix(below, "/Resource")
	}
	return r.id
}

// get returns a value below a path of members, nil if there is none.
func get(value any, path ...string) any {
	for _, member := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[member]
	}
	return value
}

// list returns a value as a list: itself, or of one element, or none.
func list(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}
