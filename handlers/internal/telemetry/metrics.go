package telemetry

import (
	"encoding/json"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"payment-webhooks/handlers/contract"
)

// Metrics writes CloudWatch metrics as embedded metric format: a JSON line on
// standard output, from which CloudWatch Logs makes the metrics without an API
// call in the handler's way.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type Metrics struct {
	w           io.Writer
	now         func() time.Time
	environment string
	mu          sync.Mutex // a line is one Write, lines do not interleave
}

// NewMetrics writes to w, dates each line with now, and gives each metric the
// dimension contract.DimensionEnvironment with the value environment.
func NewMetrics(w io.Writer, now func() time.Time, environment string) *Metrics {
	return &Metrics{w: w, now: now, environment: environment}
}

// A Metric is one or more observations under a name of package contract.
type Metric struct {
	Name   string
	Unit   string // "Count" or "Milliseconds"
	Values []float64
}

// Count says that something happened n times.
func Count(name string, n int) Metric {
	return Metric{Name: name, Unit: "Count", Values: []float64{float64(n)}}
}

// Milliseconds gives durations, each an observation of its own, so that
// CloudWatch can compute percentiles over them.
func Milliseconds(name string, durations ...time.Duration) Metric {
	m := Metric{Name: name, Unit: "Milliseconds"}
	for _, d := range durations {
		m.Values = append(m.Values, float64(d)/float64(time.Millisecond))
	}
	return m
}

// Limits of the specification.
const (
	maxValues  = 100 // in one metric of a line
	maxMetrics = 100 // in one directive
)

// Emit writes the metrics under the environment alone.
func (m *Metrics) Emit(metrics ...Metric) { m.emit(nil, metrics) }

// EmitBy writes the metrics under the environment together with one further
// dimension. An empty value is left out by CloudWatch, so it is written as
// "unknown".
func (m *Metrics) EmitBy(dimension, value string, metrics ...Metric) {
	if value == "" {
		value = "unknown"
	}
	m.emit([][2]string{{dimension, value}}, metrics)
}

func (m *Metrics) emit(extra [][2]string, metrics []Metric) {
	dimensions := append([][2]string{{contract.DimensionEnvironment, m.environment}}, extra...)
	now := m.now()
	for batch := range slices.Chunk(metrics, maxMetrics) {
		// A metric with more values than a line may hold goes on in the next.
		for round := 0; ; round++ {
			line := document(now, dimensions, batch, round)
			if line == nil {
				break
			}
			m.mu.Lock()
			_, _ = m.w.Write(line) // nobody to tell: standard output is how we speak
			m.mu.Unlock()
		}
	}
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct{ Name, Unit string }

// document is one line with the round-th hundred values of each metric, or nil
// when there are none.
func document(now time.Time, dimensions [][2]string, metrics []Metric, round int) []byte {
	root := map[string]any{}
	d := directive{Namespace: contract.MetricNamespace, Dimensions: [][]string{{}}}
	for _, metric := range metrics {
		values := slices.DeleteFunc(slices.Clone(part(metric.Values, round)), notFinite)
		if len(values) == 0 {
			continue
		}
		d.Metrics = append(d.Metrics, definition{metric.Name, metric.Unit})
		if len(values) == 1 {
			root[metric.Name] = values[0]
		} else {
			root[metric.Name] = values
		}
	}
	if len(d.Metrics) == 0 {
		return nil
	}
	for _, dimension := range dimensions {
		d.Dimensions[0] = append(d.Dimensions[0], dimension[0])
		root[dimension[0]] = dimension[1]
	}
	root["_aws"] = map[string]any{
		"Timestamp":         now.UnixMilli(),
		"CloudWatchMetrics": []directive{d},
	}
	line, err := json.Marshal(root)
	if err != nil {
		return nil // not reachable: strings and finite numbers only
	}
	return append(line, '\n')
}

func part(values []float64, round int) []float64 {
	from := min(round*maxValues, len(values))
	return values[from:min(from+maxValues, len(values))]
}

// notFinite values have no JSON form.
func notFinite(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
