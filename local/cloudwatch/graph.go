package cloudwatch

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Graph is what a widget or an alarm shows of a range of time.
type Graph struct {
	Lines []Line `json:"lines"`
}

// Line is a line of a graph.
type Line struct {
	Label  string `json:"label"`
	Color  string `json:"color,omitempty"`
	Right  bool   `json:"right,omitempty"`
	Stat   string `json:"stat,omitempty"`
	Period int64  `json:"period"` // seconds
	Metric string `json:"metric"` // namespace, name and dimensions, or the expression
	// Points are the values that exist, oldest first: seconds since 1970 of the period's begin, and the value. The
	// last period may not be complete.
	Points [][2]float64 `json:"points"`
	Empty  *Empty       `json:"empty,omitempty"` // why there are no points

	name string // namespace and name of a metric
}

// Empty says of a line without points what is known of its metrics.
type Empty struct {
	Reason string   `json:"reason,omitempty"`
	Others []string `json:"others,omitempty"` // metrics with the same name and other dimensions, which have values
	// Wrong is whether each of the others has dimensions of other names: the metric is probably not the one that was
	// meant.
	Wrong bool `json:"wrong,omitempty"`
}

// maxOthers bounds how many metrics Empty names.
const maxOthers = 3

// maxPoints bounds the points of a line.
const maxPoints = 1440

// span is a range of time: whole periods, the last of which has to has begun.
type span struct{ from, to minute }

func spanOf(from, to time.Time) span { return span{minuteOf(from), minuteOf(to) + 1} }

// periods returns the first period's begin and the number of periods.
func (s span) periods(period int64) (from minute, n int) {
	from = s.from.truncate(period)
	return from, int((int64(s.to-from) + period - 1) / period)
}

func (s *Store) points(m Metric, stat statistic, at span, period int64) points {
	from, n := at.periods(period)
	p := make(points, n)
	for i := range p {
		begin := from + minute(int64(i)*period)
		var ok bool
		if p[i], ok = s.statistic(m, stat, begin, begin+minute(period)); !ok {
			p[i] = missing
		}
	}
	return p
}

// graph evaluates queries, of which lines are drawn.
func (s *Store) graph(queries []query, lines []line, at span) (Graph, error) {
	g := Graph{Lines: []Line{}}
	for _, l := range lines {
		if l.hidden {
			continue
		}
		q := queries[slices.IndexFunc(queries, func(q query) bool { return q.id == l.id })]
		from, n := at.periods(q.period)
		if n > maxPoints {
			return g, fmt.Errorf("%d periods of %d s are more than %d", n, q.period*60, maxPoints)
		}
		e := environment{length: n, period: q.period * 60, search: func(p searchPattern, stat statistic, period int64) (all []points, labels []string) {
			metrics, labels := s.find(p)
			for _, m := range metrics {
				all = append(all, s.points(m, stat, at, period/60))
			}
			return all, labels
		}}
		v, err := calculate(queries, q.id, e, func(q query) (points, error) { return s.points(q.metric, q.statistic, at, q.period), nil })
		if err != nil {
			return g, err
		}
		for i, series := range v.all() {
			one := Line{Color: l.color, Right: l.right, Stat: l.stat, Period: q.period * 60, Metric: describe(q), Points: [][2]float64{}, name: q.name()}
			values := []float64(nil)
			for j, value := range series {
				if exists(value) {
					one.Points = append(one.Points, [2]float64{float64((from + minute(int64(j)*q.period)).time().Unix()), value})
					values = append(values, value)
				}
			}
			automatic := automaticLabel(q)
			if !v.isSeries() && i < len(v.labels) {
				automatic = v.labels[i]
			}
			one.Label = automatic
			if l.label != "" && (v.isSeries() || strings.Contains(l.label, "${")) {
				one.Label = labelled{label: automatic, values: values, metric: q.metric, stat: l.stat, period: q.period * 60}.render(l.label)
			}
			if len(one.Points) == 0 {
				one.Empty = s.explain(queries, q, at)
			}
			g.Lines = append(g.Lines, one)
		}
		if len(v.all()) == 0 { // a search that finds nothing
			g.Lines = append(g.Lines, Line{
				Label: l.label, Right: l.right, Period: q.period * 60, Metric: describe(q), Points: [][2]float64{}, Empty: &Empty{Reason: "The search finds no metric."},
			})
		}
	}
	return g, nil
}

// automaticLabel is the label of a line without one.
func automaticLabel(q query) string {
	if q.expression != nil {
		return strings.TrimSpace(q.id)
	}
	_, name, dimensions := q.metric.parts()
	for _, d := range dimensions {
		name += " " + d.Value
	}
	return name
}

// name returns a metric's namespace and name, as in "AWS/SNS NumberOfNotificationsFailed".
func (q query) name() string {
	if q.expression != nil {
		return ""
	}
	namespace, name := q.metric.Name()
	return namespace + " " + name
}

func describe(q query) string {
	if q.expression != nil {
		return q.source
	}
	return q.metric.String()
}

// explain says why a query has no points.
func (s *Store) explain(queries []query, q query, at span) *Empty {
	if q.expression != nil {
		for _, other := range queries {
			if other.expression == nil {
				if e := s.explain(queries, other, at); len(e.Others) > 0 {
					e.Reason = fmt.Sprintf("%s: %s", strings.TrimSpace(other.id), e.Reason)
					return e
				}
			}
		}
		return &Empty{Reason: "The expression has no values."}
	}
	if last, has := s.last(q.metric, at.from); has {
		return &Empty{Reason: "The last value is of " + last.time().Format(time.RFC3339) + "."}
	}
	if last, has := s.last(q.metric, never); has {
		return &Empty{Reason: "It has values of later times, up to " + last.time().Format(time.RFC3339) + "."}
	}
	e := &Empty{Reason: "It has had no value since the local run began."}
	namespace, name, dimensions := q.metric.parts()
	others := s.named(namespace, name)
	e.Wrong = len(others) > 0
	for i, other := range others {
		_, _, with := other.parts()
		if slices.EqualFunc(dimensions, with, func(a, b Dimension) bool { return a.Name == b.Name }) {
			e.Wrong = false
		}
		if i < maxOthers {
			e.Others = append(e.Others, other.String())
		}
	}
	if len(others) > maxOthers {
		e.Others = append(e.Others, fmt.Sprintf("and %d more", len(others)-maxOthers))
	}
	return e
}

// Layout returns the dashboards with their widgets, in the order of the template.
func (d *Dashboards) Layout() []Layout {
	list := []Layout{}
	for _, one := range d.list {
		l := Layout{Name: one.name, Widgets: []Widget{}}
		for _, w := range one.widgets {
			l.Widgets = append(l.Widgets, w.Widget)
		}
		list = append(list, l)
	}
	return list
}

// Layout is a dashboard without data.
type Layout struct {
	Name    string   `json:"name"`
	Widgets []Widget `json:"widgets"`
}

// Graphs returns the graphs of a dashboard's widgets, at the widgets' positions in its layout; those of other widgets
// are empty. Periods are those of the template, and data points are aligned to them. It reports false if there is no
// such dashboard. The error is that of a range which has too many periods.
func (d *Dashboards) Graphs(name string, from, to time.Time) (graphs []Graph, known bool, err error) {
	for _, one := range d.list {
		if one.name != name {
			continue
		}
		for _, w := range one.widgets {
			g, err := d.store.graph(w.queries, w.lines, spanOf(from, to))
			if err != nil {
				return nil, true, fmt.Errorf("%s: %w", w.Title, err)
			}
			graphs = append(graphs, g)
		}
		return graphs, true, nil
	}
	return nil, false, nil
}

// Metrics returns what the widgets name, sorted and without duplicates, but for what a search finds.
func (d *Dashboards) Metrics() []Metric {
	var all []query
	for _, one := range d.list {
		for _, w := range one.widgets {
			all = append(all, w.queries...)
		}
	}
	return metricsOf(all)
}

// Metrics returns what the alarms watch, sorted and without duplicates.
func (a *Alarms) Metrics() []Metric {
	var all []query
	for _, one := range a.alarms {
		all = append(all, one.queries...)
	}
	return metricsOf(all)
}

func metricsOf(queries []query) []Metric {
	var list []Metric
	for _, q := range queries {
		if q.expression == nil {
			list = append(list, q.metric)
		}
	}
	slices.SortFunc(list, func(x, y Metric) int { return strings.Compare(x.id, y.id) })
	return slices.Compact(list)
}

// Name returns the metric's namespace and name.
func (m Metric) Name() (namespace, name string) {
	namespace, name, _ = m.parts()
	return namespace, name
}
