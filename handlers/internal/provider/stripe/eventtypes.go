package stripe

import (
	"strings"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
)

// thinPrefix is put before the name of an event of API v1 when it is sent as a thin
// event.
const thinPrefix = "v1."

// eventTypes returns all event types that Stripe documents, and the ones that it still
// sends to endpoints of old API versions. The names are those of stripe-go 86.2.
// https://docs.stripe.com/api/events/types
// https://docs.stripe.com/api/v2/core/events/event-types
func eventTypes() []provider.EventType {
	all := append(moneyEvents(), ignoredEvents()...)
	for _, e := range all {
		thin := provider.EventType{Name: thinPrefix + e.Name, Reason: "thin event: as " + e.Name}
		if _, ok := decoders[e.Name]; ok {
			thin.Reason = "quarantined: a thin event has no amount; set the payload style to snapshot"
		}
		all = append(all, thin)
	}
	return append(append(all, oldEvents()...), v2Events()...)
}

// moneyEvents returns the event types that may become transactions.
func moneyEvents() (types []provider.EventType) {
	const (
		payment  = contract.KindPayment
		refund   = contract.KindRefund
		reversal = ", " + contract.KindReversal
		dispute  = contract.KindDispute + reversal
		payout   = contract.KindPayout + reversal

		noIntent = "if the charge has no PaymentIntent and no source_transfer and is captured; ignored otherwise, because payment_intent.succeeded tells the same or no payer's money has moved"
		updated  = "the refund, and its reversal if it failed or was canceled; ignored if it only released an authorization"
		listed   = "each withdrawal and reinstatement that the dispute lists until then; "
		returned = "the payout and its reversal; of a debit, the reversal and a payout"
	)
	add := func(name, becomes, reason string) {
		types = append(types, provider.EventType{Name: name, Becomes: becomes, Reason: reason})
	}
	add("payment_intent.succeeded", payment, "amount_received")
	add("payment_intent.canceled", payment, "if a part was captured before; ignored otherwise, because no money has moved")
	add("charge.succeeded", payment, noIntent)
	add("charge.captured", payment, noIntent)

	add("refund.created", refund, "ignored if it failed at once or only released an authorization")
	add("refund.updated", refund+reversal, updated)
	add("refund.failed", refund+reversal, "the refund and its reversal")
	add("charge.refund.updated", refund+reversal, "the refund and its reversal if it failed or was canceled; before API version 2024-10-28 also the refund alone, unless it may only have released an authorization; otherwise ignored, because refund.updated or charge.refunded tells the same")
	add("charge.refunded", refund, "before API version 2024-10-28 each refund that the charge lists, quarantined if it does not list all; since then ignored, because refund.created tells the same")

	add("charge.dispute.created", dispute, listed+"the disputed amount if none is listed; ignored if none is and the dispute is an inquiry or was prevented, because no money has moved")
	add("charge.dispute.funds_withdrawn", dispute, listed+"the disputed amount if none is listed")
	add("charge.dispute.funds_reinstated", dispute, listed+"the disputed amount if none is listed; quarantined if a part was reinstated in another currency than the dispute's")

	add("payout.paid", payout, "a payout; a reversal if it debits the bank account")
	add("payout.failed", payout, returned)
	add("payout.canceled", payout, returned)
	return types
}

// ignored returns event types that are ignored for one reason. Names are separated by
// white space.
func ignored(reason, names string) (types []provider.EventType) {
	for name := range strings.FieldsSeq(names) {
		types = append(types, provider.EventType{Name: name, Reason: reason})
	}
	return types
}

// ignoredEvents returns the event types that never become a transaction.
func ignoredEvents() (types []provider.EventType) {
	add := func(reason, names string) { types = append(types, ignored(reason, names)...) }

	add("no money has moved yet", `
		charge.expired charge.failed charge.pending
		checkout.session.async_payment_failed checkout.session.expired
		payment_intent.amount_capturable_updated payment_intent.created payment_intent.payment_failed
		payment_intent.processing payment_intent.requires_action
		invoice.finalization_failed invoice.overdue invoice.payment_action_required invoice.payment_attempt_required
		invoice.payment_failed invoice.upcoming invoice.will_be_due
		source.canceled source.chargeable source.failed source.mandate_notification source.refund_attributes_required
	`)
	add("payment_intent.succeeded or charge.succeeded tells the same payment", `
		checkout.session.async_payment_succeeded checkout.session.completed
		invoice.overpaid invoice.paid invoice.payment_succeeded invoice_payment.paid
	`)
	add("describes a charge again", `charge.updated`)
	add("moves no money itself: funds_withdrawn and funds_reinstated tell what does", `
		charge.dispute.closed charge.dispute.updated
	`)
	add("payout.paid, payout.failed or payout.canceled tells what becomes of it", `
		payout.created payout.updated
	`)
	add("describes which transactions a payout contains", `payout.reconciliation_completed`)

	add("moves your own money into your balance or back: not a payment", `
		topup.canceled topup.created topup.failed topup.reversed topup.succeeded
	`)
	add("moves money between Stripe accounts, which is not in the ledger", `
		transfer.created transfer.reversed transfer.updated
		application_fee.created application_fee.refund.updated application_fee.refunded
	`)
	add("holds a part of the balance back, or releases it", `
		reserve.hold.created reserve.hold.updated reserve.plan.created reserve.plan.disabled reserve.plan.expired
		reserve.plan.updated reserve.release.created
	`)
	add("moves a customer's cash balance, which is not yours until a payment_intent.succeeded", `
		cash_balance.funds_available customer_cash_balance_transaction.created payment_intent.partially_funded
		source.transaction.created source.transaction.updated
	`)
	add("is about money in a Treasury account, not in the balance of payments", `
		treasury.credit_reversal.created treasury.credit_reversal.posted
		treasury.debit_reversal.completed treasury.debit_reversal.created treasury.debit_reversal.initial_credit_granted
		treasury.financial_account.closed treasury.financial_account.created treasury.financial_account.features_status_updated
		treasury.inbound_transfer.canceled treasury.inbound_transfer.created treasury.inbound_transfer.failed treasury.inbound_transfer.succeeded
		treasury.outbound_payment.canceled treasury.outbound_payment.created treasury.outbound_payment.expected_arrival_date_updated
		treasury.outbound_payment.failed treasury.outbound_payment.posted treasury.outbound_payment.returned
		treasury.outbound_payment.tracking_details_updated
		treasury.outbound_transfer.canceled treasury.outbound_transfer.created treasury.outbound_transfer.expected_arrival_date_updated
		treasury.outbound_transfer.failed treasury.outbound_transfer.posted treasury.outbound_transfer.returned
		treasury.outbound_transfer.tracking_details_updated
		treasury.received_credit.created treasury.received_credit.failed treasury.received_credit.succeeded
		treasury.received_debit.created
	`)
	add("is about cards that you issue: what they spend is not in the ledger", `
		issuing_authorization.created issuing_authorization.request issuing_authorization.updated
		issuing_card.created issuing_card.updated issuing_cardholder.created issuing_cardholder.updated
		issuing_dispute.closed issuing_dispute.created issuing_dispute.funds_reinstated issuing_dispute.funds_rescinded
		issuing_dispute.submitted issuing_dispute.updated
		issuing_personalization_design.activated issuing_personalization_design.deactivated
		issuing_personalization_design.rejected issuing_personalization_design.updated
		issuing_token.created issuing_token.updated
		issuing_transaction.created issuing_transaction.purchase_details_receipt_updated issuing_transaction.updated
	`)
	add("is a purchase of yours from Stripe Climate", `
		climate.order.canceled climate.order.created climate.order.delayed climate.order.delivered
		climate.order.product_substituted climate.product.created climate.product.pricing_updated
	`)
	add("is about the balance as a whole, not a transaction", `
		balance.available balance_settings.updated
	`)

	add("changes what a customer owes, not what was paid", `
		billing.alert.triggered billing.credit_balance_transaction.created billing.credit_grant.created
		billing.credit_grant.updated billing.meter.created billing.meter.deactivated billing.meter.reactivated
		billing.meter.updated billing_portal.configuration.created billing_portal.configuration.updated
		billing_portal.session.created
		coupon.created coupon.deleted coupon.updated
		credit_note.created credit_note.updated credit_note.voided
		customer.discount.created customer.discount.deleted customer.discount.updated
		customer.subscription.created customer.subscription.deleted customer.subscription.paused
		customer.subscription.pending_update_applied customer.subscription.pending_update_expired
		customer.subscription.resumed customer.subscription.trial_will_end customer.subscription.updated
		entitlements.active_entitlement_summary.updated
		invoice.created invoice.deleted invoice.finalized invoice.marked_uncollectible invoice.sent invoice.updated
		invoice.voided invoiceitem.created invoiceitem.deleted
		plan.created plan.deleted plan.updated price.created price.deleted price.updated
		product.created product.deleted product.updated promotion_code.created promotion_code.updated
		quote.accepted quote.canceled quote.created quote.finalized
		subscription_schedule.aborted subscription_schedule.canceled subscription_schedule.completed
		subscription_schedule.created subscription_schedule.expiring subscription_schedule.released
		subscription_schedule.updated
		tax.settings.updated tax_rate.created tax_rate.updated
	`)
	add("is about a customer or a payment method", `
		customer.created customer.deleted customer.updated
		customer.source.created customer.source.deleted customer.source.expiring customer.source.updated
		customer.tax_id.created customer.tax_id.deleted customer.tax_id.updated
		mandate.updated payment_link.created payment_link.updated
		payment_method.attached payment_method.automatically_updated payment_method.detached payment_method.updated
		setup_intent.canceled setup_intent.created setup_intent.requires_action setup_intent.setup_failed
		setup_intent.succeeded
		identity.verification_session.canceled identity.verification_session.created
		identity.verification_session.processing identity.verification_session.redacted
		identity.verification_session.requires_input identity.verification_session.verified
		financial_connections.account.account_numbers_updated financial_connections.account.created
		financial_connections.account.deactivated financial_connections.account.disconnected
		financial_connections.account.expected_deactivation_date_updated financial_connections.account.reactivated
		financial_connections.account.refreshed_balance financial_connections.account.refreshed_ownership
		financial_connections.account.refreshed_transactions
		financial_connections.account.supported_payment_method_types_updated
		financial_connections.account.upcoming_account_number_expiry financial_connections.account.upcoming_deactivation
		financial_connections.authorization.expected_deactivation_date_updated
		financial_connections.authorization.upcoming_deactivation
	`)
	add("is a warning: a dispute or a refund is told by its own events", `
		radar.early_fraud_warning.created radar.early_fraud_warning.updated review.closed review.opened
	`)
	add("is about an account, a device or a report", `
		account.application.authorized account.application.deauthorized
		account.external_account.created account.external_account.deleted account.external_account.updated
		account.updated capability.updated person.created person.deleted person.updated
		file.created reporting.report_run.failed reporting.report_run.succeeded reporting.report_type.updated
		sigma.scheduled_query_run.created
		terminal.reader.action_failed terminal.reader.action_succeeded terminal.reader.action_updated
		test_helpers.test_clock.advancing test_helpers.test_clock.created test_helpers.test_clock.deleted
		test_helpers.test_clock.internal_failure test_helpers.test_clock.ready
	`)
	return types
}

// oldEvents returns the event types that are sent to endpoints of old API versions only.
func oldEvents() []provider.EventType {
	return ignored("old API versions only; the charge of an order is told by charge.succeeded", `
		invoiceitem.updated order.created order.payment_failed order.payment_succeeded order.updated
		order_return.created payment_method.card_automatically_updated
		recipient.created recipient.deleted recipient.updated sku.created sku.deleted sku.updated
	`)
}

// v2Events returns the event types that exist as thin events only.
func v2Events() []provider.EventType {
	return ignored("thin event about an account, a catalogue or a meter", `
		v1.billing.meter.error_report_triggered v1.billing.meter.no_meter_found
		v2.commerce.product_catalog.imports.failed v2.commerce.product_catalog.imports.processing
		v2.commerce.product_catalog.imports.succeeded v2.commerce.product_catalog.imports.succeeded_with_errors
		v2.core.account.closed v2.core.account.created v2.core.account.updated
		v2.core.account[configuration.customer].capability_status_updated
		v2.core.account[configuration.customer].updated
		v2.core.account[configuration.merchant].capability_status_updated
		v2.core.account[configuration.merchant].updated
		v2.core.account[configuration.recipient].capability_status_updated
		v2.core.account[configuration.recipient].updated
		v2.core.account[defaults].updated v2.core.account[future_requirements].updated
		v2.core.account[identity].updated v2.core.account[requirements].updated
		v2.core.account_link.returned
		v2.core.account_person.created v2.core.account_person.deleted v2.core.account_person.updated
		v2.core.event_destination.ping
	`)
}
