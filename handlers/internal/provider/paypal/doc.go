// Package paypal verifies and decodes PayPal's REST webhooks.
//
// # Signature
//
// PayPal signs with a certificate, not with a shared secret: the signature in
// PAYPAL-TRANSMISSION-SIG is RSA (PKCS #1 v1.5) with SHA-256 over
//
//	transmission id | transmission time | webhook id | CRC-32 of the body, in decimal
//
// by the key of the certificate that PAYPAL-CERT-URL names ("self verification
// method", https://developer.paypal.com/api/rest/webhooks/rest/). The
// configured secret is the webhook id, which shows that the message was meant for
// this endpoint. Its form, and the bounds of the headers, are those of
// https://developer.paypal.com/api/webhooks/v1/definitions/verify_webhook_signature.
// The webhooks simulator signs with the id "WEBHOOK_ID" for everybody. That id is
// rejected as a secret, because with it anyone could post mock events as authentic.
//
// CRC-32 is not a cryptographic hash: anyone can compose another body with the same
// checksum, by choosing four bytes that nobody reads. So whoever sees the headers of one
// delivery, in a log or through a proxy, could send any payment with them, for as long
// as their time is accepted. Therefore a verified signature authenticates the
// transmission id and the time alone, and each event has a provider.Binding of that id to
// the SHA-256 of the body: the endpoint accepts an id only with the body with which it
// came first. A forger who sends his body before PayPal's own delivery arrives is not
// noticed by this; for that he must see the headers of a delivery on its way here, which
// TLS keeps secret.
//
// # Time
//
// PayPal repeats a delivery up to 25 times over 3 days (same page), and does not
// document whether a repetition gets a new transmission time. Its dashboard suggests
// that it does not: it shows one transmission, with the id and time of the first
// attempt, that succeeded two days later
// (https://www.nopcommerce.com/pt/boards/topic/92555/paypal-errornot-a-valid-webhook-url).
// So a time three days ago must be accepted: see MaxAge. A replay within that time
// changes nothing, because an item is kept far longer (contract.RetentionDays), so the
// repeated event is a duplicate. A time ahead of our clock is accepted within
// provider.Tolerance.
//
// # Certificate
//
// It is downloaded over TLS from PayPal's REST hosts only, never through a
// redirect, and must chain to a trusted root and belong to PayPal. Names of
// certificates that have not verified a delivery yet share a small budget of downloads,
// because anyone can invent them; see the type certificates. PayPal's SDKs
// ask for the same, with a pinned issuer: a common name that ends in
// ".paypal.com" (paypalrestsdk/notifications.py in paypal/PayPal-Python-SDK) or
// begins with "messageverificationcerts" as well (SSLUtil in
// paypal/PayPal-Java-SDK). The latter demands that of every certificate in the
// download, so the download is the bare leaf: intermediates also come from the
// TLS connection, and from the certificate's issuer.
//
// # Events
//
//	PAYMENT.CAPTURE.COMPLETED      payment   resource.id
//	PAYMENT.CAPTURE.REFUNDED       refund    resource.id, of the capture in its link "up"
//	PAYMENT.CAPTURE.REVERSED       reversal  likewise, of the payment
//	PAYMENT.SALE.COMPLETED         payment   resource.id
//	PAYMENT.SALE.REFUNDED          refund    resource.id, of the sale in sale_id
//	PAYMENT.SALE.REVERSED          reversal  likewise, of the payment
//	CUSTOMER.DISPUTE.CREATED       dispute   resource.dispute_id
//	CUSTOMER.DISPUTE.RESOLVED      reversal  of the dispute: its id with _released or _lost
//	PAYMENT.PAYOUTS-ITEM.SUCCEEDED payout    resource.payout_item_id
//	PAYMENT.PAYOUTS-ITEM.UNCLAIMED payout    likewise
//	PAYMENT.PAYOUTS-ITEM.RETURNED  reversal  of the payout: its id with _returned
//	PAYMENT.PAYOUTS-ITEM.CANCELED  reversal  likewise
//	PAYMENT.PAYOUTS-ITEM.REFUNDED  reversal  likewise
//
// All other event types are ignored; eventTypes has a reason for each.
//
// An event is also ignored if its amount is zero, or if the status of its resource says
// that no money moved. A refund that is PENDING is not lost: an eCheck has not cleared
// yet, and PayPal sends PAYMENT.CAPTURE.REFUNDED when the refund is COMPLETED. A refund
// fails only while it is pending (status_details of
// https://developer.paypal.com/docs/api/payments/v2/#definition-refund), so that one
// that was stored is not taken back by PAYMENT.REFUND.FAILED. The same holds for a
// capture or sale that is pending, and then DENIED.
//
// # Disputes
//
// Two events say that a disputed payment is lost, and only one of them may take it from
// the balance. PayPal's own books have three entries
// (https://developer.paypal.com/reports/reference/t-codes): T1110, a hold for the
// dispute's investigation; T1111, the cancellation of that hold; and, if the seller lost,
// T1106, a payment reversal, or T1107, a refund by the seller. So
//
//   - CUSTOMER.DISPUTE.CREATED is a dispute: "the funds will be held in your account
//     […] until the case is resolved" (faq665 of
//     https://www.paypal.com/in/smarthelp/article/my-buyer-filed-a-dispute,-claim,-or-chargeback,-and-the-payment-is-on-hold-in-my-paypal-account.-what-should-i-do-faq665);
//   - CUSTOMER.DISPUTE.RESOLVED is the reversal of the dispute, whoever won, because the
//     hold ends ("the remaining funds will be released");
//   - PAYMENT.CAPTURE.REVERSED, which PayPal sends when a dispute is lost
//     (https://github.com/woocommerce/woocommerce-paypal-payments/issues/1614), or
//     PAYMENT.CAPTURE.REFUNDED, if the seller accepts the claim, is what is lost. It
//     also comes without a dispute, when a bank returns a payment.
//
// The sum is right in any order of these events, for partial losses, and for what is won
// after an appeal: then RESOLVED comes a second time, with the other outcome. Its
// reversal gives back what the payment's reversal took, so that it has an id of its own:
// _lost if the outcome is RESOLVED_BUYER_FAVOUR or ACCEPTED, else _released. Without a
// documented outcome it is unreadable: taken for either, it would be a second reversal
// when the same resolution comes with its outcome. Between the
// first event and the last, the ledger shows a hold even where PayPal waives it ("NO HOLD"
// in https://docs.paypal.ai/growth/disputes/test-go-live), because the event does not
// tell. Two things could not be checked: whether PayPal ever sends RESOLVED for a lost
// dispute without either event of the payment, and whether the buyer's appeal of a
// dispute that the seller has won has a CREATED of its own.
//
// # Payouts
//
// The statuses of an item (https://developer.paypal.com/payouts/use-payouts/track-payout-item-status)
// say when its money is gone: not if it FAILED or was DENIED ("funds were not deducted"),
// but already while it is UNCLAIMED, which may end in SUCCEEDED, or after 30 days in
// RETURNED. A canceled item is RETURNED, too; REFUNDED is what the recipient gives back.
// All three have one id, so that one return is not stored twice.
//
// RETURNED and CANCELED are decoded as the payout and its reversal, because an item that
// came back was deducted before, also if that was not announced, such as of a HELD one.
// Usually the payout is a duplicate: it was stored at most 30 days earlier, and is
// kept for contract.RetentionDays. A recipient may refund an item months later, when its
// payout is no longer there to be told from a new one, so REFUNDED is the reversal alone.
//
// # Sales
//
// A payment of a subscription is announced as a sale of the Payments v1 API
// (https://developer.paypal.com/docs/subscriptions/reference/webhooks/), with the
// subscription's id in billing_agreement_id; so is any payment of an integration
// that still uses that API. An authorised payment of that API is announced as a capture,
// by the same event types as one of v2; its amount has a total instead of a value, and
// its refund names it in capture_id.
//
// PayPal sends PAYMENT.SALE.COMPLETED twice for some payments of subscriptions,
// once with an invoice_number and once without
// (https://github.com/paypal/PayPal-PHP-SDK/issues/1217). Therefore
// the number is not in the metadata, where custom, billing_agreement_id and
// parent_payment are.
//
// The refund of a sale had a negative amount in 2015, as it still has in the
// simulator, and a positive one in 2016; both are read. A refund that was made on
// PayPal's pages does not name its sale
// (https://github.com/paypal/PayPal-Python-SDK/issues/91), nor does the
// simulator's PAYMENT.SALE.REVERSED: they are stored without a payment_id. All of
// these resources link to themselves below /v1/payments/refund/. A resource that does
// not is unreadable: it could be the sale, under whose id the payment is stored.
// What PayPal's live service sends for a reversal could not be checked.
//
// No payment is known to be announced as a sale and as a capture as well:
// captures belong to orders, sales to subscriptions. This is PayPal's documentation,
// and could not be checked with the live service either. If it happened, the payment
// would not be stored twice. A sale and its capture are one
// transaction with one id: a subscription's sale is refunded as
// /v2/payments/captures/<sale id> and found by that id when
// PAYMENT.CAPTURE.REFUNDED comes for it (server/paymentProviders/paypal in
// opencollective/opencollective-api). The second announcement would have the same key
// and the same amount as the first, so that it would be a duplicate.
//
// Amounts are decimal strings in major units
// (https://developer.paypal.com/docs/api/payments/v2/#definition-money). HUF and
// TWD, like JPY, have no decimals at PayPal, though ISO 4217 gives them two
// (https://developer.paypal.com/api/rest/reference/currency-codes/).
package paypal
