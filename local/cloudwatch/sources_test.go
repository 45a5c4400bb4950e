package cloudwatch

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"payment-webhooks/local/assembly"
)

func TestQueues(t *testing.T) {
	store, now := NewStore(), epoch
	q := NewQueues(store, func() time.Time { return now })
	q.Add("dlq", 4*24*time.Hour)
	read := func(name string, at time.Time) string {
		s, _ := parseStatistic("Maximum")
		f, ok := store.statistic(NewMetric("AWS/SQS", name, "QueueName", "dlq"), s, minuteOf(at), minuteOf(at)+1)
		if !ok {
			return "none"
		}
		return fmt.Sprint(f)
	}
	expect := func(what string, at time.Time, visible, age string) {
		t.Helper()
		if gotVisible, gotAge := read("ApproximateNumberOfMessagesVisible", at), read("ApproximateAgeOfOldestMessage", at); gotVisible != visible || gotAge != age {
			t.Errorf("%s: visible %s, age %s; want %s, %s", what, gotVisible, gotAge, visible, age)
		}
	}
	sample := func(visible, not int) {
		t.Helper()
		if err := q.Sample(t.Context(), func(context.Context, string) (Counts, error) { return Counts{visible, not}, nil }); err != nil {
			t.Fatal(err)
		}
	}
	const url = `"QueueUrl": "http://127.0.0.1/123456789012/dlq"`
	expect("before a sample", now, "none", "none")
	sample(0, 0)
	expect("empty", now.Add(-time.Minute), "0", "none")
	expect("empty, later", now.Add(time.Hour), "0", "none")

	q.Observed("SendMessage", []byte(`{`+url+`}`), []byte(`{"MessageId": "one"}`))
	now = now.Add(time.Hour)
	q.Observed("SendMessageBatch", []byte(`{`+url+`}`), []byte(`{"Successful": [{"Id": "a", "MessageId": "two"}, {"Id": "b", "MessageId": "three"}]}`))
	now = now.Add(time.Minute)
	sample(3, 0)
	expect("three", now.Add(-time.Minute), "3", "3630")
	expect("before they were sent", epoch.Add(-time.Minute), "0", "none")
	expect("when nothing happens", now.Add(24*time.Hour), "3", fmt.Sprint(3630+24*3600+60))
	expect("after the first expired", epoch.Add(4*24*time.Hour+time.Minute), "2", fmt.Sprint(4*24*3600-3600+60+30))
	expect("after all expired", epoch.Add(5*24*time.Hour), "0", "none")
	sent, _ := parseStatistic("Sum")
	if f, _ := store.statistic(NewMetric("AWS/SQS", "NumberOfMessagesSent", "QueueName", "dlq"), sent, minuteOf(epoch), minuteOf(now)); f != 3 {
		t.Errorf("%v messages were sent, want 3", f)
	}

	// Received, the first is invisible; deleted, it is gone.
	q.Observed("ReceiveMessage", []byte(`{`+url+`}`), []byte(`{"Messages": [{"MessageId": "one", "ReceiptHandle": "h1"}]}`))
	q.Observed("ReceiveMessage", []byte(`{`+url+`}`), []byte(`{"Messages": [{"MessageId": "one", "ReceiptHandle": "h2"}]}`))
	now = now.Add(time.Minute)
	sample(2, 1)
	expect("received", now.Add(-time.Minute), "2", "3690")
	expect("visible again", now.Add(time.Hour), "3", fmt.Sprint(3690+3600+60))
	q.Observed("DeleteMessage", []byte(`{`+url+`, "ReceiptHandle": "h1"}`), nil)
	q.Observed("DeleteMessage", []byte(`{`+url+`, "ReceiptHandle": "unknown"}`), nil)
	now = now.Add(time.Minute)
	sample(2, 0)
	expect("deleted", now.Add(-time.Minute), "2", "150")
	q.Observed("ReceiveMessage", []byte(`{`+url+`}`), []byte(`{"Messages": [{"MessageId": "two", "ReceiptHandle": "h3"}]}`))
	q.Observed("DeleteMessageBatch", []byte(`{`+url+`, "Entries": [{"Id": "x", "ReceiptHandle": "h3"}]}`), []byte(`{"Successful": [{"Id": "x"}]}`))

	// The server knows better: one was moved by a redrive policy, or came from elsewhere.
	now = now.Add(time.Minute)
	sample(0, 0)
	expect("moved", now.Add(-time.Minute), "0", "none")
	now = now.Add(time.Minute)
	sample(2, 0)
	expect("appeared", now.Add(time.Minute), "2", "390")

	for range 4 {
		q.Observed("ReceiveMessage", []byte(`{`+url+`}`), []byte(`{"Messages": [{"MessageId": "three", "ReceiptHandle": "h4"}]}`))
	}
	now = now.Add(time.Minute)
	sample(2, 0)
	expect("received too often", now.Add(-time.Minute), "1", "none") // the other one came just now

	q.Observed("PurgeQueue", []byte(`{`+url+`}`), nil)
	now = now.Add(time.Minute)
	sample(0, 0)
	expect("purged", now.Add(time.Minute), "0", "none")
	q.Observed("SendMessage", []byte(`{"QueueUrl": "http://127.0.0.1/1/other"}`), []byte(`{"MessageId": "x"}`)) // is ignored
	q.Observed("SendMessage", []byte(`Action=SendMessage`), nil)                                                // another protocol
}

func TestOldest(t *testing.T) {
	now := epoch
	q := NewQueues(NewStore(), func() time.Time { return now })
	q.Add("dlq", time.Hour)
	q.Add("empty", time.Hour)
	observe := func(operation, members, response string) {
		q.Observed(operation, []byte(`{"QueueUrl": "http://127.0.0.1/1/dlq"`+members+`}`), []byte(response))
	}
	oldest := func(what string, want time.Time) {
		t.Helper()
		got := q.Oldest()
		if at, has := got["dlq"]; has != !want.IsZero() || !at.Equal(want) || len(got) > 1 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	oldest("when nothing was sent", time.Time{})
	observe("SendMessage", "", `{"MessageId": "one"}`)
	first := now
	now = now.Add(time.Minute)
	observe("SendMessage", "", `{"MessageId": "two"}`)
	second := now
	oldest("when two were sent", first)
	before := q.Calls()
	observe("ReceiveMessage", "", `{"Messages": [{"MessageId": "one", "ReceiptHandle": "h"}]}`)
	oldest("when the first is hidden", first)
	observe("DeleteMessage", `, "ReceiptHandle": "h"`, "")
	oldest("when the first is deleted", second)
	if n := q.Calls() - before; n != 2 {
		t.Errorf("%d calls were counted, want 2", n)
	}
	now = now.Add(time.Hour)
	oldest("when its retention is over", time.Time{})
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
func TestFilters(t *testing.T) {
	const throttled = `{ ($.status = "429") && ($.resource != "/webhook/{provider}") && ($.functionRequestId = "-") }`
	for name, c := range map[string]struct {
		pattern, event string
		want           bool
	}{
		"the stack's filter":             {throttled, `{"status":"429","resource":"/webhook","functionRequestId":"-"}`, true},
		"another status":                 {throttled, `{"status":"200","resource":"/webhook","functionRequestId":"-"}`, false},
		"the excluded resource":          {throttled, `{"status":"429","resource":"/webhook/{provider}","functionRequestId":"-"}`, false},
		"a property that does not exist": {`{ $.a != "x" }`, `{"b":"x"}`, false},
		"no JSON":                        {`{ $.a = "x" }`, `a=x`, false},
		"a nested property":              {`{ $.a.b = "x" }`, `{"a":{"b":"x"}}`, true},
		"a property of no object":        {`{ $.a.b = "x" }`, `{"a":"x"}`, false},
		"a wildcard":                     {`{ $.a = "/webhook/*" }`, `{"a":"/webhook/stripe"}`, true},
		"dots are no wildcards":          {`{ $.a = "a.c" }`, `{"a":"abc"}`, false},
		"a number":                       {`{ $.a >= 500 }`, `{"a":500}`, true},
		"a smaller number":               {`{ $.a >= 500 }`, `{"a":499}`, false},
		"a text is no number":            {`{ $.a = 500 }`, `{"a":"500"}`, false},
		"or binds less than and":         {`{ $.a = "1" || $.a = "2" && $.b = "3" }`, `{"a":"1","b":"0"}`, true},
		"parentheses":                    {`{ ($.a = "1" || $.a = "2") && $.b = "3" }`, `{"a":"1","b":"0"}`, false},
		"not exists":                     {`{ $.a NOT EXISTS }`, `{"b":1}`, true},
		"exists":                         {`{ $.a NOT EXISTS }`, `{"a":1}`, false},
	} {
		store := NewStore()
		f := &Filters{store: store, byGroup: map[string][]filter{}}
		p := FilterProperties{FilterPattern: c.pattern, LogGroupName: "g"}
		p.MetricTransformations = append(p.MetricTransformations, struct {
			MetricNamespace, MetricName, MetricValue, Unit string
			Dimensions                                     []struct{ Key, Value string }
		}{"N", "M", "1", "Count", nil})
		if err := f.add(p); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f.Logged("g", c.event, epoch)
		f.Logged("other", c.event, epoch)
		s, _ := parseStatistic("Sum")
		if got, _ := store.statistic(NewMetric("N", "M"), s, minuteOf(epoch), minuteOf(epoch)+1); (got == 1) != c.want {
			t.Errorf("%s: counted %v, want %t", name, got, c.want)
		}
	}

	t.Run("take value and dimensions from the event", func(t *testing.T) {
		store := NewStore()
		stack := &assembly.Stack{Resources: map[string]assembly.Resource{"F": {LogicalID: "F", Type: "AWS::Logs::MetricFilter", Properties: map[string]any{
			"FilterPattern": `{ $.a = "*" }`, "LogGroupName": "g",
			"MetricTransformations": []any{map[string]any{
				"MetricNamespace": "N", "MetricName": "M", "MetricValue": "$.n", "Dimensions": []any{map[string]any{"Key": "Environment", "Value": "$.a"}},
			}},
		}}}}
		f, err := NewFilters(stack, assembly.NewResolver(stack, assembly.NewTypes(Types), assembly.Env{}), store)
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range []string{`{"a":"dev","n":2}`, `{"a":"dev","n":"3"}`, `{"a":"dev"}`, `{"n":1}`} {
			f.Logged("g", event, epoch)
		}
		s, _ := parseStatistic("Sum")
		if got, _ := store.statistic(NewMetric("N", "M", "Environment", "dev"), s, minuteOf(epoch), minuteOf(epoch)+1); got != 5 {
			t.Errorf("the sum is %v, want 5", got)
		}
	})
	t.Run("that are not supported are errors", func(t *testing.T) {
		for _, pattern := range []string{
			"", "ERROR", "[ip, user]", `{ $.a[0] = "x" }`, `{ $.a = x }`, `{ $.a = %x% }`, `{ $.a IS NULL }`, `{ $.a > "x" }`, `{ ($.a = 1 }`, `{ $.a = 1 $.b = 1 }`, `{ $.a = }`, `{ $.a = 1`,
		} {
			if _, err := parsePattern(pattern); err == nil || !strings.Contains(err.Error(), "is not supported") {
				t.Errorf("%s: got %v", pattern, err)
			}
		}
	})
}
