// Package flow draws the way of a payment through a stack, from the template's resources and from
// what the roles' policies allow, and shows on the local run's page what happens on it.
//
// [Read] makes the graph: nothing in it is known by name. Another template, with other tiers, providers
// or queues, yields another graph. [Draw] lays it out in layers and returns SVG; the architecture picture
// in docs is the same drawing without counts. [View] is the page's view: it counts what passes each
// arrow, and says which hops fail and what to run.
//
// Its callers are package emulator and the command local/architecture.
package flow
