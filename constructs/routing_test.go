//go:build !race

package constructs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/constructs/tiers"
)

func TestRelayMapping(t *testing.T) {
	t.Run("when items are new, reads them and loses none", func(t *testing.T) {
		s := stack(t)
		_, mapping := s.only("AWS::Lambda::EventSourceMapping")
		fn, _ := s.named("AWS::Lambda::Function", "FunctionName", "event-relay-dev")
		table, _ := s.named("AWS::DynamoDB::Table", "TableName", "transactions-dev")
		queue, _ := s.named("AWS::SQS::Queue", "QueueName", "relay-dlq-dev")
		s.expect(mapping, map[string]string{
			"FunctionName":                            "${" + fn + "}",
			"EventSourceArn":                          "${" + table + ".StreamArn}",
			"StartingPosition":                        "TRIM_HORIZON",
			"BatchSize":                               "100",
			"ParallelizationFactor":                   "10",
			"BisectBatchOnFunctionError":              "true",
			"FunctionResponseTypes":                   `["ReportBatchItemFailures"]`,
			"MaximumRetryAttempts":                    "-1",
			"MaximumRecordAgeInSeconds":               "21600",
			"DestinationConfig.OnFailure.Destination": "${" + queue + ".Arn}",
			"FilterCriteria":                          `{"Filters":[{"Pattern":"{\"eventName\":[\"INSERT\"]}"}]}`,
		})
	})
}

func TestBus(t *testing.T) {
	t.Run("when a replay is needed, its archive has every transaction", func(t *testing.T) {
		s := stack(t)
		bus, r := s.only("AWS::Events::EventBus")
		s.expect(r, map[string]string{"Name": "payment-events-dev"})
		_, archive := s.only("AWS::Events::Archive")
		s.expect(archive, map[string]string{
			"ArchiveName": "payment-events-dev", "SourceArn": "${" + bus + ".Arn}",
			"EventPattern": `{"source":["payment.webhooks"]}`, "RetentionDays": "35",
		})
	})
}

// sixTiers has every target, two of them twice, and bounds by currency.
const sixTiers = `{"tiers": [
	{"name": "tiny", "target": "log"},
	{"name": "low", "from": 1, "target": "log"},
	{"name": "medium", "from": 1000, "target": "alert"},
	{"name": "notable", "above": "5000.50", "target": "alert"},
	{"name": "high", "above": 10000, "target": "workflow"},
	{"name": "very-high", "from": 1000000, "target": "queue"}],
	"currencies": {"JPY": {"low": 100, "medium": 100000, "notable": 500000, "high": 1000000, "very-high": 100000000}}}`

var six struct {
	sync.Once
	template
}

// sixTierStack is the template of [sixTiers], synthesized once.
func sixTierStack(t *testing.T) template {
	t.Helper()
	six.Do(func() { six.template = synthesizeTiers(t, sixTiers, nil) })
	if six.Resources == nil {
		t.Fatal("synthesis failed before")
	}
	s := six.template
	s.t = t
	return s
}

func synthesizeTiers(t *testing.T, text string, env map[string]string) template {
	t.Helper()
	cfg := config(t, env)
	var err error
	if cfg.Tiers, err = tiers.Parse(text); err != nil {
		t.Fatal(err)
	}
	return synthesize(t, cfg)
}

// bothStacks are the templates of the default tiers and of [sixTiers].
func bothStacks(t *testing.T) map[string]template {
	t.Helper()
	return map[string]template{"when tiers are the default": stack(t), "when there are six tiers": sixTierStack(t)}
}

func TestTierPatterns(t *testing.T) {
	for name, text := range map[string]string{
		"when tiers are the default": `{}`, "when there are six tiers": sixTiers,
	} {
		t.Run(name+", rules have those of the policy", func(t *testing.T) {
			s := bothStacks(t)[name]
			list, err := tiers.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			for i, tier := range list {
				_, rule := s.named("AWS::Events::Rule", "Name", tier.RuleName("dev"))
				want, err := list.Pattern(i)
				if err != nil {
					t.Fatal(err)
				}
				var wanted any
				if err := json.Unmarshal(want, &wanted); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(wanted, rule.at("EventPattern")); diff != "" {
					t.Errorf("%s: %s", tier.Name, diff)
				}
			}
		})
	}
	t.Run("when there is one tier, its rule matches every amount", func(t *testing.T) {
		s := synthesizeTiers(t, `{"tiers": [{"name": "all", "target": "queue"}]}`, nil)
		_, rule := s.named("AWS::Events::Rule", "Name", "all-value-transactions-dev")
		s.expect(rule, map[string]string{"EventPattern": `{"detail-type":["Transaction Received"],"source":["payment.webhooks"]}`})
	})
}

// What the six tiers add to the template and how it is connected.
func TestTiersAreAsReviewed(t *testing.T) {
	s := sixTierStack(t)
	var text strings.Builder
	for _, id := range s.all("AWS::Events::Rule") {
		rule := s.Resources[id]
		if rule.at("EventPattern") == nil {
			continue
		}
		fmt.Fprintf(&text, "%s %s: %s\n  pattern %s\n", id, s.render(rule.at("Name")), rule.at("Description"), s.render(rule.at("EventPattern", "detail")))
		target := rule.at("Targets", 0).(map[string]any)
		for _, property := range slices.Sorted(maps.Keys(target)) {
			fmt.Fprintf(&text, "  %s %s\n", property, s.render(target[property]))
		}
	}
	for _, id := range s.all("AWS::SQS::Queue") {
		if queue := s.Resources[id]; strings.HasPrefix(id, "Routing") {
			fmt.Fprintf(&text, "%s %s\n", id, s.render(queue.at("QueueName")))
			for _, line := range queuePolicy(s, id) {
				fmt.Fprintf(&text, "  %s\n", line)
			}
		}
	}
	for _, id := range s.all("AWS::Logs::LogGroup") {
		if strings.HasPrefix(id, "Routing") {
			fmt.Fprintf(&text, "%s %s\n  policy %s\n", id, s.render(s.Resources[id].at("LogGroupName")), s.render(s.Resources[id].at("ResourcePolicyDocument")))
		}
	}
	for _, id := range s.all("AWS::CloudWatch::Alarm") {
		if name := s.render(s.Resources[id].at("AlarmName")); strings.Contains(name, "-value-") {
			fmt.Fprintf(&text, "%s %s\n", id, name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Outputs)) {
		fmt.Fprintf(&text, "output %s %s\n", key, s.render(s.Outputs[key].Value))
	}
	golden(t, "tiers.golden.txt", text.String())
}

func TestTierQueue(t *testing.T) {
	s := sixTierStack(t)
	id, queue := s.named("AWS::SQS::Queue", "QueueName", "very-high-value-transactions-dev")
	key, _ := s.only("AWS::KMS::Key")
	t.Run("when a tier has one, it is encrypted and keeps messages for 14 days", func(t *testing.T) {
		s.expect(queue, map[string]string{"MessageRetentionPeriod": "1209600", "KmsMasterKeyId": "${" + key + ".Arn}"})
	})
	t.Run("when a rule is another's, it may not send", func(t *testing.T) {
		rule, _ := s.named("AWS::Events::Rule", "Name", "very-high-value-transactions-dev")
		want := []string{
			fmt.Sprintf(`Allow sqs:SendMessage on ${%s.Arn} if {"ArnEquals":{"aws:SourceArn":"${%s.Arn}"}}`, id, rule),
			fmt.Sprintf(`Deny sqs:* on ${%s.Arn} if {"Bool":{"aws:SecureTransport":"false"}}`, id),
		}
		got := queuePolicy(s, id)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("when nobody consumes it, an alarm says so", func(t *testing.T) {
		_, alarm := s.named("AWS::CloudWatch::Alarm", "AlarmName", "payment-webhooks-very-high-value-transactions-unconsumed-dev")
		s.expect(alarm, map[string]string{
			"MetricName": "ApproximateAgeOfOldestMessage", "Threshold": "172800", "Dimensions": `[{"Name":"QueueName","Value":"${` + id + `.QueueName}"}]`,
		})
		if has(s.alarmMetrics(), "ApproximateNumberOfMessagesVisible", "QueueName", "very-high-value-transactions-dev") {
			t.Error("an alarm is raised by events that wait for their consumer")
		}
	})
	t.Run("when it is asked for, an output names it", func(t *testing.T) {
		if got := s.render(s.Outputs["VeryHighValueQueueUrl"].Value); got != "${"+id+"}" {
			t.Errorf("got %s", got)
		}
	})
}

func TestTierNames(t *testing.T) {
	t.Run("when name and suffix are longest, AWS accepts what is made of them", func(t *testing.T) {
		name, suffix := strings.Repeat("x", 24), strings.Repeat("s", 17)
		s := synthesizeTiers(t, `{"tiers": [{"name": "`+name+`", "target": "queue"}]}`, map[string]string{"ENVIRONMENT_SUFFIX": suffix, "AWS_REGION": "us-east-1"})
		if _, err := configFromEnv(getenvFrom(map[string]string{"ENVIRONMENT_SUFFIX": suffix + "s", "AWS_REGION": "us-east-1"})); err == nil {
			t.Error("a longer suffix is accepted")
		}
		for resourceType, limit := range map[string]int{"AWS::Events::Rule": 64, "AWS::SQS::Queue": 80, "AWS::CloudWatch::Alarm": 255} {
			property := map[string]string{"AWS::Events::Rule": "Name", "AWS::SQS::Queue": "QueueName", "AWS::CloudWatch::Alarm": "AlarmName"}[resourceType]
			for _, id := range s.all(resourceType) {
				if got := s.render(s.Resources[id].at(property)); len(got) > limit {
					t.Errorf("%s has %d characters, at most %d are accepted", got, len(got), limit)
				}
			}
		}
	})
	t.Run("when a tier is added, no other resource changes its id or name", func(t *testing.T) {
		before, after := stack(t), sixTierStack(t)
		for id, r := range before.Resources {
			if !strings.HasPrefix(id, "Routing") {
				continue
			}
			got, kept := after.Resources[id]
			for _, property := range []string{"Name", "QueueName", "LogGroupName"} {
				if !kept || got.at(property) != nil && got.at(property) != r.at(property) {
					t.Errorf("%s %s: %v became %v", r.Type, id, r.at(property), got.at(property))
				}
			}
		}
	})
}

func TestDefaultTiers(t *testing.T) {
	t.Run("when none are configured, rules have these patterns", func(t *testing.T) {
		s := stack(t)
		for tier, want := range map[string]string{
			"high":   `{"$or":[{"amount":[{"numeric":[">",10000]}]},{"amount_beyond_matching":[true]}]}`,
			"medium": `{"amount":[{"numeric":[">=",1000,"<=",10000]}]}`,
			"low":    `{"amount":[{"numeric":["<",1000]}]}`,
		} {
			_, rule := s.named("AWS::Events::Rule", "Name", tier+"-value-transactions-dev")
			s.expect(rule, map[string]string{"EventPattern.detail": want})
		}
	})
}

// Every target of every rule has a dead-letter queue of its own, which that
// rule, and no other, may write to.
func TestRuleTargets(t *testing.T) {
	for name, s := range bothStacks(t) {
		t.Run(name+", each has a dead-letter queue of its own", func(t *testing.T) { everyTargetHasItsOwnDeadLetterQueue(t, s) })
	}
}

func everyTargetHasItsOwnDeadLetterQueue(t *testing.T, s template) {
	t.Helper()
	bus, _ := s.only("AWS::Events::EventBus")
	used := map[string]string{} // targets by queue
	for _, id := range s.all("AWS::Events::Rule") {
		rule := s.Resources[id]
		onBus := s.render(rule.at("EventBusName"))
		// Schedules, and events of AWS's services, are on the default bus.
		ofAWS := rule.at("ScheduleExpression") != nil || strings.Contains(s.render(rule.at("EventPattern")), `"source":["aws.`)
		if ofAWS != (onBus == "null") || !ofAWS && onBus != "${"+bus+"}" {
			t.Errorf("%s is on bus %s", id, onBus)
		}
		targets, _ := rule.at("Targets").([]any)
		if len(targets) != 1 {
			t.Errorf("%s has %d targets", id, len(targets))
		}
		for _, target := range targets {
			target := target.(map[string]any)
			if got := s.render(target["RetryPolicy"]); got != `{"MaximumEventAgeInSeconds":3600,"MaximumRetryAttempts":10}` {
				t.Errorf("%s retries %s", id, got)
			}
			arn := s.render(target["DeadLetterConfig"])
			// Two rules that start the same function keep what it missed in one queue.
			if other, shared := used[arn]; shared && other != s.render(target["Arn"]) {
				t.Errorf("%s shares its queue with a rule for %s", id, other)
			}
			used[arn] = s.render(target["Arn"])
			queue := strings.TrimSuffix(strings.TrimPrefix(arn, `{"Arn":"${`), `.Arn}"}`)
			want := fmt.Sprintf(`Allow sqs:SendMessage on ${%s.Arn} if {"ArnEquals":{"aws:SourceArn":"${%s.Arn}"}}`, queue, id)
			if lines := queuePolicy(s, queue); !strings.Contains(strings.Join(lines, "\n"), want) {
				t.Errorf("%s may not write to its queue %s: %q", id, queue, lines)
			}
		}
	}
	if len(used) < 4 {
		t.Errorf("got %d queues, want each tier's and the archiver's", len(used))
	}
}

func queuePolicy(s template, queue string) []string {
	var lines []string
	for _, id := range s.all("AWS::SQS::QueuePolicy") {
		policy := s.Resources[id]
		if s.render(policy.at("Queues", 0)) != "${"+queue+"}" {
			continue
		}
		for _, statement := range policy.at("PolicyDocument", "Statement").([]any) {
			lines = append(lines, statementLines(s, statement.(map[string]any))...)
		}
	}
	return lines
}

func TestQueuePolicies(t *testing.T) {
	t.Run("when a request is not encrypted, deny it", func(t *testing.T) {
		s := sixTierStack(t)
		for _, id := range s.all("AWS::SQS::Queue") {
			want := fmt.Sprintf(`Deny sqs:* on ${%s.Arn} if {"Bool":{"aws:SecureTransport":"false"}}`, id)
			if lines := queuePolicy(s, id); !strings.Contains(strings.Join(lines, "\n"), want) {
				t.Errorf("%s has policy %q", id, lines)
			}
		}
	})
}

func TestWorkflowTarget(t *testing.T) {
	t.Run("when an amount is high, starts the workflow with the transaction", func(t *testing.T) {
		s := stack(t)
		machine, _ := s.only("AWS::StepFunctions::StateMachine")
		_, rule := s.named("AWS::Events::Rule", "Name", "high-value-transactions-dev")
		target := rule.at("Targets", 0).(map[string]any)
		if s.render(target["Arn"]) != "${"+machine+"}" || target["InputPath"] != "$.detail" {
			t.Errorf("got %s", s.render(target))
		}
	})
}

func TestAlertTarget(t *testing.T) {
	t.Run("when an amount is medium, publishes a sentence", func(t *testing.T) {
		s := stack(t)
		topic, _ := s.only("AWS::SNS::Topic")
		_, rule := s.named("AWS::Events::Rule", "Name", "medium-value-transactions-dev")
		target := rule.at("Targets", 0).(map[string]any)
		if s.render(target["Arn"]) != "${"+topic+"}" {
			t.Errorf("got %s", s.render(target["Arn"]))
		}
		transformer := target["InputTransformer"].(map[string]any)
		var text string // the template is one JSON string
		if err := json.Unmarshal([]byte(transformer["InputTemplate"].(string)), &text); err != nil {
			t.Fatal(err)
		}
		paths := transformer["InputPathsMap"].(map[string]any)
		for name, path := range paths {
			text = strings.ReplaceAll(text, "<"+name+">", "["+path.(string)+"]")
		}
		want := "Medium-value [$.detail.kind] of [$.detail.amount_text] reported by [$.detail.provider], transaction [$.detail.transaction_id]. " +
			"No action is needed unless you did not expect it: then look it up by this id and contact the provider."
		if diff := cmp.Diff(want, text); diff != "" {
			t.Error(diff)
		}
	})
}

// EventBridge puts a value into a template's text as it is: a quotation mark in it would end the
// JSON string, and nothing would be delivered. So templates have only values that cannot have any,
// nor a backslash: one of five kinds, an amount, the name of a provider, and an id.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
func TestTemplatesOfTargets(t *testing.T) {
	for name, s := range bothStacks(t) {
		t.Run(name+", a value has neither quotation marks nor backslashes", func(t *testing.T) {
			s.t = t
			found := 0
			for _, id := range s.all("AWS::Events::Rule") {
				targets, _ := s.Resources[id].at("Targets").([]any)
				for _, target := range targets {
					transformer, ok := target.(map[string]any)["InputTransformer"].(map[string]any)
					if !ok {
						continue
					}
					found++
					for _, path := range transformer["InputPathsMap"].(map[string]any) {
						if !slices.Contains([]string{"$.detail.kind", "$.detail.amount_text", "$.detail.provider", "$.detail.transaction_id"}, path.(string)) {
							t.Errorf("%s: what may %s contain?", id, path)
						}
					}
				}
			}
			if found == 0 {
				t.Error("no template")
			}
		})
	}
}

func TestLogTarget(t *testing.T) {
	t.Run("when an amount is low, writes to a log group", func(t *testing.T) {
		s := stack(t)
		group, r := s.named("AWS::Logs::LogGroup", "LogGroupName", "/aws/events/low-value-transactions-dev")
		s.expect(r, map[string]string{"RetentionInDays": "30"})
		_, rule := s.named("AWS::Events::Rule", "Name", "low-value-transactions-dev")
		want := "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${" + group + "}"
		if got := s.render(rule.at("Targets", 0, "Arn")); got != want {
			t.Errorf("got %s", got)
		}
		if rule.at("Targets", 0, "RoleArn") != nil {
			t.Error("EventBridge uses no role for a log group")
		}
		var document struct {
			Statement []struct {
				Action    []string
				Principal struct{ Service []string }
				Resource  string
			}
		}
		if err := json.Unmarshal([]byte(s.render(r.at("ResourcePolicyDocument"))), &document); err != nil || len(document.Statement) != 1 {
			t.Fatalf("%v, %+v", err, document)
		}
		got := document.Statement[0]
		slices.Sort(got.Principal.Service)
		if diff := cmp.Diff([]string{"delivery.logs.amazonaws.com", "events.amazonaws.com"}, got.Principal.Service); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"logs:CreateLogStream", "logs:PutLogEvents"}, got.Action); diff != "" || got.Resource != "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/events/low-value-transactions-dev:*" {
			t.Error(diff, got.Resource)
		}
	})
	t.Run("when there are many stacks, none uses up what an account has", func(t *testing.T) {
		for _, s := range bothStacks(t) { // ten policies that belong to no log group
			if policies := s.all("AWS::Logs::ResourcePolicy"); len(policies) != 0 {
				t.Errorf("got %q", policies)
			}
		}
	})
}
