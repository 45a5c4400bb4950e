package square

import (
	"slices"
	"strings"
	"sync"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
)

// Conditions on which the events of an object become transactions. eventMappings has the
// same rules.
const (
	whenCompleted = "once its status is COMPLETED; ignored if PENDING, APPROVED, CANCELED or FAILED"
	whenRefunded  = "once its status is COMPLETED; if FAILED, the refund and its reversal; ignored if PENDING or REJECTED"
	whenDisputed  = "once its state is EVIDENCE_REQUIRED, PROCESSING, LOST or ACCEPTED; if WON, the dispute and its reversal; an inquiry (INQUIRY_…) is ignored"
)

// eventTypes are the event types of all versions of the API.
// https://developer.squareup.com/reference/square/webhooks
// https://developer.squareup.com/docs/webhooks/v2webhook-events-tech-ref
//
// The deprecated events of version 1, such as PAYMENT_UPDATED, are signed with HMAC-SHA1
// alone, which Verify rejects.
var eventTypes = sync.OnceValue(func() []provider.EventType {
	return slices.Concat(
		[]provider.EventType{
			{Name: "payment.created", Becomes: contract.KindPayment, Reason: whenCompleted},
			{Name: "payment.updated", Becomes: contract.KindPayment, Reason: whenCompleted},
			{Name: "refund.created", Becomes: contract.KindRefund + ", " + contract.KindReversal, Reason: whenRefunded},
			{Name: "refund.updated", Becomes: contract.KindRefund + ", " + contract.KindReversal, Reason: whenRefunded},
			{Name: "dispute.created", Becomes: contract.KindDispute + ", " + contract.KindReversal, Reason: whenDisputed},
			{Name: "dispute.state.updated", Becomes: contract.KindDispute + ", " + contract.KindReversal, Reason: whenDisputed},
			{Name: "dispute.state.changed", Becomes: contract.KindDispute + ", " + contract.KindReversal, Reason: "before 2021-06-16; as dispute.state.updated"},
			{Name: "payout.paid", Becomes: contract.KindPayout + ", " + contract.KindReversal, Reason: "a reversal if the amount is negative, which is a debit of the seller's bank account"},
			{Name: "payout.failed", Becomes: contract.KindPayout + ", " + contract.KindReversal, Reason: "the payout and its reversal"},
			{Name: "payout.sent", Reason: "payout.paid or payout.failed follows"},
		},
		ignored("the payment's own events report it", `
		invoice.canceled invoice.created invoice.deleted invoice.payment_made invoice.published
		invoice.refunded invoice.scheduled_charge_failed invoice.updated
		terminal.checkout.created terminal.checkout.updated`),
		ignored("the refund's own events report it", `
		terminal.refund.created terminal.refund.updated`),
		ignored("the payment's and the refund's own events report the money", `
		order.created order.fulfillment.updated order.updated`),
		ignored("evidence moves no money; the dispute's state has events of its own", `
		dispute.evidence.added dispute.evidence.created dispute.evidence.deleted dispute.evidence.removed`),
		ignored("says nothing of money: it changes what a gift card is worth, and its sale is a payment", `
		gift_card.activity.created gift_card.activity.updated gift_card.created gift_card.customer_linked
		gift_card.customer_unlinked gift_card.updated`),
		ignored("payments and payouts report the money that a bank account sends or receives", `
		bank_account.created bank_account.disabled bank_account.verified`),
		ignored("a subscription's invoices are paid with payments of their own", `
		subscription.created subscription.updated`),
		ignored("loyalty points are no money", `
		loyalty.account.created loyalty.account.deleted loyalty.account.updated loyalty.event.created
		loyalty.program.created loyalty.program.updated loyalty.promotion.created loyalty.promotion.updated`),
		ignored("moves no money", `
		booking.created booking.custom_attribute.owned.deleted booking.custom_attribute.owned.updated
		booking.custom_attribute.visible.deleted booking.custom_attribute.visible.updated
		booking.custom_attribute_definition.owned.created booking.custom_attribute_definition.owned.deleted
		booking.custom_attribute_definition.owned.updated
		booking.custom_attribute_definition.visible.created
		booking.custom_attribute_definition.visible.deleted
		booking.custom_attribute_definition.visible.updated booking.updated
		card.automatically_updated card.created card.disabled card.forgotten card.updated
		catalog.version.updated
		customer.created customer.custom_attribute.deleted customer.custom_attribute.owned.deleted
		customer.custom_attribute.owned.updated customer.custom_attribute.public.deleted
		customer.custom_attribute.public.updated customer.custom_attribute.updated
		customer.custom_attribute.visible.deleted customer.custom_attribute.visible.updated
		customer.custom_attribute_definition.created customer.custom_attribute_definition.deleted
		customer.custom_attribute_definition.owned.created
		customer.custom_attribute_definition.owned.deleted
		customer.custom_attribute_definition.owned.updated
		customer.custom_attribute_definition.public.created
		customer.custom_attribute_definition.public.deleted
		customer.custom_attribute_definition.public.updated customer.custom_attribute_definition.updated
		customer.custom_attribute_definition.visible.created
		customer.custom_attribute_definition.visible.deleted
		customer.custom_attribute_definition.visible.updated customer.deleted customer.updated
		device.code.paired device.created
		inventory.count.updated
		job.created job.updated
		labor.scheduled_shift.created labor.scheduled_shift.deleted labor.scheduled_shift.published
		labor.scheduled_shift.updated labor.shift.created labor.shift.deleted labor.shift.updated
		labor.timecard.created labor.timecard.deleted labor.timecard.updated
		location.created location.custom_attribute.owned.deleted location.custom_attribute.owned.updated
		location.custom_attribute.visible.deleted location.custom_attribute.visible.updated
		location.custom_attribute_definition.owned.created
		location.custom_attribute_definition.owned.deleted
		location.custom_attribute_definition.owned.updated
		location.custom_attribute_definition.visible.created
		location.custom_attribute_definition.visible.deleted
		location.custom_attribute_definition.visible.updated location.updated
		merchant.custom_attribute.owned.deleted merchant.custom_attribute.owned.updated
		merchant.custom_attribute.visible.deleted merchant.custom_attribute.visible.updated
		merchant.custom_attribute_definition.owned.created
		merchant.custom_attribute_definition.owned.deleted
		merchant.custom_attribute_definition.owned.updated
		merchant.custom_attribute_definition.visible.created
		merchant.custom_attribute_definition.visible.deleted
		merchant.custom_attribute_definition.visible.updated
		oauth.authorization.revoked
		online_checkout.location_settings.updated online_checkout.merchant_settings.updated
		order.custom_attribute.owned.deleted order.custom_attribute.owned.updated
		order.custom_attribute.visible.deleted order.custom_attribute.visible.updated
		order.custom_attribute_definition.owned.created order.custom_attribute_definition.owned.deleted
		order.custom_attribute_definition.owned.updated order.custom_attribute_definition.visible.created
		order.custom_attribute_definition.visible.deleted order.custom_attribute_definition.visible.updated
		team_member.created team_member.updated team_member.wage_setting.updated
		terminal.action.created terminal.action.updated
		transfer_order.created transfer_order.deleted transfer_order.updated
		vendor.created vendor.updated`),
		ignored("a test from the Developer Console", `
		webhooks.test_notification`),
	)
})

// ignored returns the event types that become no transaction for one reason.
func ignored(reason, names string) []provider.EventType {
	var types []provider.EventType
	for name := range strings.FieldsSeq(names) {
		types = append(types, provider.EventType{Name: name, Reason: reason})
	}
	return types
}
