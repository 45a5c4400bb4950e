// Package secrets keeps signing secrets at hand: read once per environment,
// refreshed now and then, and served on for a while when they cannot be read.
//
// The door asks a Cache before it verifies a delivery; package secretsmanager
// reads for it. Values are never logged and never part of an error.
package secrets
