//go:build !race

package constructs

import (
	"context"
	"testing"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/assembly"
	"payment-webhooks/local/cloudwatch"
)

// night is the template's alarms, evaluated each minute as CloudWatch does, over metrics that a
// test puts.
type night struct {
	t      *testing.T
	store  *cloudwatch.Store
	alarms *cloudwatch.Alarms
	now    time.Time
	raised []string // notifications: subjects
}

var midnight = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func newNight(t *testing.T, s template) *night {
	t.Helper()
	n := &night{t: t, store: cloudwatch.NewStore(), now: midnight}
	resources := map[string]assembly.Resource{}
	for _, id := range s.all("AWS::CloudWatch::Alarm") {
		properties := s.plain(map[string]any(s.Resources[id].Properties)).(map[string]any)
		properties["AlarmActions"] = []any{"arn:topic"}
		resources[id] = assembly.Resource{LogicalID: id, Type: "AWS::CloudWatch::Alarm", Properties: properties}
	}
	stack := &assembly.Stack{Name: "S", Resources: resources}
	var err error
	n.alarms, err = cloudwatch.NewAlarms(stack, assembly.NewResolver(stack, assembly.NewTypes(cloudwatch.Types), assembly.Env{}), cloudwatch.Config{
		Store: n.store, Account: "123456789012", Region: "eu-west-1", Now: func() time.Time { return n.now }, Refresh: func(context.Context) {},
		Notify: func(_ context.Context, _, _, subject string, _ []byte) { n.raised = append(n.raised, subject) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// plain replaces references by the physical names of what they refer to.
func (s template) plain(value any) any {
	switch v := value.(type) {
	case map[string]any:
		if v["Ref"] != nil || v["Fn::GetAtt"] != nil || v["Fn::Join"] != nil {
			return s.physical(s.render(v))
		}
		replaced := map[string]any{}
		for key, member := range v {
			if key == "AlarmActions" { // the topic's ARN is no name
				continue
			}
			replaced[key] = s.plain(member)
		}
		return replaced
	case []any:
		replaced := make([]any, len(v))
		for i, member := range v {
			replaced[i] = s.plain(member)
		}
		return replaced
	}
	return value
}

func (n *night) put(at time.Time, value float64, namespace, name string, dimensions ...string) {
	n.store.Put(cloudwatch.NewMetric(namespace, name, dimensions...), value, at)
}

// business is a metric of the handlers.
func (n *night) business(at time.Time, value float64, name string, more ...string) {
	n.put(at, value, contract.MetricNamespace, name, append([]string{contract.DimensionEnvironment, "dev"}, more...)...)
}

// stored is what the validator writes for a stored transaction.
func (n *night) stored(at time.Time) {
	due := at.Add(contract.AccountingDelay)
	n.business(due, 1, contract.MetricPublicationsDue)
	n.business(due, 0, contract.MetricPublicationsDone)
	n.business(due, 0, contract.MetricArchiveRuns)
	n.business(at, 5, contract.MetricAckLatency)
	n.put(at, 1, "AWS/Lambda", "Invocations", "FunctionName", "webhook-validator-dev")
}

// published is what the relay writes for a published event.
func (n *night) published(received, at time.Time, tier string) {
	n.business(received.Add(contract.AccountingDelay), 1, contract.MetricPublicationsDone)
	if tier == "high" {
		n.business(received.Add(contract.AccountingDelay), 1, contract.MetricScoresDue)
		n.business(received.Add(contract.AccountingDelay), 0, contract.MetricScoresDone)
	}
	n.business(at, 1, contract.MetricEventsExpected, contract.DimensionTier, tier)
}

// rule is what EventBridge counts.
func (n *night) rule(at time.Time, name, tier string) {
	n.put(at, 1, "AWS/Events", name, "EventBusName", "payment-events-dev", "RuleName", tier+"-value-transactions-dev")
}

func (n *night) matched(at time.Time, tier string) {
	n.rule(at, "MatchedEvents", tier)
	n.rule(at, "Invocations", tier)
}

// until lets time pass, minute by minute, and returns when the alarm of a name was first in the
// state ALARM; the zero time if it never was.
func (n *night) until(end time.Time, name string, each func(now time.Time)) (first time.Time) {
	n.t.Helper()
	for !n.now.After(end) {
		if each != nil {
			each(n.now)
		}
		if n.state(name) == cloudwatch.Alarm && first.IsZero() {
			first = n.now
		}
		n.now = n.now.Add(time.Minute)
	}
	return first
}

// state is that of an alarm now.
func (n *night) state(name string) cloudwatch.State {
	n.t.Helper()
	states, err := n.alarms.Evaluate(n.t.Context(), n.now)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, s := range states {
		if s.Name == contract.AlarmPrefix+name+"-dev" {
			return s.State
		}
	}
	n.t.Fatalf("no alarm %s", name)
	return ""
}

// quiet fails unless no alarm was ever raised.
func (n *night) quiet() {
	n.t.Helper()
	if len(n.raised) > 0 {
		n.t.Errorf("raised: %q", n.raised)
	}
}

// within fails unless an alarm was raised between two times.
func (n *night) within(first, from, to time.Time) {
	n.t.Helper()
	if first.Before(from) || first.After(to) {
		n.t.Errorf("raised at %s, want between %s and %s", first, from, to)
	}
}

func TestSilenceIsHeard(t *testing.T) {
	s := stack(t)
	at := midnight.Add(2*time.Minute + 30*time.Second)
	t.Run("when a stored transaction is not published for 15 minutes", func(t *testing.T) {
		n := newNight(t, s)
		n.stored(at)
		n.within(n.until(at.Add(time.Hour), "unpublished", nil), at.Add(15*time.Minute), at.Add(17*time.Minute))
	})
	t.Run("when an event of a scored tier has no score for 15 minutes", func(t *testing.T) {
		n := newNight(t, s)
		n.stored(at)
		n.published(at, at.Add(time.Second), "high")
		n.matched(at.Add(time.Second), "high")
		n.within(n.until(at.Add(time.Hour), "unscored", nil), at.Add(15*time.Minute), at.Add(17*time.Minute))
	})
	for name, counted := range map[string]string{
		"matches no rule, and none ever did":    "",
		"matches a rule whose target is gone":   "MatchedEvents",
		"is counted as sent and not as matched": "Invocations",
	} {
		t.Run("when a single published event "+name, func(t *testing.T) {
			n := newNight(t, s)
			n.published(at, at.Add(time.Second), "medium")
			if counted != "" {
				n.rule(at.Add(time.Second), counted, "medium")
			}
			n.within(n.until(at.Add(2*time.Hour), "medium-value-unmatched", nil), at.Add(14*time.Minute), at.Add(31*time.Minute))
		})
	}
	t.Run("when a rule misses some of many events", func(t *testing.T) {
		n := newNight(t, s)
		i := 0
		first := n.until(at.Add(2*time.Hour), "medium-value-unmatched", func(now time.Time) {
			if i++; i%20 != 0 {
				n.matched(now, "medium")
			}
			n.published(now, now, "medium")
		})
		n.within(first, at.Add(15*time.Minute), at.Add(time.Hour))
	})
	t.Run("when the validator's metrics are lost with its log group", func(t *testing.T) {
		n := newNight(t, s)
		n.put(at, 1, "AWS/Lambda", "Invocations", "FunctionName", "webhook-validator-dev")
		n.within(n.until(at.Add(time.Hour), "validator-uncounted", nil), at.Add(14*time.Minute), at.Add(31*time.Minute))
	})

	const day = 24 * time.Hour
	run := func(n *night) func(time.Time) {
		return func(now time.Time) {
			if now.Hour() == 2 && now.Minute() == 20 {
				n.business(now, 1, contract.MetricArchiveRuns)
			}
		}
	}
	t.Run("when the archiver stops and there is no payment", func(t *testing.T) {
		n := newNight(t, s)
		n.until(midnight.Add(4*day), "archive-stopped", run(n))
		n.quiet()
		stopped := n.now
		n.within(n.until(midnight.Add(9*day), "archive-stopped", nil), stopped.Add(2*day), stopped.Add(4*day))
		if n.state("archive-stopped") != cloudwatch.Alarm {
			t.Error("days without any value ended the alarm")
		}
		n.business(n.now, 1, contract.MetricArchiveRuns)
		n.until(n.now.Add(2*time.Hour), "archive-stopped", nil)
		if n.state("archive-stopped") != cloudwatch.OK {
			t.Error("a run does not end the alarm")
		}
	})
	t.Run("when the archiver never ran and there is a payment a week", func(t *testing.T) {
		n := newNight(t, s)
		n.within(n.until(midnight.Add(9*day), "archive-stopped", func(now time.Time) {
			if now.Weekday() == time.Wednesday && now.Hour() == 10 && now.Minute() == 0 {
				n.stored(now)
			}
		}), midnight.Add(2*day), midnight.Add(9*day))
	})

	for name, c := range map[string][]string{
		"high-value-transactions-undeliverable": {"AWS/Events", "InvocationsFailedToBeSentToDlq", "EventBusName", "payment-events-dev", "RuleName", "high-value-transactions-dev"},
		"daily-archival-undeliverable":          {"AWS/Events", "InvocationsFailedToBeSentToDlq", "RuleName", "daily-archival-dev"},
		"deployment-archival-undeliverable":     {"AWS/Events", "InvocationsFailedToBeSentToDlq", "RuleName", "deployment-archival-dev"},
		"event-relay-undeliverable":             {"AWS/Lambda", "DestinationDeliveryFailures", "FunctionName", "event-relay-dev"},
		"transaction-archival-undeliverable":    {"AWS/Lambda", "DestinationDeliveryFailures", "FunctionName", "transaction-archival-dev"},
		"transaction-archival-dropped":          {"AWS/Lambda", "AsyncEventsDropped", "FunctionName", "transaction-archival-dev"},
	} {
		t.Run("when something is lost on the way to safety: "+name, func(t *testing.T) {
			n := newNight(t, s)
			n.put(at, 1, c[0], c[1], c[2:]...)
			n.within(n.until(at.Add(time.Hour), name, nil), at, at.Add(2*time.Minute))
		})
	}
	t.Run("when a second message comes and the first is still there", func(t *testing.T) {
		n := newNight(t, s)
		for range 2 {
			n.put(n.now, 1, "AWS/SQS", "NumberOfMessagesSent", "QueueName", "relay-dlq-dev")
			n.until(n.now.Add(time.Hour), "relay-dlq-arrivals", func(now time.Time) {
				n.put(now, 1, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "relay-dlq-dev")
			})
		}
		if len(n.raised) != 3 { // in it, came, came
			t.Errorf("raised: %q", n.raised)
		}
	})
	t.Run("when a message has been there for ten days", func(t *testing.T) {
		n := newNight(t, s)
		first := n.until(midnight.Add(24*time.Hour), "quarantine-expiring", func(now time.Time) {
			n.put(now, (9*day + 12*time.Hour + now.Sub(midnight)).Seconds(), "AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "quarantine-dev")
		})
		n.within(first, midnight.Add(12*time.Hour), midnight.Add(13*time.Hour))
	})
}

func TestFalseAlarms(t *testing.T) {
	s := stack(t)
	t.Run("are not raised by ordinary traffic of a new stack, counted late by AWS", func(t *testing.T) {
		n := newNight(t, s)
		n.business(midnight.Add(time.Minute), 1, contract.MetricArchiveRuns) // of the deployment
		late := map[time.Time]func(){}
		n.until(midnight.Add(27*time.Hour), "unpublished", func(now time.Time) {
			if act := late[now]; act != nil {
				act()
			}
			if now.Hour() == 2 && now.Minute() == 20 {
				n.business(now, 1, contract.MetricArchiveRuns)
			}
			if now.Hour()%3 == 1 || now.Minute()%7 != 0 { // hours without payments, too
				return
			}
			for _, tier := range []string{"low", "medium", "high"} {
				n.stored(now)
				n.published(now, now, tier)
				late[now.Add(6*time.Minute)] = func() { // and in the minute after ours
					for _, tier := range []string{"low", "medium", "high"} {
						n.matched(now.Add(time.Minute), tier)
					}
				}
			}
			n.business(now.Add(contract.AccountingDelay), 1, contract.MetricScoresDone)
		})
		n.quiet()
	})
	t.Run("are not raised by a single event at the edge of two periods, whichever", func(t *testing.T) {
		n := newNight(t, s)
		for i := range 40 {
			at := n.now.Add(time.Duration(i%15) * time.Minute)
			n.published(at, at, "medium")
			n.business(at.Add(contract.AccountingDelay), 1, contract.MetricPublicationsDue)
			n.matched(at.Add(time.Minute), "medium")
			n.until(at.Add(80*time.Minute), "medium-value-unmatched", nil)
		}
		n.quiet()
	})
	t.Run("are not raised by a publication that is repeated, replayed or late within 15 minutes", func(t *testing.T) {
		n := newNight(t, s)
		n.business(midnight, 1, contract.MetricArchiveRuns) // of the deployment
		at := midnight.Add(time.Minute)
		n.stored(at)
		n.until(at.Add(12*time.Minute), "unpublished", nil)
		for range 3 {
			n.published(at, n.now, "low")
			n.matched(n.now, "low")
		}
		n.matched(n.now, "low") // replayed
		n.until(at.Add(2*time.Hour), "unpublished", nil)
		n.quiet()
	})
	t.Run("are not raised by a stack without any payment", func(t *testing.T) {
		n := newNight(t, s)
		n.business(midnight.Add(time.Minute), 1, contract.MetricArchiveRuns) // of the deployment
		n.until(midnight.Add(2*24*time.Hour), "unpublished", func(now time.Time) {
			if now.Hour() == 2 && now.Minute() == 20 {
				n.business(now, 1, contract.MetricArchiveRuns)
			}
		})
		n.quiet()
	})
}

// FILL of a metric that never had a value has none here, which is what makes an alarm least
// likely to work: see package cloudwatch.
func TestMetricsThatNeverExisted(t *testing.T) {
	t.Run("when none of a provider's deliveries was ever verified, rejected ones are heard", func(t *testing.T) {
		n := newNight(t, everyProviderStack(t))
		n.business(midnight.Add(time.Minute), 1, contract.MetricUnverified, contract.DimensionProvider, "stripe")
		n.within(n.until(midnight.Add(7*time.Hour), "unverified-stripe", nil), midnight, midnight.Add(7*time.Hour))
	})
	t.Run("when one was verified, they are not", func(t *testing.T) {
		n := newNight(t, everyProviderStack(t))
		n.business(midnight.Add(time.Minute), 1, contract.MetricUnverified, contract.DimensionProvider, "stripe")
		n.business(midnight.Add(2*time.Minute), 1, contract.MetricVerified, contract.DimensionProvider, "stripe")
		n.now = midnight.Add(3 * time.Minute)
		if first := n.until(midnight.Add(6*time.Hour), "unverified-stripe", nil); !first.IsZero() {
			t.Errorf("raised at %s", first)
		}
	})
	t.Run("when requests were never counted, errors are heard", func(t *testing.T) {
		n := newNight(t, stack(t))
		first := n.until(midnight.Add(2*time.Hour), "api-4xx", func(now time.Time) {
			n.put(now, 10, "AWS/ApiGateway", "4XXError", "ApiName", "payment-webhooks-dev", "Stage", "v1")
		})
		n.within(first, midnight.Add(45*time.Minute), midnight.Add(2*time.Hour))
	})
	t.Run("when a queue never had a message, its first one is heard", func(t *testing.T) {
		n := newNight(t, digestStack(t))
		at := midnight.Add(30 * time.Minute)
		first := n.until(midnight.Add(time.Hour), "medium-value-digest-dlq-arrivals", func(now time.Time) {
			if now.Equal(at) {
				n.put(now, 1, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "medium-value-digest-dlq-dev")
			}
		})
		n.within(first, at, at.Add(10*time.Minute))
	})
	t.Run("when nothing ever happened, no alarm is raised", func(t *testing.T) {
		n := newNight(t, everyProviderStack(t))
		n.until(midnight.Add(4*time.Hour), "archive-stopped", nil)
		n.quiet()
	})
}
