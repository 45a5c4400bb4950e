package states

import (
	"context"
	"encoding/json"
)

const passFields = "Next End InputPath OutputPath Parameters ResultPath Result"

// pass is a Pass state. Without a Result, the result is its input.
type pass struct {
	result    any
	hasResult bool
}

func readPass(l *loader, s *state, text json.RawMessage) work {
	var fields struct{ Result json.RawMessage }
	l.fields(s.name, text, &fields)
	if fields.Result == nil {
		return pass{}
	}
	result, _ := decode(fields.Result) // it is part of JSON that was decoded
	return pass{result, true}
}

func (p pass) do(_ context.Context, _ *execution, s *state, input, _ any) (any, string, *Failure) {
	if p.hasResult {
		return p.result, s.next, nil
	}
	return input, s.next, nil
}
