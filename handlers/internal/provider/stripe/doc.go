// Package stripe reads the notifications that Stripe posts to a webhook
// endpoint. The secret is the endpoint's signing secret, whsec_….
//
// Signature. The header Stripe-Signature is "t=<Unix seconds>,v1=<hex>", with a
// v1 for each secret in force while one is being rolled; every other scheme is
// ignored, to prevent downgrades. A v1 is the HMAC-SHA256 of "<t>.<body>" under
// the secret as it is written, whsec_ included. Each attempt to deliver is
// signed anew, so that a retry is never stale. Five minutes of tolerance are
// Stripe's; that they also hold for times ahead of ours is this package's.
// https://docs.stripe.com/webhooks#verify-manually
// https://docs.stripe.com/webhooks/signatures
//
// Events. Each fact becomes a transaction from one event type, under the id of
// the event's object, as Stripe advises for telling duplicates:
// https://docs.stripe.com/webhooks#handle-duplicate-events
//
//	payment_intent.succeeded  payment  pi_…  amount_received
//	refund.created            refund   re_…  of payment_intent, else of charge
//	charge.dispute.created    dispute  du_…  of payment_intent, else of charge; also an inquiry
//	payout.paid               payout   po_…
//
// https://docs.stripe.com/api/events/types
//
// All others are ignored. charge.succeeded tells the same as
// payment_intent.succeeded; a payment made without a PaymentIntent, by the old
// Charges API alone, is thereby ignored. refund.created is the one that "occurs
// whenever a refund is created" (https://docs.stripe.com/api/refunds), for all
// kinds of refund since API version 2024-10-28.acacia
// (https://docs.stripe.com/changelog/acacia/2024-10-28/refund-webhook-update);
// charge.refunded has a running total and no refund's id. An object that is
// failed or canceled in its event, as a refund may be when it is created, moved
// no money and is ignored. What happens to a fact later (refund.failed,
// payout.failed, charge.dispute.closed) does not change its transaction.
//
// Events with a snapshot of their object ("object": "event") are read, of
// whichever API version: the members used are the same in all since
// PaymentIntents exist. Thin events ("object": "v2.core.event", types v1.… and
// v2.…) name the object without its amount, and this system calls no API: those
// of the four facts above are unreadable, so that an endpoint set up for them
// is noticed, and others are ignored.
// https://docs.stripe.com/event-destinations#thin-events
// https://docs.stripe.com/changelog/endive/2026-09-30/thin-events-for-api-v1-resources-generally-available
//
// Amounts are in the minor unit as Stripe counts it; see decimals. A payout that
// takes money from the bank account has a negative amount and is unreadable.
//
// The transaction's metadata has, where Stripe names them: account (of a
// connected account's event), charge, reason (of a refund or dispute),
// balance_transaction and destination (of a payout), livemode when false, and
// metadata, the object's own. Nothing of the event itself is in it but account
// and livemode: a second event for the same fact must be a duplicate.
package stripe
