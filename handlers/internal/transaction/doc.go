// Package transaction is the domain: what a payment notification is, which
// rules it obeys, and what makes two deliveries the same.
//
// The webhook endpoint processes a canonical payload through Normalise (bytes to
// a Draft), Validate (every rule on every field; all errors at once) and Redact
// (no card numbers); Check applies the rules to what was read from a provider's
// own notification. docs/payload.md states the rules for senders; the bounds are
// the constants of this package. Fields is the table of a transaction's fields.
package transaction
