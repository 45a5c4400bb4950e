// Package secrets caches signing secrets. An execution environment reads a secret when
// it first needs it, refreshes it regularly, and goes on using it for a while when it
// cannot be read.
//
// Package intake asks a Cache before it verifies a delivery; package awssecrets is the
// Cache's Source. Values are never logged and never part of an error.
package secrets
