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
// Square documents UTC or an offset. A time without either, as in a sample of an
// official SDK, is taken for UTC. An event that becomes no transaction needs no
// readable time.
// https://developer.squareup.com/docs/build-basics/working-with-dates
//
// # What becomes a transaction
//
//	payment.created, payment.updated  payment, once its status is COMPLETED
//	refund.created, refund.updated    refund of payment_id, once COMPLETED; and its reversal, once FAILED
//	dispute.created,                  dispute of disputed_payment.payment_id, once it is no inquiry;
//	dispute.state.updated             and its reversal, once WON
//	payout.paid                       payout
//	payout.failed                     payout and its reversal
//
// Everything else is ignored; eventTypes gives the reason for each event type. A status
// that Square does not document is unreadable, because nobody knows what it says of the
// money.
// https://developer.squareup.com/docs/payments-api/webhooks
// https://developer.squareup.com/docs/refunds-api/webhooks
// https://developer.squareup.com/docs/disputes-api/process-disputes
// https://developer.squareup.com/reference/square/payouts-api/webhooks/payout.paid
//
// Square's notifications may arrive in any order (Payout.version is for that), and each
// has the whole object as it was, without its past. So that the ledger does not depend on
// the order, a notification of money that came back becomes both transactions: what moved
// and its reversal, whose id is the object's with _failed or _won. The first is a duplicate
// if it is known; if it has never moved, as with a refund that failed because the seller
// had no funds, both are stored, and nothing is left of them.
//
//   - A payment that is COMPLETED stays so: it can be neither canceled nor updated, and
//     a bank transfer fails before it completes, not afterwards.
//     https://developer.squareup.com/docs/payments-api/update-payments
//     https://developer.squareup.com/docs/payments-api/take-payments/ach-payments
//   - A refund is PENDING until it is approved and the seller's funds are secured. It is
//     REJECTED before that; FAILED is any error.
//     https://developer.squareup.com/reference/square/objects/PaymentRefund
//   - The funds of a dispute are held as soon as it is filed: it is an OPEN_DISPUTE among
//     the changes of the balance. An inquiry (INQUIRY_EVIDENCE_REQUIRED, INQUIRY_PROCESSING,
//     INQUIRY_CLOSED) is a question before that, and takes nothing. It may become a
//     dispute, which dispute.state.updated then reports. WON releases the funds; LOST and
//     ACCEPTED leave them with the cardholder.
//     https://squareup.com/help/au/en/article/6137-speeding-up-the-disputes-process
//     https://developer.squareup.com/reference/square/enums/DisputeState
//     https://developer.squareup.com/reference/square/enums/ActivityType
//   - A payout fails when the bank rejects it, also after it was sent: a RETURNED_PAYOUT
//     among the changes of the balance. payout.sent only announces it.
//     https://developer.squareup.com/reference/square/enums/PayoutStatus
//
// Square reports a completed payment again whenever something is added to it,
// such as a customer, processing fees or a refund. Such a report is a duplicate, because
// total_money (amount_money with the tip) is final at completion; if it does differ, the
// report is in conflict. The metadata has merchant_id and location_id; in addition,
// order_id and reference_id for a payment, order_id for a refund, and reason for a dispute.
// All but reference_id, which the seller chooses, are Square's own.
// https://developer.squareup.com/reference/square/objects/Payment
//
// Before Square-Version 2021-06-16, dispute.state.updated was dispute.state.changed, and a
// dispute's id was dispute_id.
// https://developer.squareup.com/reference/square_2021-06-16/objects/Dispute
//
// # Amounts
//
// Amounts are in the currency's smallest unit, as ISO 4217 defines it.
// https://developer.squareup.com/docs/build-basics/working-with-monetary-amounts
// An amount of zero is ignored. A payout is negative if Square debits the seller's bank
// account; it becomes a reversal of kind payout that names no payout, and a payout if the
// debit fails.
// https://developer.squareup.com/reference/square/objects/Payout
//
// # Response
//
// Square expects a 2xx status code within ten seconds.
// https://developer.squareup.com/docs/webhooks-api/delivery-sla
package square
