//go:build !race

package constructs

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/events"
	"payment-webhooks/local/states"
)

// Every character that an id and a provider's name may have, and the longest id
// (package transaction).
const (
	idCharacters       = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	providerCharacters = "abcdefghijklmnopqrstuvwxyz0123456789_-"
)

// acceptedIDs are ids as they may come: all characters, the longest, and those that begin
// or end as a template's own text might.
var acceptedIDs = []string{
	idCharacters, strings.Repeat("--__", 32), strings.Repeat("Z", 128), "-", "_", "0", "--", "n", "null", "true", "pi_1-refund_failed",
}

// sent is what the sender of a transaction writes freely: none of it is for people.
const sent = `https://evil.example/?a=1 <b>"{}'\$.x&<detail-kind>`

// detail is an event's detail with this id, and as hostile as an accepted one can be.
func detail(t *testing.T, id, amount string) []byte {
	t.Helper()
	return mustJSON(t, map[string]any{
		contract.FieldSchemaVersion: contract.SchemaVersion, contract.FieldTransactionID: id, contract.FieldProvider: providerCharacters,
		contract.FieldKind: contract.KindPayment, contract.FieldAmount: json.Number(amount), contract.DetailAmountText: amount + ".00 USD",
		contract.FieldCurrency: "USD", contract.FieldCustomerID: sent, contract.FieldMetadata: map[string]any{sent: sent, "note": sent},
		contract.FieldReceivedAt: "2026-11-22T15:04:05.123456789Z", contract.FieldFingerprint: strings.Repeat("0f", 32),
	})
}

// checkText fails if a text for people has not the whole id, or has something of what
// the sender wrote freely.
func checkText(t *testing.T, text, id string) {
	t.Helper()
	if !strings.Contains(text, " "+id+".") && !strings.Contains(text, " "+id+",") {
		t.Errorf("the text %q has not the id %s as it is", text, id)
	}
	if !strings.Contains(text, " "+providerCharacters+",") {
		t.Errorf("the text %q has not the provider as it is", text)
	}
	for _, part := range []string{"evil", "http", "/", "<", ">", "{", "}", `"`, `\`, "$"} {
		if strings.Contains(text, part) {
			t.Errorf("the text %q has %q", text, part)
		}
	}
}

// deliver is a target that calls a function.
type deliver func(payload []byte)

func (d deliver) Deliver(_ context.Context, payload []byte) error { d(payload); return nil }

// texts publishes an event on a bus with the template's rules, and returns what those with
// an input transformer deliver.
func texts(t *testing.T, s template, detail []byte) []string {
	t.Helper()
	deliveries := events.NewDeliveries(events.DeliveryConfig{})
	bus := events.NewBus(events.BusConfig{Name: "bus", Region: "eu-west-1", Account: "111122223333", Deliveries: deliveries})
	var mu sync.Mutex
	var got []string
	for _, id := range s.all("AWS::Events::Rule") {
		var p events.RuleProperties
		if err := json.Unmarshal([]byte(s.render(map[string]any(s.Resources[id].Properties))), &p); err != nil {
			t.Fatal(err)
		}
		if p.EventPattern == nil || p.Targets[0].InputTransformer == nil {
			continue
		}
		p.EventBusName = "bus"
		keep := deliver(func(payload []byte) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, string(payload))
		})
		if err := bus.AddRule(id, p, func(events.TargetRef) (events.Target, error) { return keep, nil }); err != nil {
			t.Fatal(err)
		}
	}
	entry := map[string]any{"Source": contract.EventSource, "DetailType": contract.DetailTypeTransactionReceived, "Detail": string(detail), "EventBusName": "bus"}
	if _, err := bus.PutEvents(t.Context(), mustJSON(t, map[string]any{"Entries": []any{entry}})); err != nil {
		t.Fatal(err)
	}
	if err := deliveries.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	return got
}

func TestAlertTierTexts(t *testing.T) {
	s := sixTierStack(t)
	amounts := map[string]string{"medium": "5000", "notable": "7500"} // the tiers with target alert
	t.Run("have every accepted id as it is, and nothing that the sender wrote freely", func(t *testing.T) {
		for tier, amount := range amounts {
			for _, id := range acceptedIDs {
				got := texts(t, s, detail(t, id, amount))
				if len(got) != 1 {
					t.Fatalf("%s: %d texts: %q", tier, len(got), got)
				}
				var text string // SNS gets a JSON string
				if err := json.Unmarshal([]byte(got[0]), &text); err != nil {
					t.Fatalf("%s: %q: %v", tier, got[0], err)
				}
				checkText(t, text, id)
			}
		}
	})
	t.Run("are those of every tier with this target", func(t *testing.T) {
		transformers := 0
		for _, id := range s.all("AWS::Events::Rule") {
			if s.Resources[id].at("Targets", 0, "InputTransformer") != nil {
				transformers++
			}
		}
		if transformers != len(amounts) {
			t.Errorf("%d rules transform their input, and the test sends amounts of %d tiers", transformers, len(amounts))
		}
	})
}

// services responds as the fraud detector and keeps what is published and sent.
type services struct {
	mu        sync.Mutex
	risk      string
	published []states.PublishRequest
	invoked   [][]byte
}

func (v *services) Invoke(_ context.Context, r states.InvokeRequest) (states.InvokeResponse, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.invoked = append(v.invoked, r.Payload)
	payload := fmt.Sprintf(`{"risk_level":%q,"risk_summary":"Risk (score 0.87): card of US used from BR."}`, v.risk)
	return states.InvokeResponse{StatusCode: 200, ExecutedVersion: "$LATEST", Payload: []byte(payload)}, nil
}

func (v *services) Publish(_ context.Context, r states.PublishRequest) (states.PublishResponse, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.published = append(v.published, r)
	return states.PublishResponse{MessageID: "m", RequestID: "r"}, nil
}

func (v *services) SendMessage(context.Context, states.SendMessageRequest) (states.SendMessageResponse, error) {
	return states.SendMessageResponse{}, fmt.Errorf("nothing should fail")
}

func TestWorkflowTexts(t *testing.T) {
	s := stack(t)
	_, r := s.only("AWS::StepFunctions::StateMachine")
	definition := strings.NewReplacer("${AWS::Partition}", "aws").Replace(s.render(r.at("DefinitionString")))
	for risk, messages := range map[string]int{contract.RiskLow: 1, contract.RiskHigh: 2} {
		t.Run("have every accepted id as it is when the risk is "+risk, func(t *testing.T) {
			for _, id := range acceptedIDs {
				v := &services{risk: risk}
				m, err := states.Load("Workflow", states.Properties{StateMachineType: "EXPRESS", RoleArn: "arn:role", DefinitionString: definition},
					states.Config{ARN: "arn:aws:states:eu-west-1:111122223333:stateMachine:workflow", Services: v})
				if err != nil {
					t.Fatal(err)
				}
				end, err := m.Run("", detail(t, id, "15000"))
				if err != nil || end.Status != states.Succeeded {
					t.Fatalf("%+v, %v", end, err)
				}
				if len(v.published) != messages || len(v.invoked) != 1 {
					t.Fatalf("%d messages, %d invocations", len(v.published), len(v.invoked))
				}
				for _, p := range v.published {
					var message map[string]string
					if err := json.Unmarshal([]byte(p.Message), &message); err != nil {
						t.Fatalf("%s: %v", p.Message, err)
					}
					for _, protocol := range []string{"default", "email", "sms"} {
						checkText(t, message[protocol], id)
					}
					if strings.Contains(p.Subject, "evil") || !strings.Contains(p.Subject, "15000.00 USD") {
						t.Errorf("subject %q", p.Subject)
					}
				}
			}
		})
	}
}
