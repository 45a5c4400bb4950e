//go:build !race

package constructs

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRelayReadsOnlyNewItemsAndLosesNone(t *testing.T) {
	s := stack(t)
	_, mapping := s.only("AWS::Lambda::EventSourceMapping")
	fn, _ := s.named("AWS::Lambda::Function", "FunctionName", "event-relay-dev")
	table, _ := s.only("AWS::DynamoDB::Table")
	queue, _ := s.named("AWS::SQS::Queue", "QueueName", "relay-dlq-dev")
	s.expect(mapping, map[string]string{
		"FunctionName":                            "${" + fn + "}",
		"EventSourceArn":                          "${" + table + ".StreamArn}",
		"StartingPosition":                        "TRIM_HORIZON",
		"BatchSize":                               "100",
		"ParallelizationFactor":                   "10",
		"BisectBatchOnFunctionError":              "true",
		"FunctionResponseTypes":                   `["ReportBatchItemFailures"]`,
		"MaximumRetryAttempts":                    "10",
		"MaximumRecordAgeInSeconds":               "21600",
		"DestinationConfig.OnFailure.Destination": "${" + queue + ".Arn}",
		"FilterCriteria":                          `{"Filters":[{"Pattern":"{\"eventName\":[\"INSERT\"]}"}]}`,
	})
}

func TestBusKeepsEveryTransactionForReplay(t *testing.T) {
	s := stack(t)
	bus, r := s.only("AWS::Events::EventBus")
	s.expect(r, map[string]string{"Name": "payment-events-dev"})
	_, archive := s.only("AWS::Events::Archive")
	s.expect(archive, map[string]string{
		"ArchiveName": "payment-events-dev", "SourceArn": "${" + bus + ".Arn}",
		"EventPattern": `{"source":["payment.webhooks"]}`, "RetentionDays": "35",
	})
}

func TestTemplateRoutesByAmount(t *testing.T) {
	s := synthesizeWith(t, map[string]any{"currencies": map[string]any{"IDR": map[string]any{"medium": "15000000", "high": "150000000"}}})
	patterns := map[string]map[string]any{}
	for _, tier := range []string{"high", "medium", "low"} {
		_, rule := s.named("AWS::Events::Rule", "Name", tier+"-value-transactions-dev")
		patterns[tier] = asRead(t, rule.at("EventPattern", "detail").(map[string]any))
		s.expect(rule, map[string]string{"EventPattern.source": `["payment.webhooks"]`, "EventPattern.detail-type": `["Transaction Received"]`})
	}
	for _, c := range []struct{ amount, currency, want string }{
		{"0.01", "USD", "low"},
		{"999.99", "USD", "low"},
		{"1000", "USD", "medium"},
		{"5000", "EUR", "medium"},
		{"10000", "USD", "medium"},
		{"10000.01", "USD", "high"},
		{"15000", "JPY", "high"},
		{"5000000000", "USD", "high"},
		{"6000000000", "IDR", "high"},
		{"14999999.99", "IDR", "low"},
		{"15000000", "IDR", "medium"},
		{"150000000.01", "IDR", "high"},
	} {
		if diff := cmp.Diff([]string{c.want}, route(t, patterns["high"], patterns["medium"], patterns["low"], detail(c.amount, c.currency))); diff != "" {
			t.Errorf("%s %s: %s", c.amount, c.currency, diff)
		}
	}
}

func synthesizeWith(t *testing.T, thresholds map[string]any) template {
	t.Helper()
	cfg := config(t, nil)
	var err error
	if cfg.Thresholds, err = ThresholdsFromContext(thresholds); err != nil {
		t.Fatal(err)
	}
	return synthesize(t, cfg)
}

func TestConfiguredThresholdsAreTheDefaultOnes(t *testing.T) {
	s := stack(t)
	for tier, want := range map[string]string{
		"high":   `{"$or":[{"amount":[{"numeric":[">",10000]}]},{"amount_beyond_matching":[true]}]}`,
		"medium": `{"amount":[{"numeric":[">=",1000,"<=",10000]}]}`,
		"low":    `{"amount":[{"numeric":["<",1000]}]}`,
	} {
		_, rule := s.named("AWS::Events::Rule", "Name", tier+"-value-transactions-dev")
		s.expect(rule, map[string]string{"EventPattern.detail": want})
	}
}

// Every target of every rule has a dead-letter queue of its own, which that
// rule, and no other, may write to.
func TestEveryRuleTargetHasItsOwnDeadLetterQueue(t *testing.T) {
	s := stack(t)
	bus, _ := s.only("AWS::Events::EventBus")
	used := map[string]string{}
	for _, id := range s.all("AWS::Events::Rule") {
		rule := s.Resources[id]
		onBus := s.render(rule.at("EventBusName"))
		if scheduled := rule.at("ScheduleExpression") != nil; scheduled != (onBus == "null") || !scheduled && onBus != "${"+bus+"}" {
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
			if other, taken := used[arn]; taken {
				t.Errorf("%s shares its queue with %s", id, other)
			}
			used[arn] = id
			queue := strings.TrimSuffix(strings.TrimPrefix(arn, `{"Arn":"${`), `.Arn}"}`)
			want := fmt.Sprintf(`Allow sqs:SendMessage on ${%s.Arn} if {"ArnEquals":{"aws:SourceArn":"${%s.Arn}"}}`, queue, id)
			if lines := queuePolicy(s, queue); !strings.Contains(strings.Join(lines, "\n"), want) {
				t.Errorf("%s may not write to its queue %s: %q", id, queue, lines)
			}
		}
	}
	if len(used) != 4 {
		t.Errorf("got %d targets, want the three tiers' and the schedule's", len(used))
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

func TestQueuesRefusePlainText(t *testing.T) {
	s := stack(t)
	for _, id := range s.all("AWS::SQS::Queue") {
		want := fmt.Sprintf(`Deny sqs:* on ${%s.Arn} if {"Bool":{"aws:SecureTransport":"false"}}`, id)
		if lines := queuePolicy(s, id); !strings.Contains(strings.Join(lines, "\n"), want) {
			t.Errorf("%s has policy %q", id, lines)
		}
	}
}

func TestHighAmountsStartTheWorkflowWithTheTransaction(t *testing.T) {
	s := stack(t)
	machine, _ := s.only("AWS::StepFunctions::StateMachine")
	_, rule := s.named("AWS::Events::Rule", "Name", "high-value-transactions-dev")
	target := rule.at("Targets", 0).(map[string]any)
	if s.render(target["Arn"]) != "${"+machine+"}" || target["InputPath"] != "$.detail" {
		t.Errorf("got %s", s.render(target))
	}
}

func TestMediumAmountsTellPeopleInASentence(t *testing.T) {
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
}

func TestLowAmountsAreKeptInALogGroup(t *testing.T) {
	s := stack(t)
	group, r := s.named("AWS::Logs::LogGroup", "LogGroupName", "/aws/events/low-value-transactions-dev")
	s.expect(r, map[string]string{"RetentionInDays": "90"})
	_, rule := s.named("AWS::Events::Rule", "Name", "low-value-transactions-dev")
	want := "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${" + group + "}"
	if got := s.render(rule.at("Targets", 0, "Arn")); got != want {
		t.Errorf("got %s", got)
	}
	if rule.at("Targets", 0, "RoleArn") != nil {
		t.Error("EventBridge takes no role for a log group")
	}
	_, policy := s.only("AWS::Logs::ResourcePolicy") // and no other: an account has ten
	var document struct {
		Statement []struct {
			Action    []string
			Principal struct{ Service []string }
			Resource  string
		}
	}
	if err := json.Unmarshal([]byte(s.render(policy.at("PolicyDocument"))), &document); err != nil || len(document.Statement) != 1 {
		t.Fatalf("%v, %+v", err, document)
	}
	got := document.Statement[0]
	if diff := cmp.Diff([]string{"events.amazonaws.com", "delivery.logs.amazonaws.com"}, got.Principal.Service); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"logs:CreateLogStream", "logs:PutLogEvents"}, got.Action); diff != "" || got.Resource != "${"+group+".Arn}" {
		t.Error(diff, got.Resource)
	}
}
