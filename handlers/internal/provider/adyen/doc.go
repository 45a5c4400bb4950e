// Package adyen verifies and decodes Adyen's standard (payments) webhooks in JSON. The
// body is an object with notificationItems, each of which holds one
// NotificationRequestItem.
//
// # What is signed
//
// Each item carries additionalData.hmacSignature: base64 of HMAC-SHA256 over
//
//	pspReference:originalReference:merchantAccountCode:merchantReference:value:currency:eventCode:success
//
// with an empty string for each member that an item lacks. The key is the HMAC key of
// the webhook in the Customer Area, written in hexadecimal.
// https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
//
// Nothing is escaped. Older documentation asked for a backslash before each
// colon and backslash, but Adyen's servers never did so, and the official
// libraries removed it for notifications.
// https://github.com/Adyen/adyen-php-api-library/pull/165
// https://github.com/Adyen/adyen-python-api-library/pull/118
// https://github.com/Adyen/adyen-python-api-library/pull/193
// Without escapes, a colon could be moved from one value to its neighbour without
// changing the signed text. So an item with a colon in any value other than
// merchantReference is rejected as forged. A colon in merchantReference alone is
// unambiguous.
//
// If one item fails verification, the whole delivery is rejected.
//
// # What is not signed
//
// There is no signed time: eventDate is not part of the text above. So a captured
// delivery verifies for ever, whatever its age. The ledger prevents replays: a repeated
// item is a duplicate and changes nothing while the transaction is kept
// (contract.RetentionDays), which is longer than the 30 days for which Adyen itself
// repeats a delivery.
// https://docs.adyen.com/development-resources/webhooks/troubleshoot
// After that, a replay would be accepted as new. Rotating the HMAC key ends it;
// TLS and the basic authentication that Adyen offers keep it from being
// captured in the first place.
//
// Amounts, ids, eventCode and success are signed. Two unsigned members are used: the
// shopper's reference becomes the customer_id, and modification.action decides whether
// a CANCEL_OR_REFUND is a refund. So whoever captures a delivery about a cancellation
// can turn it into a refund.
//
// # What becomes a transaction
//
// An item becomes a transaction if its success is "true" and its eventCode is one of
// these; all others are ignored.
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
// A reversal cancels a payment that is not captured yet, and refunds one that is;
// additionalData["modification.action"] tells which. A cancellation is ignored. An item
// with any other action is unreadable, because money may have moved: REVERSAL has a
// third action, whose name is not documented.
// https://docs.adyen.com/online-payments/reversal
// https://docs.adyen.com/point-of-sale/basic-tapi-integration/refund-payment/refund-webhooks
// https://docs.adyen.com/api-explorer/Webhooks/1/post/CANCEL_OR_REFUND
// https://docs.adyen.com/api-explorer/Webhooks/1/post/REVERSAL
//
// Later failures or reversals of these events are ignored, although their success is
// "true" as well; the stored transaction is not changed. They are CAPTURE_FAILED and
// REFUND_FAILED (the card scheme rejects what Adyen had accepted), REFUNDED_REVERSED (a
// refund is returned), CHARGEBACK_REVERSED and PAIDOUT_REVERSED. Events that move no
// money are ignored, too: CANCELLATION, TECHNICAL_CANCEL, EXPIRE, VOID_PENDING_REFUND
// and POSTPONED_REFUND.
// https://docs.adyen.com/online-payments/capture#failed-capture
// https://docs.adyen.com/online-payments/refund#refund-failed
// https://docs.adyen.com/online-payments/refund#refunded-reversed
//
// All events of a dispute have the same pspReference, so exactly one of them can become
// the transaction. It is CHARGEBACK, which deducts the funds, and not
// NOTIFICATION_OF_CHARGEBACK, which opens the process, nor SECOND_CHARGEBACK, which
// deducts the funds again after a defence.
// https://docs.adyen.com/risk-management/disputes-api/dispute-notifications
// PAYOUT_THIRDPARTY confirms a payout; if the bank returns it, PAIDOUT_REVERSED follows.
// https://docs.adyen.com/online-payments/online-payouts/payout-webhook
//
// A manually captured payment has the id of its authorisation, because refunds and
// chargebacks refer to that. The capture's own id is in the metadata. Hence a second
// partial capture conflicts with the first and is quarantined; without the id it would
// be a duplicate and be lost.
//
// customer_id is additionalData.shopperReference (or, as Adyen names it for
// tokenised payments, recurring.shopperReference). The metadata has
// merchant_account, merchant_reference and capture_id, as far as they are present.
//
// # Amounts
//
// Amounts are in minor units. The decimals are those of ISO 4217 except for CLP and ISK
// (two, where the standard has none) and CVE and IDR (none, where it has two).
// https://docs.adyen.com/development-resources/currency-codes#note
//
// # Response
//
// Adyen expects a successful status code (200, 202) within ten seconds. Otherwise it
// repeats three times, then holds back that endpoint's later notifications
// while it repeats the failed one for up to 30 days.
// https://docs.adyen.com/development-resources/webhooks/handle-webhook-events
// https://docs.adyen.com/development-resources/webhooks/troubleshoot
// Until 2024, the response had to have the body [accepted]; now a 2xx is enough,
// whatever the body.
// https://www.adyen.com/knowledge-hub/webhooks-accept-2xx
package adyen
