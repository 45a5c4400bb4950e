package flow_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"payment-webhooks/local/cloudwatch"
	"payment-webhooks/local/console"
	"payment-webhooks/local/flow"
)

// run is a running stack that the test changes.
type run struct {
	mu       sync.Mutex
	now      time.Time
	counts   map[flow.Counted]int
	held     map[string]int
	asked    int
	activity uint64
	alarms   []string
	metrics  *cloudwatch.Store
}

func (r *run) config() flow.Config {
	return flow.Config{
		Counts: func() func(flow.Count) int { return func(c flow.Count) int { return r.counts[c.Of] } },
		Depths: func(context.Context) (map[string]int, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.asked++
			return r.held, nil
		},
		Activity: func() uint64 { return r.activity },
		Sum:      r.metrics.Sum,
		InAlarm:  func() []string { return r.alarms },
		Now:      func() time.Time { r.now = r.now.Add(time.Second); return r.now },
	}
}

// sent is what the page is sent.
type sent struct {
	Graph    string
	Counts   map[string]int
	Depths   map[string]int
	Problems *[]flow.Problem
}

func TestView(t *testing.T) {
	r := &run{now: time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC), counts: map[flow.Counted]int{}, held: map[string]int{}, metrics: cloudwatch.NewStore()}
	g := read(t, stackTemplate)
	v := flow.NewView(g, r.config())
	var version uint64
	look := func() (s sent, changed bool) {
		data, now := v.Changes(version)
		version = now
		text, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		return s, data != nil
	}
	// until looks until a change has what is wanted: depths are asked for in the background.
	until := func(t *testing.T, what string, wanted func(sent) bool) sent {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if s, changed := look(); changed && wanted(s) {
				return s
			}
		}
		t.Fatalf("never: %s", what)
		return sent{}
	}
	fails := func(node string) func(sent) bool {
		return func(s sent) bool {
			if s.Problems != nil {
				for _, p := range *s.Problems {
					if p.Node != "" && g.Node(p.Node).Name == node {
						return true
					}
				}
			}
			return false
		}
	}
	works := func(s sent) bool { return s.Problems != nil && len(*s.Problems) == 0 }

	t.Run("when nobody looks, no queue is asked for", func(t *testing.T) {
		if r.asked != 0 {
			t.Errorf("%d times", r.asked)
		}
	})
	t.Run("when a page opens, it is sent all of it", func(t *testing.T) {
		s, _ := look()
		if len(s.Counts) != len(g.Edges) || len(s.Depths) != 8 || s.Graph == "" || s.Problems == nil || len(*s.Problems) != 0 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("when nothing changes, nothing is sent, and no queue is asked for again", func(t *testing.T) {
		for range 20 {
			if s, changed := look(); changed {
				t.Errorf("%+v", s)
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.asked > 1 {
			t.Errorf("asked %d times", r.asked)
		}
	})
	t.Run("when a count rises, this one is sent", func(t *testing.T) {
		r.counts[flow.Requests] = 7
		if s, _ := look(); len(s.Counts) != 1 || len(s.Depths) != 0 || s.Problems != nil {
			t.Errorf("%+v", s)
		}
	})
	t.Run("when a queue of failures has messages, it fails until it is empty, and says what to run", func(t *testing.T) {
		r.mu.Lock()
		r.held = map[string]int{"high-value-dlq-dev": 2}
		r.mu.Unlock()
		r.activity++
		s := until(t, "a failing queue", fails("high-value-dlq"))
		p := (*s.Problems)[0]
		if p.What != "2 messages in high-value-dlq-dev" || !strings.Contains(p.Advice, "`scripts/ops dlq list high-value-dlq-dev`") || len(p.Edges) != 1 {
			t.Errorf("%+v", p)
		}
		r.mu.Lock()
		r.held = map[string]int{}
		r.mu.Unlock()
		r.activity++
		until(t, "an empty queue", works)
	})
	t.Run("when a function fails, it is shown for one to two minutes, with its alarm's advice", func(t *testing.T) {
		r.metrics.Put(cloudwatch.NewMetric("AWS/Lambda", "Errors", "FunctionName", "event-relay-dev"), 3, r.now)
		s := until(t, "a failing function", fails("event-relay"))
		if p := (*s.Problems)[0]; p.What != "event-relay-dev: 3 failed invocations in the last two minutes" || !strings.Contains(p.Advice, "`scripts/ops dlq list`") {
			t.Errorf("%+v", p)
		}
		failed := r.now
		until(t, "a function that works", works)
		if took := r.now.Sub(failed); took < time.Minute || took > 2*time.Minute {
			t.Errorf("after %v", took)
		}
	})
	t.Run("when a rule's target accepts nothing, the arrow to it fails", func(t *testing.T) {
		r.metrics.Put(cloudwatch.NewMetric("AWS/Events", "FailedInvocations", "EventBusName", "payment-events-dev", "RuleName", "medium-value-transactions-dev"), 1, r.now)
		s := until(t, "a failing rule", fails("medium-value-transactions"))
		p := (*s.Problems)[0]
		if len(p.Edges) != 1 || !strings.Contains(p.Advice, "scripts/ops dlq list medium-value-dlq-dev") {
			t.Errorf("%+v", p)
		}
		for _, e := range g.Edges {
			if e.ID == p.Edges[0] && g.Node(e.To).Kind != flow.Topic {
				t.Errorf("the arrow to %s", g.Node(e.To).Name)
			}
		}
		until(t, "a rule that works", works)
	})
	t.Run("when an alarm is raised, what it watches fails, and it says why", func(t *testing.T) {
		r.alarms = []string{"payment-webhooks-relay-iterator-age-dev", "payment-webhooks-archive-stopped-dev"}
		s := until(t, "an alarm", fails("event-relay"))
		if len(*s.Problems) != 2 || !strings.Contains((*s.Problems)[0].Advice, "behind the table's stream") || (*s.Problems)[1].Node != "" {
			t.Errorf("%+v", *s.Problems)
		}
		r.alarms = nil
		until(t, "no alarm", works)
	})
	t.Run("when the stack is updated, the page learns of it", func(t *testing.T) {
		other := flow.NewView(read(t, stackTemplate, "10000", "2500"), r.config())
		data, _ := other.Changes(version)
		text, _ := json.Marshal(data)
		var s sent
		if err := json.Unmarshal(text, &s); err != nil || s.Graph == "" || len(s.Counts) != len(g.Edges) {
			t.Errorf("%v %s", err, text)
		}
		if data, _ := v.Changes(0); strings.Contains(string(text), mustJSON(t, data)[:20]) {
			t.Error("the same graph")
		}
	})
	t.Run("when the page asks for the drawing, it is SVG of its direction", func(t *testing.T) {
		server := httptest.NewServer(console.Handler(nil, v))
		defer server.Close()
		for query, direction := range map[string]flow.Direction{"right": flow.Right, "down": flow.Narrow} {
			res, err := http.Get(server.URL + "/_local/page/flow/drawing.svg?direction=" + query)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			var text strings.Builder
			if err := res.Write(&text); err != nil || res.Header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(text.String(), flow.Draw(g, flow.Options{Direction: direction})[:200]) {
				t.Errorf("%s: %v %s", query, err, res.Header)
			}
		}
	})
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
