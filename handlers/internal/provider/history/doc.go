// Package history defines how the past events of a provider are listed by its API, which
// is independent of whether they were ever delivered. Package reconcile compares them with
// the ledger.
//
// Each provider that has such an API has a package for it beside the one that decodes its
// notifications, such as stripe/stripeapi. The webhook endpoint uses none of them: it calls
// no provider and has no credentials of one.
//
// Pages reads a list to its end whatever the provider does: each event once, also if a page
// comes twice, and never in a loop. Client sends the requests, and repeats those that failed
// for a reason that passes.
package history
