package assembly

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Type is a CloudFormation resource type that the local run supports. The package that
// emulates the service declares it, in a variable named Types.
type Type struct {
	Name string // "AWS::Events::Rule"

	// Properties is a struct, not a pointer to one, that names every supported property
	// (see [Decode]). Nil allows any property: the type is inert.
	Properties any

	// NameProperty is the property that holds the physical name. A type without one, or a
	// resource that leaves it out, gets a generated name as in CloudFormation:
	// <stack>-<logical id>-<hash>.
	NameProperty string

	// IDs returns what Ref and Fn::GetAtt yield: "Return values" on the type's page in the
	// CloudFormation template reference. When it is nil, Ref yields the physical name, and
	// the type has no attributes.
	IDs func(i *Instance) IDs

	// Inert is the reason why resources of the type need no emulation. It is empty for an
	// emulated type.
	Inert string
}

// IDs is how other resources refer to a resource.
type IDs struct {
	Ref        string
	Attributes map[string]string // for Fn::GetAtt, by name
}

// Types are the supported resource types by name.
type Types map[string]Type

// NewTypes collects the types that services declare. It panics when a type is declared
// twice.
func NewTypes(lists ...[]Type) Types {
	types := Types{}
	for _, t := range slices.Concat(lists...) {
		if _, twice := types[t.Name]; twice {
			panic("assembly: type " + t.Name + " is declared twice")
		}
		types[t.Name] = t
	}
	return types
}

// Check resolves and decodes every resource and output of the stack. The error lists all
// unsupported types and properties with their logical ids.
func (t Types) Check(stack *Stack, resolver *Resolver) error {
	var problems []error
	inert := t.InertReasons(stack, resolver)
	for id, resource := range stack.Resources {
		_, supported := t[resource.Type]
		var err error
		switch {
		case !supported:
			err = fmt.Errorf("%s: resource type %s is not supported", id, resource.Type)
		case inert[id] != "":
			_, err = resolver.Properties(resource)
		default:
			_, err = resolver.Decode(resource)
		}
		problems = append(problems, err)
	}
	for name, output := range stack.Outputs {
		if _, err := resolver.Resolve(output.Value); err != nil {
			problems = append(problems, fmt.Errorf("output %s: %w", name, err))
		}
	}
	return Join(problems...)
}

// InertReasons returns, by logical id, why resources need no emulation: because of their
// type, or because they are functions behind a custom resource of an inert type, which
// nothing invokes here.
func (t Types) InertReasons(stack *Stack, resolver *Resolver) map[string]string {
	reasons := map[string]string{}
	for id, resource := range stack.Resources {
		reason := t[resource.Type].Inert
		if reason == "" {
			continue
		}
		reasons[id] = reason
		properties, _ := resource.Properties.(map[string]any)
		token, err := resolver.Resolve(properties["ServiceToken"])
		if token == nil || err != nil {
			continue // Check reports the error
		}
		for provider := range stack.Resources {
			if arn, err := resolver.Att(provider, "Arn"); err == nil && arn == token {
				reasons[provider] = "the provider of a custom resource that needs no emulation"
			}
		}
	}
	return reasons
}

// Decode returns a resource's resolved properties: a pointer to a struct of its type's
// Properties, or the JSON tree of an inert type.
func (r *Resolver) Decode(resource Resource) (any, error) {
	properties := r.types[resource.Type].Properties
	if properties == nil {
		return r.Properties(resource)
	}
	into := reflect.New(reflect.TypeOf(properties)).Interface()
	return into, r.Into(resource, into)
}

// Instance is a resource whose IDs are asked for.
type Instance struct {
	Env
	Stack     string
	LogicalID string
	Name      string // the physical name

	properties map[string]any
	resolver   *Resolver
	err        error
}

// ARN returns an ARN in the stack's region and account.
func (i *Instance) ARN(service, resource string) string {
	return "arn:aws:" + service + ":" + i.Region + ":" + i.Account + ":" + resource
}

// Hash returns n hexadecimal digits, up to 64, that depend only on the stack's name and the
// logical id.
func (i *Instance) Hash(n int) string { return hash(n, i.Stack, i.LogicalID) }

// UUID returns a UUID that depends only on the stack's name and the logical id.
func (i *Instance) UUID() string { return hashUUID(i.Stack, i.LogicalID) }

// Has reports whether the template sets the property.
func (i *Instance) Has(property string) bool {
	_, has := i.properties[property]
	return has
}

// Text returns the property as text, or fallback when the template leaves it out.
func (i *Instance) Text(property, fallback string) string {
	if !i.Has(property) {
		return fallback
	}
	text, err := i.resolver.text(i.properties[property])
	i.err = errors.Join(i.err, err)
	return text
}

// identify determines the IDs of a resource, once.
func (r *Resolver) identify(id string) (IDs, error) {
	if found, ok := r.ids[id]; ok {
		return found, nil
	}
	resource, ok := r.stack.Resources[id]
	if !ok {
		return IDs{}, fmt.Errorf("reference to %s, which the template does not have", id)
	}
	if r.inUse[id] {
		return IDs{}, fmt.Errorf("the name of %s refers to itself", id)
	}
	r.inUse[id] = true
	defer delete(r.inUse, id)

	properties, _ := resource.Properties.(map[string]any)
	i := &Instance{Env: r.env, Stack: r.stack.Name, LogicalID: id, properties: properties, resolver: r}
	declared := r.types[resource.Type]
	i.Name = i.Text(declared.NameProperty, r.stack.Name+"-"+id+"-"+strings.ToUpper(i.Hash(12)))
	found := IDs{Ref: i.Name}
	if declared.IDs != nil {
		found = declared.IDs(i)
	}
	if i.err != nil {
		return IDs{}, fmt.Errorf("%s: %w", id, i.err)
	}
	r.ids[id] = found
	return found, nil
}

// joinType is the type of what errors.Join returns.
var joinType = reflect.TypeOf(errors.Join(errors.New("")))

// Split returns the errors that errors.Join has joined; none for nil.
func Split(err error) []error {
	if err == nil {
		return nil
	}
	if reflect.TypeOf(err) != joinType { // also fmt.Errorf with several %w, which has text of its own
		return []error{err}
	}
	var all []error
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		all = append(all, Split(one)...)
	}
	return all
}

// Join joins errors, sorted by their texts and without duplicates, so that the same template
// always yields the same list. Nil errors are left out.
func Join(problems ...error) error {
	byText := map[string]error{}
	for _, err := range problems {
		for _, one := range Split(err) {
			if byText[one.Error()] == nil {
				byText[one.Error()] = one
			}
		}
	}
	var sorted []error
	for _, text := range slices.Sorted(maps.Keys(byText)) {
		sorted = append(sorted, byText[text])
	}
	return errors.Join(sorted...)
}
