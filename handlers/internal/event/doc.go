// Package event is the JSON form of a transaction outside the table: the detail
// of the event that event-relay publishes, which is also what the workflow and
// fraud-detector receive, and the core of an archived line.
//
// Encoding is deterministic and exact: fields have a fixed order, and an amount is
// the shortest plain decimal. Decoding accepts what services may change in transit:
// EventBridge and Step Functions may write 15000000 as 1.5E7 and add white space.
package event
