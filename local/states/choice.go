package states

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

const choiceFields = "InputPath OutputPath Choices Default"

// choice is a Choice state: it goes to the state of the first rule whose condition holds.
type choice struct {
	rules    []rule
	fallback string // Default, "" without one
}

type rule struct {
	condition condition
	next      string
}

func readChoice(l *loader, s *state, text json.RawMessage) work {
	var fields struct {
		Choices []json.RawMessage
		Default string
	}
	l.fields(s.name, text, &fields)
	if len(fields.Choices) == 0 {
		l.problem(s.name, "needs Choices")
	}
	c := choice{fallback: fields.Default}
	for i, text := range fields.Choices {
		value, err := decode(text)
		if err != nil {
			l.problem(s.name, "choice %d: %w", i, err)
			continue
		}
		object, ok := value.(map[string]any)
		if !ok {
			l.problem(s.name, "choice %d is not an object", i)
			continue
		}
		next, _ := object["Next"].(string)
		if next == "" {
			l.problem(s.name, "choice %d needs Next", i)
		}
		condition, err := compileCondition(object)
		if err != nil {
			l.problem(s.name, "choice %d: %w", i, err)
		}
		c.rules = append(c.rules, rule{condition, next})
	}
	return c
}

func (c choice) targets() []string {
	targets := []string{c.fallback}
	for _, r := range c.rules {
		targets = append(targets, r.next)
	}
	return targets
}

func (c choice) do(_ context.Context, _ *execution, s *state, input, contextObject any) (any, string, *Failure) {
	for _, r := range c.rules {
		holds, err := r.condition(input, contextObject)
		if err != nil {
			return nil, "", runtimeFailure(fmt.Errorf("invalid path: %w", err))
		}
		if holds {
			return input, r.next, nil
		}
	}
	if c.fallback == "" {
		return nil, "", runtimeFailure(errors.New("no choice matches and there is no Default"))
	}
	return input, c.fallback, nil
}
