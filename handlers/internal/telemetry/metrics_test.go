package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/telemetry"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newMetrics(w *bytes.Buffer) *telemetry.Metrics {
	return telemetry.NewMetrics(w, func() time.Time { return noon }, "dev")
}

func TestEmitSeveralMetrics(t *testing.T) {
	var out bytes.Buffer
	newMetrics(&out).Emit(
		telemetry.Count(contract.MetricAccepted, 1),
		telemetry.Milliseconds(contract.MetricAckLatency, 1500*time.Microsecond),
	)
	want := map[string]any{
		"Environment": "dev", "TransactionsAccepted": 1.0, "AckLatency": 1.5,
		"_aws": map[string]any{
			"Timestamp": float64(noon.UnixMilli()),
			"CloudWatchMetrics": []any{map[string]any{
				"Namespace":  "PaymentWebhooks",
				"Dimensions": []any{[]any{"Environment"}},
				"Metrics": []any{
					map[string]any{"Name": "TransactionsAccepted", "Unit": "Count"},
					map[string]any{"Name": "AckLatency", "Unit": "Milliseconds"},
				},
			}},
		},
	}
	lines := documents(t, out.String())
	if diff := cmp.Diff([]map[string]any{want}, lines); diff != "" {
		t.Error(diff)
	}
}

func TestEmitBy(t *testing.T) {
	for _, c := range []struct{ value, want string }{{"high", "high"}, {"", "unknown"}} {
		var out bytes.Buffer
		newMetrics(&out).EmitBy(contract.DimensionRiskLevel, c.value, telemetry.Count(contract.MetricScored, 1))
		line := documents(t, out.String())[0]
		if line["RiskLevel"] != c.want || line["Environment"] != "dev" {
			t.Errorf("%v", line)
		}
		sets := line["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)["Dimensions"]
		if diff := cmp.Diff([]any{[]any{"Environment", "RiskLevel"}}, sets); diff != "" {
			t.Error(diff)
		}
	}
}

func TestEmitWithinLimits(t *testing.T) {
	many := make([]time.Duration, 250)
	for i := range many {
		many[i] = time.Duration(i) * time.Millisecond
	}
	lots := make([]telemetry.Metric, 130)
	for i := range lots {
		lots[i] = telemetry.Count(fmt.Sprintf("Metric%d", i), i)
	}
	cases := map[string]struct {
		metrics []telemetry.Metric
		lines   int
		values  int
	}{
		"nothing":                    {nil, 0, 0},
		"no observation":             {[]telemetry.Metric{telemetry.Milliseconds("Lag")}, 0, 0},
		"a zero is an observation":   {[]telemetry.Metric{telemetry.Count("Failed", 0)}, 1, 1},
		"250 values and one":         {[]telemetry.Metric{telemetry.Milliseconds("Lag", many...), telemetry.Count("N", 1)}, 3, 251},
		"130 metrics":                {lots, 2, 130},
		"numbers that JSON has not":  {[]telemetry.Metric{{Name: "A", Unit: "Count", Values: []float64{math.NaN(), math.Inf(1)}}}, 0, 0},
		"a number between those two": {[]telemetry.Metric{{Name: "A", Unit: "Count", Values: []float64{math.NaN(), 7}}}, 1, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			newMetrics(&out).Emit(c.metrics...)
			lines := documents(t, out.String())
			values := 0
			for _, line := range lines {
				for _, m := range line["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)["Metrics"].([]any) {
					switch v := line[m.(map[string]any)["Name"].(string)].(type) {
					case float64:
						values++
					case []any:
						values += len(v)
					}
				}
			}
			if len(lines) != c.lines || values != c.values {
				t.Errorf("%d lines with %d values, want %d with %d", len(lines), values, c.lines, c.values)
			}
		})
	}
}

func TestEmitConcurrently(t *testing.T) {
	var out bytes.Buffer
	m := newMetrics(&out)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				m.Emit(telemetry.Count(contract.MetricAccepted, 1))
			}
		})
	}
	wg.Wait()
	if n := len(documents(t, out.String())); n != 400 {
		t.Errorf("%d lines, want 400", n)
	}
}

// documents parses the lines and checks each against the specification.
func documents(t *testing.T, out string) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(out) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		if err := checkEMF(line); err != nil {
			t.Errorf("%v in %s", err, text)
		}
		lines = append(lines, line)
	}
	return lines
}

var units = []string{"Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Count", "Percent", "None"}

// checkEMF checks a document against the JSON schema of
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func checkEMF(root map[string]any) error {
	meta, ok := root["_aws"].(map[string]any)
	if !ok || len(meta) != 2 {
		return errors.New("_aws must be an object of Timestamp and CloudWatchMetrics")
	}
	if ts, ok := meta["Timestamp"].(float64); !ok || ts != math.Trunc(ts) || ts < 0 {
		return errors.New("Timestamp must be an integer, milliseconds since 1970")
	}
	directives, ok := meta["CloudWatchMetrics"].([]any)
	if !ok || len(directives) == 0 {
		return errors.New("CloudWatchMetrics must be a filled array")
	}
	for _, d := range directives {
		directive := d.(map[string]any)
		if ns, ok := directive["Namespace"].(string); !ok || len(ns) < 1 || len(ns) > 1024 {
			return errors.New("Namespace must have 1 to 1024 characters")
		}
		sets, ok := directive["Dimensions"].([]any)
		if !ok || len(sets) == 0 {
			return errors.New("Dimensions must be a filled array")
		}
		for _, set := range sets {
			names := set.([]any)
			if len(names) > 30 {
				return errors.New("a dimension set has at most 30 names")
			}
			for _, name := range names {
				if value, ok := root[name.(string)].(string); !ok || value == "" || len(value) > 1024 {
					return fmt.Errorf("dimension %v must be a string of 1 to 1024 characters on the root", name)
				}
			}
		}
		metrics, ok := directive["Metrics"].([]any)
		if !ok || len(metrics) == 0 || len(metrics) > 100 {
			return errors.New("Metrics must have 1 to 100 entries")
		}
		for _, m := range metrics {
			metric := m.(map[string]any)
			name, ok := metric["Name"].(string)
			if !ok || len(name) < 1 || len(name) > 1024 {
				return errors.New("a metric's Name must have 1 to 1024 characters")
			}
			if unit, ok := metric["Unit"].(string); !ok || !slices.Contains(units, unit) {
				return fmt.Errorf("unit %v of %s", metric["Unit"], name)
			}
			switch v := root[name].(type) {
			case float64:
			case []any:
				if len(v) == 0 || len(v) > 100 {
					return fmt.Errorf("%s has %d values, 1 to 100 are allowed", name, len(v))
				}
			default:
				return fmt.Errorf("%s must be a number or an array of them on the root", name)
			}
		}
	}
	return nil
}
