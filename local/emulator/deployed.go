package emulator

import (
	"encoding/json"
	"fmt"

	"payment-webhooks/local/events"
)

// defaultBusName is the bus to which AWS services send their events.
const defaultBusName = "default"

// planDefaultBus makes the bus of the rules for events of AWS services. CloudFormation's
// status change is the only such event.
func (e *Emulator) planDefaultBus() {
	e.defaultBus = events.NewBus(events.BusConfig{Name: defaultBusName, Region: e.region, Account: e.account, Deliveries: e.deliveries})
}

// deployed sends the event with which CloudFormation ends the creation of a stack.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-stack-status-change.html
func (e *Emulator) deployed() error {
	id := e.resolver.StackID()
	detail, err := json.Marshal(map[string]any{
		"stack-id":             id,
		"status-details":       map[string]string{"status": "CREATE_COMPLETE", "status-reason": ""},
		"client-request-token": "",
	})
	if err != nil {
		return fmt.Errorf("event of the stack's creation: %w", err)
	}
	e.defaultBus.ServiceEvent("aws.cloudformation", "CloudFormation Stack Status Change", []string{id}, detail)
	return nil
}
