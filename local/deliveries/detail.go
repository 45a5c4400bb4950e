package deliveries

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"payment-webhooks/local/sns"
	"payment-webhooks/local/states"
	"payment-webhooks/local/xray"
)

// opened is one delivery with everything that is known of it here.
type opened struct {
	row

	RequestID string          `json:"request_id"` // API Gateway's
	Source    string          `json:"source"`
	Request   []Header        `json:"request_headers"`
	Response  []Header        `json:"response_headers"`
	Body      string          `json:"body"` // of the response
	Log       json.RawMessage `json:"log"`  // the function's line about the delivery
	TraceID   string          `json:"trace_id"`
	Sampled   bool            `json:"sampled"`
	Bars      []bar           `json:"bars"`
	About     []about         `json:"transactions"`
}

// about is what became of one transaction of a delivery.
type about struct {
	Index     int                `json:"index"` // among the delivery's events
	ID        string             `json:"transaction_id"`
	Provider  string             `json:"provider"`
	Command   string             `json:"command"` // that finds it in a terminal
	Event     json.RawMessage    `json:"event"`   // on the bus; null: there is none
	Rules     []string           `json:"rules"`
	Targets   []target           `json:"targets"`
	Runs      []run              `json:"executions"`
	Alerts    []sns.Notification `json:"alerts"`
	Forgotten bool               `json:"forgotten"` // it is no longer in memory
}

// target is the delivery of the event to a target of a rule.
type target struct {
	Rule    string    `json:"rule"`
	Target  string    `json:"target"`
	Started time.Time `json:"started"`
	MS      *float64  `json:"ms"` // null: it has not ended
	Retries int       `json:"retries"`
	Error   string    `json:"error"`
	Queue   string    `json:"queue"` // the dead-letter queue that has the event
}

// run is an execution.
type run struct {
	states.Execution
	MS     *float64   `json:"ms"`
	States []stateRun `json:"states"` // null: no longer in memory
}

// stateRun is a state that an execution entered.
type stateRun struct {
	State    string     `json:"state"`
	Type     string     `json:"type"` // Task, Choice, …
	Entered  time.Time  `json:"entered"`
	Exited   *time.Time `json:"exited"` // null: it did not
	MS       *float64   `json:"ms"`
	Attempts int        `json:"attempts"`
	Error    string     `json:"error"`
	Depth    int        `json:"depth"` // 1 in a branch of a Parallel state, and so on
}

// bar is a line of the waterfall.
type bar struct {
	Name    string    `json:"name"`
	Service string    `json:"service"`
	At      time.Time `json:"at"`
	Offset  float64   `json:"offset"` // milliseconds from the request
	MS      float64   `json:"ms"`
	Depth   int       `json:"depth"`
	Error   string    `json:"error,omitempty"`
	Traced  bool      `json:"traced"` // it is a segment or subsegment of X-Ray, not a time of the local run
}

// open returns everything that is known of a delivery.
func (j *joined) open(d *delivery, documents func(traceID string) []xray.Document, command func(key) string) opened {
	o := opened{
		row: j.row(d), RequestID: d.RequestID, Source: d.Source, Request: d.Headers, Response: d.Response, Body: d.Body,
		TraceID: traceID(d.Trace), Sampled: isSampled(d.Trace), About: []about{},
	}
	w := &waterfall{from: d.At, documents: documents}
	w.begin(fmt.Sprintf("%s %s", d.Method, d.Path), "API Gateway", d.At, d.At.Add(d.Took), "")
	if d.Status >= 400 {
		w.group[0].Error = fmt.Sprint(d.Status, " ", d.result())
	}
	if d.InvocationID != "" {
		function := "the function"
		if d.log != nil {
			function = d.log.Function
		}
		w.add(function, "Lambda", d.At.Add(d.Took-d.Integration), d.At.Add(d.Took), 1, "")
		w.trace(traceID(d.Trace), 2)
	}
	if d.log != nil {
		o.Log = json.RawMessage(d.log.text)
	}
	traced := map[string]bool{traceID(d.Trace): true}
	for i, e := range d.events {
		if e.ID == "" {
			continue
		}
		t := j.transactions[e.key]
		a := about{Index: i, ID: e.ID, Provider: e.Provider, Command: command(e.key), Rules: []string{}, Targets: []target{}, Runs: []run{}, Alerts: []sns.Notification{}, Forgotten: t == nil}
		if t != nil {
			j.fill(&a, t)
			j.follow(w, t, traced)
		}
		o.About = append(o.About, a)
	}
	o.Bars = w.end()
	return o
}

// fill fills in what became of a transaction.
func (j *joined) fill(a *about, t *transaction) {
	if t.event != nil {
		a.Event = json.RawMessage(t.event)
	}
	a.Rules = append(a.Rules, t.rules...)
	a.Alerts = append(a.Alerts, t.alerts...)
	for _, p := range t.targets {
		one := target{Rule: p.rule, Target: resourceName(p.TargetARN), Started: p.Started, Retries: p.Retries, Queue: resourceName(p.QueueARN)}
		if !p.Ended.IsZero() {
			one.MS = ptr(milliseconds(p.Ended.Sub(p.Started)))
		}
		if p.Err != nil {
			one.Error = p.Err.Error()
		}
		a.Targets = append(a.Targets, one)
	}
	for _, x := range t.runs {
		one := run{Execution: x.Execution, States: statesOf(x.steps)}
		if x.Stopped != nil {
			one.MS = ptr(milliseconds(x.Stopped.Sub(x.Started)))
		}
		a.Runs = append(a.Runs, one)
	}
}

// follow adds the way of a transaction to the waterfall: what published it, the bus, the targets, the
// executions and the functions that logged about it.
func (j *joined) follow(w *waterfall, t *transaction, traced map[string]bool) {
	if t.relayed != "" && !traced[t.relayed] {
		traced[t.relayed] = true
		w.function(t.relayed)
	}
	if !t.published.IsZero() {
		w.begin("event on the bus: "+t.ID, "EventBridge", t.published, t.published, "")
		for _, p := range t.targets {
			end, failure := p.Ended, ""
			if end.IsZero() {
				end, failure = p.Started, "not delivered yet"
			}
			if p.Err != nil {
				failure = p.Err.Error()
			}
			w.add(p.rule+" → "+resourceName(p.TargetARN), "EventBridge", p.Started, end, 1, failure)
		}
	}
	for _, x := range t.runs {
		stopped := x.Started
		if x.Stopped != nil {
			stopped = *x.Stopped
		}
		w.begin("execution "+x.Name, "Step Functions", x.Started, stopped, strings.TrimSpace(x.Error+" "+x.Cause))
		for _, s := range statesOf(x.steps) {
			end := stopped
			if s.Exited != nil {
				end = *s.Exited
			}
			w.add(s.State, s.Type, s.Entered, end, 1+s.Depth, s.Error)
		}
	}
	for _, l := range t.lines {
		// Lines about deliveries of the same transaction belong to those.
		if l.TraceID != "" && !traced[l.TraceID] && j.byInvocation[l.RequestID] == nil {
			traced[l.TraceID] = true
			w.function(l.TraceID)
		}
	}
}

// statesOf returns the states that an execution entered, in their order.
func statesOf(steps []states.Step) []stateRun {
	var all []stateRun
	depth := 0
	for _, s := range steps {
		last := -1 // of the state's entries, the one that has not ended
		for i := range slices.Backward(all) {
			if all[i].State == s.State && all[i].Exited == nil {
				last = i
				break
			}
		}
		kind, entered := strings.CutSuffix(s.Type, "StateEntered")
		kindExited, exited := strings.CutSuffix(s.Type, "StateExited")
		switch {
		case entered:
			all = append(all, stateRun{State: s.State, Type: kind, Entered: s.At, Depth: depth})
			if kind == "Parallel" {
				depth++
			}
		case exited:
			if kindExited == "Parallel" {
				depth--
			}
			if last >= 0 {
				all[last].Exited, all[last].MS = &s.At, ptr(milliseconds(s.At.Sub(all[last].Entered)))
			}
		case last >= 0 && strings.HasSuffix(s.Type, "Started"):
			all[last].Attempts++
		case last >= 0 && s.Error != "":
			all[last].Error = strings.TrimSuffix(s.Error+": "+s.Cause, ": ")
		}
	}
	return all
}

// waterfall collects bars in groups, which end sorts by their start.
type waterfall struct {
	from      time.Time
	documents func(traceID string) []xray.Document
	groups    [][]bar
	group     []bar
}

// begin begins a group.
func (w *waterfall) begin(name, service string, start, end time.Time, failure string) {
	w.flush()
	w.add(name, service, start, end, 0, failure)
}

func (w *waterfall) flush() {
	if w.group != nil {
		w.groups = append(w.groups, w.group)
	}
	w.group = nil
}

func (w *waterfall) add(name, service string, start, end time.Time, depth int, failure string) {
	w.group = append(w.group, bar{Name: name, Service: service, At: start, Offset: milliseconds(start.Sub(w.from)), MS: milliseconds(end.Sub(start)), Depth: depth, Error: failure})
}

// function adds a group for an invocation with a trace of its own.
func (w *waterfall) function(trace string) {
	w.flush()
	name := w.trace(trace, 1)
	if w.group == nil { // it was not sampled
		return
	}
	first, last := w.group[0].At, time.Time{}
	for _, b := range w.group {
		if b.At.Before(first) {
			first = b.At
		}
		if end := b.At.Add(time.Duration(b.MS * float64(time.Millisecond))); end.After(last) {
			last = end
		}
	}
	below := w.group
	w.group = nil
	w.add(name, "Lambda", first, last, 0, "")
	w.group = append(w.group, below...)
}

// segment is a segment or subsegment of a document.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
type segment struct {
	Name      string  `json:"name"`
	Namespace string  `json:"namespace"`
	Start     float64 `json:"start_time"` // seconds
	End       float64 `json:"end_time"`
	Error     bool    `json:"error"`
	Fault     bool    `json:"fault"`
	Throttle  bool    `json:"throttle"`
	AWS       struct {
		Operation string `json:"operation"`
	} `json:"aws"`
	Cause       json.RawMessage `json:"cause"` // an object, or the id of an exception
	Subsegments []segment       `json:"subsegments"`
}

// trace adds the segments of a trace, by their start, and returns the name of the function that sent them.
func (w *waterfall) trace(id string, depth int) (function string) {
	if id == "" {
		return ""
	}
	var all []segment
	for _, document := range w.documents(id) {
		var s segment
		if json.Unmarshal(document.JSON, &s) == nil {
			all = append(all, s)
			function = document.Function
		}
	}
	w.segments(all, depth)
	return function
}

func (w *waterfall) segments(all []segment, depth int) {
	slices.SortStableFunc(all, func(a, b segment) int { return cmp.Compare(a.Start, b.Start) })
	for _, s := range all {
		name := strings.TrimSpace(s.Name + " " + s.AWS.Operation)
		w.add(name, cmp.Or(s.Namespace, "subsegment"), seconds(s.Start), seconds(max(s.End, s.Start)), depth, s.failure())
		w.group[len(w.group)-1].Traced = true
		w.segments(s.Subsegments, depth+1)
	}
}

func (s segment) failure() string {
	if !s.Error && !s.Fault && !s.Throttle {
		return ""
	}
	var cause struct {
		Exceptions []struct{ Message string }
	}
	_ = json.Unmarshal(s.Cause, &cause) // an id says nothing more
	for _, e := range cause.Exceptions {
		if e.Message != "" {
			return e.Message
		}
	}
	return "failed"
}

func seconds(s float64) time.Time { return time.UnixMicro(int64(s * 1e6)) }

// end returns all bars.
func (w *waterfall) end() []bar {
	w.flush()
	slices.SortStableFunc(w.groups, func(a, b []bar) int { return a[0].At.Compare(b[0].At) })
	return slices.Concat(w.groups...)
}

// resourceName returns the name in an ARN: of a function, queue, topic, state machine or log group.
func resourceName(arn string) string {
	arn = strings.TrimSuffix(arn, ":*")
	return arn[strings.LastIndex(arn, ":")+1:]
}

func ptr[T any](v T) *T { return &v }
