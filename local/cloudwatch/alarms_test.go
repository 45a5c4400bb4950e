package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/local/assembly"
)

// The tables in "Configuring how CloudWatch alarms treat missing data": the newest data point is
// on the right, 0 is not breaching, X is breaching, - is missing.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func TestMissingData(t *testing.T) {
	const retained = State("")
	for _, c := range []struct {
		points                                   string
		datapoints                               int // of three evaluation periods
		missing, ignore, breaching, notBreaching State
	}{
		{"0-X-X", 3, OK, OK, OK, OK},
		{"0----", 3, OK, OK, OK, OK},
		{"-----", 3, InsufficientData, retained, Alarm, OK},
		{"0XX-X", 3, Alarm, Alarm, Alarm, Alarm},
		{"--X--", 3, Alarm, retained, Alarm, OK},

		{"0-X-X", 2, Alarm, Alarm, Alarm, Alarm},
		{"00X0X", 2, Alarm, Alarm, Alarm, Alarm},
		{"0-X--", 2, OK, OK, Alarm, OK},
		{"----0", 2, OK, OK, Alarm, OK},
		{"---X-", 2, Alarm, retained, Alarm, OK},

		// "the alarm does not go immediately into ALARM state when the data is either - - - - X or
		// - - - X - and Datapoints to Alarm is 3"
		{"----X", 3, InsufficientData, retained, Alarm, OK},
		{"---X-", 3, InsufficientData, retained, Alarm, OK},
	} {
		for treat, want := range map[string]State{
			treatMissing: c.missing, treatIgnore: c.ignore, treatBreaching: c.breaching, treatNotBreaching: c.notBreaching,
		} {
			t.Run(fmt.Sprintf("%s, %d of 3, %s", c.points, c.datapoints, treat), func(t *testing.T) {
				a, err := newAlarm("Id", "arn", AlarmProperties{
					Namespace: "N", MetricName: "M", Statistic: "Sum", Period: 300, EvaluationPeriods: 3, DatapointsToAlarm: &c.datapoints,
					ComparisonOperator: "GreaterThanThreshold", Threshold: 5, TreatMissingData: treat,
				})
				if err != nil {
					t.Fatal(err)
				}
				end := time.Date(2026, 11, 27, 14, 2, 0, 0, time.UTC)
				store := NewStore()
				for i, p := range c.points {
					at := end.Add(time.Duration(i-len(c.points)) * 5 * time.Minute)
					switch p {
					case '0':
						store.Put(NewMetric("N", "M"), 5, at)
					case 'X':
						store.Put(NewMetric("N", "M"), 6, at)
					}
				}
				existing, err := a.retrieve(store, minuteOf(end))
				if err != nil {
					t.Fatal(err)
				}
				if got, reason := a.judge(existing); got != want {
					t.Errorf("got %q (%s), want %q", got, reason, want)
				}
			})
		}
	}
}

var epoch = time.Date(2026, 11, 27, 14, 0, 30, 0, time.UTC)

// fixture is a set of alarms with a clock and a list of what was published.
type fixture struct {
	*Alarms
	store     *Store
	now       time.Time
	published []string // subjects
	messages  [][]byte
}

func newFixture(t *testing.T, alarms ...string) *fixture {
	t.Helper()
	return newFixtureAt(t, epoch, alarms...)
}

func newFixtureAt(t *testing.T, now time.Time, alarms ...string) *fixture {
	t.Helper()
	f := &fixture{store: NewStore(), now: now}
	resources := map[string]assembly.Resource{}
	for i, text := range alarms {
		var properties map[string]any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&properties); err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("Alarm%d", i)
		resources[id] = assembly.Resource{LogicalID: id, Type: "AWS::CloudWatch::Alarm", Properties: properties}
	}
	stack := &assembly.Stack{Name: "S", Resources: resources}
	resolver := assembly.NewResolver(stack, assembly.NewTypes(Types), assembly.Env{Account: "123456789012", Region: "eu-west-1"})
	var err error
	f.Alarms, err = NewAlarms(stack, resolver, Config{
		Store: f.store, Account: "123456789012", Region: "eu-west-1", Now: func() time.Time { return f.now }, Refresh: func(context.Context) {},
		Notify: func(_ context.Context, _, topic, subject string, message []byte) {
			f.published = append(f.published, topic+" "+subject)
			f.messages = append(f.messages, message)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// at evaluates up to a time and returns the only alarm.
func (f *fixture) at(t *testing.T, at time.Time) Status {
	t.Helper()
	list, err := f.Evaluate(t.Context(), at)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d alarms, %v", len(list), err)
	}
	return list[0]
}

const errorsAlarm = `{"AlarmName": "errors", "AlarmDescription": "d", "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum",
	"Dimensions": [{"Name": "FunctionName", "Value": "f"}], "Period": 300, "EvaluationPeriods": 1, "Threshold": 0,
	"ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching", "AlarmActions": ["topic"], "OKActions": ["calm"], "Tags": []}`

func TestAlarms(t *testing.T) {
	failed := NewMetric("AWS/Lambda", "Errors", "FunctionName", "f")
	t.Run("ring when a period breaches and once only", func(t *testing.T) {
		f := newFixture(t, errorsAlarm)
		f.store.Put(failed, 1, epoch)
		got := f.at(t, epoch.Add(time.Hour))
		want := []Transition{
			{epoch.Truncate(time.Minute), InsufficientData},
			{epoch.Truncate(time.Minute).Add(time.Minute), Alarm}, // at the end of the minute
			// The breaching period is the newest that exists until it leaves the range of three.
			{epoch.Truncate(time.Minute).Add(16 * time.Minute), OK},
		}
		if diff := cmp.Diff(want, got.History); diff != "" || got.State != OK || !got.Since.Equal(want[2].At) {
			t.Errorf("%+v (-want +got)\n%s", got, diff)
		}
		f.at(t, epoch.Add(time.Hour)) // the future again: published before
		if diff := cmp.Diff([]string{`topic ALARM: "errors" in eu-west-1`, `calm OK: "errors" in eu-west-1`}, f.published); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("publish CloudWatch's message", func(t *testing.T) {
		f := newFixture(t, errorsAlarm)
		f.store.Put(failed, 2, epoch)
		f.at(t, epoch.Add(2*time.Minute))
		var got, want any
		if err := json.Unmarshal(f.messages[0], &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(`{"AlarmName": "errors", "AlarmDescription": "d", "AWSAccountId": "123456789012",
			"AlarmConfigurationUpdatedTimestamp": "2026-11-27T14:00:00.000+0000", "NewStateValue": "ALARM",
			"NewStateReason": "Threshold Crossed: 1 out of the last 1 datapoint [2 (27/11/26 13:56:00)] was greater than the threshold (0) (minimum 1 datapoint for OK -> ALARM transition).",
			"StateChangeTime": "2026-11-27T14:01:00.000+0000", "Region": "eu-west-1", "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors",
			"OldStateValue": "INSUFFICIENT_DATA", "OKActions": ["calm"], "AlarmActions": ["topic"], "InsufficientDataActions": [],
			"Trigger": {"MetricName": "Errors", "Namespace": "AWS/Lambda", "StatisticType": "Statistic", "Statistic": "SUM", "Unit": null,
				"Dimensions": [{"value": "f", "name": "FunctionName"}], "Period": 300, "EvaluationPeriods": 1, "DatapointsToAlarm": 1,
				"ComparisonOperator": "GreaterThanThreshold", "Threshold": 0, "TreatMissingData": "notBreaching", "EvaluateLowSampleCountPercentile": ""}}`), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("take late and future values into account", func(t *testing.T) {
		f := newFixture(t, errorsAlarm)
		f.at(t, epoch.Add(time.Hour)) // looks ahead
		f.now = epoch.Add(10 * time.Minute)
		f.at(t, f.now)
		f.store.Put(failed, 1, epoch.Add(2*time.Minute)) // late
		if got := f.at(t, f.now); got.State != Alarm || !got.Since.Equal(epoch.Truncate(time.Minute).Add(3*time.Minute)) {
			t.Errorf("after a late value: %+v", got)
		}
		f.store.Put(failed, 1, f.now.Add(30*time.Minute)) // early
		got := f.at(t, f.now.Add(35*time.Minute))
		if len(got.History) != 5 || got.State != Alarm || !got.Since.Equal(epoch.Truncate(time.Minute).Add(41*time.Minute)) {
			t.Errorf("after an early value: %+v", got)
		}
		if got := f.at(t, f.now.Add(20*time.Minute)); got.State != OK {
			t.Errorf("evaluated for an earlier time: %+v", got)
		}
	})
	t.Run("forget a future that did not come", func(t *testing.T) {
		f := newFixture(t, `{"AlarmName": "expiring", "Namespace": "AWS/SQS", "MetricName": "ApproximateAgeOfOldestMessage", "Statistic": "Maximum",
			"Dimensions": [{"Name": "QueueName", "Value": "q"}], "Period": 3600, "EvaluationPeriods": 1, "Threshold": 864000,
			"ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching"}`)
		q := NewQueues(f.store, func() time.Time { return f.now })
		q.Add("q", 14*24*time.Hour)
		waiting := 1
		f.config.Refresh = func(ctx context.Context) {
			if err := q.Sample(ctx, func(context.Context, string) (Counts, error) { return Counts{Visible: waiting}, nil }); err != nil {
				t.Error(err)
			}
		}
		later := epoch.AddDate(0, 0, 11)
		if got := f.at(t, later); got.State != Alarm {
			t.Errorf("a message that nobody handles: %+v", got)
		}
		waiting, f.now = 0, epoch.Add(time.Hour)
		if got := f.at(t, later); got.State != OK {
			t.Errorf("a message that was handled: %+v", got)
		}
	})
	t.Run("watch the result of an expression", func(t *testing.T) {
		f := newFixture(t, `{"AlarmName": "unpublished", "EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold",
			"Metrics": [{"Id": "missing", "Expression": "due - done", "Label": "l"}, {"Id": "half", "Expression": "missing / 2", "ReturnData": false},
				{"Id": "due", "ReturnData": false, "MetricStat": {"Metric": {"Namespace": "P", "MetricName": "Due", "Dimensions": []}, "Period": 60, "Stat": "Sum"}},
				{"Id": "done", "ReturnData": false, "MetricStat": {"Metric": {"Namespace": "P", "MetricName": "Done", "Dimensions": []}, "Period": 60, "Stat": "Sum"}}],
			"TreatMissingData": "notBreaching", "AlarmActions": ["topic"]}`)
		stamp := epoch.Add(15 * time.Minute)
		f.store.Put(NewMetric("P", "Due"), 1, stamp)
		f.store.Put(NewMetric("P", "Done"), 0, stamp)
		if got := f.at(t, stamp); got.State != OK {
			t.Errorf("before the minute's end: %+v", got)
		}
		if got := f.at(t, stamp.Add(time.Minute)); got.State != Alarm {
			t.Errorf("due and not done: %+v", got)
		}
		if !strings.Contains(string(f.messages[0]), `"Metrics":[{"Expression":"due - done","Id":"missing","Label":"l","ReturnData":true}`) {
			t.Errorf("the message is %s", f.messages[0])
		}
		f.store.Put(NewMetric("P", "Done"), 1, stamp)
		if got := f.at(t, stamp.Add(time.Minute)); got.State != OK {
			t.Errorf("due and done: %+v", got)
		}
	})
	// "At 10:02, the job fails. At 10:03, the alarm […] considers data only up to 10:00. At 11:03,
	// the alarm considers data up to 11:00 and goes into ALARM state."
	t.Run("over days are evaluated once an hour", func(t *testing.T) {
		f := newFixture(t, `{"AlarmName": "job", "Namespace": "N", "MetricName": "Failed", "Statistic": "Sum", "Period": 86400, "EvaluationPeriods": 3,
			"DatapointsToAlarm": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching"}`)
		day := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
		f.store.Put(NewMetric("N", "Failed"), 1, day.Add(10*time.Hour+2*time.Minute))
		if got := f.at(t, day.Add(11*time.Hour+2*time.Minute)); got.State != OK {
			t.Errorf("at 11:02: %+v", got)
		}
		got := f.at(t, day.Add(11*time.Hour+4*time.Minute))
		if want := day.Add(11*time.Hour + 3*time.Minute); got.State != Alarm || !got.Since.Equal(want) {
			t.Errorf("at 11:04: %+v, want ALARM since %s", got, want)
		}
	})
	t.Run("without actions change their state only", func(t *testing.T) {
		f := newFixture(t, strings.Replace(errorsAlarm, "{", `{"ActionsEnabled": false, `, 1))
		f.store.Put(failed, 1, epoch)
		if got := f.at(t, epoch.Add(2*time.Minute)); got.State != Alarm || f.published != nil {
			t.Errorf("%+v, published %q", got, f.published)
		}
	})
	t.Run("are evaluated after each minute in the background", func(t *testing.T) {
		f := newFixture(t, errorsAlarm)
		f.store.Put(failed, 1, epoch)
		f.now = epoch.Truncate(time.Minute).Add(time.Minute + afterMinute - time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		f.config.Notify = func(context.Context, string, string, string, []byte) { cancel() }
		if err := f.Run(ctx); err != nil || f.list()[0].State != Alarm {
			t.Errorf("%v, %+v", err, f.list())
		}
	})
	t.Run("can be read while other services are called for them", func(t *testing.T) {
		f := newFixture(t, errorsAlarm)
		f.store.Put(failed, 1, epoch)
		var read []State
		look := func() { read = append(read, f.Describe()[0].State) }
		f.config.Refresh = func(context.Context) { look() }
		f.config.Notify = func(context.Context, string, string, string, []byte) { look() }
		f.now = epoch.Add(2 * time.Minute)
		f.at(t, f.now)
		if want := []State{InsufficientData, Alarm}; !slices.Equal(read, want) {
			t.Errorf("read %v, want %v", read, want)
		}
	})
	t.Run("that an update has changed keep their state", func(t *testing.T) {
		before := newFixture(t, errorsAlarm)
		before.store.Put(failed, 1, epoch)
		raised := before.at(t, epoch.Add(time.Minute))
		f := newFixtureAt(t, epoch.Add(2*time.Minute), strings.Replace(errorsAlarm, `"Threshold": 0`, `"Threshold": 1`, 1))
		f.Continue(before.Alarms)
		if got := f.Describe()[0]; got.State != Alarm || !got.Since.Equal(raised.Since) {
			t.Errorf("%+v, want ALARM since %s", got, raised.Since)
		}
		if got := f.at(t, f.now); got.State != OK {
			t.Errorf("evaluated with the new threshold: %+v", got)
		}
	})
	t.Run("that an update has added since the last evaluation begin with their creation", func(t *testing.T) {
		before := newFixture(t)
		if _, err := before.Evaluate(t.Context(), epoch); err != nil {
			t.Fatal(err)
		}
		created := epoch.Add(3 * time.Minute)
		f := newFixtureAt(t, created, errorsAlarm)
		f.store.Put(failed, 1, epoch)
		f.Continue(before.Alarms)
		if got := f.at(t, created); got.State != InsufficientData || !got.Since.Equal(created.Truncate(time.Minute)) {
			t.Errorf("when it is created: %+v", got)
		}
		if got := f.at(t, created.Add(time.Minute)); got.State != Alarm {
			t.Errorf("a minute later: %+v", got)
		}
	})
	t.Run("notify when whoever asked for the evaluation has gone", func(t *testing.T) {
		f := newFixture(t, errorsAlarm)
		f.store.Put(failed, 1, epoch)
		ctx, cancel := context.WithCancel(t.Context())
		var gone error
		f.config.Notify = func(ctx context.Context, _, _, _ string, _ []byte) { cancel(); gone = ctx.Err() }
		if _, err := f.Evaluate(ctx, epoch.Add(2*time.Minute)); err != nil || gone != nil {
			t.Errorf("%v, %v", err, gone)
		}
	})
	t.Run("are not evaluated beyond 62 days", func(t *testing.T) {
		f := newFixture(t, errorsAlarm)
		if _, err := f.Evaluate(t.Context(), epoch.AddDate(0, 3, 0)); err == nil {
			t.Error("no error")
		}
	})
	t.Run("in AWS/DynamoDB ignore missing data by default", func(t *testing.T) {
		a, err := newAlarm("Id", "arn", AlarmProperties{
			Namespace: "AWS/DynamoDB", MetricName: "M", Statistic: "Sum", Period: 60, EvaluationPeriods: 1, ComparisonOperator: "LessThanThreshold",
		})
		if err != nil || a.TreatMissingData != treatIgnore {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func TestAlarms_unsupported(t *testing.T) {
	metrics := func(list string) string {
		return `{"AlarmName": "a", "EvaluationPeriods": 1, "ComparisonOperator": "LessThanThreshold", "Threshold": 1, "Metrics": [` + list + `]}`
	}
	stat := func(id string, period int) string {
		return fmt.Sprintf(`{"Id": %q, "ReturnData": false, "MetricStat": {"Metric": {"Namespace": "P", "MetricName": "M"}, "Period": %d, "Stat": "Sum"}}`, id, period)
	}
	many := ""
	for i := range 11 {
		many += stat(fmt.Sprintf("m%d", i), 60) + ","
	}
	for reason, text := range map[string]string{
		"property Unit is not supported":                    strings.Replace(errorsAlarm, "{", `{"Unit": "Count", `, 1),
		"property EvaluateLowSampleCountPercentile":         strings.Replace(errorsAlarm, "{", `{"EvaluateLowSampleCountPercentile": "ignore", `, 1),
		"ComparisonOperator Odd is not supported":           strings.Replace(errorsAlarm, "GreaterThanThreshold", "Odd", 1),
		"TreatMissingData odd does not exist":               strings.Replace(errorsAlarm, "notBreaching", "odd", 1),
		"statistic tm90 is not supported":                   strings.Replace(errorsAlarm, `"Statistic": "Sum"`, `"ExtendedStatistic": "tm90"`, 1),
		"period 10 is not supported":                        strings.Replace(errorsAlarm, "300", "10", 1),
		"DatapointsToAlarm 2 of EvaluationPeriods 1":        strings.Replace(errorsAlarm, "{", `{"DatapointsToAlarm": 2, `, 1),
		"EvaluationPeriods of 90000 s together":             strings.Replace(errorsAlarm, `"EvaluationPeriods": 1`, `"EvaluationPeriods": 300`, 1),
		"EvaluationPeriods of 691200 s together":            strings.Replace(strings.Replace(errorsAlarm, `"EvaluationPeriods": 1`, `"EvaluationPeriods": 8`, 1), "300", "86400", 1),
		"function RUNNING_SUM is not supported":             metrics(`{"Id": "e", "Expression": "RUNNING_SUM(m)"},` + stat("m", 60)),
		"there is no id n":                                  metrics(`{"Id": "e", "Expression": "m + n"},` + stat("m", 60)),
		"e refers to itself":                                metrics(`{"Id": "e", "Expression": "m + d"},{"Id": "d", "Expression": "e", "ReturnData": false},` + stat("m", 60)),
		"both e and d return data":                          metrics(`{"Id": "e", "Expression": "m"},{"Id": "d", "Expression": "m"},` + stat("m", 60)),
		"none of its Metrics returns data":                  metrics(stat("m", 60)),
		"yields TS[], an alarm watches a time series":       metrics(`{"Id": "e", "Expression": "METRICS()"},` + stat("m", 60)),
		"metrics of different periods are not supported":    metrics(`{"Id": "e", "Expression": "m + n"},` + stat("m", 60) + "," + stat("n", 300)),
		"11 metrics, an alarm may have 10":                  metrics(many + `{"Id": "e", "Expression": "m1"}`),
		"id m is used twice":                                metrics(`{"Id": "e", "Expression": "m"},` + stat("m", 60) + "," + stat("m", 60)),
		`Alarm0 (AWS::CloudWatch::Alarm): expression "m +"`: metrics(`{"Id": "e", "Expression": "m +"},` + stat("m", 60)),
	} {
		var properties map[string]any
		if err := json.Unmarshal([]byte(text), &properties); err != nil {
			t.Fatalf("%s: %v", reason, err)
		}
		stack := &assembly.Stack{Resources: map[string]assembly.Resource{"Alarm0": {LogicalID: "Alarm0", Type: "AWS::CloudWatch::Alarm", Properties: properties}}}
		resolver := assembly.NewResolver(stack, assembly.NewTypes(Types), assembly.Env{})
		if _, err := NewAlarms(stack, resolver, Config{Store: NewStore(), Now: time.Now}); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("got %v, want %q in it", err, reason)
		}
	}
}

// Evaluating ahead skips the minutes in which nothing changes; what it finds must be what an
// evaluation of each minute finds.
func TestAlarms_ahead(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 12 {
		period := []int64{60, 300, 3600, 6 * 3600, 86400}[random.IntN(5)]
		evaluated := 1 + random.IntN(3)
		least := 1 + random.IntN(evaluated)
		treat := []string{treatMissing, treatIgnore, treatBreaching, treatNotBreaching}[random.IntN(4)]
		expression := []string{"m - n", "IF(FILL(m, 0) > 0 AND FILL(n, 0) == 0, 1, 0)", "m > n", "DIFF(m)", "FILL(m, REPEAT) - FILL(n, 0)"}[random.IntN(5)]
		text := fmt.Sprintf(`{"AlarmName": "a", "EvaluationPeriods": %d, "DatapointsToAlarm": %d, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold",
			"TreatMissingData": %q, "Metrics": [{"Id": "e", "Expression": %q},
				{"Id": "m", "ReturnData": false, "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": %d, "Stat": "Sum"}},
				{"Id": "n", "ReturnData": false, "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "n"}, "Period": %d, "Stat": "Sum"}}]}`,
			evaluated, least, treat, expression, period, period)
		ahead, stepwise := newFixture(t, text), newFixture(t, text)
		const minutes = 9 * 24 * 60
		for range random.IntN(40) {
			name, at, value := []string{"m", "n"}[random.IntN(2)], epoch.Add(time.Duration(random.IntN(minutes))*time.Minute), float64(random.IntN(3))
			ahead.store.Put(NewMetric("N", name), value, at)
			stepwise.store.Put(NewMetric("N", name), value, at)
		}
		for range minutes {
			stepwise.now = stepwise.now.Add(time.Minute)
			stepwise.at(t, stepwise.now)
		}
		if diff := cmp.Diff(stepwise.at(t, stepwise.now), ahead.at(t, stepwise.now)); diff != "" {
			t.Fatalf("%d: %s (-each minute +ahead)\n%s", i, text, diff)
		}
	}
}

// A test that looks ahead must not wait: sixty days of the stack's alarms take seconds.
func BenchmarkAlarms_sixtyDays(b *testing.B) {
	const alarms = 60
	for b.Loop() {
		a := &Alarms{config: Config{
			Store: NewStore(), Now: func() time.Time { return epoch }, Refresh: func(context.Context) {},
			Notify: func(context.Context, string, string, string, []byte) {},
		}, started: minuteOf(epoch), evaluated: minuteOf(epoch), performed: map[performed]bool{}}
		for i := range alarms {
			one, err := newAlarm("Id", fmt.Sprint(i), AlarmProperties{
				AlarmName: fmt.Sprint(i), EvaluationPeriods: 1, Threshold: 0, ComparisonOperator: "GreaterThanThreshold", TreatMissingData: treatNotBreaching,
				Metrics: []Query{{ID: "e", Expression: "IF(FILL(m, 0) > 0 AND FILL(n, 0) == 0, 1, 0)"}, stat("m", fmt.Sprint("m", i)), stat("n", fmt.Sprint("n", i))},
			})
			if err != nil {
				b.Fatal(err)
			}
			a.add(one)
			for j := range 1000 {
				a.config.Store.Put(NewMetric("N", fmt.Sprint("m", i)), 1, epoch.Add(time.Duration(j)*time.Minute))
			}
		}
		if _, err := a.Evaluate(b.Context(), epoch.AddDate(0, 0, 60)); err != nil {
			b.Fatal(err)
		}
	}
}

func stat(id, name string) Query {
	var q Query
	if err := json.Unmarshal(fmt.Appendf(nil, `{"Id": %q, "ReturnData": false, "MetricStat": {"Metric": {"Namespace": "N", "MetricName": %q}, "Period": 300, "Stat": "Sum"}}`, id, name), &q); err != nil {
		panic(err)
	}
	return q
}
