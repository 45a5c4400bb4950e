package cloudwatch

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// board loads a dashboard named D with these widgets, whose store is empty.
func board(t *testing.T, widgets ...string) *Dashboards {
	t.Helper()
	one, err := newDashboard("Board", "D", `{"widgets": [`+strings.Join(widgets, ",")+`]}`, "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	d := &Dashboards{store: NewStore()}
	d.add(one)
	return d
}

// showing is a metric widget with these rows and more properties.
func showing(rows, more string) string {
	return `{"type": "metric", "x": 0, "y": 0, "width": 8, "height": 6, "properties": {"region": "eu-west-1", "metrics": [` + rows + `]` + more + `}}`
}

// shown returns the lines of the first widget: label, metric, and value of each minute after epoch.
func shown(t *testing.T, d *Dashboards, last time.Duration) []string {
	t.Helper()
	graphs, known, err := d.Graphs("D", epoch.Add(-last), epoch)
	if err != nil || !known {
		t.Fatal(known, err)
	}
	var list []string
	for _, l := range graphs[0].Lines {
		text := fmt.Sprintf("%s|%s|%s %d|", l.Label, l.Metric, l.Stat, l.Period)
		for _, p := range l.Points {
			text += fmt.Sprintf(" %s=%v", time.Unix(int64(p[0]), 0).UTC().Format("15:04"), p[1])
		}
		list = append(list, text)
	}
	return list
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
func TestWidgets(t *testing.T) {
	put := func(d *Dashboards, ago time.Duration, value float64, name string, dimensions ...string) {
		d.store.Put(NewMetric("N", name, dimensions...), value, epoch.Add(-ago))
	}
	for name, c := range map[string]struct {
		rows, more string
		want       []string
	}{
		"when a row has options, they apply": {
			`["N", "M", "A", "x", {"label": "mine", "stat": "Sum", "period": 60}]`, "", []string{"mine|N M A=x|Sum 60| 13:57=3 13:59=5 14:00=1"},
		},
		"when a row has none, the widget's apply": {
			`["N", "M", "A", "x"]`, `, "stat": "Maximum", "period": 120`, []string{"M x|N M A=x|Maximum 120| 13:56=2 13:58=5 14:00=1"},
		},
		"when nothing is said, the average of five minutes is shown": {
			`["N", "M", "A", "x"]`, "", []string{"M x|N M A=x|Average 300| 13:55=2.6666666666666665 14:00=1"},
		},
		"when a row repeats the one before": {
			`["N", "M", "A", "x"], [".", ".", ".", "y"], ["...", "x", {"stat": "Minimum"}], [".", "O", ".", "."]`, `, "stat": "Sum"`,
			[]string{"M x|N M A=x|Sum 300| 13:55=8 14:00=1", "M y|N M A=y|Sum 300| 13:55=7", "M x|N M A=x|Minimum 300| 13:55=1 14:00=1", "O x|N O A=x|Sum 300|"},
		},
		"when a row is an expression, hidden ones are not shown": {
			`["N", "M", "A", "x", {"id": "a", "visible": false}], [".", ".", ".", "y", {"id": "b", "visible": false}], [{"expression": "FILL(b, 0) + a", "label": "both"}]`, `, "stat": "Sum", "period": 60`,
			[]string{"both|FILL(b, 0) + a| 60| 13:56=0 13:57=10 13:58=0 13:59=5 14:00=1"},
		},
		"when a row is a search, it has a line for each metric": {
			`[{"expression": "SEARCH('{N,A} MetricName=\"M\"', 'Sum', 60)", "label": ""}]`, `, "period": 60`,
			[]string{`x|SEARCH('{N,A} MetricName="M"', 'Sum', 60)| 60| 13:57=3 13:59=5 14:00=1`, `y|SEARCH('{N,A} MetricName="M"', 'Sum', 60)| 60| 13:57=7`},
		},
		"when percentiles are shown, single values count": {
			`["N", "M", "A", "x", {"stat": "p50"}]`, "", []string{"M x|N M A=x|p50 300| 13:55=2 14:00=1"},
		},
		"when a label is dynamic": {
			`["N", "M", "A", "x", {"label": "${PROP('Dim.A')}: ${LAST} of ${SUM}, ${LABEL}"}]`, `, "stat": "Sum", "period": 60`,
			[]string{"x: 1 of 9, M x|N M A=x|Sum 60| 13:57=3 13:59=5 14:00=1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := board(t, showing(c.rows, c.more))
			put(d, 3*time.Minute, 1, "M", "A", "x")
			put(d, 3*time.Minute, 2, "M", "A", "x")
			put(d, time.Minute, 5, "M", "A", "x")
			put(d, 0, 1, "M", "A", "x") // the current minute
			put(d, 3*time.Minute, 7, "M", "A", "y")
			put(d, 3*time.Minute, 9, "M", "A", "x", "B", "z") // another metric
			if diff := cmp.Diff(c.want, shown(t, d, 4*time.Minute)); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("of all types have a layout", func(t *testing.T) {
		d := board(t, showing(`["N", "M", {"yAxis": "right", "color": "#aa0000"}]`, `, "title": "T", "stacked": true, "yAxis": {"right": {"label": "ms", "min": 0}}, "annotations": {"horizontal": [{"value": 5, "label": "limit"}]}`),
			`{"type": "text", "x": 8, "y": 0, "width": 16, "height": 2, "properties": {"markdown": "# Hi"}}`,
			`{"type": "alarm", "x": 8, "y": 2, "width": 16, "height": 4, "properties": {"title": "A", "states": ["ALARM"], "alarms": ["arn:aws:cloudwatch:eu-west-1:1:alarm:one"]}}`)
		zero := 0.0
		want := []Layout{{"D", []Widget{
			{Width: 8, Height: 6, Type: "metric", Title: "T", View: "timeSeries", Stacked: true, Right: Axis{Label: "ms", Min: &zero}, Thresholds: []HorizontalLine{{Value: 5, Label: "limit"}}},
			{X: 8, Width: 16, Height: 2, Type: "text", Markdown: "# Hi"},
			{X: 8, Y: 2, Width: 16, Height: 4, Type: "alarm", Title: "A", Alarms: []string{"one"}, States: []State{Alarm}},
		}}}
		if diff := cmp.Diff(want, d.Layout()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWidgets_unsupported(t *testing.T) {
	for name, c := range map[string]struct{ widget, want string }{
		"when the type is another one":         {`{"type": "log", "x": 0, "y": 0, "properties": {}}`, "type log is not supported"},
		"when it has no place":                 {`{"type": "metric", "properties": {}}`, "without x and y is not supported"},
		"when it is too wide":                  {`{"type": "text", "x": 20, "y": 0, "width": 5, "properties": {"markdown": ""}}`, "24 columns"},
		"when a property is unknown":           {showing(`["N", "M"]`, `, "sparkline": true`), "property sparkline is not supported"},
		"when an option is unknown":            {showing(`["N", "M", {"accountId": "1"}]`, ""), "property accountId is not supported"},
		"when an annotation is a band":         {showing(`["N", "M"]`, `, "annotations": {"horizontal": [{"value": 1, "fill": "above"}]}`), "fill is not supported"},
		"when the view is another one":         {showing(`["N", "M"]`, `, "view": "pie"`), "view pie is not supported"},
		"when the region is another one":       {showing(`["N", "M", {"region": "us-east-1"}]`, ""), "region us-east-1 is not supported"},
		"when the period is a part of minutes": {showing(`["N", "M", {"period": 90}]`, ""), "period 90 is not supported"},
		"when the statistic is another one":    {showing(`["N", "M", {"stat": "TM(1:2)"}]`, ""), "statistic TM(1:2) is not supported"},
		"when an expression has a mistake":     {showing(`[{"expression": "a +"}]`, ""), "unexpected end"},
		"when an expression names nothing":     {showing(`[{"expression": "2 * a"}]`, ""), "there is no id a"},
		"when periods differ": {
			showing(`["N", "M", {"id": "a", "period": 60}], [{"expression": "2 * a", "id": "b", "period": 300}]`, ""), "different periods are not supported",
		},
		"when a search is not exact":     {showing(`[{"expression": "SEARCH('{N,A} cpu', 'Sum', 300)"}]`, ""), `the search term "cpu" is not supported`},
		"when a search has its period":   {showing(`[{"expression": "SEARCH('{N,A} MetricName=\"M\"', 'Sum', 60)"}]`, ""), "period other than the expression's"},
		"when a label's part is unknown": {showing(`["N", "M", {"label": "${LAST_TIME}"}]`, ""), "${LAST_TIME} is not supported"},
		"when a row repeats nothing":     {showing(`[".", "M"]`, ""), "the one before has no such text"},
		"when a dimension has no value":  {showing(`["N", "M", "A"]`, ""), "names and values of dimensions"},
		"when a colour is no colour":     {showing(`["N", "M", {"color": "red;"}]`, ""), "color red; is not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newDashboard("Board", "D", `{"widgets": [`+c.widget+`]}`, "eu-west-1")
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "Board widget 1") && !strings.Contains(c.want, "option") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	t.Run("when the body is not JSON", func(t *testing.T) {
		if _, err := newDashboard("Board", "D", `{`, "eu-west-1"); err == nil || !strings.Contains(err.Error(), "Board") {
			t.Errorf("got %v", err)
		}
	})
}

func TestEmptyGraphs(t *testing.T) {
	empty := func(t *testing.T, d *Dashboards) *Empty {
		t.Helper()
		graphs, _, err := d.Graphs("D", epoch.Add(-time.Hour), epoch)
		if err != nil || len(graphs[0].Lines) != 1 || len(graphs[0].Lines[0].Points) != 0 {
			t.Fatalf("%+v, %v", graphs, err)
		}
		return graphs[0].Lines[0].Empty
	}
	row := `["AWS/SQS", "NumberOfMessagesSent", "Queue", "q"]`
	for name, c := range map[string]struct {
		at         time.Duration
		dimensions []string
		want       Empty
	}{
		"when nothing has its name":            {0, nil, Empty{Reason: "It has had no value since the local run began."}},
		"when its values are older":            {-2 * time.Hour, []string{"Queue", "q"}, Empty{Reason: "The last value is of 2026-11-27T12:00:00Z."}},
		"when its values are to come":          {20 * time.Minute, []string{"Queue", "q"}, Empty{Reason: "It has values of later times, up to 2026-11-27T14:20:00Z."}},
		"when another has the same dimensions": {0, []string{"Queue", "other"}, Empty{Reason: "It has had no value since the local run began.", Others: []string{"AWS/SQS NumberOfMessagesSent Queue=other"}}},
		"when the dimension has another name": {
			0,
			[]string{"QueueName", "q"},
			Empty{Reason: "It has had no value since the local run began.", Others: []string{"AWS/SQS NumberOfMessagesSent QueueName=q"}, Wrong: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := board(t, showing(row, ""))
			if c.dimensions != nil {
				d.store.Put(NewMetric("AWS/SQS", "NumberOfMessagesSent", c.dimensions...), 1, epoch.Add(c.at))
			}
			if diff := cmp.Diff(&c.want, empty(t, d)); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("when a search finds nothing", func(t *testing.T) {
		d := board(t, showing(`[{"expression": "SEARCH('{N,A} MetricName=\"M\"', 'Sum', 300)"}]`, ""))
		if e := empty(t, d); e.Reason != "The search finds no metric." {
			t.Errorf("%+v", e)
		}
	})
}

func TestView(t *testing.T) {
	f := newFixture(t, errorsAlarm)
	d := board(t, showing(`["AWS/Lambda", "Errors", "FunctionName", "f", {"stat": "Sum"}], ["AWS/SNS", "Failed"], [".", "Erors"], ["N", "M"]`, ""))
	d.store = f.store
	v := NewView(d, f.Alarms, map[string][]string{"AWS/Lambda": {"Errors"}}, map[string]string{"AWS/SNS Failed": "nothing fails"})
	mux := http.NewServeMux()
	v.Serve(mux)
	get := func(path string, into any) int {
		t.Helper()
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatalf("%s: %s (%v)", path, w.Body, err)
		}
		return w.Code
	}
	f.store.Put(NewMetric("AWS/Lambda", "Errors", "FunctionName", "f"), 3, epoch)

	t.Run("when the run is young, graphs show 15 minutes", func(t *testing.T) {
		var got struct {
			From, To int64
			Data     []Graph
		}
		if status := get("/_local/page/dashboards/D/graphs", &got); status != 200 || got.To-got.From != 900 || got.Data[0].Lines[0].Points[0][1] != 3 {
			t.Errorf("%d %+v", status, got)
		}
		if reason := got.Data[0].Lines[1].Empty.Reason; reason != "The local run records no values: nothing fails." {
			t.Error(reason)
		}
	})
	t.Run("when a metric is named, it is said whether it is recorded", func(t *testing.T) {
		for range 2 {
			f.store.Put(NewMetric("AWS/SQS", "NumberOfMessagesSent", "QueueName", "q"), 1, epoch)
		}
		computed := func(name string, has bool) {
			f.store.setGauge(NewMetric("AWS/SQS", name, "QueueName", "q"), gauge{value: func(minute) (float64, bool) { return 0, has }})
		}
		computed("Visible", true)
		computed("Age", false) // of nothing
		var got any
		get("/_local/page/metrics", &got)
		want := map[string]any{"recorded": []any{"AWS/Lambda Errors"}, "reasons": map[string]any{"AWS/SNS Failed": "nothing fails"}, "missing": []any{"AWS/SNS Erors"}, "written": []any{"AWS/Lambda Errors", "AWS/SQS NumberOfMessagesSent", "AWS/SQS Visible"}}
		if diff := cmp.Diff(any(want), got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("when there is no such thing, or no such range", func(t *testing.T) {
		for path, want := range map[string]int{
			"/_local/page/dashboards/X/graphs": 404, "/_local/page/alarms/X/graph": 404, "/_local/page/dashboards/D/graphs?last=1": 400,
			"/_local/page/dashboards/D/graphs?last=99999999999999999999": 400, "/_local/page/dashboards/D/graphs?last=43200": 200, "/_local/page/dashboards/D/graphs?last=43201": 400,
		} {
			var problem any
			if status := get(path, &problem); status != want {
				t.Errorf("%s: %d, want %d", path, status, want)
			}
		}
	})
	t.Run("when alarms were evaluated ahead, their state is that of now", func(t *testing.T) {
		_, before := v.Changes(0)
		if data, _ := v.Changes(before); data != nil {
			t.Errorf("nothing has changed: %v", data)
		}
		f.at(t, epoch.Add(time.Hour)) // raised within that hour
		if len(f.published) == 0 {
			t.Fatal("the alarm was not raised ahead")
		}
		var list []Described
		if get("/_local/page/alarms", &list); list[0].State != InsufficientData || list[0].Transitions != 0 || list[0].Description != "d" {
			t.Errorf("%+v", list)
		}
		f.now = epoch.Add(5 * time.Minute)
		f.at(t, f.now)
		if get("/_local/page/alarms", &list); list[0].State != Alarm || !strings.Contains(list[0].Condition, "greater than 0 for 1 period of 5m0s") {
			t.Errorf("%+v", list)
		}
		if data, _ := v.Changes(before); fmt.Sprint(data) != "map[ALARM:1]" {
			t.Errorf("changes: %v", data)
		}
	})
	t.Run("when an alarm is opened, its metric is drawn", func(t *testing.T) {
		var got struct{ Data Graph }
		if get("/_local/page/alarms/errors/graph", &got); len(got.Data.Lines) != 1 || got.Data.Lines[0].Points[0][1] != 3 || got.Data.Lines[0].Period != 300 {
			t.Errorf("%+v", got)
		}
	})
}

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
func TestTables(t *testing.T) {
	large := `{"S": "` + strings.Repeat("x", 1500) + `"}`
	for name, c := range map[string]struct {
		operation, request string
		status             int
		response           string
		want               string // table write, index write, table read, index read, throttles
	}{
		"when a small item is put":              {"PutItem", `{"TableName": "t", "Item": {"id": {"S": "1"}, "hour": {"S": "h"}}}`, 200, `{}`, "1 1 0 0 0"},
		"when an item has 1.5 KB":               {"PutItem", `{"TableName": "t", "Item": {"id": {"S": "1"}, "hour": {"S": "h"}, "x": ` + large + `}}`, 200, `{}`, "2 2 0 0 0"},
		"when an item is not in the index":      {"PutItem", `{"TableName": "t", "Item": {"id": {"S": "1"}}}`, 200, `{}`, "1 0 0 0 0"},
		"when a condition fails":                {"PutItem", `{"TableName": "t", "Item": {"id": {"S": "1"}, "hour": {"S": "h"}}}`, 400, `{"__type": "com.amazonaws#ConditionalCheckFailedException", "Item": {"id": {"S": "1"}, "x": ` + large + `}}`, "2 0 0 0 0"},
		"when a write is throttled":             {"UpdateItem", `{"TableName": "t", "Key": {"id": {"S": "1"}}}`, 400, `{"__type": "ProvisionedThroughputExceededException"}`, "0 0 0 0 1"},
		"when a call fails otherwise":           {"PutItem", `{"TableName": "t", "Item": {"id": {"S": "1"}}}`, 400, `{"__type": "ValidationException"}`, "0 0 0 0 0"},
		"when an item is read":                  {"GetItem", `{"TableName": "t", "Key": {"id": {"S": "1"}}}`, 200, `{"Item": {"id": {"S": "1"}}}`, "0 0 0.5 0 0"},
		"when a read is strongly consistent":    {"GetItem", `{"TableName": "arn:aws:dynamodb:r:1:table/t", "ConsistentRead": true}`, 200, `{}`, "0 0 1 0 0"},
		"when an index is queried for 4.5 KB":   {"Query", `{"TableName": "t", "IndexName": "by-hour"}`, 200, `{"Items": [{"x": ` + large + `}, {"x": ` + large + `}, {"x": ` + large + `}]}`, "0 0 0 1 0"},
		"when the table is another stack's":     {"PutItem", `{"TableName": "other", "Item": {"id": {"S": "1"}}}`, 200, `{}`, "0 0 0 0 0"},
		"when the operation is of another kind": {"DescribeTable", `{"TableName": "t"}`, 200, `{}`, "0 0 0 0 0"},
	} {
		t.Run(name, func(t *testing.T) {
			store := NewStore()
			tables := &Tables{Store: store, Now: func() time.Time { return epoch }}
			tables.Set([]Table{{"t", []string{"id"}, map[string][]string{"by-hour": {"hour"}}}})
			tables.Observed(c.operation, []byte(c.request), c.status, []byte(c.response))
			sum := func(name string, more ...string) float64 {
				s, _ := parseStatistic("Sum")
				f, _ := store.statistic(NewMetric("AWS/DynamoDB", name, append(more, "TableName", "t")...), s, minuteOf(epoch), minuteOf(epoch)+1)
				return f
			}
			index := []string{"GlobalSecondaryIndexName", "by-hour"}
			got := fmt.Sprint(sum("ConsumedWriteCapacityUnits"), sum("ConsumedWriteCapacityUnits", index...), sum("ConsumedReadCapacityUnits"), sum("ConsumedReadCapacityUnits", index...), sum("WriteThrottleEvents"))
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	t.Run("when an item is updated, its size is that of the item", func(t *testing.T) {
		store := NewStore()
		tables := &Tables{Store: store, Now: func() time.Time { return epoch }}
		tables.Set([]Table{{"t", []string{"id"}, map[string][]string{"by-hour": {"hour"}}}})
		tables.Observed("PutItem", []byte(`{"TableName": "t", "Item": {"id": {"S": "1"}, "hour": {"S": "h"}, "x": `+large+`}}`), 200, []byte(`{}`))
		tables.Observed("UpdateItem", []byte(`{"TableName": "t", "Key": {"id": {"S": "1"}}, "ExpressionAttributeValues": {":f": {"M": {"score": {"N": "1"}}}}}`), 200, []byte(`{}`))
		s, _ := parseStatistic("Sum")
		for _, m := range []Metric{NewMetric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", "t"), NewMetric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", "t", "GlobalSecondaryIndexName", "by-hour")} {
			if got, _ := store.statistic(m, s, minuteOf(epoch), minuteOf(epoch)+1); got != 4 {
				t.Errorf("%s: %v units, want 4", m, got)
			}
		}
	})
}
