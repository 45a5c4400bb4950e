package paypal

import (
	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
)

// eventType is an event type with the readers of its resource, one per transaction. It
// is ignored if it has none.
type eventType struct {
	name, becomes, reason string
	read                  []reader
}

// Reasons that several event types have.
const (
	notMoney      = "no money moves"
	notCaptured   = "nothing is captured; a capture or sale has its own event"
	ofBatch       = "of the whole batch; each item has its own events"
	ofInvoice     = "the invoice's payments and refunds have their own events"
	ofMerchant    = "about the account of a platform's merchant"
	ofPlan        = "about a plan or subscription; each payment is a PAYMENT.SALE event"
	ofSavedMethod = "about a saved payment method"
	unlessStatus  = "ignored if the amount is zero, or the status says that no money moved"
	returnedItem  = "the payout item's return; with it the payout, if no earlier event was stored"
)

// eventTypes are those of https://developer.paypal.com/api/rest/webhooks/event-names/,
// in its order, each once, and at the end those that it listed in earlier years and
// that old webhooks still have.
var eventTypes = []eventType{
	// Payments v2 and v1
	{name: "PAYMENT.AUTHORIZATION.CREATED", reason: notCaptured},
	{name: "PAYMENT.AUTHORIZATION.VOIDED", reason: notCaptured},
	{name: "PAYMENT.CAPTURE.DECLINED", reason: notMoney},
	{name: "PAYMENT.CAPTURE.COMPLETED", becomes: contract.KindPayment, reason: unlessStatus, read: []reader{readCapture}},
	{name: "PAYMENT.CAPTURE.PENDING", reason: "no money moved yet; the capture's completion has its own event"},
	{name: "PAYMENT.CAPTURE.REFUNDED", becomes: contract.KindRefund, reason: unlessStatus, read: []reader{readRefund}},
	{name: "PAYMENT.CAPTURE.REVERSED", becomes: contract.KindReversal, reason: "of the payment; " + unlessStatus, read: []reader{reversal(readRefund)}},
	{name: "PAYMENT.CAPTURE.DENIED", reason: "a pending capture, which was not stored, is denied"},
	{name: "PAYMENT.REFUND.PENDING", reason: "no money moved yet; PAYMENT.CAPTURE.REFUNDED announces the completed refund"},
	{name: "PAYMENT.REFUND.FAILED", reason: "a pending refund, which was not stored, fails"},

	// Batch payouts
	{name: "PAYMENT.PAYOUTSBATCH.DENIED", reason: ofBatch},
	{name: "PAYMENT.PAYOUTSBATCH.PROCESSING", reason: ofBatch},
	{name: "PAYMENT.PAYOUTSBATCH.SUCCESS", reason: ofBatch},
	{name: "PAYMENT.PAYOUTS-ITEM.BLOCKED", reason: "the item was not paid; a return of money has its own event"},
	{name: "PAYMENT.PAYOUTS-ITEM.CANCELED", becomes: contract.KindPayout + ", " + contract.KindReversal, reason: returnedItem, read: []reader{readPayoutItem, readReturnedItem}},
	{name: "PAYMENT.PAYOUTS-ITEM.DENIED", reason: "nothing was deducted"},
	{name: "PAYMENT.PAYOUTS-ITEM.FAILED", reason: "nothing was deducted"},
	{name: "PAYMENT.PAYOUTS-ITEM.HELD", reason: "under review; the item's success or return has its own event"},
	{name: "PAYMENT.PAYOUTS-ITEM.REFUNDED", becomes: contract.KindReversal, reason: "of the payout, whose success was announced before", read: []reader{readReturnedItem}},
	{name: "PAYMENT.PAYOUTS-ITEM.RETURNED", becomes: contract.KindPayout + ", " + contract.KindReversal, reason: returnedItem, read: []reader{readPayoutItem, readReturnedItem}},
	{name: "PAYMENT.PAYOUTS-ITEM.SUCCEEDED", becomes: contract.KindPayout, reason: "ignored if the amount is zero", read: []reader{readPayoutItem}},
	{name: "PAYMENT.PAYOUTS-ITEM.UNCLAIMED", becomes: contract.KindPayout, reason: "the money is deducted until it is claimed or returned", read: []reader{readPayoutItem}},

	// Billing plans and agreements, and subscriptions
	{name: "BILLING.PLAN.CREATED", reason: ofPlan},
	{name: "BILLING.PLAN.UPDATED", reason: ofPlan},
	{name: "BILLING.PLAN.ACTIVATED", reason: ofPlan},
	{name: "BILLING.PLAN.PRICING-CHANGE.ACTIVATED", reason: ofPlan},
	{name: "BILLING.PLAN.DEACTIVATED", reason: ofPlan},
	{name: "BILLING.SUBSCRIPTION.CREATED", reason: ofPlan},
	{name: "BILLING.SUBSCRIPTION.ACTIVATED", reason: ofPlan},
	{name: "BILLING.SUBSCRIPTION.UPDATED", reason: ofPlan},
	{name: "BILLING.SUBSCRIPTION.EXPIRED", reason: ofPlan},
	{name: "BILLING.SUBSCRIPTION.CANCELLED", reason: ofPlan},
	{name: "BILLING.SUBSCRIPTION.SUSPENDED", reason: ofPlan},
	{name: "BILLING.SUBSCRIPTION.RE-ACTIVATED", reason: ofPlan},
	{name: "BILLING.SUBSCRIPTION.PAYMENT.FAILED", reason: notMoney},

	// Log in with PayPal
	{name: "IDENTITY.AUTHORIZATION-CONSENT.REVOKED", reason: notMoney},

	// Checkout buyer approval, and orders
	{name: "PAYMENTS.PAYMENT.CREATED", reason: notCaptured},
	{name: "CHECKOUT.ORDER.APPROVED", reason: notCaptured},
	{name: "CHECKOUT.ORDER.COMPLETED", reason: "the order's captures have their own events"},
	{name: "CHECKOUT.ORDER.PROCESSED", reason: "the order's captures have their own events"},
	{name: "CHECKOUT.CHECKOUT.BUYER-APPROVED", reason: notCaptured},
	{name: "CHECKOUT.PAYMENT-APPROVAL.REVERSED", reason: "an approval is reversed that was not captured"},

	// Disputes
	{name: "CUSTOMER.DISPUTE.CREATED", becomes: contract.KindDispute, reason: "the amount is on hold; ignored if it is zero", read: []reader{readDispute}},
	{name: "CUSTOMER.DISPUTE.RESOLVED", becomes: contract.KindReversal, reason: "of the dispute: the hold ends, whoever won; a loss is a reversal or refund of the payment as well; quarantined without a documented outcome", read: []reader{readResolution}},
	{name: "CUSTOMER.DISPUTE.UPDATED", reason: "the hold goes on"},
	{name: "RISK.DISPUTE.CREATED", reason: "deprecated; CUSTOMER.DISPUTE.CREATED announces the dispute"},

	// Invoicing
	{name: "INVOICING.INVOICE.CANCELLED", reason: notMoney},
	{name: "INVOICING.INVOICE.CREATED", reason: notMoney},
	{name: "INVOICING.INVOICE.PAID", reason: ofInvoice},
	{name: "INVOICING.INVOICE.REFUNDED", reason: ofInvoice},
	{name: "INVOICING.INVOICE.SCHEDULED", reason: notMoney},
	{name: "INVOICING.INVOICE.UPDATED", reason: notMoney},

	// Marketplaces and platforms, and merchant onboarding
	{name: "CUSTOMER.ACCOUNT-LIMITATION.ADDED", reason: ofMerchant},
	{name: "CUSTOMER.ACCOUNT-LIMITATION.ESCALATED", reason: ofMerchant},
	{name: "CUSTOMER.ACCOUNT-LIMITATION.LIFTED", reason: ofMerchant},
	{name: "CUSTOMER.ACCOUNT-LIMITATION.UPDATED", reason: ofMerchant},
	{name: "CUSTOMER.MERCHANT-INTEGRATION.CAPABILITY-UPDATED", reason: ofMerchant},
	{name: "CUSTOMER.MERCHANT-INTEGRATION.PRODUCT-SUBSCRIPTION-UPDATED", reason: ofMerchant},
	{name: "CUSTOMER.MERCHANT-INTEGRATION.SELLER-ALREADY-INTEGRATED", reason: ofMerchant},
	{name: "CUSTOMER.MERCHANT-INTEGRATION.SELLER-ONBOARDING-INITIATED", reason: ofMerchant},
	{name: "CUSTOMER.MERCHANT-INTEGRATION.SELLER-CONSENT-GRANTED", reason: ofMerchant},
	{name: "CUSTOMER.MERCHANT-INTEGRATION.SELLER-EMAIL-CONFIRMED", reason: ofMerchant},
	{name: "MERCHANT.ONBOARDING.COMPLETED", reason: ofMerchant},
	{name: "MERCHANT.PARTNER-CONSENT.REVOKED", reason: ofMerchant},
	{name: "CUSTOMER.MANAGED-ACCOUNT.ACCOUNT-CREATED", reason: ofMerchant},
	{name: "CUSTOMER.MANAGED-ACCOUNT.CREATION-FAILED", reason: ofMerchant},
	{name: "CUSTOMER.MANAGED-ACCOUNT.ACCOUNT-UPDATED", reason: ofMerchant},
	{name: "CUSTOMER.MANAGED-ACCOUNT.ACCOUNT-STATUS-CHANGED", reason: ofMerchant},
	{name: "CUSTOMER.MANAGED-ACCOUNT.RISK-ASSESSED", reason: ofMerchant},
	{name: "CUSTOMER.MANAGED-ACCOUNT.NEGATIVE-BALANCE-NOTIFIED", reason: ofMerchant},
	{name: "CUSTOMER.MANAGED-ACCOUNT.NEGATIVE-BALANCE-DEBIT-INITIATED", reason: ofMerchant},

	// Payment orders, and referenced payouts
	{name: "PAYMENT.ORDER.CANCELLED", reason: notCaptured},
	{name: "PAYMENT.ORDER.CREATED", reason: notCaptured},
	{name: "PAYMENT.REFERENCED-PAYOUT-ITEM.COMPLETED", reason: "a captured payment becomes available; it is stored already"},
	{name: "PAYMENT.REFERENCED-PAYOUT-ITEM.FAILED", reason: notMoney},

	// Sales
	{name: "PAYMENT.SALE.COMPLETED", becomes: contract.KindPayment, reason: unlessStatus, read: []reader{readSale}},
	{name: "PAYMENT.SALE.DENIED", reason: "a pending sale, which was not stored, is denied"},
	{name: "PAYMENT.SALE.PENDING", reason: "no money moved yet; the sale's completion has its own event"},
	{name: "PAYMENT.SALE.REFUNDED", becomes: contract.KindRefund, reason: unlessStatus, read: []reader{readSaleRefund}},
	{name: "PAYMENT.SALE.REVERSED", becomes: contract.KindReversal, reason: "of the payment; " + unlessStatus, read: []reader{reversal(readSaleRefund)}},

	// Products of subscriptions
	{name: "CATALOG.PRODUCT.CREATED", reason: notMoney},
	{name: "CATALOG.PRODUCT.UPDATED", reason: notMoney},

	// Payment method tokens, and payment tokenization
	{name: "VAULT.PAYMENT-TOKEN.CREATED", reason: ofSavedMethod},
	{name: "VAULT.PAYMENT-TOKEN.DELETED", reason: ofSavedMethod},
	{name: "VAULT.PAYMENT-TOKEN.DELETION-INITIATED", reason: ofSavedMethod},
	{name: "PAYMENT-TOKENIZATION.ENROLLMENT.CREATED", reason: ofSavedMethod},
	{name: "PAYMENT-TOKENIZATION.METADATA.CHANGED", reason: ofSavedMethod},
	{name: "PAYMENT-TOKENIZATION.PAYMENT-CREDENTIAL.CREATED", reason: ofSavedMethod},
	{name: "PAYMENT-TOKENIZATION.PAYMENT-CREDENTIAL.UPDATED", reason: ofSavedMethod},
	{name: "PAYMENT-TOKENIZATION.TOKEN-STATUS.CHANGED", reason: ofSavedMethod},
	{name: "PAYMENT-TOKENIZATION.TRANSACTION.CREATED", reason: "a use of a saved payment method; its capture has its own event"},

	// Listed in earlier years
	{name: "BILLING_AGREEMENTS.AGREEMENT.CREATED", reason: ofPlan},
	{name: "BILLING_AGREEMENTS.AGREEMENT.CANCELLED", reason: ofPlan},
	{name: "VAULT.CREDIT-CARD.CREATED", reason: ofSavedMethod},
	{name: "VAULT.CREDIT-CARD.DELETED", reason: ofSavedMethod},
	{name: "VAULT.CREDIT-CARD.UPDATED", reason: ofSavedMethod},
}

// readersOf maps the name of an event type that is not ignored to its readers.
var readersOf = func() map[string][]reader {
	readers := map[string][]reader{}
	for _, e := range eventTypes {
		if e.read != nil {
			readers[e.name] = e.read
		}
	}
	return readers
}()

// declaredEventTypes returns the event types for the declaration.
func declaredEventTypes() []provider.EventType {
	declared := make([]provider.EventType, len(eventTypes))
	for i, e := range eventTypes {
		declared[i] = provider.EventType{Name: e.name, Becomes: e.becomes, Reason: e.reason}
	}
	return declared
}
