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
// CRC-32 is not a cryptographic hash: whoever can choose parts of a body could create
// two bodies with the same signature. But PayPal composes the body, and TLS keeps
// others from replacing it on its way here.
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
// redirect, and must chain to a trusted root and belong to PayPal. PayPal's SDKs
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
//	PAYMENT.CAPTURE.REVERSED       refund    likewise
//	PAYMENT.SALE.COMPLETED         payment   resource.id
//	PAYMENT.SALE.REFUNDED          refund    resource.id, of the sale in sale_id
//	PAYMENT.SALE.REVERSED          refund    likewise
//	CUSTOMER.DISPUTE.CREATED       dispute   resource.dispute_id
//	PAYMENT.PAYOUTS-ITEM.SUCCEEDED payout    resource.payout_item_id
//
// All other event types are ignored
// (https://developer.paypal.com/api/rest/webhooks/event-names/). For example, updates
// of a dispute concern a transaction that is already stored, and the stages of a
// payout one that is not final.
//
// "PayPal reverses a payment capture" without the merchant asking, for a
// chargeback, a lost dispute or a bank's return. Its resource is a refund with an
// id of its own, and the money is gone; the dispute, if there was one, only
// announced that. Hence it is a refund.
//
// # Sales
//
// A payment of a subscription is announced as a sale of the Payments v1 API
// (https://developer.paypal.com/docs/subscriptions/reference/webhooks/), with the
// subscription's id in billing_agreement_id; so is any payment of an integration
// that still uses that API.
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
// opencollective/opencollective-api). The second announcement would have the
// same key as the first but other metadata, and would be quarantined as a conflict.
//
// Amounts are decimal strings in major units
// (https://developer.paypal.com/docs/api/payments/v2/#definition-money). HUF and
// TWD, like JPY, have no decimals at PayPal, though ISO 4217 gives them two
// (https://developer.paypal.com/api/rest/reference/currency-codes/).
package paypal
