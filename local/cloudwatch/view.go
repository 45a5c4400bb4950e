package cloudwatch

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"payment-webhooks/local/console"
)

// View is the page's view of dashboards and alarms. It implements console.View.
type View struct {
	dashboards *Dashboards
	alarms     *Alarms
	config     Config
	recorded   map[string][]string
	reasons    map[string]string

	mu        sync.Mutex
	refreshed time.Time
}

// NewView returns the view of a stack's dashboards and alarms. The metrics of AWS's namespaces that are recorded are given by
// namespace; the reasons say of others ("AWS/SNS SMSSuccessRate") why they are not.
func NewView(dashboards *Dashboards, alarms *Alarms, recorded map[string][]string, reasons map[string]string) *View {
	return &View{dashboards: dashboards, alarms: alarms, config: alarms.config, recorded: recorded, reasons: reasons}
}

// named are the metrics of AWS's namespaces that widgets and alarms name.
type named struct {
	Recorded []string          `json:"recorded"`
	Reasons  map[string]string `json:"reasons"` // of those that are not recorded
	Missing  []string          `json:"missing"` // neither
	Written  []string          `json:"written"` // had a value so far, whether or not something names them
}

func (v *View) named() named {
	n := named{Written: v.config.Store.ofAWS(minuteOf(v.config.Now())), Recorded: []string{}, Reasons: map[string]string{}, Missing: []string{}}
	for _, m := range append(v.dashboards.Metrics(), v.alarms.Metrics()...) {
		namespace, name := m.Name()
		full := namespace + " " + name
		switch {
		case !strings.HasPrefix(namespace, "AWS/"): // the stack's own
		case slices.Contains(v.recorded[namespace], name):
			n.Recorded = append(n.Recorded, full)
		case v.reasons[full] != "":
			n.Reasons[full] = v.reasons[full]
		default:
			n.Missing = append(n.Missing, full)
		}
	}
	for _, list := range []*[]string{&n.Recorded, &n.Missing} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return n
}

// Name implements console.View.
func (v *View) Name() string { return "dashboard" }

// Changes implements console.View: the number of alarms by state, when alarms have been evaluated.
func (v *View) Changes(since uint64) (data any, version uint64) {
	version = v.alarms.version.Load() + 1
	if version == since {
		return nil, version
	}
	counts := map[State]int{}
	for _, a := range v.alarms.Describe() {
		counts[a.State]++
	}
	return counts, version
}

// Serve implements console.View.
func (v *View) Serve(mux *http.ServeMux) {
	mux.HandleFunc("GET /_local/page/dashboards", func(w http.ResponseWriter, _ *http.Request) {
		console.Respond(w, http.StatusOK, v.dashboards.Layout())
	})
	mux.HandleFunc("GET /_local/page/dashboards/{name}/graphs", func(w http.ResponseWriter, r *http.Request) {
		v.serveRange(w, r, "dashboard", func(from, to time.Time) (any, bool, error) { return v.graphs(r.PathValue("name"), from, to) })
	})
	mux.HandleFunc("GET /_local/page/metrics", func(w http.ResponseWriter, _ *http.Request) { console.Respond(w, http.StatusOK, v.named()) })
	mux.HandleFunc("GET /_local/page/alarms", func(w http.ResponseWriter, _ *http.Request) {
		console.Respond(w, http.StatusOK, v.alarms.Describe())
	})
	mux.HandleFunc("GET /_local/page/alarms/{name}/graph", func(w http.ResponseWriter, r *http.Request) {
		v.serveRange(w, r, "alarm", func(from, to time.Time) (any, bool, error) { return v.alarms.Graph(r.PathValue("name"), from, to) })
	})
}

func (v *View) graphs(name string, from, to time.Time) ([]Graph, bool, error) {
	graphs, known, err := v.dashboards.Graphs(name, from, to)
	for _, g := range graphs {
		for _, l := range g.Lines {
			namespace, name, _ := strings.Cut(l.name, " ")
			switch {
			case l.Empty == nil:
			case v.reasons[l.name] != "":
				l.Empty.Reason = "The local run records no values: " + v.reasons[l.name] + "."
			case strings.HasPrefix(namespace, "AWS/") && !slices.Contains(v.recorded[namespace], name):
				l.Empty.Reason = "The local run records no metric of this name."
			}
		}
	}
	return graphs, known, err
}

// Ranges of time.
const (
	minRange = 15 * time.Minute // of a young run
	maxView  = 12 * time.Hour
)

// ranged is the response with what happened in a range of time.
type ranged struct {
	From int64 `json:"from"` // seconds since 1970
	To   int64 `json:"to"`
	Data any   `json:"data"`
}

// serveRange serves what happened in the last seconds of the query, by default since the local run began, but at least
// 15 minutes and at most 12 hours.
func (v *View) serveRange(w http.ResponseWriter, r *http.Request, what string, read func(from, to time.Time) (any, bool, error)) {
	now := v.config.Now()
	last := min(max(now.Sub(v.alarms.started.time()), minRange), maxView)
	if text := r.URL.Query().Get("last"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 60 || time.Duration(seconds)*time.Second > maxView {
			console.Problem(w, http.StatusBadRequest, fmt.Sprintf("last=%s is not a number of seconds from 60 to %d", text, int(maxView.Seconds())))
			return
		}
		last = time.Duration(seconds) * time.Second
	}
	v.refresh(r.Context())
	from := now.Add(-last)
	data, known, err := read(from, now)
	switch {
	case !known:
		console.Problem(w, http.StatusNotFound, fmt.Sprintf("the stack has no %s %q", what, r.PathValue("name")))
	case err != nil:
		console.Problem(w, http.StatusBadRequest, err.Error())
	default:
		console.Respond(w, http.StatusOK, ranged{from.Unix(), now.Unix(), data})
	}
}

// refreshInterval is how often pages make the store complete, together.
const refreshInterval = 2 * time.Second

func (v *View) refresh(ctx context.Context) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if now := v.config.Now(); now.Sub(v.refreshed) >= refreshInterval {
		v.config.Refresh(ctx)
		v.refreshed = now
	}
}
