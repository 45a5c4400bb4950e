// Package reconcile compares what a provider says happened with what the ledger holds, and
// brings in what is missing. Providers give up a delivery after days, disable endpoints, and
// sign with secrets that nobody has stored here: then a payment never arrives, and nothing
// else notices.
//
// Run lists the provider's events by its API (package history), decodes each with the decoder
// of the webhook endpoint, and looks up the transactions that it tells by their keys.
// An event is
//
//   - present, if the ledger has its transactions, also if it describes them otherwise;
//   - missing, if it lacks one;
//   - different, if the money contradicts, by the rule of the endpoint's conflicts
//     (transaction.Differences);
//   - in flight, if one is missing and the event younger than InFlight;
//   - ignored, if the endpoint ignores events like it;
//   - unknown, if its type is none of those that the provider documents;
//   - unreadable, if the endpoint would quarantine it.
//
// An item leaves the table after contract.RetentionDays, 35, and no provider lists an event for
// longer than 30, so that an item is there whenever its event is listed.
//
// With a Delivery, missing events are delivered to the webhook endpoint, which verifies, stores
// and publishes them as any other: signed as the provider signs, where we hold the secret, or by
// the provider itself, where only it can sign. Afterwards the ledger is read again.
//
// scripts/ops reconcile and the function payment-reconciler call it.
package reconcile
