// Package tiers is the routing policy: an ordered list of bands of amounts,
// each with a name and a target.
//
// cdk.json holds the list in its context, [Parse] reads it, and [List.Detail]
// writes the EventBridge pattern of each tier. A tier has one bound, its lower
// one, and ends where the next tier begins, so a list can neither leave an
// amount out nor send it to two targets. docs/tiers.md describes the format.
//
// The package knows nothing of the CDK: package constructs builds rules,
// targets, dashboard and alarms from the list, scripts/cost the bill.
package tiers
