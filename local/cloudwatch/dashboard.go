package cloudwatch

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"payment-webhooks/local/assembly"
)

// dashboardType is the type that [Dashboards] read. Package provision creates the resource.
const dashboardType = "AWS::CloudWatch::Dashboard"

// Dashboards are the dashboards of a stack. They are safe for concurrent use.
type Dashboards struct {
	store *Store
	list  []*dashboard
}

// dashboard is a loaded dashboard.
type dashboard struct {
	name    string
	widgets []*widget
}

// Widget is the layout of a widget. The unit of X, Y, Width and Height is a cell of a grid of 24 columns.
type Widget struct {
	X          int              `json:"x"`
	Y          int              `json:"y"`
	Width      int              `json:"width"`
	Height     int              `json:"height"`
	Type       string           `json:"type"` // metric, text or alarm
	Title      string           `json:"title,omitempty"`
	View       string           `json:"view,omitempty"` // of a metric widget: timeSeries or singleValue
	Stacked    bool             `json:"stacked,omitempty"`
	Left       Axis             `json:"left"`
	Right      Axis             `json:"right"`
	Thresholds []HorizontalLine `json:"thresholds,omitempty"`
	Markdown   string           `json:"markdown,omitempty"` // of a text widget
	Alarms     []string         `json:"alarms,omitempty"`   // of an alarm widget: names
	States     []State          `json:"states,omitempty"`   // of the alarms that it shows; none: all
}

// Axis is an axis of a metric widget.
type Axis struct {
	Label     string   `json:"label,omitempty"`
	Min       *float64 `json:"min,omitempty"`
	Max       *float64 `json:"max,omitempty"`
	ShowUnits *bool    `json:"showUnits,omitempty"`
}

// HorizontalLine is a horizontal annotation.
type HorizontalLine struct {
	Value   float64 `json:"value"`
	Label   string  `json:"label,omitempty"`
	Color   string  `json:"color,omitempty"`
	Visible *bool   `json:"visible,omitempty"`
	YAxis   string  `json:"yAxis,omitempty"` // left or right; "": left
}

// widget is a loaded widget.
type widget struct {
	Widget
	queries []query
	lines   []line
}

// line is what a metric or an expression of a widget draws. A search draws several.
type line struct {
	id     string // of its query
	label  string // "": CloudWatch makes one
	color  string
	right  bool // it belongs to the right axis
	hidden bool
	stat   string
}

// The body of a dashboard. Everything else is rejected.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
type (
	dashboardBody struct {
		Start          string            `json:"start"`
		End            string            `json:"end"`
		PeriodOverride string            `json:"periodOverride"`
		Widgets        []json.RawMessage `json:"widgets"`
	}
	widgetBody struct {
		Type       string          `json:"type"`
		X          *int            `json:"x"`
		Y          *int            `json:"y"`
		Width      int             `json:"width"`
		Height     int             `json:"height"`
		Properties json.RawMessage `json:"properties"`
	}
	metricBody struct {
		Metrics  [][]json.RawMessage `json:"metrics"`
		Region   string              `json:"region"`
		Title    string              `json:"title"`
		View     string              `json:"view"`
		Stacked  bool                `json:"stacked"`
		Stat     string              `json:"stat"`
		Period   int64               `json:"period"`
		LiveData bool                `json:"liveData"` // the current minute is always shown
		YAxis    struct {
			Left  Axis `json:"left"`
			Right Axis `json:"right"`
		} `json:"yAxis"`
		Legend struct {
			Position string `json:"position"` // always below
		} `json:"legend"`
		Annotations struct {
			Horizontal []HorizontalLine `json:"horizontal"`
		} `json:"annotations"`
	}
	metricOptions struct {
		ID         string `json:"id"`
		Expression string `json:"expression"`
		Label      string `json:"label"`
		Color      string `json:"color"`
		Period     int64  `json:"period"`
		Region     string `json:"region"`
		Stat       string `json:"stat"`
		Visible    *bool  `json:"visible"`
		YAxis      string `json:"yAxis"`
	}
	textBody struct {
		Markdown   string `json:"markdown"`
		Background string `json:"background"`
	}
	alarmBody struct {
		Title  string   `json:"title"`
		Alarms []string `json:"alarms"`
		States []State  `json:"states"` // which are shown; none: all
	}
)

const (
	gridColumns   = 24
	defaultWidth  = 6
	defaultHeight = 6
	defaultPeriod = 300 // seconds
	defaultStat   = "Average"
)

// NewDashboards loads the stack's dashboards. The error lists everything unsupported, with logical ids and the titles
// of widgets. Widgets show metrics of region.
func NewDashboards(stack *assembly.Stack, resolver *assembly.Resolver, store *Store, region string) (*Dashboards, error) {
	d := &Dashboards{store: store}
	var problems []error
	for _, resource := range stack.ByType(dashboardType) {
		var p struct{ DashboardName, DashboardBody string }
		if err := resolver.Into(resource, &p); err != nil {
			problems = append(problems, err)
			continue
		}
		name, err := resolver.Ref(resource.LogicalID)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		one, err := newDashboard(resource.LogicalID, name, p.DashboardBody, region)
		problems = append(problems, err)
		d.add(one)
	}
	return d, assembly.Join(problems...)
}

func (d *Dashboards) add(one *dashboard) {
	for _, w := range one.widgets {
		for _, q := range w.queries {
			if q.expression == nil && q.statistic.rank != 0 {
				d.store.rank(q.metric)
			}
		}
	}
	d.list = append(d.list, one)
}

func newDashboard(logicalID, name, text, region string) (*dashboard, error) {
	d := &dashboard{name: name}
	var body dashboardBody
	if err := decodeBody(logicalID, []byte(text), &body); err != nil {
		return d, err
	}
	var problems []error
	if !slices.Contains([]string{"", "auto", "inherit"}, body.PeriodOverride) {
		problems = append(problems, fmt.Errorf("%s (%s): periodOverride %s does not exist", logicalID, dashboardType, body.PeriodOverride))
	}
	for i, text := range body.Widgets {
		w, err := newWidget(fmt.Sprintf("%s widget %d", logicalID, i+1), text, region)
		problems = append(problems, err)
		d.widgets = append(d.widgets, w)
	}
	return d, assembly.Join(problems...)
}

// decodeBody decodes JSON into a struct that names everything that is supported.
func decodeBody(where string, text []byte, into any) error {
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return fmt.Errorf("%s (%s): %w", where, dashboardType, err)
	}
	return assembly.Decode(where, dashboardType, tree, into)
}

func newWidget(where string, text []byte, region string) (*widget, error) {
	w := &widget{}
	body := widgetBody{Width: defaultWidth, Height: defaultHeight}
	if err := decodeBody(where, text, &body); err != nil {
		return w, err
	}
	if body.X == nil || body.Y == nil {
		return w, fmt.Errorf("%s (%s): a widget without x and y is not supported", where, dashboardType)
	}
	w.X, w.Y, w.Width, w.Height, w.Type = *body.X, *body.Y, body.Width, body.Height, body.Type
	if w.X < 0 || w.Y < 0 || w.Width < 1 || w.Height < 1 || w.X+w.Width > gridColumns {
		return w, fmt.Errorf("%s (%s): x %d with width %d is not within %d columns", where, dashboardType, w.X, w.Width, gridColumns)
	}
	switch w.Type {
	case "metric":
		var p metricBody
		if err := decodeBody(where, body.Properties, &p); err != nil {
			return w, err
		}
		if err := w.addMetrics(p, region); err != nil {
			return w, fmt.Errorf("%s %q (%s): %w", where, p.Title, dashboardType, err)
		}
		return w, nil
	case "text":
		var p textBody
		err := decodeBody(where, body.Properties, &p)
		w.Markdown = p.Markdown
		return w, err
	case "alarm":
		var p alarmBody
		err := decodeBody(where, body.Properties, &p)
		w.Title, w.States = p.Title, p.States
		for _, arn := range p.Alarms {
			w.Alarms = append(w.Alarms, arn[strings.LastIndex(arn, ":")+1:])
		}
		return w, err
	default:
		return w, fmt.Errorf("%s (%s): a widget of type %s is not supported", where, dashboardType, w.Type)
	}
}

var colorPattern = regexp.MustCompile(`^(#[0-9a-fA-F]{6})?$`)

func (w *widget) addMetrics(p metricBody, region string) error {
	w.Title, w.View, w.Stacked, w.Left, w.Right = p.Title, p.View, p.Stacked, p.YAxis.Left, p.YAxis.Right
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if w.View == "" {
		w.View = "timeSeries"
	}
	if w.View != "timeSeries" && w.View != "singleValue" {
		problem("view %s is not supported", w.View)
	}
	if p.Region != region {
		problem("region %q is not supported: want the stack's, %s", p.Region, region)
	}
	for _, h := range p.Annotations.Horizontal {
		if !colorPattern.MatchString(h.Color) {
			problem("color %s is not supported: want #rrggbb", h.Color)
		}
		w.Thresholds = append(w.Thresholds, h)
	}
	if p.Period == 0 {
		p.Period = defaultPeriod
	}
	if p.Stat == "" {
		p.Stat = defaultStat
	}
	var before []string
	for _, row := range p.Metrics {
		var err error
		if before, err = w.addRow(row, before, p, region); err != nil {
			problems = append(problems, err)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	// Evaluated once, every mistake in its expressions is found.
	for _, q := range w.queries {
		if q.expression == nil {
			continue
		}
		e := environment{length: 1, period: q.period * 60, search: func(searchPattern, statistic, int64) ([]points, []string) { return []points{}, nil }}
		v, err := calculate(w.queries, q.id, e, func(other query) (points, error) {
			if other.period != q.period {
				return nil, fmt.Errorf("%s has a period of %d s, and %s of %d s: different periods are not supported", other.id, other.period*60, q.id, q.period*60)
			}
			return points{1}, nil
		})
		if err == nil && v.scalar != nil {
			err = errors.New("yields a number, a graph shows time series")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", q.id, err))
		}
	}
	return errors.Join(problems...)
}

// addRow adds an element of the metrics array: namespace, name, dimensions and options, or an expression in options.
// It returns the texts of the row, to which the next one may refer.
func (w *widget) addRow(row []json.RawMessage, before []string, p metricBody, region string) ([]string, error) {
	var texts []string
	o := metricOptions{Period: p.Period, Stat: p.Stat, Region: region}
	for i, part := range row {
		var text string
		if err := json.Unmarshal(part, &text); err == nil {
			texts = append(texts, text)
			continue
		}
		if i != len(row)-1 {
			return before, fmt.Errorf("the metric %s: options are not at the end", row)
		}
		if err := decodeBody("metrics", part, &o); err != nil {
			return before, err
		}
	}
	texts, err := expandRow(texts, before)
	if err != nil {
		return before, err
	}
	q := query{id: o.ID, period: o.Period / 60}
	if q.id == "" {
		q.id = fmt.Sprintf(" %d", len(w.queries)+1) // not a word of an expression
	}
	l := line{id: q.id, label: o.Label, color: o.Color, right: o.YAxis == "right", hidden: o.Visible != nil && !*o.Visible, stat: o.Stat}
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if o.Period < 60 || o.Period%60 != 0 {
		problem("period %d is not supported: want a multiple of 60", o.Period)
	}
	if o.Region != region {
		problem("region %s is not supported: want the stack's, %s", o.Region, region)
	}
	if !slices.Contains([]string{"", "left", "right"}, o.YAxis) {
		problem("yAxis %s does not exist", o.YAxis)
	}
	if !colorPattern.MatchString(o.Color) {
		problem("color %s is not supported: want #rrggbb", o.Color)
	}
	if slices.ContainsFunc(w.queries, func(other query) bool { return other.id == q.id }) {
		problem("id %s is used twice", q.id)
	}
	problems = append(problems, checkLabel(o.Label))
	switch {
	case o.Expression != "" && len(texts) > 0:
		problem("a metric with an expression")
	case o.Expression != "":
		l.stat = ""
		var err error
		q.source = o.Expression
		q.expression, err = parse(o.Expression)
		problems = append(problems, err)
		texts = before
	case len(texts) < 2 || len(texts)%2 != 0:
		problem("the metric %q: want namespace, name, and names and values of dimensions", texts)
	default:
		var err error
		q.metric = NewMetric(texts[0], texts[1], texts[2:]...)
		q.statistic, err = parseStatistic(o.Stat)
		problems = append(problems, err)
	}
	w.queries, w.lines = append(w.queries, q), append(w.lines, l)
	return texts, errors.Join(problems...)
}

// expandRow replaces "." by the text at the same position of the row before, and "..." by all of its texts up to
// those that follow.
func expandRow(texts, before []string) ([]string, error) {
	var full []string
	for i, text := range texts {
		switch text {
		case ".":
			if len(full) >= len(before) {
				return nil, fmt.Errorf("the metric %q: the one before has no such text", texts)
			}
			full = append(full, before[len(full)])
		case "...":
			until := len(before) - (len(texts) - i - 1)
			if until < len(full) {
				return nil, fmt.Errorf("the metric %q: the one before is too short", texts)
			}
			full = append(full, before[len(full):until]...)
		default:
			full = append(full, text)
		}
	}
	return full, nil
}
