package states

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"payment-webhooks/local/jsonpath"
)

// expression computes a value from a state's input and the context object. An error becomes
// States.Runtime.
type expression func(input, context any) (any, error)

func literal(value any) expression { return func(any, any) (any, error) { return value, nil } }

// compileTemplate compiles a payload template (Parameters, ResultSelector): a field whose
// name ends in ".$" holds a path or an intrinsic function, all else is literal.
func compileTemplate(value any) (expression, error) {
	switch v := value.(type) {
	case map[string]any:
		fields := map[string]expression{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			plain, dynamic := strings.CutSuffix(name, ".$")
			var e expression
			var err error
			if dynamic {
				text, ok := v[name].(string)
				if !ok {
					return nil, fmt.Errorf("%q needs a string", name)
				}
				e, err = compileExpression(text)
			} else {
				e, err = compileTemplate(v[name])
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if fields[plain] != nil {
				return nil, fmt.Errorf("%q is there twice, with and without .$", plain)
			}
			fields[plain] = e
		}
		return func(input, context any) (any, error) {
			object := make(map[string]any, len(fields))
			for name, e := range fields {
				field, err := e(input, context)
				if err != nil {
					return nil, err
				}
				object[name] = field
			}
			return object, nil
		}, nil
	case []any:
		elements := make([]expression, len(v))
		for i, element := range v {
			var err error
			if elements[i], err = compileTemplate(element); err != nil {
				return nil, err
			}
		}
		return func(input, context any) (any, error) { return evaluateAll(elements, input, context) }, nil
	default:
		return literal(value), nil
	}
}

func evaluateAll(expressions []expression, input, context any) ([]any, error) {
	values := make([]any, len(expressions))
	for i, e := range expressions {
		var err error
		if values[i], err = e(input, context); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// compileExpression compiles "$.path", "$$.path" or "States.Function(…)".
func compileExpression(text string) (expression, error) {
	if strings.HasPrefix(text, "States.") {
		return compileIntrinsic(text)
	}
	inContext := strings.HasPrefix(text, "$$")
	if inContext {
		text = text[1:]
	}
	p, err := jsonpath.States.Parse(text)
	if err != nil {
		return nil, err
	}
	return func(input, context any) (any, error) {
		from := input
		if inContext {
			from = context
		}
		value, ok := p.Find(from)
		if !ok {
			return nil, fmt.Errorf("the JSONPath %q could not be found", text)
		}
		return value, nil
	}, nil
}
