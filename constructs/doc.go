// Package constructs is the cloud side of the system: one stack, a file per
// part, in the order in which a transaction passes through it: store, ingest,
// relay, routing, workflow, alerts, archive, and
// observability, which monitors the others.
//
// The application in the repository's root is its only caller:
// [ConfigFrom], [tiers.Parse] and [ProvidersFromContext] read and check
// everything that can be configured, [NewStack] builds the stack from it.
// NewStack reads no environment variable, clock or network, so the same
// configuration gives the same template, byte for byte.
//
// Each part has plain Go props by value and converts to jsii at the call.
// The part that uses a resource asks for the grant it needs, action by action.
package constructs
