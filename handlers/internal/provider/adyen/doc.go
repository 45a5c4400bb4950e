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
// If one item fails verification, the whole delivery is rejected. Until then, nothing
// but these members and the signature is read; everything else is skipped token by
// token, in time and memory in proportion to the body. The same code reads the members
// again to decode them, and a name that is read and occurs twice is rejected, so that
// what was verified is what is decoded.
//
// # Colons
//
// Nothing is escaped. Older documentation asked for a backslash before each
// colon and backslash, but Adyen's servers never did so, and the official
// libraries removed it for notifications.
// https://github.com/Adyen/adyen-php-api-library/pull/165
// https://github.com/Adyen/adyen-python-api-library/pull/118
// https://github.com/Adyen/adyen-python-api-library/pull/193
// Without escapes, a colon could be moved from one value to its neighbour without
// changing the signed text. So an item with a colon in any value other than
// merchantReference is rejected as forged, if items of its event type can become a
// transaction. A colon in merchantReference alone is unambiguous.
//
// Items of all other types may have colons in pspReference, originalReference and
// merchantAccountCode: the pspReference of a REPORT_AVAILABLE is the name of a report, which
// may be for a range of times. They cannot be made another item, because the last four
// values never have a colon and thus stay the same in every reading of the text.
// Rejecting them would make Adyen hold back all later notifications.
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
// Amounts, ids, eventCode and success are signed. These members are used although no
// signature covers them:
//
//   - live, of the delivery: "false" becomes the metadata's live false. It marks what the
//     Customer Area's test function sends, and decides nothing: it is stored like real
//     money.
//   - additionalData.shopperReference, tokenization.shopperReference and
//     recurring.shopperReference, the first of which that is there becomes the customer_id.
//   - additionalData["modification.action"], which tells whether a CANCEL_OR_REFUND or
//     REVERSAL cancelled or refunded. It is bound to the item's signed text
//     (provider.Binding): for contract.RetentionDays, the text is accepted with the
//     action with which it came first.
//   - reason, by which a capture after a failed one is told, to be quarantined.
//
// So of the metadata, live alone is not signed.
//
// # What becomes a transaction
//
// An item becomes a transaction if its success is "true", its amount is not zero, and its
// eventCode is one of these; all others are ignored. Declaration.EventTypes lists all
// event codes, and why they are ignored.
//
//	AUTHORISATION        payment, id pspReference; unless captured manually
//	CAPTURE              payment, id pspReference; when captured manually
//	CAPTURE_FAILED       reversal of the payment
//	CANCELLATION         reversal of the payment; unless captured manually
//	TECHNICAL_CANCEL     likewise
//	REFUND               refund of originalReference, id pspReference
//	REFUND_WITH_DATA     likewise; an unreferenced refund, often of no payment
//	CANCEL_OR_REFUND     as REFUND or CANCELLATION, as its modification.action says
//	REVERSAL             likewise
//	REFUND_FAILED        reversal of the refund pspReference
//	REFUNDED_REVERSED    likewise
//	CHARGEBACK           dispute of originalReference, id pspReference
//	CHARGEBACK_REVERSED  reversal of the dispute pspReference
//	SECOND_CHARGEBACK    dispute of originalReference, id pspReference_second_chargeback
//	PAYOUT_THIRDPARTY    payout, id pspReference
//	PAIDOUT_REVERSED     reversal of the payout originalReference
//
// https://docs.adyen.com/development-resources/webhooks/webhook-types
//
// Adyen gives what takes a fact back the pspReference of the fact, so a reversal's id is
// pspReference_ and what happened: capture_failed, refund_failed, refunded_reversed,
// chargeback_reversed, paidout_reversed or cancelled.
// https://docs.adyen.com/online-payments/capture#failed-capture
// https://docs.adyen.com/online-payments/refund#refund-failed
// https://docs.adyen.com/online-payments/refund#refunded-reversed
//
// # Captures
//
// When a payment is captured manually, each capture is a payment with its own
// reference as the id, and authorisation_id in the metadata, because there may be
// several. Refunds, disputes and reversals name the authorisation as their payment_id:
// Adyen does not say, in a signed member, which capture they are of.
// Releases before reversals stored the one capture of a payment under the
// authorisation's reference, with its own as capture_id in the metadata. If such a
// CAPTURE is delivered again to this release, it is stored again.
// https://docs.adyen.com/online-payments/capture#partial-capture
//
// When Adyen captures, the AUTHORISATION stands for the capture that follows. If the
// payment is cancelled before, during the capture delay, the money never moves, and the
// cancellation is a reversal. A CAPTURE_FAILED then takes back the payment
// originalReference, and else the capture pspReference.
//
// After a technical failure, Adyen captures again, which it reports by a CAPTURE whose
// reason is "Transaction Recaptured" or "Transaction Auto-recaptured". Adyen does not
// document whether it has a reference of its own. Nothing that is signed tells it from
// the first, so the item is quarantined for a person.
// https://docs.adyen.com/online-payments/capture/failure-reasons#technical-issue
//
// # Cancellations and refunds
//
// A reversal cancels a payment that is not captured yet, and refunds one that is. An
// item with any other modification.action is unreadable, because money may have moved:
// REVERSAL has a third action, whose name is not documented.
// https://docs.adyen.com/online-payments/reversal
// https://docs.adyen.com/point-of-sale/basic-tapi-integration/refund-payment/refund-webhooks
// https://docs.adyen.com/api-explorer/Webhooks/1/post/CANCEL_OR_REFUND
// https://docs.adyen.com/api-explorer/Webhooks/1/post/REVERSAL
//
// # Disputes
//
// Of the stages of a dispute, three are booked: Chargeback and SecondChargeback as
// debits, ChargebackReversed as a credit. A second chargeback follows a
// reversed one, so it deducts the amount again.
// https://docs.adyen.com/risk-management/disputes-api/dispute-notifications
// https://docs.adyen.com/developers/reporting/settlement-detail-report/settlement-detail-report-structure/journal-types
// All events of a dispute have its reference as pspReference. Whether
// CHARGEBACK_REVERSED and SECOND_CHARGEBACK have the payment's as originalReference is an
// additional setting of the webhook; without it, they name the dispute alone.
// https://docs.adyen.com/development-resources/webhooks/additional-settings
//
// PAYOUT_THIRDPARTY confirms a payout; if the bank returns it, PAIDOUT_REVERSED follows.
// https://docs.adyen.com/online-payments/online-payouts/payout-webhook
//
// # References
//
// The pspReference becomes the id, so it must be one. No other reference keeps money out:
// customer_id is as transaction.CustomerID makes it; merchant_account and
// merchant_reference in the metadata are whatever was sent; an originalReference that is
// no id is original_reference in the metadata instead of the payment_id.
//
// # Amounts
//
// Amounts are in minor units. The decimals are those of ISO 4217 except for CLP and ISK
// (two, where the standard has none) and CVE and IDR (none, where it has two). The
// offshore yuan, CNH, is stored as CNY with adyen_currency in the metadata. Currencies
// that ISO 4217 has withdrawn are not read.
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
