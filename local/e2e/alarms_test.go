package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// rang waits until, seen from a time that far ahead, each alarm has been raised and has reached
// the subscribers of the alerts topic.
func rang(t *testing.T, s *session.Session, ahead time.Duration, names ...string) {
	t.Helper()
	for _, name := range names {
		eventually(t, "the alarm "+name, func(ctx context.Context) (bool, error) {
			all, err := s.Alarms(ctx, time.Now().Add(ahead))
			if err != nil {
				return false, err
			}
			a, known := all[name]
			if !known {
				return false, fmt.Errorf("the stack has no alarm %s, but %q", name, slices.Sorted(maps.Keys(all)))
			}
			if !a.Rang() {
				select { // an evaluation is not free
				case <-time.After(time.Second):
				case <-ctx.Done():
				}
				return false, nil
			}
			return true, nil
		})
		alerts, err := s.AlarmAlerts(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, protocol := range []string{"email", "sms"} {
			if !slices.ContainsFunc(alerts, func(a session.Alert) bool { return a.Protocol == protocol }) {
				t.Errorf("the alarm %s did not reach the %s subscriber: %+v", name, protocol, alerts)
			}
		}
	}
}

// silent checks that, seen from a time that far ahead, no other alarm has been raised.
func silent(t *testing.T, s *session.Session, ahead time.Duration, except ...string) {
	t.Helper()
	all, err := s.Alarms(t.Context(), time.Now().Add(ahead))
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range all {
		if a.Rang() && !slices.Contains(except, name) {
			t.Errorf("%s ahead, the alarm %s: %s", ahead, name, a.Reason)
		}
	}
}

// template are the resources of a template by logical id, to be edited.
type template map[string]resource

type resource struct {
	Type                                string
	Properties                          map[string]any
	Metadata, DependsOn, Condition      any    `json:",omitempty"`
	DeletionPolicy, UpdateReplacePolicy string `json:",omitempty"`
}

// editing returns an edit of a template's text for ownSession.
func editing(t *testing.T, edit func(template)) func(string) string {
	return func(text string) string {
		var whole map[string]json.RawMessage
		var resources template
		if err := json.Unmarshal([]byte(text), &whole); err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(whole["Resources"]))
		decoder.DisallowUnknownFields()
		decoder.UseNumber()
		if err := decoder.Decode(&resources); err != nil {
			t.Fatal(err)
		}
		edit(resources)
		var err error
		if whole["Resources"], err = json.Marshal(resources); err != nil {
			t.Fatal(err)
		}
		after, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		return string(after)
	}
}

// rule returns the properties of the rule whose name begins with prefix.
func (r template) rule(t *testing.T, prefix string) map[string]any {
	t.Helper()
	for _, one := range r {
		if name, _ := one.Properties["Name"].(string); one.Type == "AWS::Events::Rule" && strings.HasPrefix(name, prefix) {
			return one.Properties
		}
	}
	t.Fatalf("the template has no rule %s…", prefix)
	return nil
}

// forbid takes statements out of all policies of a type. Each of them must be there.
func (r template) forbid(t *testing.T, policyType string, matches func(statement string) bool) {
	t.Helper()
	found := false
	for _, one := range r {
		if one.Type != policyType {
			continue
		}
		document := one.Properties["PolicyDocument"].(map[string]any)
		document["Statement"] = slices.DeleteFunc(document["Statement"].([]any), func(statement any) bool {
			text, err := json.Marshal(statement)
			if err != nil {
				t.Fatal(err)
			}
			if !matches(string(text)) {
				return false
			}
			found = true
			return true
		})
	}
	if !found {
		t.Fatalf("no statement of an %s matches", policyType)
	}
}

// containing matches statements with all of these texts.
func containing(parts ...string) func(string) bool {
	return func(statement string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(statement, part) })
	}
}

const day = 24 * time.Hour

// A new stack and one in which everything works are silent. Seen from days ahead, nothing has
// run since, and so the archiver has stopped.
func TestAlarms_healthy(t *testing.T) {
	inParallel(t)
	s := ownSession(t)
	eventually(t, "the run that the deployment started", func(ctx context.Context) (bool, error) {
		lines, err := s.Logged(ctx, contract.FunctionLogGroupPrefix+contract.TransactionArchival+"-"+s.Suffix(), `"`+contract.MetricArchiveRuns+`":1`)
		return len(lines) > 0, err
	})
	check := func() {
		t.Helper()
		silent(t, s, time.Hour)
		silent(t, s, day)
		silent(t, s, 2*day)
		rang(t, s, 4*day, "archive-stopped")
		silent(t, s, 4*day, "archive-stopped")
	}
	t.Run("when the stack is new", func(*testing.T) { check() })
	t.Run("when there is traffic", func(t *testing.T) {
		var ids []string
		for range 4 {
			for _, amount := range []string{"250", "5000", "15000"} {
				ids = append(ids, newID(t)+"_")
				body := payment(ids[len(ids)-1], amount, "USD", "")
				accept(t, s, body)
				if res := post(t, s, body); res.Status != 200 {
					t.Fatalf("%d %s", res.Status, res.Body)
				}
			}
		}
		if res := post(t, s, []byte(`{}`)); res.Status != 400 {
			t.Fatalf("%d %s", res.Status, res.Body)
		}
		eventually(t, "everything processed", func(ctx context.Context) (bool, error) {
			for i := 0; i < len(ids); i += 3 {
				low, err := s.Logged(ctx, s.LowValueLogGroup(), fmt.Sprintf("%q", ids[i]))
				if err != nil || len(low) == 0 {
					return false, err
				}
				medium, err := s.Alerts(ctx, ids[i+1])
				if err != nil || len(medium) == 0 {
					return false, err
				}
				item, err := s.Item(ctx, ids[i+2], "shop")
				if err != nil || item["fraud"] == nil {
					return false, err
				}
			}
			return true, nil
		})
		check()
	})
}

// What stops, and what is lost, while no function fails. Each tier's rule is broken in a way of its own.
func TestAlarms_rules(t *testing.T) {
	inParallel(t)
	s := ownSession(t, editing(t, func(r template) {
		r.rule(t, "low-value-")["EventPattern"].(map[string]any)["detail"] = map[string]any{"amount": []any{map[string]any{"numeric": []any{"<", -1}}}}
		r.rule(t, "medium-value-")["State"] = "DISABLED"
		r.forbid(t, "AWS::IAM::Policy", containing("states:StartExecution"))
		// The archiver does not know its bucket; the daily rule may neither start it nor use its
		// dead-letter queue.
		r.forbid(t, "AWS::SQS::QueuePolicy", containing("ArchiveScheduleDeadLetters", "events.amazonaws.com"))
		for id, one := range r {
			if environment, has := one.Properties["Environment"].(map[string]any); has {
				delete(environment["Variables"].(map[string]any), contract.EnvAuditBucketName)
			}
			if one.Type == "AWS::Lambda::Permission" && strings.Contains(fmt.Sprint(one.Properties["SourceArn"]), "ArchiveDaily") {
				delete(r, id)
			}
		}
	}))
	// Nor may the archiver report that to its queue, without which its configuration could not be created.
	removeGrants(t, s, "sqs:SendMessage", "archival-failures-")
	for _, amount := range []string{"250", "5000", "15000"} {
		accept(t, s, payment(newID(t), amount, "USD", ""))
	}
	t.Run("pattern wrong", func(t *testing.T) { rang(t, s, time.Hour, "low-value-unmatched") })
	t.Run("rule disabled", func(t *testing.T) { rang(t, s, time.Hour, "medium-value-unmatched") })
	t.Run("state machine not started", func(t *testing.T) { rang(t, s, time.Hour, "unscored") })
	t.Run("message in a dead-letter queue", func(t *testing.T) {
		rang(t, s, time.Hour, "high-value-dlq-not-empty", "high-value-dlq-arrivals")
		all, err := s.Alarms(t.Context(), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		// The first message does not hide the next: by now, that would raise the alarm again.
		if filled, arrivals := all["high-value-dlq-not-empty"], all["high-value-dlq-arrivals"]; filled.State != "ALARM" || arrivals.State != "OK" {
			t.Errorf("an hour later: %+v and %+v", filled, arrivals)
		}
	})
	t.Run("message about to expire", func(t *testing.T) {
		if names := raised(t, s, 9*day); slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, "-expiring") }) {
			t.Errorf("nine days ahead: %q", names)
		}
		rang(t, s, 10*day+2*time.Hour, "high-value-dlq-expiring")
	})
	t.Run("asynchronous event dropped", func(t *testing.T) {
		rang(t, s, time.Hour, contract.TransactionArchival+"-errors", contract.TransactionArchival+"-dropped")
	})
	t.Run("on-failure destination not reached", func(t *testing.T) {
		rang(t, s, time.Hour, contract.TransactionArchival+"-undeliverable")
	})
	t.Run("dead-letter queue of a rule not reached", func(t *testing.T) {
		if err := s.FireRule(t.Context(), s.ArchivalRule(), time.Now()); err != nil {
			t.Fatal(err)
		}
		rang(t, s, time.Hour, "daily-archival-undeliverable")
	})
	// Nothing else was broken.
	silent(t, s, time.Hour, raisedByRules...)
}

// raised returns the names of the alarms that were raised until then.
func raised(t *testing.T, s *session.Session, ahead time.Duration) (names []string) {
	t.Helper()
	all, err := s.Alarms(t.Context(), time.Now().Add(ahead))
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range all {
		if a.Rang() {
			names = append(names, name)
		}
	}
	return names
}

// raisedByRules are the alarms of TestAlarms_rules an hour after its faults. No run of the archiver
// was ever complete.
var raisedByRules = []string{
	"low-value-unmatched", "medium-value-unmatched", "unscored", "high-value-dlq-not-empty", "high-value-dlq-arrivals",
	contract.TransactionArchival + "-errors", contract.TransactionArchival + "-dropped", contract.TransactionArchival + "-undeliverable",
	"daily-archival-undeliverable", "archive-stopped",
}

// What stops because a function is not called, fails or cannot be counted.
func TestAlarms_functions(t *testing.T) {
	inParallel(t)
	s := ownSessionWith(t, session.SecretFlags(map[string]string{"adyen": secrets["adyen"]}), editing(t, func(r template) {
		for _, one := range r {
			if one.Type == "AWS::Lambda::EventSourceMapping" {
				one.Properties["Enabled"] = false
				one.Properties["MaximumRetryAttempts"] = 0
			}
		}
		r.rule(t, contract.ArchiveRulePrefix)["State"] = "DISABLED"
		r.forbid(t, "AWS::IAM::Policy", containing("events:PutEvents"))
		r.forbid(t, "AWS::SNS::TopicPolicy", containing(`"Allow"`, "events.amazonaws.com"))
		r.forbid(t, "AWS::SQS::QueuePolicy", containing("RoutingMediumValueDeadLetters", "events.amazonaws.com"))
	}))
	removeGrants(t, s, "sqs:SendMessage", "relay-dlq-") // without it, the mapping could not be created
	t.Run("mapping disabled", func(t *testing.T) {
		accept(t, s, payment(newID(t), "250", "USD", ""))
		rang(t, s, time.Hour, "unpublished")
	})
	t.Run("archiver's rule disabled, one payment in a week", func(t *testing.T) {
		silent(t, s, 2*day, "unpublished")
		rang(t, s, 4*day, "archive-stopped")
	})
	t.Run("dead-letter queue of a tier's rule not reached", func(t *testing.T) {
		putEvent(t, s, `{"transaction_id": "t", "amount": 5000, "currency": "USD", "amount_text": "5000.00 USD", "kind": "payment"}`)
		rang(t, s, time.Hour, "medium-value-transactions-undeliverable")
	})
	t.Run("execution failed", func(t *testing.T) {
		putEvent(t, s, `{"transaction_id": "t", "amount": 15000, "currency": "USD", "kind": "payment"}`)
		rang(t, s, time.Hour, "workflow-failed")
	})
	t.Run("function failed", func(t *testing.T) {
		_, err := lambda.NewFromConfig(s.AWS).Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String(contract.WebhookValidator + "-" + s.Suffix()), Payload: []byte(`"no request"`),
		})
		if err != nil {
			t.Fatal(err)
		}
		rang(t, s, time.Hour, contract.WebhookValidator+"-errors")
	})
	t.Run("deliveries rejected and none verified", func(t *testing.T) {
		sent, err := s.Send(t.Context(), sender, "adyen", secrets["adyen"][:len(secrets["adyen"])-4]+"0000")
		if err != nil || len(sent.Responses) != 1 || sent.Responses[0].Status != 401 {
			t.Fatalf("%+v, %v", sent, err)
		}
		rang(t, s, time.Hour, "unverified-adyen")
	})
	t.Run("secret missing", func(t *testing.T) {
		sent, err := s.Send(t.Context(), sender, "stripe", secrets["stripe"])
		if err != nil || len(sent.Responses) == 0 || sent.Responses[0].Status != 503 {
			t.Fatalf("%+v, %v", sent, err)
		}
		rang(t, s, time.Hour, "verification-unavailable", "api-5xx")
	})
	t.Run("on-failure destination of the stream not reached", func(t *testing.T) {
		client := lambda.NewFromConfig(s.AWS)
		list, err := client.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{})
		if err != nil || len(list.EventSourceMappings) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		_, err = client.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: list.EventSourceMappings[0].UUID, Enabled: aws.Bool(true)})
		if err != nil {
			t.Fatal(err)
		}
		rang(t, s, time.Hour, contract.EventRelay+"-undeliverable")
	})
	t.Run("log group deleted", func(t *testing.T) {
		_, err := cloudwatchlogs.NewFromConfig(s.AWS).DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{
			LogGroupName: aws.String(contract.FunctionLogGroupPrefix + contract.WebhookValidator + "-" + s.Suffix()),
		})
		if err != nil {
			t.Fatal(err)
		}
		accept(t, s, payment(newID(t), "250", "USD", ""))
		rang(t, s, time.Hour, "validator-uncounted")
	})
}

// putEvent publishes an event of a stored transaction, as event-relay does.
func putEvent(t *testing.T, s *session.Session, detail string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"Entries": []any{map[string]string{
		"EventBusName": contract.BusPrefix + s.Suffix(), "Source": contract.EventSource, "DetailType": contract.DetailTypeTransactionReceived, "Detail": detail,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	text := callAWS(t, s, "events", http.Header{"X-Amz-Target": {"AWSEvents.PutEvents"}}, body)
	if !strings.Contains(text, `"FailedEntryCount":0`) {
		t.Fatal(text)
	}
}

// callAWS calls a service at the session's endpoint, as an SDK does, and returns the response. It is
// for calls that the repository needs no SDK for; the aws command takes a second of a processor.
func callAWS(t *testing.T, s *session.Session, service string, header http.Header, body []byte) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Endpoint, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261122/"+s.AWS.Region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s (%v)", response.Status, text, err)
	}
	return string(text)
}
