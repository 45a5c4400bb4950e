package faults

import "slices"

// Choice is a hop with what can be injected there.
type Choice struct {
	Hop     string   `json:"hop"`
	Faults  []Fault  `json:"faults"`
	Callers []string `json:"callers"` // of an AWS call; none: the hop has no callers
}

// Choices returns the hops of the stack: those that are no AWS call, its functions, and those of
// calls that there are. A call is named as in a [Spec], or by the permission that it needs.
func (s *Set) Choices(calls []string) []Choice {
	s.mu.Lock()
	defer s.mu.Unlock()
	hops := []string{Stream, Clock}
	for _, handler := range s.functions.handlers() {
		hops = append(hops, FunctionHop(handler))
	}
	var operations []string
	for _, call := range calls {
		if call == "lambda:InvokeFunction" { // the permission; the operation is Invoke
			call = "lambda:Invoke"
		}
		if awsCall.MatchString(call) {
			operations = append(operations, call)
		}
	}
	slices.Sort(operations)
	choices := []Choice{}
	for _, hop := range append(hops, slices.Compact(operations)...) {
		choice := Choice{Hop: hop, Faults: supported(hop, s.functions), Callers: []string{}}
		if awsCall.MatchString(hop) {
			choice.Callers = append(s.functions.handlers(), services...)
		}
		choices = append(choices, choice)
	}
	return choices
}

// Seconds are the bounds of a fault's Seconds.
type Seconds struct {
	Default float64 `json:"default"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
}

// Kind is a fault, for people.
type Kind struct {
	Fault   Fault    `json:"fault"`
	Meaning string   `json:"meaning"`           // what happens to a call that is struck
	Seconds *Seconds `json:"seconds,omitempty"` // nil: the fault has none
}

// Kinds are all faults, for people.
var Kinds = []Kind{
	{Fault: Throttle, Meaning: "rejected as the service throttles"},
	{Fault: Error, Meaning: "the service responds with its 5xx"},
	{Fault: Timeout, Meaning: "no response until the caller gives up, and nothing is done"},
	{Fault: Cut, Meaning: "it is done, and the connection is cut without a response"},
	{Fault: Denied, Meaning: "rejected as without the permission"},
	{Fault: Partial, Meaning: "about half of the entries fail, at least one"},
	{Fault: CrashBefore, Meaning: "the process is killed when it is given the event"},
	{Fault: CrashAfter, Meaning: "the process is killed when it responds, after its calls"},
	{Fault: SlowStart, Meaning: "a new environment takes longer to start", Seconds: &Seconds{defaultSlowStart, 0, maxSlowStart}},
	{Fault: Pending, Meaning: "rejected while the image is prepared, as after weeks without use"},
	{Fault: Duplicate, Meaning: "the records of a read are delivered twice"},
	{Fault: Reorder, Meaning: "the items of a read are delivered last first"},
	{Fault: ClockSkew, Meaning: "what services stamp is ahead, or behind if negative", Seconds: &Seconds{60, -maxSkew, maxSkew}},
}
