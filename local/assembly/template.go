package assembly

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Read returns the stack of a template in JSON or YAML, with the images that its functions name
// by tag. [Stack.Evaluate] completes it. The error lists every unsupported section.
func Read(name string, template []byte, images map[string]Image) (*Stack, error) {
	s := &Stack{Name: name, images: images}
	return s, s.read(template)
}

// parameter is a parameter of a template.
type parameter struct {
	Type          string
	Default       any
	AllowedValues []any
}

// rule is a rule of a template. One with a RuleCondition is not supported.
type rule struct {
	RuleCondition any
	Assertions    []struct {
		Assert            any
		AssertDescription string
	}
}

// rejection is an error in CloudFormation's words.
type rejection string

func (r rejection) Error() string { return string(r) }

func rejected(format string, args ...any) error { return rejection(fmt.Sprintf(format, args...)) }

func (s *Stack) read(text []byte) error {
	var err error
	if s.Tree, err = parseTemplate(text); err != nil {
		return err
	}
	var template struct {
		AWSTemplateFormatVersion json.RawMessage
		Description              json.RawMessage
		Metadata                 json.RawMessage
		Rules                    map[string]rule
		Parameters               map[string]parameter
		Conditions               map[string]any
		Resources                map[string]struct {
			Type       string
			Properties any
			DependsOn  any
			Condition  string
			Metadata   struct {
				Path string `json:"aws:cdk:path"`
			}
			DeletionPolicy, UpdateReplacePolicy string

			CreationPolicy, UpdatePolicy json.RawMessage
		}
		Outputs map[string]struct {
			Description string
			Value       any
			Export      struct{ Name any }
			Condition   string
		}
		Mappings, Transform, Hooks json.RawMessage
	}
	normal, err := json.Marshal(s.Tree)
	if err != nil {
		return err
	}
	if err := decode(normal, &template); err != nil {
		return err
	}

	var problems []error
	unknown := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for name, section := range map[string]json.RawMessage{"Mappings": template.Mappings, "Transform": template.Transform, "Hooks": template.Hooks} {
		if section != nil {
			unknown("template section %s is not supported", name)
		}
	}
	for name, r := range template.Rules {
		if r.RuleCondition != nil {
			unknown("rule %s: RuleCondition is not supported", name)
		}
	}
	s.parameters, s.conditions, s.rules = template.Parameters, template.Conditions, template.Rules

	s.Resources = map[string]Resource{}
	for id, r := range template.Resources {
		if r.CreationPolicy != nil || r.UpdatePolicy != nil {
			unknown("%s (%s): CreationPolicy and UpdatePolicy are not supported", id, r.Type)
		}
		resource := Resource{
			LogicalID: id, Type: r.Type, Path: r.Metadata.Path, Properties: r.Properties, Condition: r.Condition,
			DeletionPolicy: r.DeletionPolicy, UpdateReplacePolicy: r.UpdateReplacePolicy,
		}
		if resource.Properties == nil {
			resource.Properties = map[string]any{}
		}
		switch d := r.DependsOn.(type) {
		case string:
			resource.DependsOn = []string{d}
		case []any:
			for _, one := range d {
				resource.DependsOn = append(resource.DependsOn, fmt.Sprint(one))
			}
		}
		s.Resources[id] = resource
	}
	s.Outputs = map[string]Output{}
	for name, o := range template.Outputs {
		s.Outputs[name] = Output{Description: o.Description, Value: o.Value, ExportName: o.Export.Name, Condition: o.Condition}
	}
	return Join(problems...)
}

// parameterStore begins the types of parameters whose value is the name of one in Parameter
// Store.
const parameterStore = "AWS::SSM::Parameter::Value<"

// StoredParameters returns the names in Parameter Store that the template reads values from, by
// parameter. given are the values that a caller has set.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
func (s *Stack) StoredParameters(given map[string]string) map[string]string {
	names := map[string]string{}
	for name, p := range s.parameters {
		if !strings.HasPrefix(p.Type, parameterStore) {
			continue
		}
		names[name] = fmt.Sprint(p.Default)
		if value, has := given[name]; has {
			names[name] = value
		}
	}
	return names
}

// Parameters returns the names of the template's parameters, sorted.
func (s *Stack) Parameters() []string { return slices.Sorted(maps.Keys(s.parameters)) }

// Value returns the value of a parameter, after [Stack.Evaluate].
func (s *Stack) Value(parameter string) string { return parameterText(s.values[parameter]) }

// Evaluate gives the parameters their values, those given or their defaults, and removes the
// resources and outputs whose condition does not hold. The error lists parameters without a
// value, conditions that are not supported, and rules that the values break.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html
func (s *Stack) Evaluate(env Env, given map[string]string) error {
	var problems []error
	s.values, s.holds = map[string]any{}, map[string]bool{}
	for name, p := range s.parameters {
		value, has := given[name]
		if !has && p.Default == nil {
			problems = append(problems, rejected("Parameters: [%s] must have values", name))
			continue
		}
		if !has {
			value = fmt.Sprint(p.Default)
		}
		if p.AllowedValues != nil && !slices.ContainsFunc(p.AllowedValues, func(a any) bool { return fmt.Sprint(a) == value }) {
			problems = append(problems, rejected("Parameter '%s' must be one of AllowedValues", name))
		}
		s.values[name] = value
		if strings.Contains(p.Type, "List") {
			list := []any{}
			for _, one := range strings.Split(value, ",") {
				list = append(list, strings.TrimSpace(one))
			}
			s.values[name] = list
		}
	}
	for name := range given {
		if _, has := s.parameters[name]; !has {
			problems = append(problems, rejected("Parameters: [%s] do not exist in the template", name))
		}
	}
	if len(problems) > 0 {
		return Join(problems...)
	}
	c := conditions{NewResolver(s, nil, env), map[string]bool{}}
	for name := range s.conditions {
		holds, err := c.named(name)
		s.holds[name] = holds
		problems = append(problems, err)
	}
	for name, r := range s.rules {
		for _, a := range r.Assertions {
			holds, err := c.evaluate(a.Assert)
			if err == nil && !holds {
				err = errors.New(a.AssertDescription)
			}
			if err != nil {
				problems = append(problems, rejected("Template rule %s: %v", name, err))
			}
		}
	}
	exists := func(what, condition string) bool {
		if _, known := s.conditions[condition]; condition != "" && !known {
			problems = append(problems, fmt.Errorf("%s: the template has no condition %s", what, condition))
		}
		return condition == "" || s.holds[condition]
	}
	maps.DeleteFunc(s.Resources, func(id string, r Resource) bool { return !exists(id+" ("+r.Type+")", r.Condition) })
	maps.DeleteFunc(s.Outputs, func(name string, o Output) bool { return !exists("output "+name, o.Condition) })
	return Join(problems...)
}

// parameterText is the value of a parameter in a text.
func parameterText(value any) string {
	list, is := value.([]any)
	if !is {
		return fmt.Sprint(value)
	}
	var texts []string
	for _, one := range list {
		texts = append(texts, fmt.Sprint(one))
	}
	return strings.Join(texts, ",")
}

// conditions evaluates condition functions.
type conditions struct {
	resolver *Resolver
	inUse    map[string]bool // conditions that are being evaluated
}

func (c conditions) named(name string) (bool, error) {
	tree, has := c.resolver.stack.conditions[name]
	if !has || c.inUse[name] {
		return false, fmt.Errorf("condition %s does not exist or refers to itself", name)
	}
	c.inUse[name] = true
	defer delete(c.inUse, name)
	holds, err := c.evaluate(tree)
	if err != nil {
		err = fmt.Errorf("condition %s: %w", name, err)
	}
	return holds, err
}

func (c conditions) evaluate(tree any) (bool, error) {
	function, _ := tree.(map[string]any)
	if len(function) != 1 {
		return false, fmt.Errorf("%v is not a condition function", tree)
	}
	for name, argument := range function {
		if name == "Condition" {
			return c.named(fmt.Sprint(argument))
		}
		list, _ := argument.([]any)
		switch {
		case name == "Fn::Not" && len(list) == 1:
			holds, err := c.evaluate(list[0])
			return !holds, err
		case (name == "Fn::And" || name == "Fn::Or") && len(list) > 0:
			for _, one := range list {
				holds, err := c.evaluate(one)
				if err != nil || holds == (name == "Fn::Or") {
					return holds, err
				}
			}
			return name == "Fn::And", nil
		case name == "Fn::Equals" && len(list) == 2:
			a, errA := c.resolver.text(list[0])
			b, errB := c.resolver.text(list[1])
			return a == b, errors.Join(errA, errB)
		case name == "Fn::Contains" && len(list) == 2: // only in rules
			texts, errList := c.resolver.texts(list[0])
			text, errText := c.resolver.text(list[1])
			return slices.Contains(texts, text), errors.Join(errList, errText)
		}
		return false, fmt.Errorf("%s of %v is not a supported condition function", name, argument)
	}
	return false, nil
}

// choose evaluates Fn::If.
func (r *Resolver) choose(argument any) (any, error) {
	parts, _ := argument.([]any)
	if len(parts) != 3 {
		return nil, fmt.Errorf("Fn::If of %v: want [condition, value, value]", argument)
	}
	holds, has := r.stack.holds[fmt.Sprint(parts[0])]
	switch {
	case !has:
		return nil, fmt.Errorf("Fn::If: the template has no condition %v", parts[0])
	case holds:
		return r.resolve(parts[1])
	default:
		return r.resolve(parts[2])
	}
}

func decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// parseTemplate parses JSON or YAML. The short forms of YAML, such as !Ref, become the long ones.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
func parseTemplate(text []byte) (any, error) {
	var tree any
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' {
		if err := decode(text, &tree); err != nil {
			return nil, rejected("Template format error: JSON not well-formed. (%v)", err)
		}
		return tree, nil
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return nil, rejected("Template format error: YAML not well-formed. (%v)", err)
	}
	tree, err := fromYAML(&node)
	if _, is := tree.(map[string]any); err == nil && !is {
		err = rejected("Template format error: unsupported structure.")
	}
	return tree, err
}

func fromYAML(n *yaml.Node) (any, error) {
	var value any
	switch n.Kind {
	case yaml.DocumentNode:
		return fromYAML(n.Content[0])
	case yaml.AliasNode:
		return fromYAML(n.Alias)
	case yaml.MappingNode:
		members := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			member, err := fromYAML(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			members[n.Content[i].Value] = member
		}
		value = members
	case yaml.SequenceNode:
		list := []any{}
		for _, one := range n.Content {
			member, err := fromYAML(one)
			if err != nil {
				return nil, err
			}
			list = append(list, member)
		}
		value = list
	case yaml.ScalarNode:
		value = n.Value
		switch n.Tag {
		case "!!null":
			value = nil
		case "!!bool":
			value = strings.EqualFold(n.Value, "true")
		case "!!int", "!!float":
			value = json.Number(n.Value)
			if !json.Valid([]byte(n.Value)) { // such as 0o17, 1_000 or .inf
				return nil, rejected("Template format error: line %d: %s is not a number of JSON", n.Line, n.Value)
			}
		}
	default:
		return nil, rejected("Template format error: YAML not well-formed.")
	}
	if name, short := strings.CutPrefix(n.Tag, "!"); short && !strings.HasPrefix(name, "!") {
		switch name {
		case "Ref", "Condition":
			return map[string]any{name: value}, nil
		}
		return map[string]any{"Fn::" + name: value}, nil
	}
	return value, nil
}
