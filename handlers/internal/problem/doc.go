// Package problem writes error responses as RFC 9457 problem documents. They tell a
// provider's engineer what to change and reveal nothing about the system's internals.
// docs/payload.md lists the types.
package problem
