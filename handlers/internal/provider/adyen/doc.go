// Package adyen reads Adyen's standard (payments) webhooks in JSON: an object
// with notificationItems, each of which holds one NotificationRequestItem.
//
// # What is signed
//
// Each item carries additionalData.hmacSignature: base64 of HMAC-SHA256 over
//
//	pspReference:originalReference:merchantAccountCode:merchantReference:value:currency:eventCode:success
//
// with an empty text for what an item does not have. The key is the HMAC key of
// the webhook in the Customer Area, written in hexadecimal.
// https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
//
// Nothing is escaped. Older documentation asked for a backslash before each
// colon and backslash, but Adyen's servers never did so, and the official
// libraries removed it for notifications.
// https://github.com/Adyen/adyen-php-api-library/pull/165
// https://github.com/Adyen/adyen-python-api-library/pull/118
// https://github.com/Adyen/adyen-python-api-library/pull/193
// An unescaped colon could be moved from one value to its neighbour without
// changing the signed text. A merchantReference may have one, since it stays
// unambiguous as long as no other value has one: an item with a colon anywhere
// else is taken for a forgery.
//
// Every item must verify, or none of the delivery counts.
//
// # What is not signed
//
// There is no signed time: eventDate is not part of the text above. So a
// captured delivery verifies for ever, and no clock can refuse it. What bounds
// replays is the store: the same item again is a duplicate and changes nothing
// for as long as the transaction is kept (contract.RetentionDays), which is
// longer than the 30 days for which Adyen itself repeats a delivery.
// https://docs.adyen.com/development-resources/webhooks/troubleshoot
// After that, a replay would be accepted as new. Rotating the HMAC key ends it;
// TLS and the basic authentication that Adyen offers keep it from being
// captured in the first place.
//
// Of what is not signed, only the shopper's reference gets into a transaction,
// and modification.action decides whether a CANCEL_OR_REFUND is one. Amounts,
// ids, event and outcome are all signed. So whoever gets hold of a delivery about
// a cancellation can make a refund of it.
//
// # What becomes a transaction
//
// With success "true" only; everything else is ignored.
//
//	AUTHORISATION      payment, id pspReference; unless captured manually
//	CAPTURE            payment, id originalReference; when captured manually
//	REFUND             refund of originalReference, id pspReference
//	REFUND_WITH_DATA   likewise; an unreferenced refund, often of no payment
//	CANCEL_OR_REFUND   likewise, if its modification.action is "refund"
//	REVERSAL           likewise
//	CHARGEBACK         dispute of originalReference, id pspReference
//	PAYOUT_THIRDPARTY  payout, id pspReference
//
// https://docs.adyen.com/development-resources/webhooks/webhook-types
//
// A reversal cancels a payment that is not captured yet, and refunds one that is:
// additionalData["modification.action"] says which. A cancellation is ignored. Any
// other action is unreadable, because money may have moved; REVERSAL is documented
// to have a third one, whose name is not.
// https://docs.adyen.com/online-payments/reversal
// https://docs.adyen.com/point-of-sale/basic-tapi-integration/refund-payment/refund-webhooks
// https://docs.adyen.com/api-explorer/Webhooks/1/post/CANCEL_OR_REFUND
// https://docs.adyen.com/api-explorer/Webhooks/1/post/REVERSAL
//
// What undoes one of these is ignored, though it has success "true" as well:
// CAPTURE_FAILED and REFUND_FAILED, with which a card scheme rejects what Adyen
// had accepted, REFUNDED_REVERSED, with which a refund comes back,
// CHARGEBACK_REVERSED and PAIDOUT_REVERSED. A stored transaction says what was
// announced, not that it held. Ignored, too, is what moves no money: CANCELLATION,
// TECHNICAL_CANCEL, EXPIRE, VOID_PENDING_REFUND and POSTPONED_REFUND.
// https://docs.adyen.com/online-payments/capture#failed-capture
// https://docs.adyen.com/online-payments/refund#refund-failed
// https://docs.adyen.com/online-payments/refund#refunded-reversed
//
// All events of a dispute have the same pspReference, so exactly one of them
// can be the fact. It is CHARGEBACK, with which the funds are deducted, and not
// NOTIFICATION_OF_CHARGEBACK, which opens the process, nor SECOND_CHARGEBACK,
// with which they are deducted again after a defence.
// https://docs.adyen.com/risk-management/disputes-api/dispute-notifications
// PAYOUT_THIRDPARTY says that a payout was confirmed; a bank that returns it
// leads to PAIDOUT_REVERSED.
// https://docs.adyen.com/online-payments/online-payouts/payout-webhook
//
// A manually captured payment has the id of its authorisation, because refunds
// and chargebacks refer to that. The capture's own id is in the metadata: a
// second partial capture thus contradicts the first and is quarantined, where
// it would otherwise pass for a duplicate and be lost.
//
// customer_id is additionalData.shopperReference (or, as Adyen names it for
// tokenised payments, recurring.shopperReference). Metadata has merchant_account,
// merchant_reference and capture_id, those that there are.
//
// # Amounts
//
// In minor units, with the decimals of ISO 4217 except for CLP and ISK (two
// where the standard has none) and CVE and IDR (none where it has two).
// https://docs.adyen.com/development-resources/currency-codes#note
//
// # What Adyen wants as an answer
//
// A successful status code (200, 202) within ten seconds. Without one, Adyen
// repeats three times, then holds back that endpoint's later notifications
// while it repeats the failed one for up to 30 days.
// https://docs.adyen.com/development-resources/webhooks/handle-webhook-events
// https://docs.adyen.com/development-resources/webhooks/troubleshoot
// The body [accepted], which was the only way until 2024, is now one of two: a
// 2xx is enough, whatever the body.
// https://www.adyen.com/knowledge-hub/webhooks-accept-2xx
package adyen
