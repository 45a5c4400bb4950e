// Package relay turns the table's stream into events: one event for each stored
// transaction, at least once.
//
// Delivery semantics. A record is done when the bus has confirmed its event.
// Every record that is not done is reported by its sequence number, among them
// poison: a record that cannot be read. None is swallowed, and none that was
// published is reported because another failed. Lambda, though, knows no gaps:
// it retries a stream's batch from the lowest sequence number reported, so
// records after a failed one come again. Relay remembers what it lately
// published and skips those; in another process they are published twice, which
// everything behind the bus tolerates. When retries are exhausted, what is left
// of the batch goes to the on-failure queue by reference, while all but the
// failed records of it have been published. Events may therefore overtake each
// other; nothing behind the bus relies on order.
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
package relay
