package states

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ErrDefinition says that a state machine is wrong or uses what is not played.
var ErrDefinition = errors.New("state machine")

// flow is a machine's states, or those of a branch of a Parallel.
type flow struct {
	startAt string
	states  map[string]*state
}

// state is one compiled state. Which fields are set depends on its type.
type state struct {
	name           string
	kind           string
	next           string // empty: the flow ends here
	inputPath      path   // nil: the input is discarded ({})
	outputPath     path   // nil: the output is discarded ({})
	parameters     expression
	resultSelector expression
	resultPath     path // nil: the result is discarded, the input goes on
	retry          []retrier
	catch          []catcher
	timeout        time.Duration // 0: none

	task             *task
	branches         []*flow
	choices          []choice
	fallback         string // Choice: Default
	result           any    // Pass: Result, when hasResult
	hasResult        bool
	errorName, cause expression // Fail
	wait             func(input, context any, now time.Time) (time.Duration, error)
}

type choice struct {
	condition condition
	next      string
}

type retrier struct {
	errors      []string
	interval    time.Duration
	maxAttempts int
	backoff     float64
	maxDelay    time.Duration // 0: none
	fullJitter  bool
}

type catcher struct {
	errors     []string
	next       string
	resultPath path
}

// stateText is a state as it is written. A field that this type does not have is
// refused; fieldsOf says which of them each type of state may have.
type stateText struct {
	Type           string
	Comment        string
	Next           string
	End            bool
	InputPath      json.RawMessage
	OutputPath     json.RawMessage
	Parameters     json.RawMessage
	ResultSelector json.RawMessage
	ResultPath     json.RawMessage
	Retry          []retrierText
	Catch          []catcherText
	TimeoutSeconds *int
	Resource       string
	Branches       []flowText
	Choices        []map[string]json.RawMessage
	Default        string
	Result         json.RawMessage
	Error          *string
	ErrorPath      *string
	Cause          *string
	CausePath      *string
	Seconds        *int
	SecondsPath    *string
	Timestamp      *string
	TimestampPath  *string
	QueryLanguage  string
}

type flowText struct {
	Comment        string
	StartAt        string
	States         map[string]json.RawMessage
	TimeoutSeconds *int   // the machine only
	Version        string // the machine only
	QueryLanguage  string // the machine only
}

type retrierText struct {
	Comment         string
	ErrorEquals     []string
	IntervalSeconds *int
	MaxAttempts     *int
	BackoffRate     *float64
	MaxDelaySeconds *int
	JitterStrategy  string
}

type catcherText struct {
	Comment     string
	ErrorEquals []string
	Next        string
	ResultPath  json.RawMessage
}

// fieldsOf lists the fields of each type of state: developer guide, "Discovering workflow
// states", and states-language.net, "State types".
var fieldsOf = map[string]string{
	"Task":     "Next End InputPath OutputPath Parameters ResultSelector ResultPath Retry Catch TimeoutSeconds Resource",
	"Parallel": "Next End InputPath OutputPath Parameters ResultSelector ResultPath Retry Catch Branches",
	"Pass":     "Next End InputPath OutputPath Parameters ResultPath Result",
	"Choice":   "InputPath OutputPath Choices Default",
	"Wait":     "Next End InputPath OutputPath Seconds SecondsPath Timestamp TimestampPath",
	"Succeed":  "InputPath OutputPath",
	"Fail":     "Error ErrorPath Cause CausePath",
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

func strict(text []byte, value any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(value); err != nil {
		return err
	}
	if d.More() {
		return errors.New("data after the JSON value")
	}
	return nil
}

// loadDefinition compiles a machine's definition; timeout is its TimeoutSeconds, 0 without.
func loadDefinition(text []byte) (f *flow, timeout time.Duration, err error) {
	var t flowText
	if err := strict(text, &t); err != nil {
		return nil, 0, err
	}
	l := &loader{names: map[string]bool{}}
	l.queryLanguage("", t.QueryLanguage)
	if t.Version != "" && t.Version != "1.0" {
		l.problem("", "Version %s does not exist", t.Version)
	}
	if t.TimeoutSeconds != nil {
		timeout = l.seconds("", "TimeoutSeconds", *t.TimeoutSeconds, 1)
	}
	f = l.flow("the machine", t)
	return f, timeout, errors.Join(l.problems...)
}

func (l *loader) queryLanguage(state, language string) {
	if language != "" && language != "JSONPath" {
		l.problem(state, "QueryLanguage %s is not played", language)
	}
}

func (l *loader) seconds(state, field string, n, least int) time.Duration {
	if n < least || n > 99999999 {
		l.problem(state, "%s %d is not %d to 99999999", field, n, least)
	}
	return time.Duration(n) * time.Second
}

func (l *loader) flow(where string, t flowText) *flow {
	f := &flow{startAt: t.StartAt, states: map[string]*state{}}
	for _, name := range slices.Sorted(maps.Keys(t.States)) {
		if l.names[name] {
			l.problem(name, "the name is not unique in the machine")
		}
		l.names[name] = true
		if s := l.state(name, t.States[name]); s != nil {
			f.states[name] = s
		}
	}
	if _, ok := t.States[t.StartAt]; !ok {
		l.problem("", "%s: StartAt %q is not one of its states", where, t.StartAt)
	}
	l.transitions(f, t)
	return f
}

// targets lists the states to which a state may go.
func (s *state) targets() []string {
	var all []string
	for _, name := range []string{s.next, s.fallback} {
		if name != "" {
			all = append(all, name)
		}
	}
	for _, c := range s.choices {
		all = append(all, c.next)
	}
	for _, c := range s.catch {
		all = append(all, c.next)
	}
	return all
}

// transitions checks that every target exists and every state can be reached.
func (l *loader) transitions(f *flow, t flowText) {
	reached := map[string]bool{}
	open := []string{f.startAt}
	for len(open) > 0 {
		name := open[0]
		open = open[1:]
		s, ok := f.states[name]
		if reached[name] || !ok {
			continue
		}
		reached[name] = true
		open = append(open, s.targets()...)
	}
	for _, name := range slices.Sorted(maps.Keys(f.states)) {
		for _, target := range f.states[name].targets() {
			if _, ok := t.States[target]; !ok {
				l.problem(name, "the target %q does not exist", target)
			}
		}
		if !reached[name] {
			l.problem(name, "cannot be reached")
		}
	}
}

func (l *loader) state(name string, text json.RawMessage) *state {
	var t stateText
	if err := strict(text, &t); err != nil {
		l.problem(name, "%w", err)
		return nil
	}
	allowed, ok := fieldsOf[t.Type]
	if !ok {
		l.problem(name, "type %q is not played", t.Type)
		return nil
	}
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(text, &fields) // it was decoded above
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(strings.Fields(allowed+" Type Comment QueryLanguage"), field) {
			l.problem(name, "a %s state has no %s", t.Type, field)
		}
	}
	l.queryLanguage(name, t.QueryLanguage)
	if strings.Contains(allowed, "Next") && (t.Next == "") == !t.End {
		l.problem(name, "needs either Next or End")
	}

	s := &state{name: name, kind: t.Type, next: t.Next, fallback: t.Default}
	s.inputPath = l.path(name, "InputPath", t.InputPath)
	s.outputPath = l.path(name, "OutputPath", t.OutputPath)
	s.resultPath = l.path(name, "ResultPath", t.ResultPath)
	s.parameters = l.template(name, "Parameters", t.Parameters)
	s.resultSelector = l.template(name, "ResultSelector", t.ResultSelector)
	if t.TimeoutSeconds != nil {
		s.timeout = l.seconds(name, "TimeoutSeconds", *t.TimeoutSeconds, 1)
	}
	l.retries(s, t.Retry)
	l.catches(s, t.Catch)
	switch t.Type {
	case "Task":
		s.task = l.task(name, t.Resource, t.Parameters)
	case "Parallel":
		if len(t.Branches) == 0 {
			l.problem(name, "needs Branches")
		}
		for i, branch := range t.Branches {
			if branch.TimeoutSeconds != nil || branch.Version != "" || branch.QueryLanguage != "" {
				l.problem(name, "branch %d has fields that only a machine has", i)
			}
			s.branches = append(s.branches, l.flow(fmt.Sprintf("state %s: branch %d", name, i), branch))
		}
	case "Choice":
		l.choices(s, t.Choices)
	case "Pass":
		if s.hasResult = t.Result != nil; s.hasResult {
			s.result, _ = decode(t.Result) // it is part of JSON that was decoded
		}
	case "Fail":
		s.errorName = l.either(name, "Error", t.Error, t.ErrorPath)
		s.cause = l.either(name, "Cause", t.Cause, t.CausePath)
	case "Wait":
		l.wait(s, t)
	}
	return s
}

// path reads InputPath and its like: absent is "$", null is nil.
func (l *loader) path(name, field string, raw json.RawMessage) path {
	if raw == nil {
		return path{}
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil {
		l.problem(name, "%s is not a string", field)
		return nil
	}
	if text == nil {
		return nil
	}
	if strings.HasPrefix(*text, "$$") {
		l.problem(name, "%s %q: the context object is not played here", field, *text)
		return nil
	}
	p, err := parsePath(*text)
	if err != nil {
		l.problem(name, "%s: %w", field, err)
	}
	return p
}

func (l *loader) template(name, field string, raw json.RawMessage) expression {
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
	l.problem(name, "%s: %w", field, err)
	return nil
}

// either reads a text that may be given by a path. Neither is no text.
func (l *loader) either(name, field string, text, path *string) expression {
	switch {
	case text != nil && path != nil:
		l.problem(name, "%s and %sPath exclude each other", field, field)
	case path != nil:
		e, err := compileExpression(*path)
		if err != nil {
			l.problem(name, "%sPath: %w", field, err)
		}
		return e
	case text != nil:
		return func(any, any) (any, error) { return *text, nil }
	}
	return nil
}

// errorNames checks the names in ErrorEquals. Names of the States language must exist;
// States.ALL stands alone, and only at the end (last).
func (l *loader) errorNames(name, field string, names []string, last bool) {
	if len(names) == 0 {
		l.problem(name, "%s needs ErrorEquals", field)
	}
	for _, e := range names {
		if strings.HasPrefix(e, "States.") && !slices.Contains([]string{errAll, errTaskFailed, errTimeout, errDataLimit, errPermissions, errRuntime}, e) {
			l.problem(name, "%s: the error %s is not played", field, e)
		}
		if e == errAll && (len(names) > 1 || !last) {
			l.problem(name, "%s: States.ALL must be alone and in the last one", field)
		}
	}
}

func (l *loader) retries(s *state, texts []retrierText) {
	for i, t := range texts {
		l.errorNames(s.name, "Retry", t.ErrorEquals, i == len(texts)-1)
		r := retrier{errors: t.ErrorEquals, interval: time.Second, maxAttempts: 3, backoff: 2}
		if t.IntervalSeconds != nil {
			r.interval = l.seconds(s.name, "IntervalSeconds", *t.IntervalSeconds, 1)
		}
		if t.MaxAttempts != nil {
			r.maxAttempts = *t.MaxAttempts
			if r.maxAttempts < 0 || r.maxAttempts > 99999999 {
				l.problem(s.name, "MaxAttempts %d is not 0 to 99999999", r.maxAttempts)
			}
		}
		if t.BackoffRate != nil {
			r.backoff = *t.BackoffRate
			if r.backoff < 1 {
				l.problem(s.name, "BackoffRate %g is below 1", r.backoff)
			}
		}
		if t.MaxDelaySeconds != nil {
			r.maxDelay = l.seconds(s.name, "MaxDelaySeconds", *t.MaxDelaySeconds, 1)
			if r.maxDelay <= r.interval || r.maxDelay >= 31622400*time.Second {
				l.problem(s.name, "MaxDelaySeconds must be above IntervalSeconds and below 31622400")
			}
		}
		switch t.JitterStrategy {
		case "", "NONE":
		case "FULL":
			r.fullJitter = true
		default:
			l.problem(s.name, "JitterStrategy %s does not exist", t.JitterStrategy)
		}
		s.retry = append(s.retry, r)
	}
}

func (l *loader) catches(s *state, texts []catcherText) {
	for i, t := range texts {
		l.errorNames(s.name, "Catch", t.ErrorEquals, i == len(texts)-1)
		if t.Next == "" {
			l.problem(s.name, "Catch needs Next")
		}
		s.catch = append(s.catch, catcher{t.ErrorEquals, t.Next, l.path(s.name, "Catch ResultPath", t.ResultPath)})
	}
}

func (l *loader) choices(s *state, rules []map[string]json.RawMessage) {
	if len(rules) == 0 {
		l.problem(s.name, "needs Choices")
	}
	for i, raw := range rules {
		text, _ := json.Marshal(raw) // raw JSON encodes
		value, err := decode(text)
		if err != nil {
			l.problem(s.name, "choice %d: %w", i, err)
			continue
		}
		rule := value.(map[string]any)
		next, _ := rule["Next"].(string)
		if next == "" {
			l.problem(s.name, "choice %d needs Next", i)
		}
		c, err := compileCondition(rule)
		if err != nil {
			l.problem(s.name, "choice %d: %w", i, err)
		}
		s.choices = append(s.choices, choice{c, next})
	}
}

func (l *loader) wait(s *state, t stateText) {
	given := 0
	for _, is := range []bool{t.Seconds != nil, t.SecondsPath != nil, t.Timestamp != nil, t.TimestampPath != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		l.problem(s.name, "needs exactly one of Seconds, SecondsPath, Timestamp and TimestampPath")
		return
	}
	literal := func(value any) expression { return func(any, any) (any, error) { return value, nil } }
	var e expression
	var err error
	switch {
	case t.Seconds != nil:
		l.seconds(s.name, "Seconds", *t.Seconds, 0)
		e = literal(json.Number(fmt.Sprint(*t.Seconds)))
	case t.SecondsPath != nil:
		e, err = compileExpression(*t.SecondsPath)
	case t.Timestamp != nil:
		if _, ok := timestamp(*t.Timestamp); !ok {
			l.problem(s.name, "Timestamp %q is not RFC 3339", *t.Timestamp)
		}
		e = literal(*t.Timestamp)
	default:
		e, err = compileExpression(*t.TimestampPath)
	}
	if err != nil {
		l.problem(s.name, "%w", err)
		return
	}
	s.wait = func(input, context any, now time.Time) (time.Duration, error) {
		value, err := e(input, context)
		if err != nil {
			return 0, err
		}
		if number, ok := value.(json.Number); ok {
			seconds, err := number.Int64()
			if err != nil || seconds < 0 || seconds > 99999999 {
				return 0, fmt.Errorf("%s is not 0 to 99999999 seconds", number)
			}
			return time.Duration(seconds) * time.Second, nil
		}
		at, ok := timestamp(value)
		if !ok {
			return 0, fmt.Errorf("%v is neither seconds nor an RFC 3339 time", value)
		}
		return at.Sub(now), nil
	}
}
