package events

import "time"

// Render returns what a rule's target receives of an event: the target's Input, InputPath or
// InputTransformer applied to it. ingested is when the bus received the event. The error of
// an event that the template cannot render is a permanent *DeliveryError.
func Render(p TargetProperties, ruleName, ruleARN string, event []byte, ingested time.Time) ([]byte, error) {
	in, err := newInput(p)
	if err != nil {
		return nil, err
	}
	return in.payload(delivered{event: event, ingested: ingested, rule: &Rule{Name: ruleName, ARN: ruleARN}})
}
