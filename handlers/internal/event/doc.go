// Package event is the JSON form of a transaction outside the table: the detail
// of the event that event-relay publishes, which is also what the workflow and
// fraud-detector receive, and the core of an archived line.
//
// Encoding is deterministic and exact: fields in a fixed order, amounts as the
// shortest plain decimal. Decoding tolerates what happens in
// transit: EventBridge and Step Functions may render 15000000 as 1.5E7, and may add
// white space.
package event
