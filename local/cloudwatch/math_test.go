package cloudwatch

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const none = -999.25 // a missing data point in the tables

func seriesOf(values ...float64) points {
	p := points{}
	for _, v := range values {
		if v == none {
			v = missing
		}
		p = append(p, v)
	}
	return p
}

// calculated evaluates an expression over metrics of the same length with a period of a minute.
func calculated(t *testing.T, expression string, ids []string, metrics map[string]points) (value, error) {
	t.Helper()
	n, err := parse(expression)
	if err != nil {
		return value{}, err
	}
	e := environment{period: 60, metrics: ids, resolve: func(id string) (value, error) {
		p, known := metrics[id]
		if !known {
			t.Fatalf("no id %s", id)
		}
		return value{series: p}, nil
	}}
	for _, p := range metrics {
		e.length = len(p)
	}
	return e.evaluate(n)
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
func TestMetricMath(t *testing.T) {
	metrics := map[string]points{
		// "suppose we have two time series: metric1 has values of [30, 20, 0, 0] and metric2 has
		// values of [20, -, 20, -]"
		"metric1": seriesOf(30, 20, 0, 0), "metric2": seriesOf(20, none, 20, none),
		"empty": seriesOf(none, none, none, none), "both": seriesOf(1, none, none, 4), "negative": seriesOf(-1.5, none, 2, 0),
	}
	ids := []string{"metric1", "metric2"}
	for name, c := range map[string]struct {
		expression string
		want       points
	}{
		"comparison in which a missing value is 0":      {"(metric1 < metric2)", seriesOf(0, 0, 1, 0)},
		"comparison with a scalar":                      {"(metric1 >= 30)", seriesOf(1, 0, 0, 0)},
		"AND":                                           {"(metric1 > 15 AND metric2 > 15)", seriesOf(1, 0, 0, 0)},
		"OR as ||":                                      {"metric1 > 25 || metric2 == 20", seriesOf(1, 0, 1, 0)},
		"every comparison":                              {"(metric1 == 20) + (metric1 != 0) + (metric1 <= 0)", seriesOf(1, 2, 1, 1)},
		"missing beside a scalar is missing":            {"metric2 > 1", seriesOf(1, none, 1, none)},
		"missing on both sides is missing":              {"metric2 - both", seriesOf(19, none, 20, -4)},
		"an empty series is 0 beside another":           {"metric1 - empty", seriesOf(30, 20, 0, 0)},
		"empty with empty":                              {"empty > empty", seriesOf(none, none, none, none)},
		"precedence":                                    {"1 + 2 * metric1 ^ 2 - -metric1", seriesOf(1831, 821, 1, 1)},
		"parentheses":                                   {"(metric1 + 10) * 2", seriesOf(80, 60, 20, 20)},
		"powers are right-associative":                  {"metric1 * 0 + 2 ^ 3 ^ 2", seriesOf(512, 512, 512, 512)},
		"the minus before a power":                      {"metric1 * 0 - 2 ^ 2", seriesOf(-4, -4, -4, -4)},
		"a division by zero is dropped":                 {"metric2 / metric1", seriesOf(20./30, 0, none, none)},
		"exponents and fractions in numbers":            {"metric1 * 1.5e1", seriesOf(450, 300, 0, 0)},
		"FILL with a number":                            {"FILL(metric2, 7)", seriesOf(20, 7, 20, 7)},
		"FILL of a series without a data point":         {"FILL(empty, 0)", seriesOf(none, none, none, none)},
		"FILL with a series":                            {"FILL(metric2, metric1)", seriesOf(20, 20, 20, 0)},
		"FILL with REPEAT":                              {"FILL(metric2, REPEAT)", seriesOf(20, 20, 20, 20)},
		"FILL with LINEAR":                              {"FILL(both, LINEAR)", seriesOf(1, 2, 3, 4)},
		"LINEAR beyond the last value":                  {"FILL(metric2, LINEAR)", seriesOf(20, 20, 20, none)},
		"IF of the stack's alarms":                      {"IF(FILL(metric1, 0) > 0 AND FILL(metric2, 0) == 0, 1, 0)", seriesOf(0, 1, 0, 0)},
		"IF without a false value drops":                {"IF(metric1 > 25, metric1)", seriesOf(30, none, none, none)},
		"IF with a scalar condition":                    {"IF(1, metric2, metric1)", seriesOf(20, none, 20, none)},
		"IF with a false scalar condition":              {"IF(0, metric1, metric2)", seriesOf(20, none, 20, none)},
		"SUM of an array":                               {"SUM([metric1, metric2])", seriesOf(50, 20, 20, 0)},
		"SUM of an array with nothing at a time":        {"SUM([metric2, both])", seriesOf(21, none, 20, 4)},
		"AVG of an array counts missing values as 0":    {"AVG([metric1, metric2])", seriesOf(25, 10, 10, 0)},
		"MIN of an array":                               {"MIN([metric1, metric2])", seriesOf(20, 20, 0, 0)},
		"MAX of an array":                               {"MAX([metric1, metric2])", seriesOf(30, 20, 20, 0)},
		"a scalar of a series":                          {"metric1 - AVG(metric1)", seriesOf(17.5, 7.5, -12.5, -12.5)},
		"SUM of a series":                               {"metric1 / SUM(metric2)", seriesOf(0.75, 0.5, 0, 0)},
		"MIN and MAX of a series":                       {"metric1 - MIN(metric2) + MAX(metric1)", seriesOf(40, 30, 10, 10)},
		"METRICS":                                       {"SUM(METRICS())", seriesOf(50, 20, 20, 0)},
		"METRICS with part of an id":                    {`SUM(METRICS("2"))`, seriesOf(20, none, 20, none)},
		"an operator with an array":                     {"SUM(100 / [metric1, metric2])", seriesOf(100./30+5, 5, 5, none)},
		"an operator with an array and a series":        {"MAX([metric1, metric2] - both)", seriesOf(29, 20, 20, -4)},
		"arrays in arrays":                              {"SUM([METRICS(), both])", seriesOf(51, 20, 20, 4)},
		"ABS, CEIL and FLOOR":                           {"ABS(negative) + CEIL(negative) + FLOOR(negative)", seriesOf(1.5-1-2, none, 6, 0)},
		"DIFF to the value before, however long before": {"DIFF(both)", seriesOf(none, none, none, 3)},
		"DIFF":                    {"DIFF(metric1)", seriesOf(none, -10, -20, 0)},
		"RATE per second":         {"RATE(metric1) + RATE(both)", seriesOf(none, -10./60, -20./60, 3./180)},
		"PERIOD":                  {"metric1 / PERIOD(metric1)", seriesOf(0.5, 20./60, 0, 0)},
		"TIME_SERIES":             {"TIME_SERIES(5)", seriesOf(5, 5, 5, 5)},
		"unary minus of an array": {"SUM(-[metric1, metric2])", seriesOf(-50, -20, -20, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := calculated(t, c.expression, ids, metrics)
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range got.series {
				if !exists(f) {
					got.series[i] = missing // infinities are dropped as well
				}
			}
			if diff := cmp.Diff(c.want, got.series, cmpopts.EquateNaNs(), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("%s (-want +got)\n%s", c.expression, diff)
			}
		})
	}
}

// "Using IF expressions" in the documentation of metric math.
func TestMetricMath_IF(t *testing.T) {
	metrics := map[string]points{
		"metric1": seriesOf(1, 1, 0, 0, none), "metric2": seriesOf(30, none, 0, 0, 30), "metric3": seriesOf(0, 0, 20, none, 20),
	}
	for expression, want := range map[string]points{
		"IF(metric1, metric2, metric3)": seriesOf(30, 0, 20, none, none),
		"IF(metric1, 5, metric3)":       seriesOf(5, 5, 20, none, none),
		"IF(metric1, metric2, 5)":       seriesOf(30, 0, 5, 5, none),
	} {
		got, err := calculated(t, expression, nil, metrics)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.series, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", expression, diff)
		}
	}
}

func TestMetricMath_rejected(t *testing.T) {
	metrics := map[string]points{"m1": seriesOf(1), "m2": seriesOf(2)}
	for expression, reason := range map[string]string{
		"ANOMALY_DETECTION_BAND(m1)": "function ANOMALY_DETECTION_BAND is not supported",
		"sum(m1)":                    "function sum is not supported",
		"[m1, m2] + [m1, m2]":        "between two arrays is not supported",
		"[m1, 2]":                    "an array has time series only",
		"SUM(m1, m2)":                "want one, got 2",
		"ABS(2)":                     "want TS or TS[], got S",
		"FILL(m1)":                   "want two, got 1",
		"FILL(m1, [m1, m2])":         "the filler is an array",
		"IF(m1)":                     "want two or three, got 1",
		"IF([m1, m2], 1, 0)":         "an array",
		"IF(1, 2, 3)":                "want a time series",
		"METRICS(m1)":                "want a text",
		"METRICS(\"a\", \"b\")":      "at most one",
		"PERIOD(m1 + m2)":            "id of a metric",
		"TIME_SERIES(m1)":            "want a scalar",
		`"text"`:                     "wrong arguments",
		"m1 +":                       "unexpected end",
		"m1 m2":                      `unexpected "m2"`,
		"(m1":                        `want ")"`,
		"[m1, m2":                    `want "]"`,
		"m1 % m2":                    `unexpected "%"`,
		"":                           "unexpected end",
		"* m1":                       `unexpected "*"`,
		"NOSUCH(m1) + 1":             "NOSUCH is not supported",
		"-NOSUCH(m1)":                "NOSUCH is not supported",
		"m1 + NOSUCH(m1)":            "NOSUCH is not supported",
		"[NOSUCH(m1)]":               "NOSUCH is not supported",
		"FILL(m1, NOSUCH(m1))":       "NOSUCH is not supported",
		"IF(m1, NOSUCH(m1), 0)":      "NOSUCH is not supported",
		"SUM(NOSUCH(m1))":            "NOSUCH is not supported",
	} {
		_, err := calculated(t, expression, []string{"m1", "m2"}, metrics)
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: got %v, want %q in it", expression, err, reason)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("IF(FILL(m1, 0) > 0 AND SUM([m1, m2]) == 0, 1, 0)")
	f.Fuzz(func(_ *testing.T, expression string) {
		_, _ = parse(expression) // does not panic and ends
	})
}

func TestStore(t *testing.T) {
	at := time.Date(2026, 11, 27, 14, 0, 0, 0, time.UTC)
	store := NewStore()
	m := NewMetric("N", "Lag", "A", "1", "B", "2")
	store.rank(m)
	for i, v := range []float64{4, 8, 1, 3, 100} {
		store.Put(NewMetric("N", "Lag", "B", "2", "A", "1"), v, at.Add(time.Duration(i)*20*time.Second))
	}
	store.Put(NewMetric("N", "Lag", "A", "1"), 1000, at) // another metric
	store.Put(m, 1000, at.Add(-time.Second))             // before
	store.Put(m, 1000, at.Add(2*time.Minute))            // at the end
	if got, want := store.earliest(), minuteOf(at)-1; got != want {
		t.Errorf("the earliest minute is %s, want %s", got.time(), want.time())
	}
	if got := store.earliest(); got != 0 {
		t.Errorf("after it was read, the earliest minute is %s", got.time())
	}
	for name, want := range map[string]float64{
		"Sum": 116, "Average": 23.2, "Minimum": 1, "Maximum": 100, "SampleCount": 5, "p50": 4, "p60": 4, "p61": 8, "p99": 100, "p100": 100, "p0": 1,
	} {
		s, err := parseStatistic(name)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := store.statistic(m, s, minuteOf(at), minuteOf(at)+2)
		if !ok || got != want {
			t.Errorf("%s is %v (%t), want %v", name, got, ok, want)
		}
	}
	sum, _ := parseStatistic("Sum")
	if got, ok := store.statistic(m, sum, minuteOf(at)+3, minuteOf(at)+9); ok {
		t.Errorf("a period without values has %v", got)
	}
	for _, name := range []string{"tm99", "p101", "p-1", "pq", ""} {
		if _, err := parseStatistic(name); err == nil {
			t.Errorf("statistic %q is supported", name)
		}
	}
}
