package assembly

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"
)

// Env holds the values of pseudo parameters and the parts of physical ids.
type Env struct {
	Account string // twelve digits
	Region  string
	// Endpoint is the local AWS endpoint, "http://127.0.0.1:4566". A queue's
	// URL begins with it.
	Endpoint string
}

// Resolver evaluates Ref, Fn::GetAtt and the other intrinsic functions. It is safe for
// concurrent use.
type Resolver struct {
	stack *Stack
	types Types
	env   Env

	mu    sync.Mutex
	set   map[string]string // "logicalID.attribute", see Set
	ids   map[string]IDs
	inUse map[string]bool // logical ids whose name is being resolved
}

// NewResolver returns a resolver for the stack. types determine the resources' names and
// attributes. A resource of another type has a generated name and no attributes.
func NewResolver(stack *Stack, types Types, env Env) *Resolver {
	return &Resolver{stack: stack, types: types, env: env, set: map[string]string{}, ids: map[string]IDs{}, inUse: map[string]bool{}}
}

// Set sets an attribute whose value is known only once the resource exists.
func (r *Resolver) Set(logicalID, attribute, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set[logicalID+"."+attribute] = value
}

// Ref returns a resource's physical id: what {"Ref": logicalID} yields.
func (r *Resolver) Ref(logicalID string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ref(logicalID)
}

// Att returns what Fn::GetAtt yields.
func (r *Resolver) Att(logicalID, attribute string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.att(logicalID, attribute)
}

// Resolve returns a copy of a JSON tree without intrinsic functions.
// AWS::NoValue removes its property or element.
func (r *Resolver) Resolve(tree any) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	resolved, err := r.resolve(tree)
	if _, none := resolved.(noValue); none {
		return nil, err
	}
	return resolved, err
}

// Properties returns a resource's resolved properties; an error names its
// logical id and type.
func (r *Resolver) Properties(resource Resource) (any, error) {
	properties, err := r.Resolve(resource.Properties)
	if err != nil {
		return nil, fmt.Errorf("%s (%s): %w", resource.LogicalID, resource.Type, err)
	}
	return properties, nil
}

// Into resolves a resource's properties and decodes them strictly (see [Decode]).
func (r *Resolver) Into(resource Resource, into any) error {
	properties, err := r.Properties(resource)
	if err != nil {
		return err
	}
	return Decode(resource.LogicalID, resource.Type, properties, into)
}

type noValue struct{}

func (r *Resolver) resolve(tree any) (any, error) {
	switch v := tree.(type) {
	case map[string]any:
		if len(v) == 1 {
			for key, argument := range v {
				if key == "Ref" || strings.HasPrefix(key, "Fn::") {
					return r.intrinsic(key, argument)
				}
			}
		}
		resolved := make(map[string]any, len(v))
		for key, member := range v {
			one, err := r.resolve(member)
			if err != nil {
				return nil, err
			}
			if _, none := one.(noValue); !none {
				resolved[key] = one
			}
		}
		return resolved, nil
	case []any:
		resolved := make([]any, 0, len(v))
		for _, member := range v {
			one, err := r.resolve(member)
			if err != nil {
				return nil, err
			}
			if _, none := one.(noValue); !none {
				resolved = append(resolved, one)
			}
		}
		return resolved, nil
	default:
		return tree, nil
	}
}

func (r *Resolver) intrinsic(name string, argument any) (any, error) {
	switch name {
	case "Ref":
		id, ok := argument.(string)
		if !ok {
			return nil, fmt.Errorf("Ref of %v: want a logical id", argument)
		}
		if id == "AWS::NoValue" {
			return noValue{}, nil
		}
		if value, is := r.stack.values[id]; is {
			return value, nil
		}
		return r.ref(id)
	case "Fn::If":
		return r.choose(argument)
	case "Fn::GetAtt":
		switch a := argument.(type) {
		case string:
			id, attribute, _ := strings.Cut(a, ".")
			return r.att(id, attribute)
		case []any:
			if len(a) == 2 {
				id, _ := a[0].(string)
				attribute, err := r.text(a[1])
				if err != nil {
					return nil, err
				}
				return r.att(id, attribute)
			}
		}
		return nil, fmt.Errorf("Fn::GetAtt of %v: want [logical id, attribute]", argument)
	case "Fn::Join":
		parts, ok := argument.([]any)
		if !ok || len(parts) != 2 {
			return nil, fmt.Errorf("Fn::Join of %v: want [separator, list]", argument)
		}
		separator, ok := parts[0].(string)
		if !ok {
			return nil, fmt.Errorf("Fn::Join: separator %v is not a text", parts[0])
		}
		list, err := r.texts(parts[1])
		return strings.Join(list, separator), err
	case "Fn::Split":
		parts, ok := argument.([]any)
		if !ok || len(parts) != 2 {
			return nil, fmt.Errorf("Fn::Split of %v: want [separator, text]", argument)
		}
		separator, _ := parts[0].(string)
		text, err := r.text(parts[1])
		if err != nil {
			return nil, err
		}
		var list []any
		for _, one := range strings.Split(text, separator) {
			list = append(list, one)
		}
		return list, nil
	case "Fn::Select":
		parts, ok := argument.([]any)
		if !ok || len(parts) != 2 {
			return nil, fmt.Errorf("Fn::Select of %v: want [index, list]", argument)
		}
		index, err := strconv.Atoi(fmt.Sprint(parts[0]))
		if err != nil {
			return nil, fmt.Errorf("Fn::Select: index %v is not a number", parts[0])
		}
		list, err := r.texts(parts[1])
		if err != nil {
			return nil, err
		}
		if index < 0 || index >= len(list) {
			return nil, fmt.Errorf("Fn::Select: index %d of %d elements", index, len(list))
		}
		return list[index], nil
	case "Fn::Sub":
		return r.sub(argument)
	default:
		return nil, fmt.Errorf("intrinsic function %s is not supported", name)
	}
}

var subVariable = regexp.MustCompile(`\$\{([^!{}][^{}]*)\}`)

func (r *Resolver) sub(argument any) (any, error) {
	variables := map[string]any{}
	text, ok := argument.(string)
	if parts, isList := argument.([]any); isList && len(parts) == 2 {
		text, ok = parts[0].(string)
		variables, _ = parts[1].(map[string]any)
	}
	if !ok {
		return nil, fmt.Errorf("Fn::Sub of %v: want a text, or [text, variables]", argument)
	}
	var failure error
	text = subVariable.ReplaceAllStringFunc(text, func(match string) string {
		name := match[2 : len(match)-1]
		var value string
		var err error
		if variable, has := variables[name]; has {
			value, err = r.text(variable)
		} else if id, attribute, has := strings.Cut(name, "."); has {
			value, err = r.att(id, attribute)
		} else {
			value, err = r.ref(name)
		}
		if err != nil && failure == nil {
			failure = err
		}
		return value
	})
	return strings.ReplaceAll(text, "${!", "${"), failure
}

func (r *Resolver) text(tree any) (string, error) {
	value, err := r.resolve(tree)
	if err != nil {
		return "", err
	}
	switch v := value.(type) {
	case string:
		return v, nil
	case json.Number, bool:
		return fmt.Sprint(v), nil
	default:
		return "", fmt.Errorf("%v is not a text", value)
	}
}

func (r *Resolver) texts(tree any) ([]string, error) {
	value, err := r.resolve(tree)
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%v is not a list", value)
	}
	var texts []string
	for _, one := range list {
		text, err := r.text(one)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func (r *Resolver) ref(id string) (string, error) {
	switch id {
	case "AWS::AccountId":
		return r.env.Account, nil
	case "AWS::Region":
		return r.env.Region, nil
	case "AWS::Partition":
		return "aws", nil
	case "AWS::URLSuffix":
		return "amazonaws.com", nil
	case "AWS::StackName":
		return r.stack.Name, nil
	case "AWS::StackId":
		return r.StackID(), nil
	}
	if value, is := r.stack.values[id]; is {
		return parameterText(value), nil
	}
	found, err := r.identify(id)
	return found.Ref, err
}

func (r *Resolver) att(id, attribute string) (string, error) {
	if value, ok := r.set[id+"."+attribute]; ok {
		return value, nil
	}
	found, err := r.identify(id)
	if err != nil {
		return "", err
	}
	value, ok := found.Attributes[attribute]
	if !ok {
		return "", fmt.Errorf("Fn::GetAtt %s.%s: this attribute of %s is not supported", id, attribute, r.stack.Resources[id].Type)
	}
	return value, nil
}

// StackID is the stack's ARN.
func (r *Resolver) StackID() string {
	if r.stack.ID != "" {
		return r.stack.ID
	}
	return fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/%s", r.env.Region, r.env.Account, r.stack.Name, hashUUID(r.stack.Name))
}

// hash returns n hexadecimal digits, up to 64, that depend only on the parts, so that a
// second run of the same template has the same physical ids.
func hash(n int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])[:n]
}

// hashUUID returns a UUID that depends only on the parts.
func hashUUID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return uuid.UUID(sum[:16]).String()
}
