package contract

// The text of an alert about a transaction, as tiers with target alert publish it, one by one or
// in a digest. Nothing in it is free text of the sender's.
const (
	// AlertSentence has, in this order, the tier's name with its first letter in upper case, and
	// the values of FieldKind, DetailAmountText, FieldProvider and FieldTransactionID.
	AlertSentence = "%s-value %s of %s reported by %s, transaction %s."

	// AlertAdvice follows the sentence; AlertsAdvice follows several.
	AlertAdvice  = "No action is needed unless you did not expect it: then look it up by this id and contact the provider."
	AlertsAdvice = "No action is needed unless you did not expect one of them: then look it up by its id and contact the provider."
)
