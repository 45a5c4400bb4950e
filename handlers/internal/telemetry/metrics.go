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

// Metrics writes CloudWatch metrics in the embedded metric format: JSON lines on
// standard output, from which CloudWatch Logs extracts the metrics, so that the handler
// makes no API call.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type Metrics struct {
	out         *output
	now         func() time.Time
	environment string
}

// output keeps lines from interleaving.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

// NewMetrics returns Metrics that write to w, with now as each line's time. Each metric
// has the dimension contract.DimensionEnvironment with the value environment.
func NewMetrics(w io.Writer, now func() time.Time, environment string) *Metrics {
	return &Metrics{out: &output{w: w}, now: now, environment: environment}
}

// At returns Metrics that write to the same place, with t as each line's time. CloudWatch
// accepts times from two weeks ago to two hours ahead.
func (m *Metrics) At(t time.Time) *Metrics {
	return &Metrics{out: m.out, now: func() time.Time { return t }, environment: m.environment}
}

// Books returns Metrics for what is due and done for a transaction that was received at
// that time. Their time is contract.AccountingDelay later, by the minute: CloudWatch keeps
// no finer times, and transactions of the same minute can share a line.
func (m *Metrics) Books(received time.Time) *Metrics { return m.At(BookTime(received)) }

// BookTime is the time of the lines of Books.
func BookTime(received time.Time) time.Time {
	return received.Add(contract.AccountingDelay).Truncate(time.Minute)
}

// A Metric is one or more observations of a metric that package contract names.
type Metric struct {
	Name   string
	Unit   string // "Count" or "Milliseconds"
	Values []float64
}

// Count returns a metric that counts n occurrences.
func Count(name string, n int) Metric {
	return Metric{Name: name, Unit: "Count", Values: []float64{float64(n)}}
}

// Milliseconds returns a metric with an observation for each duration, so that
// CloudWatch can compute percentiles.
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

// Emit writes the metrics with the dimension Environment alone.
func (m *Metrics) Emit(metrics ...Metric) { m.emit(nil, metrics) }

// EmitBy writes the metrics with the dimension Environment and a further one. An empty
// value is written as "unknown", because CloudWatch ignores empty ones.
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
		// A metric with more values than a line may hold continues in the next line.
		for round := 0; ; round++ {
			line := document(now, dimensions, batch, round)
			if line == nil {
				break
			}
			m.out.mu.Lock()
			_, _ = m.out.w.Write(line) // an error could only be reported on standard output, too
			m.out.mu.Unlock()
		}
	}
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct{ Name, Unit string }

// document returns a line with the round-th hundred values of each metric, or nil if
// there are none.
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
