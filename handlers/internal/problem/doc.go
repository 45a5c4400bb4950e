// Package problem writes error answers as RFC 9457 problem documents. They tell
// a provider's engineer what to change and never how this system works inside.
// docs/payload.md lists the types.
package problem
