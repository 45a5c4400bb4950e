package contract

// Risk levels: what the workflow's Choice compares, the values of
// DimensionRiskLevel, and of FraudRiskLevel in items and archived lines.
const (
	RiskLow     = "low"
	RiskMedium  = "medium"
	RiskHigh    = "high"    // the workflow publishes a fraud alert
	RiskUnknown = "unknown" // the workflow's own, when scoring failed; no model returns it
)

// Members of a fraud result: in fraud-detector's response, which the workflow
// reads, in the attribute FieldFraud, and in the member "fraud" of an archived
// line. The comments give the DynamoDB types.
const (
	FraudScore        = "score"         // N, 0 to 1
	FraudRiskLevel    = "risk_level"    // S, RiskLow, RiskMedium or RiskHigh
	FraudRiskFactors  = "risk_factors"  // L of M; the attribute lacks it when there are none
	FraudRiskSummary  = "risk_summary"  // S, one sentence with the score, part of the fraud alert
	FraudModelVersion = "model_version" // S
	FraudScoredAt     = "scored_at"     // S, as FieldReceivedAt; not in the response

	FraudFactorName   = "name"   // S
	FraudFactorWeight = "weight" // N
	FraudFactorDetail = "detail" // S
)

// FraudTimeoutSeconds is fraud-detector's timeout for one transaction. A model must
// return early enough for the result to be recorded.
const FraudTimeoutSeconds = 15
