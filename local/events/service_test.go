package events_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"payment-webhooks/local/events"
)

type received chan []byte

func (r received) Deliver(_ context.Context, payload []byte) error { r <- payload; return nil }

func TestServiceEvent(t *testing.T) {
	t.Run("is delivered to the rules of the default bus that match", func(t *testing.T) {
		deliveries := events.NewDeliveries(events.DeliveryConfig{})
		t.Cleanup(deliveries.Close)
		at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		bus := events.NewBus(events.BusConfig{
			Name: "default", Region: "eu-west-1", Account: "123456789012", Deliveries: deliveries,
			Now: func() time.Time { return at }, NewID: func() string { return "id" },
		})
		got := received(make(chan []byte, 2))
		for id, pattern := range map[string]string{
			"Deployed": `{"source":["aws.cloudformation"],"detail":{"stack-id":["arn:stack"],"status-details":{"status":["CREATE_COMPLETE"]}}}`,
			"Other":    `{"source":["aws.cloudformation"],"detail":{"stack-id":["arn:other"]}}`,
		} {
			p := events.RuleProperties{EventPattern: json.RawMessage(pattern), Targets: []events.TargetProperties{{ID: "T", Arn: "arn:" + id}}}
			if err := bus.AddRule(id, p, func(events.TargetRef) (events.Target, error) { return got, nil }); err != nil {
				t.Fatal(err)
			}
		}
		bus.PutServiceEvent(events.Envelope{
			Source: "aws.cloudformation", DetailType: "CloudFormation Stack Status Change", Resources: []string{"arn:stack"},
			Detail: json.RawMessage(`{"stack-id":"arn:stack","status-details":{"status":"CREATE_COMPLETE"}}`),
		})
		if err := deliveries.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := `{"version":"0","id":"id","detail-type":"CloudFormation Stack Status Change","source":"aws.cloudformation","account":"123456789012",` +
			`"time":"2026-11-22T12:00:00Z","region":"eu-west-1","resources":["arn:stack"],"detail":{"stack-id":"arn:stack","status-details":{"status":"CREATE_COMPLETE"}}}`
		if len(got) != 1 {
			t.Fatalf("%d deliveries", len(got))
		}
		if text := string(<-got); text != want {
			t.Errorf("got %s", text)
		}
	})
}
