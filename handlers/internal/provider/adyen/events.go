package adyen

import (
	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
)

// Reasons that several event types have.
const (
	noMoney      = "moves no money"
	disputeStage = "a stage of a dispute; CHARGEBACK, CHARGEBACK_REVERSED and SECOND_CHARGEBACK report the money"
	ofAccount    = "about bank details, not about money"
	ofToken      = "about stored payment details, not about money"
	ofRescue     = "about retries; each one that succeeds has an AUTHORISATION of its own"
)

// eventTypes are the event codes of Adyen's standard webhooks, as listed in
// https://docs.adyen.com/development-resources/webhooks/webhook-types
// https://docs.adyen.com/api-explorer/Webhooks/1/overview
// Items whose success is not "true" and items of zero are ignored, whatever their type.
// Which of the stages of a dispute are booked:
// https://docs.adyen.com/risk-management/disputes-api/dispute-notifications
// https://docs.adyen.com/reporting/settlement-detail-report
var eventTypes = []provider.EventType{
	{Name: "ACH_NOTIFICATION_OF_CHANGE", Reason: ofAccount},
	{Name: "AUTHENTICATION", Reason: "the payer was authenticated; " + noMoney},
	{Name: "AUTHORISATION", Becomes: contract.KindPayment, Reason: "with automatic capture; with manual capture ignored, because each CAPTURE is a payment"},
	{Name: "AUTHORISATION_ADJUSTMENT", Reason: "changes the authorised amount before it is captured; " + noMoney},
	{Name: "AUTORESCUE", Reason: ofRescue},
	{Name: "AUTORESCUE_NEXT_ATTEMPT", Reason: ofRescue},
	{Name: "CANCELLATION", Becomes: contract.KindReversal, Reason: "of the payment, with automatic capture; with manual capture ignored, because nothing was captured"},
	{Name: "CANCEL_AUTORESCUE", Reason: ofRescue},
	{Name: "CANCEL_OR_REFUND", Becomes: contract.KindRefund + ", " + contract.KindReversal, Reason: "as modification.action says: a refund, or a cancellation, which is processed as CANCELLATION; quarantined with any other action"},
	{Name: "CAPTURE", Becomes: contract.KindPayment, Reason: "with manual capture; with automatic capture ignored, because the AUTHORISATION is the payment; quarantined if its reason says that a failed capture was captured again"},
	{Name: "CAPTURE_FAILED", Becomes: contract.KindReversal, Reason: "of the payment"},
	{Name: "CHARGEBACK", Becomes: contract.KindDispute},
	{Name: "CHARGEBACK_REVERSED", Becomes: contract.KindReversal, Reason: "of the dispute, whose amount is credited"},
	{Name: "DIRECT_DEBIT_NOTICE_OF_CHANGE_NOTIFICATION", Reason: ofAccount},
	{Name: "DISABLE_RECURRING", Reason: ofToken},
	{Name: "DISPUTE_DEFENSE_PERIOD_ENDED", Reason: disputeStage},
	{Name: "DONATION", Reason: "goes to a charity, not to the merchant"},
	{Name: "EXPIRE", Reason: "what was not captured is released; " + noMoney},
	{Name: "HANDLED_EXTERNALLY", Reason: "was processed by somebody else"},
	{Name: "INFORMATION_SUPPLIED", Reason: disputeStage},
	{Name: "ISSUER_COMMENTS", Reason: disputeStage},
	{Name: "ISSUER_RESPONSE_TIMEFRAME_EXPIRED", Reason: disputeStage},
	{Name: "MANUAL_REVIEW_ACCEPT", Reason: noMoney},
	{Name: "MANUAL_REVIEW_REJECT", Reason: "a CANCELLATION or a refund follows"},
	{Name: "NOTIFICATION_OF_CHARGEBACK", Reason: disputeStage},
	{Name: "NOTIFICATION_OF_FRAUD", Reason: noMoney},
	{Name: "OFFER_CLOSED", Reason: "no payment was made"},
	{Name: "ORDER_CLOSED", Reason: "each payment of the order has an AUTHORISATION of its own"},
	{Name: "ORDER_OPENED", Reason: "each payment of the order has an AUTHORISATION of its own"},
	{Name: "PAIDOUT_REVERSED", Becomes: contract.KindReversal, Reason: "of the payout, which came back"},
	{Name: "PAYOUT_DECLINE", Reason: "the payout was not made"},
	{Name: "PAYOUT_EXPIRE", Reason: "the payout was not made"},
	{Name: "PAYOUT_THIRDPARTY", Becomes: contract.KindPayout},
	{Name: "PENDING", Reason: "an AUTHORISATION follows"},
	{Name: "POSTPONED_REFUND", Reason: "the refund waits for the capture; REFUND reports it"},
	{Name: "PREARBITRATION_ACCEPTED", Reason: disputeStage},
	{Name: "PREARBITRATION_DECLINED", Reason: disputeStage},
	{Name: "PREARBITRATION_ISSUER_WITHDRAWN", Reason: disputeStage},
	{Name: "PREARBITRATION_LOST", Reason: disputeStage},
	{Name: "PREARBITRATION_OPEN", Reason: disputeStage},
	{Name: "PREARBITRATION_WON", Reason: disputeStage},
	{Name: "RECURRING_CONTRACT", Reason: ofToken},
	{Name: "REFUND", Becomes: contract.KindRefund},
	{Name: "REFUNDED_REVERSED", Becomes: contract.KindReversal, Reason: "of the refund, which came back"},
	{Name: "REFUND_FAILED", Becomes: contract.KindReversal, Reason: "of the refund"},
	{Name: "REFUND_WITH_DATA", Becomes: contract.KindRefund, Reason: "without payment_id if it refers to no payment"},
	{Name: "REPORT_AVAILABLE", Reason: "about a report, whose name is the reference"},
	{Name: "REQUEST_FOR_INFORMATION", Reason: disputeStage},
	{Name: "REVERSAL", Becomes: contract.KindRefund + ", " + contract.KindReversal, Reason: "as CANCEL_OR_REFUND"},
	{Name: "SCHEME_ARBITRATION", Reason: disputeStage},
	{Name: "SCHEME_ARBITRATION_LOST", Reason: disputeStage},
	{Name: "SCHEME_ARBITRATION_WON", Reason: disputeStage},
	{Name: "SECOND_CHARGEBACK", Becomes: contract.KindDispute, Reason: "one of its own: the amount is deducted again after CHARGEBACK_REVERSED"},
	{Name: "TECHNICAL_CANCEL", Becomes: contract.KindReversal, Reason: "as CANCELLATION"},
	{Name: "VOID_PENDING_REFUND", Reason: "the refund had not been made"},
}
