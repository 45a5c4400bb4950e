package cloudwatch

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"payment-webhooks/local/assembly"
)

// alarmType is emulated by [Alarms].
var alarmType = assembly.Type{
	Name: "AWS::CloudWatch::Alarm", Properties: AlarmProperties{}, NameProperty: "AlarmName",
	IDs: func(i *assembly.Instance) assembly.IDs {
		return assembly.IDs{Ref: i.Name, Attributes: map[string]string{"Arn": i.ARN("cloudwatch", "alarm:"+i.Name)}}
	},
}

// AlarmProperties is AWS::CloudWatch::Alarm.
type AlarmProperties struct {
	AlarmName, AlarmDescription                      string
	ActionsEnabled                                   *bool
	AlarmActions, OKActions, InsufficientDataActions []string

	Namespace, MetricName, Statistic, ExtendedStatistic string
	Dimensions                                          []Dimension
	Period                                              int64 // seconds
	Metrics                                             []Query

	ComparisonOperator string
	Threshold          float64
	EvaluationPeriods  int
	DatapointsToAlarm  *int
	TreatMissingData   string

	Tags json.RawMessage
}

// Dimension is a dimension of a metric.
type Dimension struct{ Name, Value string }

// Query is an element of Metrics: a metric or an expression.
type Query struct {
	ID         string `json:"Id"`
	Expression string `json:",omitempty"`
	Label      string `json:",omitempty"`
	Period     int64  `json:",omitempty"`
	MetricStat *struct {
		Metric struct {
			Namespace, MetricName string
			Dimensions            []Dimension
		}
		Period int64
		Stat   string
	} `json:",omitempty"`
	ReturnData *bool `json:",omitempty"`
}

// alarm is a loaded alarm.
type alarm struct {
	AlarmProperties
	arn        string
	period     int64 // minutes
	datapoints int   // DatapointsToAlarm
	breaches   func(value float64) bool
	queries    []query
	watched    string // id of the query whose result is watched
}

// query is a metric or, when expression is not nil, an expression.
type query struct {
	id         string
	metric     Metric
	statistic  statistic
	expression node
	source     string // of an expression
	period     int64  // minutes
}

// extraPeriods are retrieved beyond the evaluation periods.
const extraPeriods = 2

// comparisons by ComparisonOperator, with their words in an alarm's reason.
var comparisons = map[string]struct {
	breaches func(value, threshold float64) bool
	words    string
}{
	"GreaterThanThreshold":          {func(v, t float64) bool { return v > t }, "greater than"},
	"GreaterThanOrEqualToThreshold": {func(v, t float64) bool { return v >= t }, "greater than or equal to"},
	"LessThanThreshold":             {func(v, t float64) bool { return v < t }, "less than"},
	"LessThanOrEqualToThreshold":    {func(v, t float64) bool { return v <= t }, "less than or equal to"},
}

// Ways to treat missing data.
const (
	treatMissing      = "missing"
	treatIgnore       = "ignore"
	treatBreaching    = "breaching"
	treatNotBreaching = "notBreaching"
)

// Limits of PutMetricAlarm.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
const (
	maxRange      = 7 * 24 * 3600 // seconds of all evaluation periods
	maxShortRange = 24 * 3600     // the same, when a period is shorter than an hour
	maxMetrics    = 10
)

// newAlarm checks an alarm as PutMetricAlarm does, and that everything in it is supported.
func newAlarm(logicalID, arn string, p AlarmProperties) (*alarm, error) {
	a := &alarm{AlarmProperties: p, arn: arn, datapoints: p.EvaluationPeriods}
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	comparison, known := comparisons[p.ComparisonOperator]
	if !known {
		problem("ComparisonOperator %s is not supported", p.ComparisonOperator)
	}
	a.breaches = func(value float64) bool { return comparison.breaches(value, p.Threshold) }
	if p.DatapointsToAlarm != nil {
		a.datapoints = *p.DatapointsToAlarm
	}
	if p.EvaluationPeriods < 1 || a.datapoints < 1 || a.datapoints > p.EvaluationPeriods {
		problem("DatapointsToAlarm %d of EvaluationPeriods %d", a.datapoints, p.EvaluationPeriods)
	}
	switch p.TreatMissingData {
	case "":
		a.TreatMissingData = treatMissing
		// "Alarms that evaluate metrics in the AWS/DynamoDB namespace default to ignore missing
		// data."
		if p.Namespace == "AWS/DynamoDB" {
			a.TreatMissingData = treatIgnore
		}
	case treatMissing, treatIgnore, treatBreaching, treatNotBreaching:
	default:
		problem("TreatMissingData %s does not exist", p.TreatMissingData)
	}
	problems = append(problems, a.addQueries())
	if seconds := a.period * 60; seconds < 60 {
		problem("a Period below a minute is not supported")
	} else if total := seconds * int64(p.EvaluationPeriods); total > maxRange || seconds < 3600 && total > maxShortRange {
		problem("EvaluationPeriods of %d s together are more than CloudWatch evaluates", total)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("%s (%s): %w", logicalID, alarmType.Name, err)
	}
	return a, nil
}

// addQueries adds the metric of an alarm on one metric, or its metrics and expressions.
func (a *alarm) addQueries() error {
	if a.Metrics == nil {
		return a.addMetric("metric", a.Namespace, a.MetricName, a.Dimensions, a.Period, a.Statistic+a.ExtendedStatistic)
	}
	var problems []error
	var metrics []string
	seen := map[string]bool{}
	for _, q := range a.Metrics {
		if seen[q.ID] {
			problems = append(problems, fmt.Errorf("id %s is used twice", q.ID))
		}
		seen[q.ID] = true
		if q.ReturnData == nil || *q.ReturnData {
			if a.watched != "" {
				problems = append(problems, fmt.Errorf("both %s and %s return data, an alarm watches one", a.watched, q.ID))
			}
			a.watched = q.ID
		}
		if s := q.MetricStat; s != nil {
			metrics = append(metrics, q.ID)
			watched := a.watched
			problems = append(problems, a.addMetric(q.ID, s.Metric.Namespace, s.Metric.MetricName, s.Metric.Dimensions, s.Period, s.Stat))
			a.watched = watched
			continue
		}
		expression, err := parse(q.Expression)
		problems = append(problems, err)
		a.queries = append(a.queries, query{id: q.ID, expression: expression, source: q.Expression})
	}
	if len(metrics) > maxMetrics {
		problems = append(problems, fmt.Errorf("%d metrics, an alarm may have %d", len(metrics), maxMetrics))
	}
	if a.watched == "" {
		problems = append(problems, errors.New("none of its Metrics returns data"))
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	// Evaluated once, every mistake in its expressions is found.
	for _, q := range a.queries {
		v, err := a.calculate(q.id, 1, func(query) points { return points{1} })
		if err == nil && q.id == a.watched && !v.isSeries() {
			err = fmt.Errorf("yields %s, an alarm watches a time series", v.kind())
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", q.id, err))
		}
	}
	return errors.Join(problems...)
}

func (a *alarm) addMetric(id, namespace, name string, dimensions []Dimension, period int64, stat string) error {
	a.watched = id
	s, err := parseStatistic(stat)
	if period%60 != 0 || period == 0 {
		err = errors.Join(err, fmt.Errorf("period %d is not supported: want a multiple of 60", period))
	}
	if a.period != 0 && a.period != period/60 {
		err = errors.Join(err, errors.New("metrics of different periods are not supported"))
	}
	a.period = period / 60
	var pairs []string
	for _, d := range dimensions {
		pairs = append(pairs, d.Name, d.Value)
	}
	a.queries = append(a.queries, query{id: id, metric: NewMetric(namespace, name, pairs...), statistic: s, period: period / 60})
	return err
}

// calculate returns the result of a query. read returns the data points of a metric.
func (a *alarm) calculate(id string, length int, read func(query) points) (value, error) {
	return calculate(a.queries, id, environment{length: length, period: a.period * 60}, func(q query) (points, error) { return read(q), nil })
}

// calculate returns the result of one of several queries. read returns the data points of a metric.
func calculate(queries []query, id string, e environment, read func(query) (points, error)) (value, error) {
	for _, q := range queries {
		if q.expression == nil {
			e.metrics = append(e.metrics, q.id)
		}
	}
	var under []string // ids that are being calculated
	done := map[string]value{}
	e.resolve = func(id string) (value, error) {
		if v, has := done[id]; has {
			return v, nil
		}
		i := slices.IndexFunc(queries, func(q query) bool { return q.id == id })
		if i < 0 {
			return value{}, fmt.Errorf("there is no id %s", id)
		}
		q := queries[i]
		if q.expression == nil {
			series, err := read(q)
			done[id] = value{series: series}
			return done[id], err
		}
		if slices.Contains(under, id) {
			return value{}, fmt.Errorf("%s refers to itself", id)
		}
		under = append(under, id)
		v, err := e.evaluate(q.expression)
		under = under[:len(under)-1]
		done[id] = v
		return v, err
	}
	return e.resolve(id)
}

// multiDay reports whether the alarm is evaluated once an hour.
func (a *alarm) multiDay() bool { return a.period*int64(a.EvaluationPeriods) > 24*60 }

// minuteOfMultiDay is the minute of the hour in which CloudWatch's example evaluates multi-day
// alarms: at 10:03, over data up to 10:00.
const minuteOfMultiDay = 3

// end returns the end of the data that an evaluation at a time considers. It reports false when
// the alarm is not evaluated then.
func (a *alarm) end(at minute) (minute, bool) {
	if !a.multiDay() {
		return at, true
	}
	full := at.truncate(60)
	return full, at-full == minuteOfMultiDay
}

// nextChange returns the end of the next evaluation whose data points may be other ones.
func (a *alarm) nextChange(store *Store, end minute) minute {
	from := end - minute(int64(a.EvaluationPeriods+extraPeriods)*a.period)
	next := never
	for _, q := range a.queries {
		if q.expression == nil {
			next = min(next, store.nextChange(q.metric, from, end, a.period))
		}
	}
	return next
}

// datapoint is one that exists.
type datapoint struct {
	value float64
	start minute
	age   int // periods since the newest one that could exist
}

// retrieve returns the data points of the evaluated range that exist, newest first.
func (a *alarm) retrieve(store *Store, end minute) ([]datapoint, error) {
	length := a.EvaluationPeriods + extraPeriods
	start := func(i int) minute { return end - minute(int64(length-i)*a.period) }
	v, err := a.calculate(a.watched, length, func(q query) points {
		p := make(points, length)
		for i := range p {
			var ok bool
			if p[i], ok = store.statistic(q.metric, q.statistic, start(i), start(i+1)); !ok {
				p[i] = missing
			}
		}
		return p
	})
	if err != nil {
		return nil, err
	}
	var existing []datapoint
	for i, f := range slices.Backward(v.series) {
		if exists(f) {
			existing = append(existing, datapoint{f, start(i), length - 1 - i})
		}
	}
	return existing, nil
}
