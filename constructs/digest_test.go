//go:build !race

package constructs

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/constructs/tiers"
	"payment-webhooks/local/cloudwatch"
)

// digestTiers are the default tiers, of which medium has a digest, and a tier with a digest and
// one without it.
const digestTiers = `{"tiers": [
	{"name": "low", "target": "log"},
	{"name": "medium", "from": 1000, "target": "alert", "digest": 5},
	{"name": "notable", "above": 5000, "target": "alert", "digest": 1},
	{"name": "large", "above": 8000, "target": "alert"},
	{"name": "high", "above": 10000, "target": "workflow"}]}`

var digested struct {
	sync.Once
	template
}

// digestStack is the template of [digestTiers], synthesized once.
func digestStack(t *testing.T) template {
	t.Helper()
	digested.Do(func() { digested.template = synthesizeTiers(t, digestTiers, nil) })
	if digested.Resources == nil {
		t.Fatal("synthesis failed before")
	}
	s := digested.template
	s.t = t
	return s
}

func TestDigestFunction(t *testing.T) {
	t.Run("is in the template when a tier has a digest", func(t *testing.T) {
		s := digestStack(t)
		topic, _ := s.only("AWS::SNS::Topic")
		logs, group := s.named("AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/alert-digest-dev")
		_, fn := s.named("AWS::Lambda::Function", "FunctionName", "alert-digest-dev")
		s.expect(group, map[string]string{"RetentionInDays": "30"})
		s.expect(fn, map[string]string{
			"PackageType": "Image", "Architectures": `["arm64"]`, "MemorySize": "512", "Timeout": "30", "TracingConfig": `{"Mode":"Active"}`,
			"LoggingConfig":         `{"LogFormat":"JSON","LogGroup":"${` + logs + `}","SystemLogLevel":"WARN"}`,
			"Environment.Variables": `{"ENVIRONMENT_SUFFIX":"dev","TOPIC_ARN":"${` + topic + `}"}`,
		})
		if !strings.Contains(string(s.assets), `"HANDLER": "alert-digest"`) {
			t.Error("no image is built for it")
		}
	})
	t.Run("is absent when none has", func(t *testing.T) {
		if text := strings.ToLower(string(sixTierStack(t).text)); strings.Contains(text, "digest") {
			t.Error("the template names it")
		}
	})
}

func TestDigestQueues(t *testing.T) {
	s := digestStack(t)
	fn, _ := s.named("AWS::Lambda::Function", "FunctionName", "alert-digest-dev")
	key, _ := s.only("AWS::KMS::Key")
	for tier, minutes := range map[string]struct{ window, visibility, every string }{"medium": {"300", "480", "5 minutes"}, "notable": {"60", "240", "1 minutes"}} {
		t.Run("collect the events of the tier when it is "+tier, func(t *testing.T) {
			queue, waiting := s.named("AWS::SQS::Queue", "QueueName", tier+"-value-digest-dev")
			dead, deadLetters := s.named("AWS::SQS::Queue", "QueueName", tier+"-value-digest-dlq-dev")
			s.expect(waiting, map[string]string{
				"KmsMasterKeyId": "${" + key + ".Arn}", "MessageRetentionPeriod": "1209600", "VisibilityTimeout": minutes.visibility,
				"RedrivePolicy": `{"deadLetterTargetArn":"${` + dead + `.Arn}","maxReceiveCount":5}`,
			})
			s.expect(deadLetters, map[string]string{"KmsMasterKeyId": "${" + key + ".Arn}", "MessageRetentionPeriod": "1209600", "RedrivePolicy": "absent"})
			ruleID, rule := s.named("AWS::Events::Rule", "Name", tier+"-value-transactions-dev")
			s.expect(rule, map[string]string{"Description": tiers.Title(tier) + " amounts: notification in a digest, every " + minutes.every + " (limits by currency in cdk.json)"})
			target := rule.at("Targets", 0).(map[string]any)
			if s.render(target["Arn"]) != "${"+queue+".Arn}" || target["InputTransformer"] != nil || target["InputPath"] != nil {
				t.Errorf("the rule sends to %s", s.render(target))
			}
			want := "Allow sqs:SendMessage on ${" + queue + `.Arn} if {"ArnEquals":{"aws:SourceArn":"${` + ruleID + `.Arn}"}}`
			if lines := queuePolicy(s, queue); !slices.Contains(lines, want) {
				t.Errorf("the rule may not send: %q", lines)
			}
			var found bool
			for _, id := range s.all("AWS::Lambda::EventSourceMapping") {
				mapping := s.Resources[id]
				if s.render(mapping.at("EventSourceArn")) != "${"+queue+".Arn}" {
					continue
				}
				found = true
				s.expect(mapping, map[string]string{
					"FunctionName": "${" + fn + "}", "BatchSize": "10000", "MaximumBatchingWindowInSeconds": minutes.window,
					"FunctionResponseTypes": `["ReportBatchItemFailures"]`, "ScalingConfig": `{"MaximumConcurrency":2}`, "Enabled": "absent",
				})
			}
			if !found {
				t.Error("no mapping reads the queue")
			}
		})
	}
	t.Run("are absent when the tier has no digest, whose alerts are sent at once", func(t *testing.T) {
		topic, _ := s.only("AWS::SNS::Topic")
		_, rule := s.named("AWS::Events::Rule", "Name", "large-value-transactions-dev")
		if s.render(rule.at("Targets", 0, "Arn")) != "${"+topic+"}" || rule.at("Targets", 0, "InputTransformer") == nil {
			t.Errorf("%s", s.render(rule.at("Targets")))
		}
		machine, _ := s.only("AWS::StepFunctions::StateMachine")
		_, rule = s.named("AWS::Events::Rule", "Name", "high-value-transactions-dev")
		if s.render(rule.at("Targets", 0, "Arn")) != "${"+machine+"}" {
			t.Errorf("%s", s.render(rule.at("Targets")))
		}
		if n := len(s.all("AWS::Lambda::EventSourceMapping")); n != 3 {
			t.Errorf("%d mappings, want those of the relay and of two queues", n)
		}
	})
	t.Run("leave the rules with dead-letter queues of their own", func(t *testing.T) { everyTargetHasItsOwnDeadLetterQueue(t, s) })
	t.Run("have names that AWS accepts when those of tier and environment are the longest", func(t *testing.T) {
		name, suffix := strings.Repeat("x", 24), strings.Repeat("s", 17)
		s := synthesizeTiers(t, `{"tiers": [{"name": "`+name+`", "target": "alert", "digest": 5}]}`, map[string]string{"ENVIRONMENT_SUFFIX": suffix, "AWS_REGION": "us-east-1"})
		for _, queue := range s.names("AWS::SQS::Queue") {
			if len(queue) > 80 {
				t.Errorf("%s has %d characters", queue, len(queue))
			}
		}
	})
}

func TestDigestPermissions(t *testing.T) {
	s := digestStack(t)
	topic, _ := s.only("AWS::SNS::Topic")
	key, _ := s.only("AWS::KMS::Key")
	logs, _ := s.named("AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/alert-digest-dev")
	want := []string{
		"Allow kms:Decrypt on ${" + key + ".Arn}",
		"Allow kms:GenerateDataKey on ${" + key + ".Arn}",
		"Allow logs:CreateLogStream on ${" + logs + ".Arn}",
		"Allow logs:PutLogEvents on ${" + logs + ".Arn}",
		"Allow sns:Publish on ${" + topic + "}",
		"Allow xray:PutTelemetryRecords on *",
		"Allow xray:PutTraceSegments on *",
	}
	for _, tier := range []string{"medium", "notable"} {
		queue, _ := s.named("AWS::SQS::Queue", "QueueName", tier+"-value-digest-dev")
		for _, action := range []string{"ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "ReceiveMessage"} {
			want = append(want, "Allow sqs:"+action+" on ${"+queue+".Arn}")
		}
	}
	var got []string
	for _, role := range s.all("AWS::IAM::Role") {
		if strings.HasPrefix(role, "Digest") {
			got = append(got, permissions(s, role)...)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestDigestAlarms(t *testing.T) {
	s := digestStack(t)
	everyMetricExists(t, s)
	for _, name := range []string{"alert-digest-errors", "alert-digest-throttles", "medium-value-unmatched", "notable-value-dlq-arrivals"} {
		s.alarm(name)
	}
	topic, _ := s.only("AWS::SNS::Topic")
	for _, name := range s.alarms() {
		if !strings.Contains(name, "digest") {
			continue
		}
		s.expect(s.alarm(name), map[string]string{"AlarmActions": `["${` + topic + `}"]`, "TreatMissingData": "notBreaching", "ComparisonOperator": "GreaterThanThreshold"})
		description := s.render(s.alarm(name).at("AlarmDescription"))
		if !instruction.MatchString(description) || !strings.Contains(description, "`scripts/ops dlq list") || len(description) > 1024 {
			t.Errorf("%s: %s", name, description)
		}
	}
	for _, tier := range []string{"medium", "notable"} {
		dead, waiting := tier+"-value-digest-dlq", tier+"-value-digest"
		s.expect(s.alarm(dead+"-not-empty"), map[string]string{
			"MetricName": "ApproximateNumberOfMessagesVisible", "Threshold": "0", "EvaluationPeriods": "1", "Statistic": "Maximum", "Period": "60",
		})
		for _, name := range []string{dead, waiting} {
			s.expect(s.alarm(name+"-expiring"), map[string]string{"MetricName": "ApproximateAgeOfOldestMessage", "Threshold": "864000", "Statistic": "Maximum"})
		}
		id, _ := s.named("AWS::SQS::Queue", "QueueName", waiting+"-dev")
		s.expect(s.alarm(waiting+"-delayed"), map[string]string{
			"MetricName": "ApproximateAgeOfOldestMessage", "Threshold": "1800", "EvaluationPeriods": "1", "Statistic": "Maximum", "Period": "300",
			"Dimensions": `[{"Name":"QueueName","Value":"${` + id + `.QueueName}"}]`,
		})
	}

	t.Run("ring again when a second event is moved and the first is still there", func(t *testing.T) {
		n := newNight(t, s)
		waiting := 0.0
		for range 2 {
			waiting++
			n.until(n.now.Add(time.Hour), "medium-value-digest-dlq-arrivals", func(now time.Time) {
				n.put(now, waiting, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "medium-value-digest-dlq-dev")
			})
		}
		if len(n.raised) != 3 { // in it, came, came
			t.Errorf("raised: %q", n.raised)
		}
	})
	t.Run("ring when nobody fetches the events, and not while digests are sent", func(t *testing.T) {
		n := newNight(t, s)
		n.until(midnight.Add(2*time.Hour), "medium-value-digest-delayed", func(now time.Time) {
			n.put(now, float64(now.Sub(midnight)/time.Second%300), "AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "medium-value-digest-dev")
		})
		n.quiet()
		stopped := n.now
		first := n.until(stopped.Add(2*time.Hour), "medium-value-digest-delayed", func(now time.Time) {
			n.put(now, now.Sub(stopped).Seconds(), "AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "medium-value-digest-dev")
		})
		n.within(first, stopped.Add(29*time.Minute), stopped.Add(37*time.Minute))
		if n.state("medium-value-digest-delayed") != cloudwatch.Alarm {
			t.Error("it ended")
		}
	})
}

func TestDigestForOperators(t *testing.T) {
	cfg := config(t, nil)
	cfg.OperatorPolicy = true
	var err error
	if cfg.Tiers, err = tiers.Parse(digestTiers); err != nil {
		t.Fatal(err)
	}
	s := synthesize(t, cfg)
	_, policy := s.only("AWS::IAM::ManagedPolicy")
	var lines []string
	for _, statement := range asList(policy.at("PolicyDocument", "Statement")) {
		lines = append(lines, statementLines(s, statement.(map[string]any))...)
	}
	for _, want := range []string{"sqs:ReceiveMessage on *-value-digest-dlq-dev", "sqs:DeleteMessage on *-value-digest-dlq-dev", "sqs:SendMessage on *-value-digest-dev"} {
		action, queue, _ := strings.Cut(want, " on ")
		if !slices.Contains(lines, "Allow "+action+" on arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"+queue) {
			t.Errorf("they may not %s: %q", want, lines)
		}
	}
}

func TestDigestDocumentation(t *testing.T) {
	t.Run("has a list that is valid when it shows the option", func(t *testing.T) {
		text, err := os.ReadFile("../docs/tiers.md")
		if err != nil {
			t.Fatal(err)
		}
		_, section, found := strings.Cut(string(text), "## A digest of alerts")
		_, block, hasBlock := strings.Cut(section, "```json\n")
		block, _, _ = strings.Cut(block, "```")
		var value any
		if err := json.Unmarshal([]byte(block), &value); err != nil || !found || !hasBlock {
			t.Fatalf("%v: %s", err, block)
		}
		if list, err := tiers.Parse(value); err != nil || len(list.Digests()) != 1 || list.Digests()[0].Name != "medium" {
			t.Errorf("%v, %v", list, err)
		}
	})
}
