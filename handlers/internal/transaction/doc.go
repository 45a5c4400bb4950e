// Package transaction is the domain model: what a payment notification consists of,
// which rules it must follow, and when two deliveries are the same.
//
// The webhook endpoint processes a canonical payload through Normalise (bytes to
// a Draft), Validate (every rule on every field; all errors at once) and Redact
// (no card numbers); Check applies the same rules to a transaction read from a
// provider's own notification. docs/payload.md states the rules for senders; the bounds are
// the constants of this package. Fields is the table of a transaction's fields.
package transaction
