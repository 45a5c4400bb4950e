package emulator

import (
	"encoding/json"

	"payment-webhooks/local/events"
)

// announceDeployment publishes the event with which CloudFormation ends the creation of a stack.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-stack-status-change.html
func (e *Emulator) announceDeployment() {
	type status struct {
		Status string `json:"status"`
		Reason string `json:"status-reason"`
	}
	detail, _ := json.Marshal(struct { // texts always marshal
		StackID string `json:"stack-id"`
		Details status `json:"status-details"`
		Token   string `json:"client-request-token"`
	}{e.resolver.StackID(), status{Status: "CREATE_COMPLETE"}, ""})
	e.defaultBus.PutServiceEvent(events.Envelope{
		DetailType: "CloudFormation Stack Status Change", Source: "aws.cloudformation", Resources: []string{e.resolver.StackID()}, Detail: detail,
	})
}
