package events

// PutServiceEvent publishes an event of an AWS service, which PutEvents rejects: its source
// begins with "aws.". Such events are on the default bus. The delivery to the targets of every
// rule that matches has started when it returns.
func (b *Bus) PutServiceEvent(e Envelope) {
	now := b.config.Now()
	e.ID, e.Account, e.Region, e.Time = b.config.NewID(), b.config.Account, b.config.Region, now
	event := NewEvent(e)
	for _, r := range b.Rules() {
		if ok, _ := r.Selects(event); ok { // no error: the event is JSON
			b.config.Deliveries.Deliver(r, event, now)
		}
	}
}
