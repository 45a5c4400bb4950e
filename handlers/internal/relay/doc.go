// Package relay turns the table's stream into events: one event for each stored
// transaction, at least once.
//
// Delivery semantics. A record is done when the bus has confirmed its event. Relay
// reports the sequence number of every record that is not done, including records that
// cannot be read (poison records), and of no other record. Lambda retries from the
// lowest reported sequence number, so later records are delivered again. Relay skips
// those that it published recently; another process publishes them a second time,
// which all consumers of the bus tolerate. When retries are exhausted, the on-failure
// queue gets a reference to the rest of the batch, of which only the failed records
// have not been published. Events may therefore be out of order; no consumer of the
// bus relies on their order.
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
package relay
