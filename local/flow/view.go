package flow

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"payment-webhooks/local/cloudwatch"
	"payment-webhooks/local/console"
)

// Config is where a view reads what happens. Every field is required.
type Config struct {
	// Counts returns a function that returns counts, all as they are now.
	Counts func() func(Count) int
	// Depths returns how many messages each queue holds, visible or not, by the queue's name. It asks a server,
	// and is called in the background, no more often than twice a second, and only after Activity has changed.
	Depths   func(context.Context) (map[string]int, error)
	Activity func() uint64
	// Sum returns the sum of a metric's values since a time.
	Sum func(m cloudwatch.Metric, since time.Time) float64
	// InAlarm returns the names of the alarms in ALARM.
	InAlarm func() []string
	Now     func() time.Time
}

// View shows the graph of the running stack. It implements console.View.
type View struct {
	graph  *Graph
	digest string
	config Config

	mu       sync.Mutex
	version  uint64
	read     time.Time // when the values were read
	counts   map[string]value
	depths   map[string]value // by node
	problems []Problem
	changed  uint64 // version of problems

	held     map[string]int // by queue, as last asked
	asking   bool
	asked    time.Time
	activity uint64 // when last asked
	alarms   []string
}

type value struct {
	n       int
	version uint64
}

// Problem is a hop that fails.
type Problem struct {
	Node   string   `json:"node,omitempty"` // "": of the stack as a whole
	Edges  []string `json:"edges,omitempty"`
	What   string   `json:"what"`
	Advice string   `json:"advice"` // what to run; commands are between backquotes
}

// update is what the page is sent.
type update struct {
	Graph    string         `json:"graph"` // another one: the stack was updated
	Counts   map[string]int `json:"counts,omitempty"`
	Depths   map[string]int `json:"depths,omitempty"`
	Problems *[]Problem     `json:"problems,omitempty"` // all of them, if one changed
}

// NewView returns the view of a stack.
func NewView(g *Graph, c Config) *View {
	text, err := json.Marshal(g)
	if err != nil {
		panic(err) // texts only
	}
	digest := sha256.Sum256(text)
	return &View{graph: g, digest: hex.EncodeToString(digest[:6]), config: c, counts: map[string]value{}, depths: map[string]value{}, activity: math.MaxUint64}
}

// Name implements console.View.
func (v *View) Name() string { return "flow" }

// Serve implements console.View.
func (v *View) Serve(mux *http.ServeMux) {
	mux.HandleFunc("GET "+console.Path+"page/flow/graph", func(w http.ResponseWriter, _ *http.Request) {
		console.Respond(w, http.StatusOK, v.graph)
	})
	mux.HandleFunc("GET "+console.Path+"page/flow/drawing.svg", func(w http.ResponseWriter, r *http.Request) {
		direction := Right
		if r.URL.Query().Get("direction") == "down" {
			direction = Narrow
		}
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = w.Write([]byte(Draw(v.graph, Options{Direction: direction}))) // a client that went away
	})
}

// Changes implements console.View.
func (v *View) Changes(since uint64) (any, uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refresh()
	if since == v.version {
		return nil, since
	}
	if since > v.version { // of another view: the stack was updated
		since = 0
	}
	u := update{Graph: v.digest, Counts: newer(v.counts, since), Depths: newer(v.depths, since)}
	if since == 0 || v.changed > since {
		problems := v.problems // the field is replaced while this is sent
		u.Problems = &problems
	}
	return u, v.version
}

func newer(values map[string]value, since uint64) map[string]int {
	all := map[string]int{}
	for id, one := range values {
		if since == 0 || one.version > since {
			all[id] = one.n
		}
	}
	return all
}

// readInterval is for how long values are shown to all pages as they were read.
const readInterval = 200 * time.Millisecond

// recent is for how long a hop counts as failing after its last failure: one to two minutes, since
// metrics are kept by the minute.
const recent = time.Minute

func (v *View) refresh() {
	now := v.config.Now()
	if v.version > 0 && now.Sub(v.read) < readInterval {
		return
	}
	v.read = now
	v.ask(now)
	next := v.version + 1
	changed := v.version == 0
	set := func(values map[string]value, id string, n int) {
		if old, known := values[id]; !known || old.n != n {
			values[id] = value{n, next}
			changed = true
		}
	}
	count := v.config.Counts()
	for i := range v.graph.Edges {
		e := &v.graph.Edges[i]
		n := 0
		for _, c := range e.Counts {
			n += count(c)
		}
		set(v.counts, e.ID, n)
	}
	for i := range v.graph.Nodes {
		if n := &v.graph.Nodes[i]; n.Kind == Queue {
			set(v.depths, n.ID, v.held[n.Physical])
		}
	}
	v.alarms = v.config.InAlarm()
	if problems := v.findProblems(now); v.version == 0 || !reflect.DeepEqual(problems, v.problems) {
		v.problems, v.changed, changed = problems, next, true
	}
	if changed {
		v.version = next
	}
}

// askInterval is the time between two questions for the depths of queues.
const askInterval = 500 * time.Millisecond

// ask asks for the depths in the background, if they may have changed.
func (v *View) ask(now time.Time) {
	activity := v.config.Activity()
	if v.asking || activity == v.activity || now.Sub(v.asked) < askInterval {
		return
	}
	v.asking, v.asked, v.activity = true, now, activity
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		held, err := v.config.Depths(ctx)
		v.mu.Lock()
		defer v.mu.Unlock()
		v.asking = false
		if err != nil { // asked again with the next look
			v.activity = math.MaxUint64
			return
		}
		v.held = held
	}()
}

// findProblems returns the hops that fail now, in the order of the graph.
func (v *View) findProblems(now time.Time) []Problem {
	list := []Problem{}
	explained := map[string]bool{} // alarms
	for i := range v.graph.Nodes {
		n := &v.graph.Nodes[i]
		dimensions := n.dimensions(v.graph)
		before := len(list)
		if held := v.held[n.Physical]; n.Kind == Queue && n.Failures && held > 0 {
			list = append(list, v.problem(n, fmt.Sprintf("%s in %s", plural(held, "message"), n.Physical), failureMetric{namespace: "AWS/SQS", name: "ApproximateNumberOfMessagesVisible"}, dimensions, explained))
		}
		for _, m := range failureMetrics[n.Kind] {
			if sum := v.config.Sum(cloudwatch.NewMetric(m.namespace, m.name, dimensions...), now.Add(-recent)); sum > 0 {
				list = append(list, v.problem(n, fmt.Sprintf("%s: %s%s in the last two minutes", cmp.Or(n.Physical, n.Name), plural(int(sum), m.noun), m.rest), m, dimensions, explained))
			}
		}
		for _, w := range v.graph.Watches {
			if !w.concerns(n) || explained[w.Name] || !slices.Contains(v.alarms, w.Name) {
				continue
			}
			explained[w.Name] = true
			said := func(p Problem) bool { return strings.HasSuffix(w.Description, p.Advice) }
			if !slices.ContainsFunc(list[before:], said) {
				list = append(list, Problem{Node: n.ID, Edges: v.failing(n), What: "alarm " + w.Name, Advice: w.Description})
			}
		}
	}
	for _, w := range v.graph.Watches {
		if !explained[w.Name] && slices.Contains(v.alarms, w.Name) {
			list = append(list, Problem{What: "alarm " + w.Name, Advice: w.Description})
		}
	}
	return list
}

// problem describes a failing node. What is to be done is what the description of the alarm on the
// metric says.
func (v *View) problem(n *Node, what string, m failureMetric, dimensions []string, explained map[string]bool) Problem {
	p := Problem{Node: n.ID, Edges: v.failing(n), What: what}
	for _, w := range v.graph.Watches {
		if w.of(m, dimensions) {
			explained[w.Name] = true
			p.Advice = cmp.Or(p.Advice, w.Description)
		}
	}
	if p.Advice != "" {
		return p
	}
	switch n.Kind {
	case Queue:
		p.Advice = "Read them: `scripts/ops dlq list " + n.Physical + "`, then `scripts/ops dlq redrive`."
	case Rule, Schedule:
		p.Advice = "Its dead-letter queue has them: `scripts/ops dlq list`."
		for _, e := range v.graph.Edges {
			if e.From == n.ID && e.Way == Failure {
				p.Advice = "Its dead-letter queue has them: `scripts/ops dlq list " + v.graph.Node(e.To).Physical + "`, then `scripts/ops dlq redrive`."
			}
		}
	default:
		p.Advice = "Read its log, and what failed: `scripts/ops dlq list`."
	}
	return p
}

// failing returns the edges that a failing node stands for: to a queue of failures, those on which something
// failed; of a rule, all from it; of others, all to it.
func (v *View) failing(n *Node) (ids []string) {
	var all []string
	for _, e := range v.graph.Edges {
		switch {
		case (n.Kind == Rule || n.Kind == Schedule) && e.From == n.ID && e.Way != Failure,
			n.Kind != Rule && n.Kind != Schedule && e.To == n.ID && e.Way == Normal && n.Kind != Queue:
			ids = append(ids, e.ID)
		case n.Kind == Queue && e.To == n.ID && n.Failures:
			all = append(all, e.ID)
			if v.counts[e.ID].n > 0 {
				ids = append(ids, e.ID)
			}
		}
	}
	if len(ids) == 0 {
		return all
	}
	return ids
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
