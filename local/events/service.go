package events

import "encoding/json"

// ServiceEvent starts the delivery of an event of an AWS service, which services send to the
// default bus, and which PutEvents rejects.
func (b *Bus) ServiceEvent(source, detailType string, resources []string, detail json.RawMessage) {
	now := b.config.Now()
	event := NewEvent(Envelope{
		ID: b.config.NewID(), DetailType: detailType, Source: source, Account: b.config.Account, Time: now,
		Region: b.config.Region, Resources: resources, Detail: detail,
	})
	for _, r := range b.Rules() {
		if ok, _ := r.Selects(event); ok { // no error: the event is JSON
			b.config.Deliveries.Deliver(r, event, now)
		}
	}
}
