package states

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"payment-webhooks/local/jsonpath"
)

// ErrDefinition is wrapped by the error of a state machine that is invalid or uses what is
// not supported.
var ErrDefinition = errors.New("state machine")

// maxSeconds is the largest number of seconds in a definition.
const maxSeconds = 99999999

// subMachine is a sub-state-machine: the states of a machine, or those of a branch of a
// Parallel state.
type subMachine struct {
	startAt string
	states  map[string]*state
}

// state is a state with the fields that several types have.
type state struct {
	name           string
	kind           string        // Type
	next           string        // "": the sub-state-machine ends here
	inputPath      jsonpath.Path // nil, written as null: the input is discarded ({})
	outputPath     jsonpath.Path // nil: the output is discarded ({})
	parameters     expression    // nil: the input is passed on
	resultSelector expression    // nil: the result is passed on
	resultPath     jsonpath.Path // nil: the result is discarded, the input is the output
	retry          []retrier
	catch          []catcher
	work           work
}

// stateFields are the fields that several types of states have.
type stateFields struct {
	Type           string
	Next           string
	End            bool
	InputPath      json.RawMessage
	OutputPath     json.RawMessage
	Parameters     json.RawMessage
	ResultSelector json.RawMessage
	ResultPath     json.RawMessage
	Retry          []json.RawMessage
	Catch          []json.RawMessage
	QueryLanguage  string
}

// machineFields are the fields of a machine or branch.
type machineFields struct {
	Comment        string
	StartAt        string
	States         map[string]json.RawMessage
	TimeoutSeconds *int   // only a machine
	Version        string // only a machine
	QueryLanguage  string // only a machine
}

// loader compiles a definition and collects its problems.
type loader struct {
	names    map[string]bool // of all states: they are unique in the whole machine
	problems []error
}

func (l *loader) problem(state, format string, args ...any) {
	if state != "" {
		format = "state " + state + ": " + format
	}
	l.problems = append(l.problems, fmt.Errorf(format, args...))
}

// loadDefinition compiles a machine's definition. timeout is its TimeoutSeconds, 0 without.
func loadDefinition(text []byte) (m *subMachine, timeout time.Duration, err error) {
	var fields machineFields
	if err := strict(text, &fields); err != nil {
		return nil, 0, err
	}
	l := &loader{names: map[string]bool{}}
	l.queryLanguage("", fields.QueryLanguage)
	if fields.Version != "" && fields.Version != "1.0" {
		l.problem("", "Version %s does not exist", fields.Version)
	}
	if fields.TimeoutSeconds != nil {
		timeout = l.seconds("", "TimeoutSeconds", *fields.TimeoutSeconds, 1)
	}
	m = l.subMachine("the machine", fields)
	return m, timeout, errors.Join(l.problems...)
}

func (l *loader) subMachine(where string, fields machineFields) *subMachine {
	m := &subMachine{startAt: fields.StartAt, states: map[string]*state{}}
	for _, name := range slices.Sorted(maps.Keys(fields.States)) {
		if l.names[name] {
			l.problem(name, "the name is not unique in the machine")
		}
		l.names[name] = true
		if s := l.state(name, fields.States[name]); s != nil {
			m.states[name] = s
		}
	}
	if _, ok := fields.States[fields.StartAt]; !ok {
		l.problem("", "%s: StartAt %q is not one of its states", where, fields.StartAt)
	}
	l.checkTransitions(m, fields.States)
	return m
}

func (l *loader) state(name string, text json.RawMessage) *state {
	var fields stateFields
	if err := json.Unmarshal(text, &fields); err != nil {
		l.problem(name, "%w", err)
		return nil
	}
	k, ok := kinds()[fields.Type]
	if !ok {
		l.problem(name, "type %q is not supported", fields.Type)
		return nil
	}
	var given map[string]json.RawMessage
	_ = json.Unmarshal(text, &given) // it was decoded above
	for _, field := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(strings.Fields(k.fields+" Type Comment QueryLanguage"), field) {
			l.problem(name, "a %s state has no %s", fields.Type, field)
		}
	}
	l.queryLanguage(name, fields.QueryLanguage)
	if strings.Contains(k.fields, "Next") && (fields.Next == "") == !fields.End {
		l.problem(name, "needs either Next or End")
	}
	s := &state{
		name: name, kind: fields.Type, next: fields.Next,
		inputPath:      l.path(name, "InputPath", fields.InputPath),
		outputPath:     l.path(name, "OutputPath", fields.OutputPath),
		resultPath:     l.path(name, "ResultPath", fields.ResultPath),
		parameters:     l.template(name, "Parameters", fields.Parameters),
		resultSelector: l.template(name, "ResultSelector", fields.ResultSelector),
		retry:          l.retriers(name, decodeAll[retrierFields](l, name, "Retry", fields.Retry)),
		catch:          l.catchers(name, decodeAll[catcherFields](l, name, "Catch", fields.Catch)),
	}
	s.work = k.read(l, s, text)
	return s
}

// fields decodes the fields that only one type of state has. Which fields it may have has been
// checked.
func (l *loader) fields(state string, text json.RawMessage, into any) {
	if err := json.Unmarshal(text, into); err != nil {
		l.problem(state, "%w", err)
	}
}

// decodeAll decodes the elements of a field and rejects unknown members.
func decodeAll[T any](l *loader, state, field string, texts []json.RawMessage) []T {
	all := make([]T, len(texts))
	for i, text := range texts {
		if err := strict(text, &all[i]); err != nil {
			l.problem(state, "%s: %w", field, err)
		}
	}
	return all
}

// targets returns the states to which a state may go.
func (s *state) targets() []string {
	targets := []string{s.next}
	if b, ok := s.work.(branching); ok {
		targets = append(targets, b.targets()...)
	}
	for _, c := range s.catch {
		targets = append(targets, c.next)
	}
	return slices.DeleteFunc(targets, func(name string) bool { return name == "" })
}

// checkTransitions checks that every target exists and every state can be reached. all holds
// also the states that could not be read.
func (l *loader) checkTransitions(m *subMachine, all map[string]json.RawMessage) {
	reached := map[string]bool{}
	open := []string{m.startAt}
	for len(open) > 0 {
		name := open[0]
		open = open[1:]
		s, ok := m.states[name]
		if reached[name] || !ok {
			continue
		}
		reached[name] = true
		open = append(open, s.targets()...)
	}
	for _, name := range slices.Sorted(maps.Keys(m.states)) {
		for _, target := range m.states[name].targets() {
			if _, ok := all[target]; !ok {
				l.problem(name, "the target %q does not exist", target)
			}
		}
		if !reached[name] {
			l.problem(name, "cannot be reached")
		}
	}
}

func (l *loader) queryLanguage(state, language string) {
	if language != "" && language != "JSONPath" {
		l.problem(state, "QueryLanguage %s is not supported", language)
	}
}

func (l *loader) seconds(state, field string, n, least int) time.Duration {
	if n < least || n > maxSeconds {
		l.problem(state, "%s %d is not %d to %d", field, n, least, maxSeconds)
	}
	return time.Duration(n) * time.Second
}

// path reads a field such as InputPath: absent is $, null is nil.
func (l *loader) path(state, field string, raw json.RawMessage) jsonpath.Path {
	if raw == nil {
		return jsonpath.Path{}
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil {
		l.problem(state, "%s is not a string", field)
		return nil
	}
	if text == nil {
		return nil
	}
	if strings.HasPrefix(*text, "$$") {
		l.problem(state, "%s %q: the context object is not supported here", field, *text)
		return nil
	}
	p, err := jsonpath.States.Parse(*text)
	if err != nil {
		l.problem(state, "%s: %w", field, err)
	}
	return p
}

// template reads a field such as Parameters: absent is nil.
func (l *loader) template(state, field string, raw json.RawMessage) expression {
	if raw == nil {
		return nil
	}
	value, err := decode(raw)
	if err == nil {
		var e expression
		if e, err = compileTemplate(value); err == nil {
			return e
		}
	}
	l.problem(state, "%s: %w", field, err)
	return nil
}
