// Package square verifies and decodes Square's webhook event notifications.
//
// # What is signed
//
// The header x-square-hmacsha256-signature is base64 of HMAC-SHA256 over the
// notification URL followed by the body, under the subscription's signature
// key, whose text is used as the HMAC key without decoding.
// https://developer.squareup.com/docs/webhooks/step3validate
// The URL must equal the subscription's to the letter: scheme, custom domain or API
// Gateway's host and stage, trailing slash. If API Gateway sees another URL, the
// subscription's is configured as contract.ProviderNotificationURL.
//
// The older x-square-signature, HMAC-SHA1, is not accepted.
//
// # Time
//
// No header with a time is signed, but the signed body has created_at. A repeated
// delivery keeps it, and Square repeats for up to 24 hours according to its current
// documentation, or 72 hours according to an earlier one. The bound is 72 hours plus
// provider.Tolerance, because rejecting a genuine repeat would lose a payment. A replay
// within the bound is a duplicate, which changes nothing.
// https://developer.squareup.com/docs/webhooks/troubleshooting
// https://developer.squareup.com/docs/webhooks-api/delivery-sla
// A created_at more than provider.Tolerance in the future is rejected too.
//
// # What becomes a transaction
//
//	payment.created, payment.updated  payment, once its status is COMPLETED
//	refund.created, refund.updated    refund of payment_id, once COMPLETED
//	dispute.created                   dispute of disputed_payment.payment_id
//	payout.paid                       payout
//
// Everything else is ignored, such as a payment that is only APPROVED, later states of
// a dispute, and payout.sent, which announces the same payout earlier.
// https://developer.squareup.com/docs/payments-api/webhooks
// https://developer.squareup.com/reference/square/disputes-api/webhooks/dispute.created
// https://developer.squareup.com/reference/square/payouts-api/webhooks/payout.paid
//
// Square reports a completed payment again whenever something is added to it,
// such as processing fees or a refund. Only members that are final at completion get
// into the transaction: total_money (amount_money with the tip), customer_id
// and the metadata. The metadata has merchant_id and location_id; in addition, order_id
// and reference_id for a payment, order_id for a refund, and reason for a dispute.
//
// If a seller attaches another customer to a completed payment, the next report of the
// payment conflicts with the stored transaction. The report is quarantined, and the
// transaction is not changed.
//
// # Amounts
//
// Amounts are in the currency's smallest unit, as ISO 4217 defines it.
// https://developer.squareup.com/docs/build-basics/working-with-monetary-amounts
// A payment of zero is ignored. A payout is negative if Square debits the seller's bank
// account; transactions have positive amounts, so such a payout is unreadable.
//
// # Response
//
// Square expects a 2xx status code within ten seconds.
// https://developer.squareup.com/docs/webhooks-api/delivery-sla
package square
