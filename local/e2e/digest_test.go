package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// digests are the tests of a session whose tier medium has a digest.
func digests(t *testing.T, s *session.Session) {
	waiting, dead := "medium"+contract.TierDigestInfix+s.Suffix(), "medium"+contract.TierDigestDeadLetterInfix+s.Suffix()
	t.Run("when a tier has a digest, one message names all payments of a batch", func(t *testing.T) {
		enableDigest(t, s, false)
		var ids []string
		for i := range 12 {
			ids = append(ids, newID(t)+"_")
			switch i {
			case 0:
				accept(t, s, payment(ids[i], "150000", "JPY", ""))
			case 1:
				accept(t, s, payment(ids[i], "2000", "USD", `, "kind": "refund"`))
			default:
				accept(t, s, payment(ids[i], "1000.01", "USD", ""))
			}
		}
		eventually(t, "12 events wait", func(ctx context.Context) (bool, error) { return holds(ctx, s, waiting, len(ids)) })
		t.Run("and an alarm is raised when nobody fetches them", func(t *testing.T) { rings(t, s, "medium-value-digest-delayed", 45*time.Minute) })
		enableDigest(t, s, true)

		mails := map[string]session.Alert{} // by message
		for _, id := range ids {
			var found []session.Alert
			eventually(t, "the digest that names "+id, func(ctx context.Context) (bool, error) {
				var err error
				found, err = s.Alerts(ctx, "transaction "+id+".")
				return len(found) > 0, err
			})
			if len(found) != 2 || found[0].Protocol == found[1].Protocol {
				t.Errorf("%s is named by %+v, want an e-mail and an SMS", id, found)
			}
			for _, alert := range found {
				if alert.Protocol == "email" {
					mails[alert.Message] = alert
				}
			}
		}
		if len(mails) != 1 {
			t.Fatalf("%d messages: %v", len(mails), mails)
		}
		for text, mail := range mails {
			if mail.Subject != "Medium-value digest: 12 transactions" || !strings.Contains(text, "\n\n1 payment: 150000 JPY\n10 payments: 10000.10 USD\n1 refund: 2000.00 USD\n\n") {
				t.Errorf("%s: %s", mail.Subject, text)
			}
		}
		eventually(t, "the queue is empty", func(ctx context.Context) (bool, error) { return holds(ctx, s, waiting, 0) })
	})

	t.Run("when the digest function crashes, no payment is lost", func(t *testing.T) {
		strike(t, s, once("function:"+contract.AlertDigest, "crash-before", ""), once("function:"+contract.AlertDigest, "crash-after", ""))
		enableDigest(t, s, false) // so that they are one batch
		var ids []string
		for range 3 {
			ids = append(ids, newID(t)+"_")
			accept(t, s, payment(ids[len(ids)-1], "5000", "USD", ""))
		}
		eventually(t, "3 events wait", func(ctx context.Context) (bool, error) { return holds(ctx, s, waiting, len(ids)) })
		enableDigest(t, s, true)
		for _, id := range ids { // by the run that then crashed, and by the one after it; by e-mail and by SMS
			eventually(t, "two digests that name "+id, func(ctx context.Context) (bool, error) {
				found, err := s.Alerts(ctx, "transaction "+id+".")
				return len(found) == 4, err
			})
		}
		eventually(t, "the queue is empty", func(ctx context.Context) (bool, error) { return holds(ctx, s, waiting, 0) })
		var faults []injected
		if err := s.Control(t.Context(), http.MethodGet, faultsPath, nil, &faults); err != nil {
			t.Fatal(err)
		}
		for _, f := range faults {
			if f.Struck != 1 {
				t.Errorf("%s struck %d times", f.Fault, f.Struck)
			}
		}
		if empty, err := holds(t.Context(), s, dead, 0); err != nil || !empty {
			t.Errorf("the dead-letter queue is not empty, %v", err)
		}
	})

	t.Run("when no digest can be sent, the event is kept, and redrive sends it", func(t *testing.T) {
		strike(t, s, fmt.Sprintf(`{"hop":"sns:Publish","fault":"denied","where":{"caller":%q}}`, contract.AlertDigest))
		id := newID(t) + "_"
		accept(t, s, payment(id, "5000", "USD", ""))
		eventually(t, "the event is in the dead-letter queue", func(ctx context.Context) (bool, error) { return holds(ctx, s, dead, 1) })
		for _, alarm := range []string{"medium-value-digest-dlq-not-empty", "medium-value-digest-dlq-arrivals"} {
			rings(t, s, alarm, 20*time.Minute)
		}
		out, _, exit := ops(t, s, "dlq", "list")
		if exit != 0 || !strings.Contains(out, dead) || !strings.Contains(out, "1 not alerted") || !strings.Contains(out, "for the next digest") {
			t.Errorf("exit status %d: %s", exit, out)
		}
		strike(t, s)
		out, progress, exit := ops(t, s, "dlq", "redrive", "medium-value-digest-dlq", "--execute", "--json")
		var outcomes []struct{ Result string }
		if err := json.Unmarshal([]byte(out), &outcomes); err != nil || exit != 0 || len(outcomes) != 1 || outcomes[0].Result != "sent" {
			t.Fatalf("exit status %d: %s%s", exit, out, progress)
		}
		eventually(t, "the digest that names "+id, func(ctx context.Context) (bool, error) {
			found, err := s.Alerts(ctx, "transaction "+id+".")
			return len(found) > 0, err
		})
		if empty, err := holds(t.Context(), s, dead, 0); err != nil || !empty {
			t.Errorf("the dead-letter queue is not empty, %v", err)
		}
		if _, progress, exit := ops(t, s, "dlq", "redrive", waiting); exit != 2 || !strings.Contains(progress, "for the next digest") {
			t.Errorf("exit status %d: %s", exit, progress)
		}
	})
}

// enableDigest enables or disables the mapping of alert-digest.
func enableDigest(t *testing.T, s *session.Session, enabled bool) {
	t.Helper()
	client := lambda.NewFromConfig(s.AWS)
	list, err := client.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: aws.String(contract.AlertDigest + "-" + s.Suffix())})
	if err != nil || len(list.EventSourceMappings) != 1 || aws.ToInt32(list.EventSourceMappings[0].MaximumBatchingWindowInSeconds) != 60 {
		t.Fatalf("%v, mappings %+v", err, list)
	}
	if _, err := client.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: list.EventSourceMappings[0].UUID, Enabled: &enabled}); err != nil {
		t.Fatal(err)
	}
}

// holds reports whether a queue has this number of messages, hidden ones included.
func holds(ctx context.Context, s *session.Session, queue string, want int) (bool, error) {
	client := awssqs.NewFromConfig(s.AWS)
	url, err := client.GetQueueUrl(ctx, &awssqs.GetQueueUrlInput{QueueName: &queue})
	if err != nil {
		return false, err
	}
	out, err := client.GetQueueAttributes(ctx, &awssqs.GetQueueAttributesInput{QueueUrl: url.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{
		sqstypes.QueueAttributeNameApproximateNumberOfMessages, sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	}})
	if err != nil {
		return false, err
	}
	n := 0
	for _, count := range out.Attributes {
		messages, err := strconv.Atoi(count)
		if err != nil {
			return false, err
		}
		n += messages
	}
	return n == want, nil
}

// strike replaces what is injected into a session.
func strike(t *testing.T, s *session.Session, specs ...string) {
	t.Helper()
	if err := s.Control(t.Context(), http.MethodDelete, faultsPath, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, spec := range specs {
		if err := s.Control(t.Context(), http.MethodPost, faultsPath, []byte(spec), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// rings fails unless an alarm is raised within a time, if nothing else happens.
func rings(t *testing.T, s *session.Session, name string, within time.Duration) {
	t.Helper()
	alarms, err := s.Alarms(t.Context(), time.Now().Add(within))
	if err != nil {
		t.Fatal(err)
	}
	if alarm, exists := alarms[name]; !exists || !alarm.Rang() {
		t.Errorf("%s: %+v", name, alarm)
	}
}
