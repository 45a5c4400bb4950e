//go:build !race

package constructs

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
)

// alarm returns the alarm of a name without what all names have.
func (s template) alarm(name string) resource {
	s.t.Helper()
	_, alarm := s.named("AWS::CloudWatch::Alarm", "AlarmName", contract.AlarmPrefix+name+"-dev")
	return alarm
}

// alarms are the names of all alarms, without what all have.
func (s template) alarms() (names []string) {
	for _, id := range s.all("AWS::CloudWatch::Alarm") {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(s.render(s.Resources[id].at("AlarmName")), contract.AlarmPrefix), "-dev"))
	}
	return names
}

// instruction matches the imperatives with which a description says what to do.
var instruction = regexp.MustCompile(`(?i)\b(read|look|see|compare|check|find|repair|start|then|set|raise) `)

func TestAlarms(t *testing.T) {
	// Days without a run are no reason to think that the archiver runs again.
	treatment := map[string]string{"archive-stopped": "ignore"}
	t.Run("when raised, notify operators, and are quiet without traffic", func(t *testing.T) {
		s := sixTierStack(t)
		topic, _ := s.only("AWS::SNS::Topic")
		for _, name := range s.alarms() {
			missing := "notBreaching"
			if other, ok := treatment[name]; ok {
				missing = other
			}
			s.expect(s.alarm(name), map[string]string{
				"AlarmActions": `["${` + topic + `}"]`, "TreatMissingData": missing, "ComparisonOperator": "GreaterThanThreshold",
			})
		}
	})
	t.Run("say what they mean and what to do", func(t *testing.T) {
		for _, s := range []template{sixTierStack(t), everyProviderStack(t)} {
			for _, name := range s.alarms() {
				description := s.render(s.alarm(name).at("AlarmDescription"))
				if len(description) < 60 || !instruction.MatchString(description) {
					t.Errorf("%s does not say what to do: %q", name, description)
				}
				// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
				if len(description) > 1024 {
					t.Errorf("the description of %s has %d characters", name, len(description))
				}
			}
		}
	})
	t.Run("of what was given up name the command that sends it on", func(t *testing.T) {
		command := regexp.MustCompile("`scripts/ops (dlq (list|redrive)|republish|archive (run|verify|status)|find)\\b[^`]*`")
		kinds := regexp.MustCompile(`-(not-empty|arrivals|undeliverable|dropped|unmatched)$|^(unpublished|unscored|archive-stopped|validator-uncounted|workflow-.*)$`)
		s, found := stack(t), 0
		for _, name := range s.alarms() {
			if !kinds.MatchString(name) {
				continue
			}
			found++
			if description := s.render(s.alarm(name).at("AlarmDescription")); !command.MatchString(description) {
				t.Errorf("%s names no command: %s", name, description)
			}
		}
		if found < 30 {
			t.Errorf("only %d alarms", found)
		}
	})
}

// hops are the steps of a transaction's way, each with the alarms that are raised when the step
// is not made: because it fails, and because it does not happen.
var hops = map[string]struct{ fails, stops []string }{
	"provider → API Gateway":                   {fails: []string{"api-5xx", "api-429", "api-4xx", "unverified-stripe"}, stops: []string{"unverified-stripe"}},
	"API Gateway → webhook-validator":          {fails: []string{"webhook-validator-errors", "webhook-validator-throttles", "api-5xx"}},
	"webhook-validator → signing secret":       {fails: []string{"secret-reads-failed", "verification-unavailable"}},
	"webhook-validator → table":                {fails: []string{"api-5xx"}},
	"webhook-validator → quarantine":           {fails: []string{"quarantine-not-empty", "quarantine-arrivals", "quarantine-expiring", "api-5xx"}},
	"webhook-validator → its metrics":          {stops: []string{"validator-uncounted"}},
	"table → event-relay":                      {fails: []string{"relay-iterator-age"}, stops: []string{"unpublished"}},
	"event-relay → bus":                        {fails: []string{"event-relay-errors", "event-relay-throttles"}, stops: []string{"unpublished"}},
	"event-relay → relay-dlq":                  {fails: []string{"relay-dlq-not-empty", "relay-dlq-arrivals", "relay-dlq-expiring", "event-relay-undeliverable"}},
	"bus → rule high":                          {stops: []string{"high-value-unmatched", "unscored"}},
	"bus → rule medium":                        {stops: []string{"medium-value-unmatched"}},
	"bus → rule low":                           {stops: []string{"low-value-unmatched"}},
	"rule high → workflow":                     {fails: []string{"high-value-dlq-not-empty", "high-value-dlq-arrivals", "high-value-transactions-undeliverable"}, stops: []string{"high-value-unmatched", "unscored"}},
	"rule medium → topic":                      {fails: []string{"medium-value-dlq-not-empty", "medium-value-dlq-arrivals", "medium-value-transactions-undeliverable"}, stops: []string{"medium-value-unmatched"}},
	"rule low → log group":                     {fails: []string{"low-value-dlq-not-empty", "low-value-dlq-arrivals", "low-value-transactions-undeliverable"}, stops: []string{"low-value-unmatched"}},
	"workflow → fraud-detector → table":        {fails: []string{"fraud-detector-errors", "fraud-detector-throttles", "workflow-failed", "workflow-timed-out", "workflow-dlq-not-empty", "workflow-dlq-arrivals"}, stops: []string{"unscored"}},
	"workflow → topic":                         {fails: []string{"workflow-failed", "workflow-dlq-not-empty"}},
	"topic → subscribers":                      {fails: []string{"alerts-failed"}},
	"daily rule → transaction-archival":        {fails: []string{"archival-schedule-dlq-not-empty", "daily-archival-undeliverable", "deployment-archival-undeliverable", "transaction-archival-throttles", "transaction-archival-dropped"}, stops: []string{"archive-stopped"}},
	"transaction-archival → bucket":            {fails: []string{"transaction-archival-errors", "archive-backlog", "archival-failures-not-empty", "archival-failures-expiring"}, stops: []string{"archive-stopped"}},
	"transaction-archival → archival-failures": {fails: []string{"transaction-archival-undeliverable"}},
}

// unstoppable are the hops that cannot end without a failure that the hop before reports: its
// caller waits for the response.
var unstoppable = []string{
	"API Gateway → webhook-validator", "webhook-validator → signing secret", "webhook-validator → table", "webhook-validator → quarantine",
	"event-relay → relay-dlq", "workflow → topic", "transaction-archival → archival-failures",
	// Nobody would hear an alarm of it; the synthesis warns, and operators test their subscription.
	"topic → subscribers",
}

func TestHops(t *testing.T) {
	alarms := append(stack(t).alarms(), everyProviderStack(t).alarms()...)
	for _, hop := range slices.Sorted(maps.Keys(hops)) {
		t.Run("have an alarm when nothing gets further: "+hop, func(t *testing.T) {
			raised := append(hops[hop].fails, hops[hop].stops...)
			if len(raised) == 0 || hops[hop].stops == nil != slices.Contains(unstoppable, hop) {
				t.Error("nothing is raised when it stops")
			}
			for _, name := range raised {
				if !slices.Contains(alarms, name) {
					t.Errorf("there is no alarm %s", name)
				}
			}
		})
	}
}

func TestQueueAlarms(t *testing.T) {
	for name, s := range map[string]template{"default tiers": stack(t), "six tiers": sixTierStack(t)} {
		t.Run("are three for each queue of the "+name, func(t *testing.T) {
			for _, queue := range s.names("AWS::SQS::Queue") {
				short := strings.TrimSuffix(queue, "-dev")
				if strings.HasSuffix(short, "-value-transactions") { // somebody consumes it
					s.expect(s.alarm(short+"-unconsumed"), map[string]string{"MetricName": "ApproximateAgeOfOldestMessage", "Threshold": "172800"})
				} else {
					s.expect(s.alarm(short+"-not-empty"), map[string]string{
						"MetricName": "ApproximateNumberOfMessagesVisible", "Threshold": "0", "EvaluationPeriods": "1", "Statistic": "Maximum", "Period": "60",
					})
					// Raised again by each message that comes while others wait.
					s.expect(s.alarm(short+"-arrivals"), map[string]string{
						"MetricName": "NumberOfMessagesSent", "Threshold": "0", "EvaluationPeriods": "1", "Statistic": "Sum", "Period": "300",
					})
				}
				// Ten of fourteen days.
				s.expect(s.alarm(short+"-expiring"), map[string]string{
					"MetricName": "ApproximateAgeOfOldestMessage", "Threshold": "864000", "EvaluationPeriods": "1", "Statistic": "Maximum",
				})
				for _, metric := range []string{"ApproximateAgeOfOldestMessage"} {
					if !has(s.alarmMetrics(), metric, "QueueName", queue) {
						t.Errorf("no alarm looks at %s of %s", metric, queue)
					}
				}
				_, r := s.named("AWS::SQS::Queue", "QueueName", queue)
				s.expect(r, map[string]string{"MessageRetentionPeriod": "1209600", "RedrivePolicy": "absent"})
			}
		})
	}
}

func TestLossAlarms(t *testing.T) {
	lost := func(name, metric string) map[string]string {
		return map[string]string{
			"MetricName": metric, "Threshold": "0", "EvaluationPeriods": "1", "Statistic": "Sum", "Period": "300",
		}
	}
	t.Run("are one for each rule, and by its own bus", func(t *testing.T) {
		for _, s := range []template{sixTierStack(t), reconciledStack(t)} {
			var rules []string
			for _, m := range s.alarmMetrics() {
				if m.name == "InvocationsFailedToBeSentToDlq" {
					rules = append(rules, m.dimensions["RuleName"])
				}
			}
			slices.Sort(rules)
			want := s.names("AWS::Events::Rule")
			slices.Sort(want)
			if diff := cmp.Diff(want, rules); diff != "" {
				t.Error(diff)
			}
			for _, rule := range rules {
				name := strings.TrimSuffix(rule, "-dev")
				s.expect(s.alarm(name+"-undeliverable"), lost(name, "InvocationsFailedToBeSentToDlq"))
			}
		}
	})
	t.Run("are one for each function with a destination", func(t *testing.T) {
		s := reconciledStack(t)
		watched := []string{"event-relay", "transaction-archival", "payment-reconciler"}
		for _, name := range watched {
			s.expect(s.alarm(name+"-undeliverable"), lost(name, "DestinationDeliveryFailures"))
		}
		for _, name := range watched[1:] {
			s.expect(s.alarm(name+"-dropped"), lost(name, "AsyncEventsDropped"))
		}
		// Whatever has a destination has an alarm.
		if n := len(s.all("AWS::Lambda::EventInvokeConfig")) + len(s.all("AWS::Lambda::EventSourceMapping")); n != len(watched) {
			t.Errorf("%d mappings and configurations with a destination, %q are watched", n, watched)
		}
		// DeadLetterErrors would be theirs.
		for _, id := range s.all("AWS::Lambda::Function") {
			s.expect(s.Resources[id], map[string]string{"DeadLetterConfig": "absent"})
		}
	})
}

func TestBookAlarms(t *testing.T) {
	s := sixTierStack(t)
	t.Run("compare both sides in the same periods", func(t *testing.T) {
		for name, sides := range map[string][2]string{
			"unpublished": {contract.MetricPublicationsDue, contract.MetricPublicationsDone},
			"unscored":    {contract.MetricScoresDue, contract.MetricScoresDone},
		} {
			s.expect(s.alarm(name), map[string]string{"Threshold": "0", "EvaluationPeriods": "1"})
			want := map[string]string{
				"expression": "due - done",
				"due":        "Sum of " + sides[0] + " of dev over 300 s",
				"done":       "Sum of " + sides[1] + " of dev over 300 s",
			}
			if diff := cmp.Diff(want, s.math(s.alarm(name))); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("compare each tier's events with what its rule matched and sent", func(t *testing.T) {
		if len(s.tiers()) != 6 {
			t.Fatalf("tiers %q", s.tiers())
		}
		for _, tier := range s.tiers() {
			alarm := s.alarm(tier + "-value-unmatched")
			s.expect(alarm, map[string]string{"Threshold": "0", "EvaluationPeriods": "2"})
			rule := " of payment-events-dev " + tier + "-value-transactions-dev over 900 s"
			want := map[string]string{
				"expression": "FILL(IF(100 * (expected - SUM([matched, 0 * expected])) > expected OR 100 * (expected - SUM([invoked, 0 * expected])) > expected, 1, 0), REPEAT)",
				"expected":   "Sum of EventsExpected of dev " + tier + " over 900 s",
				"matched":    "Sum of MatchedEvents" + rule,
				"invoked":    "Sum of Invocations" + rule,
			}
			if diff := cmp.Diff(want, s.math(alarm)); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("notice a validator without metrics", func(t *testing.T) {
		alarm := s.alarm("validator-uncounted")
		s.expect(alarm, map[string]string{"Threshold": "0", "EvaluationPeriods": "2"})
		want := map[string]string{
			"expression": "FILL(IF(100 * (expected - SUM([counted, 0 * expected])) > expected, 1, 0), REPEAT)",
			"expected":   "Sum of Invocations of webhook-validator-dev over 900 s",
			"counted":    "SampleCount of AckLatency of dev over 900 s",
		}
		if diff := cmp.Diff(want, s.math(alarm)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("notice three days without a run of the archiver", func(t *testing.T) {
		alarm := s.alarm("archive-stopped")
		s.expect(alarm, map[string]string{"Threshold": "0", "EvaluationPeriods": "3", "TreatMissingData": "ignore"})
		want := map[string]string{"expression": "IF(FILL(runs, 0) > 0, 0, 1)", "runs": "Sum of ArchiveRuns of dev over 86400 s"}
		if diff := cmp.Diff(want, s.math(alarm)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("never fill a metric that may never have had a value", func(t *testing.T) {
		// FILL of a series without values has none, and the alarm would be silent for ever. The
		// validator writes what is filled, or the metric of requests that AWS always writes.
		filled := regexp.MustCompile(`FILL\((\w+)[,)]`)
		known := map[string]bool{"runs": true, "errors": true, "requests": true, "unverified": true, "verified": true}
		for _, s := range []template{s, everyProviderStack(t)} {
			for _, name := range s.alarms() {
				if s.alarm(name).at("Metrics") == nil {
					continue
				}
				for _, m := range filled.FindAllStringSubmatch(s.math(s.alarm(name))["expression"], -1) {
					if !known[m[1]] {
						t.Errorf("%s fills %s", name, m[1])
					}
				}
			}
		}
	})
	// Each metric that an alarm looks at is paid for, and an expression may have ten.
	t.Run("have few metrics", func(t *testing.T) {
		if n := len(s.alarmMetrics()); n > len(s.alarms())+20 {
			t.Errorf("%d alarms look at %d metrics", len(s.alarms()), n)
		}
	})
}

func TestDeploymentRule(t *testing.T) {
	t.Run("starts the archiver when this stack was created or updated", func(t *testing.T) {
		s := stack(t)
		fn, _ := s.named("AWS::Lambda::Function", "FunctionName", "transaction-archival-dev")
		queue, _ := s.named("AWS::SQS::Queue", "QueueName", "archival-schedule-dlq-dev")
		_, rule := s.named("AWS::Events::Rule", "Name", "deployment-archival-dev")
		s.expect(rule, map[string]string{
			"State": "ENABLED", "EventBusName": "absent",
			"EventPattern": `{"detail":{"stack-id":["${AWS::StackId}"],"status-details":{"status":["CREATE_COMPLETE","UPDATE_COMPLETE"]}},` +
				`"detail-type":["CloudFormation Stack Status Change"],"source":["aws.cloudformation"]}`,
		})
		if got := s.render(rule.at("Targets", 0, "Arn")); got != "${"+fn+".Arn}" || rule.at("Targets", 0, "Input") != nil {
			t.Errorf("the rule starts %s", got)
		}
		if got := s.render(rule.at("Targets", 0, "DeadLetterConfig", "Arn")); got != "${"+queue+".Arn}" {
			t.Errorf("its dead-letter queue is %s", got)
		}
	})
}

func TestAlertWarning(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"nobody is subscribed": {nil, []string{"ALERT_EMAIL", "ALERT_PHONE", "transaction-alerts-dev", "docs/operations.md", "not published"}},
		"an address is":        {map[string]string{"ALERT_EMAIL": "ops@example.com"}, nil},
		"a telephone is":       {map[string]string{"ALERT_PHONE": "+4915112345678"}, nil},
	} {
		t.Run("says what nobody hears when "+name, func(t *testing.T) {
			warning := config(t, c.env).AlertWarning()
			if (warning != "") != (c.want != nil) {
				t.Errorf("got %q", warning)
			}
			for _, part := range c.want {
				if !strings.Contains(warning, part) {
					t.Errorf("%q does not say %s", warning, part)
				}
			}
		})
	}
}
