// Package stripe verifies and decodes the notifications that Stripe posts to a webhook
// endpoint. The secret is the endpoint's signing secret, whsec_….
//
// Signature. The header Stripe-Signature is "t=<Unix seconds>,v1=<hex>", with a
// v1 for each secret in force while one is being rolled; every other scheme is
// ignored, to prevent downgrades. A v1 is the HMAC-SHA256 of "<t>.<body>" under
// the secret as it is written, including whsec_. Stripe signs each delivery attempt
// anew, so a retry is never stale. Stripe recommends a tolerance of five minutes; this
// package also applies it to times ahead of our clock.
// https://docs.stripe.com/webhooks#verify-manually
// https://docs.stripe.com/webhooks/signatures
//
// # Events
//
// A transaction's id is that of Stripe's object, as Stripe advises for detecting
// duplicates, so several events that tell the same fact store it once:
// https://docs.stripe.com/webhooks#handle-duplicate-events
//
//	payment   pi_…                     payment_intent.succeeded, amount_received
//	payment   ch_… or py_…             charge.succeeded or .captured without a PaymentIntent
//	refund    re_…                     of payment_intent, else of charge
//	reversal  re_…_failed              the refund failed or was canceled
//	dispute   du_…                     the first withdrawal
//	reversal  du_…_funds_reinstated    the first reinstatement; …_2 the second
//	dispute   du_…_funds_withdrawn_2   a withdrawal after a reinstatement
//	payout    po_…
//	reversal  po_…_failed, …_canceled  the payout failed or was canceled
//
// https://docs.stripe.com/api/events/types
//
// Stripe does not keep events in order (https://docs.stripe.com/webhooks#event-ordering),
// and may fail a refund or a payout that was never reported as done. An event that
// takes a fact back therefore tells both: the fact, usually a duplicate, and the
// reversal. Stripe's balance has both entries, too (balance_transaction and
// failure_balance_transaction, types refund and refund_failure, payout and
// payout_failure or payout_cancel), so the ledger's balance is Stripe's in any order,
// and also if an event was lost.
// https://docs.stripe.com/reports/balance-transaction-types
//
// Refunds. Events about a refund tell it whatever its status is, because a pending one
// may already have been taken from the balance. Not stored: a refund that failed before
// refund.created was sent, until refund.failed tells it with its reversal; a refund that
// succeeded with a balance_transaction of null or is an expired_uncaptured_charge, which
// only released an authorization. Since API version 2024-10-28.acacia, refund.created is
// sent for every refund
// (https://docs.stripe.com/changelog/acacia/2024-10-28/refund-webhook-update), and
// charge.refunded is ignored. An endpoint of an older or unknown version gets
// charge.refunded alone. Its charge lists the refunds by default until version
// 2022-11-15, and each becomes a transaction; if the list is missing or incomplete, the
// event is unreadable, with the version in the reason.
//
// Captures. Requests of API versions before 2025-03-31.basil create a refund for what a
// capture or a cancellation releases
// (https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow),
// although amount_received is only what was captured. In charge.refunded it is
// recognised, as the first refund of the charge and exactly what was not captured, and
// left out. In the events of a refund it cannot be told from a genuine one after a
// partial capture; Stripe documents only charge.refunded and charge.refund.updated for
// it, and the latter is left out where it may be one. Stripe books it, too, but as a
// correction of the charge (reporting category partial_capture_reversal):
// https://docs.stripe.com/reports/reporting-categories
//
// Disputes. The dispute lists its withdrawals and reinstatements (balance_transactions),
// so each event tells all of them until then, with the amounts that were moved, which
// may be a part of the disputed amount. What the event itself says is added if the list
// ends with something else: it is documented to have at most two entries. If the balance has another currency than the
// dispute, the disputed amount is used, and a partial movement is unreadable. An inquiry
// withdraws nothing: it becomes a dispute with charge.dispute.funds_withdrawn, if at
// all. (Earlier releases stored inquiries as disputes.) charge.dispute.closed moves no
// money itself. A bank debit (ACH, SEPA, Bacs) that is returned after it succeeded is a
// dispute, too: https://docs.stripe.com/payments/ach-direct-debit#disputed-payments
//
// Payouts are stored when they are paid, although Stripe takes the amount from the
// balance when it creates them. A payout with a negative amount debits the bank account:
// it is a reversal of payouts, po_…, and a payout po_…_failed if the debit fails.
//
// An amount of zero moved nothing and is ignored. What becomes of every event type is in
// Declaration.EventTypes. Not in the ledger are fees, top-ups, transfers between Stripe
// accounts, reserves, Treasury and Issuing.
//
// # Versions
//
// Events with a snapshot of their object ("object": "event") are read in every API
// version. The members that decide are the same in all of them, because Stripe adds
// members to every version and removes them only in new ones
// (https://docs.stripe.com/api/versioning): two endpoints of different versions side by
// side yield duplicates. Thin events ("object": "v2.core.event", types v1.… and v2.…)
// name the object without its amount, and this system calls no API. Thin events of the
// types that become something are unreadable, so that an endpoint that is set up for
// them is noticed; others are ignored.
// https://docs.stripe.com/event-destinations#thin-events
// https://docs.stripe.com/changelog/endive/2026-09-30/thin-events-for-api-v1-resources-generally-available
//
// Amounts are in minor units as Stripe defines them; see decimals.
//
// The transaction's metadata has, where Stripe names them: account (of a connected
// account's event), charge, reason (of a refund or dispute), balance_transaction and
// destination (of a payout; of a reversal that which took the money back),
// failure_reason or failure_code (of a reversal), livemode when false, and metadata, the
// object's own.
package stripe
