// Package intake is the webhook endpoint: it verifies a delivery, normalises and
// validates what it says, masks card numbers and stores each transaction with one
// conditional write. webhook-validator runs it behind API Gateway; subpackages
// adapt it to the services around it.
//
// A delivery that gets a 2xx response is stored, or was a duplicate, or is kept in
// the quarantine, and is not lost. docs/payload.md states the rules for senders.
package intake
