package events

// PutServiceEvent publishes an event of an AWS service, which PutEvents rejects: its source
// begins with "aws.". Such events are on the default bus. The delivery to the targets of every
// rule that matches has started when it returns.
func (b *Bus) PutServiceEvent(e Envelope) {
	e.ID, e.Account, e.Region, e.Time = b.config.NewID(), b.config.Account, b.config.Region, b.config.Now()
	b.publish(NewEvent(e), e.Time)
}
