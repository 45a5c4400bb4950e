// Package relay turns the table's stream into events: one event for each stored
// transaction, at least once.
//
// Delivery semantics. A record is done when the bus has confirmed its event. A poison
// record, which can never be published (it cannot be read or encoded, the bus rejects its
// content, or the relay panics over it), is done when the dead-letter queue has confirmed a
// message about it: it goes there alone and at once, and no other record waits for it.
// Relay reports the sequence number of every record that is not done, and of no other
// record. Lambda retries from the lowest reported sequence number until the record is too
// old, so later records are delivered again. Relay skips those that it did recently;
// another process publishes them a second time, which all consumers of the bus tolerate.
// When a record is too old, the queue gets a reference to the rest of the batch, of
// which only the failed records have not been published. Events may therefore be out of
// order; no consumer of the bus relies on their order.
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
package relay
