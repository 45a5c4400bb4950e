// Package intake is the webhook endpoint. It verifies a delivery, normalises and
// validates its content, masks card numbers, and stores each transaction with one
// conditional write. webhook-validator runs it behind API Gateway; subpackages
// adapt it to the services around it.
//
// A delivery that gets a 2xx response is not lost: its transactions are stored, now or
// earlier, or it is in the quarantine queue, or its events are of types to be ignored. docs/payload.md states the rules for senders.
package intake
