package states

import (
	"context"
	"encoding/json"
)

// kind is a type of state. Each has a file of its own.
type kind struct {
	// fields are the names of the fields that a state of this type may have, beside Type,
	// Comment and QueryLanguage: developer guide, "Discovering workflow states", and
	// states-language.net, "State types".
	fields string
	// read reads the fields that only this type has.
	read func(l *loader, s *state, text json.RawMessage) work
}

// kinds returns the supported types of states.
func kinds() map[string]kind {
	return map[string]kind{
		"Task":     {taskFields, readTask},
		"Parallel": {parallelFields, readParallel},
		"Choice":   {choiceFields, readChoice},
		"Pass":     {passFields, readPass},
		"Wait":     {waitFields, readWait},
		"Succeed":  {succeedFields, readSucceed},
		"Fail":     {failFields, readFail},
	}
}

// work is what a state does between the processing of its input and that of its output,
// which is the same for all types.
type work interface {
	// do returns the result and the name of the next state, "" at the end. contextObject is
	// what paths that start with $$ refer to.
	do(ctx context.Context, x *execution, s *state, input, contextObject any) (result any, next string, failure *Failure)
}

// branching is work that chooses the next state itself.
type branching interface{ targets() []string }
