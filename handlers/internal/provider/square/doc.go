// Package square reads Square's webhook event notifications.
//
// # What is signed
//
// The header x-square-hmacsha256-signature is base64 of HMAC-SHA256 over the
// notification URL followed by the body, under the subscription's signature
// key, whose bytes are taken as they are.
// https://developer.squareup.com/docs/webhooks/step3validate
// The URL has to be the one of the subscription to the letter: scheme, custom
// domain or API Gateway's host and stage, trailing slash. Where the gateway does
// not see it so, it is configured: contract.ProviderNotificationURL.
//
// The older x-square-signature, HMAC-SHA1, is not accepted.
//
// # Time
//
// No header with a time is signed, but the body is, and created_at is in it. A
// repeated delivery keeps it, and Square repeats for up to 24 hours by its
// current documentation and for up to 72 hours by earlier ones; so the bound is
// the longer one and provider.Tolerance, since refusing a genuine repeat would
// lose a payment. The idempotent store covers what is younger.
// https://developer.squareup.com/docs/webhooks/troubleshooting
// https://developer.squareup.com/docs/webhooks-api/delivery-sla
// A created_at further in the future than provider.Tolerance is refused too.
//
// # What becomes a transaction
//
//	payment.created, payment.updated  payment, once its status is COMPLETED
//	refund.created, refund.updated    refund of payment_id, once COMPLETED
//	dispute.created                   dispute of disputed_payment.payment_id
//	payout.paid                       payout
//
// Everything else is ignored, such as a payment that is only APPROVED, later
// states of a dispute, and payout.sent, which says of the same payout that it
// is on its way.
// https://developer.squareup.com/docs/payments-api/webhooks
// https://developer.squareup.com/reference/square/disputes-api/webhooks/dispute.created
// https://developer.squareup.com/reference/square/payouts-api/webhooks/payout.paid
//
// Square reports a completed payment again whenever something is added to it,
// such as processing fees or a refund. Only what is settled at completion gets
// into the transaction: total_money (amount_money with the tip), customer_id
// and the metadata, which has merchant_id and location_id, of a payment also
// order_id and reference_id, of a refund order_id, of a dispute reason.
//
// A seller who attaches another customer to a completed payment makes the next
// report of it contradict the stored transaction: it is quarantined, and the
// transaction stays as it was.
//
// # Amounts
//
// In the smallest unit of the currency, which is that of ISO 4217.
// https://developer.squareup.com/docs/build-basics/working-with-monetary-amounts
// A payment of nothing is ignored. A payout is negative when Square collects
// from the seller's bank account; our amounts are positive, so that one is
// unreadable.
//
// # What Square wants as an answer
//
// A 2xx status code, within ten seconds.
// https://developer.squareup.com/docs/webhooks-api/delivery-sla
package square
