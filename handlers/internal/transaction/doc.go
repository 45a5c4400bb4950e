// Package transaction is the domain: what a payment notification is, which
// rules it obeys, and what makes two deliveries the same.
//
// The door takes a delivery through Normalise (bytes to a Draft), Validate
// (every rule on every field; all errors at once) and Redact (no card numbers).
// docs/payload.md states the rules for senders; the bounds are the constants of
// this package.
package transaction
