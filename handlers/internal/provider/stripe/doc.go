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
// Events. For each kind of transaction, exactly one event type is used. The
// transaction's id is that of the event's object, as Stripe advises for detecting
// duplicates:
// https://docs.stripe.com/webhooks#handle-duplicate-events
//
//	payment_intent.succeeded  payment  pi_…  amount_received
//	refund.created            refund   re_…  of payment_intent, else of charge
//	charge.dispute.created    dispute  du_…  of payment_intent, else of charge; also an inquiry
//	payout.paid               payout   po_…
//
// https://docs.stripe.com/api/events/types
//
// All others are ignored. charge.succeeded reports the same payment as
// payment_intent.succeeded; a payment made without a PaymentIntent, through the old
// Charges API alone, is therefore ignored. refund.created "occurs whenever a refund is
// created" (https://docs.stripe.com/api/refunds), for every refund since API version 2024-10-28.acacia
// (https://docs.stripe.com/changelog/acacia/2024-10-28/refund-webhook-update);
// charge.refunded has a running total and no refund id. An object whose status in the
// event is failed or canceled, which is possible for a new refund, moved no money and
// is ignored. Later events about the object (refund.failed, payout.failed,
// charge.dispute.closed) do not change the stored transaction.
//
// Events with a snapshot of their object ("object": "event") are read in every API
// version: the members that are used have been the same since PaymentIntents exist.
// Thin events ("object": "v2.core.event", types v1.… and v2.…) name the object without
// its amount, and this system calls no API. Thin events of the four types above are
// unreadable, so that an endpoint that is set up for them is noticed; others are
// ignored.
// https://docs.stripe.com/event-destinations#thin-events
// https://docs.stripe.com/changelog/endive/2026-09-30/thin-events-for-api-v1-resources-generally-available
//
// Amounts are in minor units as Stripe defines them; see decimals. A payout that
// debits the bank account has a negative amount and is unreadable.
//
// The transaction's metadata has, where Stripe names them: account (of a
// connected account's event), charge, reason (of a refund or dispute),
// balance_transaction and destination (of a payout), livemode when false, and
// metadata, the object's own. Of the event itself, only account and livemode are
// included, so that a second event about the same object is a duplicate.
package stripe
