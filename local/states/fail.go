package states

import (
	"context"
	"encoding/json"
)

const failFields = "Error ErrorPath Cause CausePath"

// fail is a Fail state. Error and cause are nil when the state has none.
type fail struct{ name, cause expression }

func readFail(l *loader, s *state, text json.RawMessage) work {
	var fields struct{ Error, ErrorPath, Cause, CausePath *string }
	l.fields(s.name, text, &fields)
	return fail{
		name:  l.textOrPath(s.name, "Error", fields.Error, fields.ErrorPath),
		cause: l.textOrPath(s.name, "Cause", fields.Cause, fields.CausePath),
	}
}

// textOrPath reads a field that is given as text or, with the suffix Path, by an expression.
func (l *loader) textOrPath(state, field string, text, path *string) expression {
	switch {
	case text != nil && path != nil:
		l.problem(state, "%s and %sPath exclude each other", field, field)
	case path != nil:
		e, err := compileExpression(*path)
		if err != nil {
			l.problem(state, "%sPath: %w", field, err)
		}
		return e
	case text != nil:
		return literal(*text)
	}
	return nil
}

func (f fail) do(_ context.Context, _ *execution, s *state, input, contextObject any) (any, string, *Failure) {
	failure := &Failure{}
	for _, part := range []struct {
		from expression
		to   *string
	}{{f.name, &failure.Error}, {f.cause, &failure.Cause}} {
		if part.from == nil {
			continue
		}
		value, err := part.from(input, contextObject)
		if err != nil {
			return nil, "", runtimeFailure(err)
		}
		*part.to = text(value)
	}
	return nil, "", failure
}
