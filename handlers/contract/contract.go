package contract

import "time"

// Handlers. The name is the directory under handlers/, the HANDLER build
// argument of the image and, with "-<suffix>", the function's physical name.
const (
	WebhookValidator    = "webhook-validator"
	EventRelay          = "event-relay"
	FraudDetector       = "fraud-detector"
	TransactionArchival = "transaction-archival"
	PaymentReconciler   = "payment-reconciler"  // only if reconcile is configured
	AlertDigest         = "alert-digest"        // only if a tier has a digest
	APIGatewayAccount   = "api-gateway-account" // only if apiGatewayAccount is "shared", which is the default
)

// Environment variables that the stack sets on the functions.
const (
	EnvEnvironmentSuffix   = "ENVIRONMENT_SUFFIX"    // every function; the value of DimensionEnvironment
	EnvTableName           = "TABLE_NAME"            // webhook-validator, fraud-detector, transaction-archival
	EnvDeliveriesTableName = "DELIVERIES_TABLE_NAME" // webhook-validator
	EnvEventBusName        = "EVENT_BUS_NAME"        // event-relay
	EnvRelayDeadLetters    = "RELAY_DEAD_LETTERS"    // event-relay; URL of the queue for records that can never be published
	EnvAuditBucketName     = "AUDIT_BUCKET_NAME"     // transaction-archival
	EnvArchiverName        = "ARCHIVER_NAME"         // fraud-detector; name of the function transaction-archival
	EnvProviders           = "PROVIDERS"             // webhook-validator; JSON, see the names of Provider… below
	EnvReconcile           = "RECONCILE"             // payment-reconciler; JSON, see ReconcileAPIURL
	EnvQuarantineQueue     = "QUARANTINE_QUEUE"      // webhook-validator; URL of the queue for authentic deliveries that cannot be processed
	EnvTiers               = "TIERS"                 // event-relay; JSON, the tiers by which it counts events, see relay.ParseTiers
	EnvTopicARN            = "TOPIC_ARN"             // alert-digest; ARN of the topic of the alerts
)

// Properties of the custom resource of api-gateway-account, all strings. Package logrole says what
// each is for.
const (
	AccountRoleName       = "RoleName"
	AccountRoleARN        = "RoleArn"
	AccountPolicyARN      = "PolicyArn"
	AccountLeavingPrefix  = "LeavingPrefix"
	AccountStackLogGroups = "StackLogGroups"
)

// Members of EnvProviders, an object by provider name:
//
//	{"stripe": {"secret": "payments/stripe"},
//	 "square": {"secret": "payments/square", "notification_url": "https://pay.example.com/webhook/square"}}
const (
	ProviderCanonical       = "canonical"        // the entry for POST /webhook itself; without it, /webhook is open
	ProviderSecret          = "secret"           // name of the Secrets Manager secret that holds the signing secret
	ProviderNotificationURL = "notification_url" // the address as the provider knows it; by default API Gateway's own
	ProviderCapture         = "capture"          // adyen: one of the capture modes below; by default automatic
)

// Members of EnvReconcile, an object by provider name: ProviderSecret, the name of the secret
// with the API's credentials, and ReconcileAPIURL.
//
//	{"stripe": {"secret": "payments/stripe-api"},
//	 "square": {"secret": "payments/square-api", "api_url": "https://connect.squareupsandbox.com"}}
const ReconcileAPIURL = "api_url" // address of the provider's API; by default the live one

// Capture modes: who captures an authorised payment.
const (
	CaptureAutomatic = "automatic" // the provider captures; an authorisation is a payment
	CaptureManual    = "manual"    // the merchant captures with a request; the capture is the payment
)

// Fields of a transaction. A field has the same name wherever it is written: in the
// canonical payload, as an attribute of the table's items, in the event's detail and in
// an archived line. The comments give the attribute's DynamoDB type; transaction.Fields
// lists which fields each form has.
const (
	FieldTransactionID = "transaction_id" // S, partition key
	FieldProvider      = "provider"       // S, sort key
	FieldAmount        = "amount"         // N, exact decimal
	FieldCurrency      = "currency"       // S, ISO 4217 alphabetic code
	FieldCustomerID    = "customer_id"    // S
	FieldMetadata      = "metadata"       // M, absent when the delivery had none
	FieldReceivedAt    = "received_at"    // S, RFC 3339 UTC with nine fractional digits; sort key of IndexByHour
	FieldHourShard     = "hour_shard"     // S, "2026-11-22T15#3"; partition key of IndexByHour
	FieldFingerprint   = "fingerprint"    // S, SHA-256 of the canonical transaction, lower-case hex
	FieldSchemaVersion = "schema_version" // S, SchemaVersion
	FieldKind          = "kind"           // S, one of the kinds below
	FieldPaymentID     = "payment_id"     // S, the payment that a refund, dispute or reversal refers to; absent if unknown, and for other kinds
	FieldReverses      = "reverses"       // S, the transaction_id of what a reversal takes back; absent if it names none, and for other kinds
	FieldReversedKind  = "reversed_kind"  // S, the kind of what a reversal takes back; absent for other kinds
	FieldExpiresAt     = "expires_at"     // N, Unix seconds, the table's TTL attribute
	FieldFraud         = "fraud"          // M with the members Fraud…; written once by fraud-detector
)

// Attributes of the table of deliveries, beside FieldExpiresAt. An item binds the id of
// a delivery whose signature does not bind its body to the body that came with it first.
const (
	FieldDelivery = "delivery"       // S, partition key
	FieldContent  = "content_sha256" // S, SHA-256 of the body, lower-case hex
)

// Kinds of transaction. A canonical payload that names none is a payment.
const (
	KindPayment = "payment" // captured
	KindRefund  = "refund"
	KindDispute = "dispute" // a chargeback or its announcement
	KindPayout  = "payout"

	// KindReversal takes an earlier transaction back, whole or in part: a refund
	// that failed, a dispute that was won, a payout that came back. The money moves
	// the other way than for the kind in FieldReversedKind.
	KindReversal = "reversal"
)

// UnknownCustomer is the customer_id of a transaction whose provider names no
// customer. customer_id is never empty, because texts for people contain it.
const UnknownCustomer = "unknown"

// IndexByHour is the global secondary index that lets the archiver read the
// items of one closed hour without a Scan.
const IndexByHour = "by-hour"

// HourShards is the number of partitions over which IndexByHour spreads an hour. A
// DynamoDB partition accepts 1 000 writes a second, so HourShards thousand transactions
// a second can be stored. The archiver reads shards 0 to HourShards-1 of an hour, so
// deploy a new value together with it.
const HourShards = 8

// RetentionDays is how long an item stays in the table before TTL removes it.
// It equals the point-in-time recovery window (the maximum, 35 days).
const RetentionDays = 35

// The event that event-relay publishes for each stored transaction.
const (
	EventSource                   = "payment.webhooks"
	DetailTypeTransactionReceived = "Transaction Received"
	SchemaVersion                 = "1"
)

// Fields of the event's detail in addition to the fields above.
const (
	// DetailAmountText is the amount in its currency's decimals, for people:
	// "15000.00 USD". EventBridge and Step Functions may render a JSON number
	// as 1.5E7; they leave a string alone.
	DetailAmountText = "amount_text"

	// DetailAmountBeyondMatching is true when the amount is above
	// MaxMatchableAmount, and absent otherwise. EventBridge is documented to
	// compare numbers between -5e9 and 5e9 only: a larger one may match no
	// numeric pattern, so the high-value rule names this field.
	DetailAmountBeyondMatching = "amount_beyond_matching"

	// DetailMetadataOmitted is true when metadata was left out of the event
	// because it would have made it larger than MaxDetailBytes. The whole
	// transaction is in the table under transaction_id and provider.
	DetailMetadataOmitted = "metadata_omitted"
)

const (
	// MaxMatchableAmount is the largest number that every version of
	// EventBridge's matcher compares
	// (docs/decisions/0004-routing-lives-in-the-rules.md).
	MaxMatchableAmount = 5_000_000_000

	// MaxDetailBytes bounds the detail of a published event. Every target accepts
	// 256 KiB or more; half of that leaves room for the envelope, and for a workflow
	// state that contains the detail twice.
	MaxDetailBytes = 128 * 1024
)

// When hours are archived.
const (
	// ArchiveDelayHours is how long an hour has been over when it is archived.
	ArchiveDelayHours = 24

	// ArchiveSkewMinutes bounds the difference between the clocks of two functions.
	// fraud-detector regards an hour as archived this much early, and the archiver
	// accepts its request.
	ArchiveSkewMinutes = 5

	// HourLayout is how a request for the archiver names an hour, in UTC:
	// "2026-11-20T15".
	HourLayout = "2006-01-02T15"
)

// Members of a request for the archiver, beside those of a scheduled event.
const (
	ArchiveFrom   = "from"   // first hour to archive, in HourLayout
	ArchiveTo     = "to"     // last hour to archive
	ArchiveScored = "scored" // {"transaction_id", "provider"}: whose fraud result the archived hour must have
)

// The audit bucket's layout.
const (
	AuditTransactionsPrefix = "transactions/" // transactions/dt=YYYY-MM-DD/hour=HH/...
	AuditManifestsPrefix    = "manifests/"    // manifests/dt=YYYY-MM-DD/hour=HH.json, written last
)

// X-Ray subsegments, in the order in which they appear.
const (
	SubsegmentVerify    = "verify"    // webhook-validator: content type, size, signature
	SubsegmentNormalise = "normalise" // webhook-validator: bytes to a transaction
	SubsegmentValidate  = "validate"  // webhook-validator: every rule on every field
	SubsegmentRedact    = "redact"    // webhook-validator: card numbers
	SubsegmentStore     = "store"     // webhook-validator: the one PutItem
	SubsegmentPublish   = "publish"   // event-relay: PutEvents
	SubsegmentScore     = "score"     // fraud-detector: the model
	SubsegmentRecord    = "record"    // fraud-detector: the one UpdateItem
	SubsegmentArchive   = "archive"   // transaction-archival: one hour
)

// CloudWatch metrics, written in the embedded metric format. Every metric has the
// dimension DimensionEnvironment alone unless its comment names another.
const (
	MetricNamespace = "PaymentWebhooks"

	DimensionEnvironment = "Environment" // the environment suffix
	DimensionRiskLevel   = "RiskLevel"   // RiskLow, RiskMedium or RiskHigh
	DimensionProvider    = "Provider"    // a configured provider, or ProviderCanonical
	DimensionEventType   = "EventType"   // "<provider> <event type>", such as "stripe charge.expired"
	DimensionTier        = "Tier"        // name of a tier of amounts

	MetricAccepted          = "TransactionsAccepted"  // Count, webhook-validator: stored for the first time (202)
	MetricDuplicates        = "DuplicateDeliveries"   // Count, webhook-validator: the same delivery again (200)
	MetricConflicts         = "ConflictingDeliveries" // Count, webhook-validator: same key, other content (409)
	MetricRejected          = "RejectedRequests"      // Count, webhook-validator: any other 4xx
	MetricStoreUnavailable  = "StoreUnavailable"      // Count, webhook-validator: 503
	MetricAckLatency        = "AckLatency"            // Milliseconds, webhook-validator: request to response
	MetricCardNumbersMasked = "CardNumbersMasked"     // Count, webhook-validator

	MetricForged              = "ForgedDeliveries"        // Count, webhook-validator: 401
	MetricIgnored             = "IgnoredEvents"           // Count, webhook-validator: authentic, of an event type that becomes no transaction
	MetricQuarantined         = "QuarantinedDeliveries"   // Count, webhook-validator: authentic, but unreadable or in conflict
	MetricVerificationFailing = "VerificationUnavailable" // Count, webhook-validator: 503 because a secret or certificate is not available
	MetricSecretReadsFailing  = "SecretReadsFailed"       // Count, webhook-validator: older values may still be served

	MetricVerified      = "VerifiedDeliveries"   // Count, webhook-validator; Environment and Provider: authentic, whatever became of them
	MetricUnverified    = "UnverifiedDeliveries" // Count, webhook-validator; Environment and Provider: 401, 413 or 415, or 429 or 503 because they could not be verified
	MetricUnknownEvents = "UnknownEventTypes"    // Count, webhook-validator; Environment alone, and Environment and EventType: authentic, of a type that the provider's declaration does not list

	MetricThrottled = "ThrottledRequests" // Count, from the access log: 429 on a route of a configured provider or on /webhook

	MetricEventsPublished = "EventsPublished" // Count, event-relay
	MetricEventsFailed    = "EventsFailed"    // Count, event-relay: entries reported back to the stream
	MetricRelayLag        = "RelayLag"        // Milliseconds, event-relay: received_at to publication

	MetricScored         = "TransactionsScored"  // Count, fraud-detector; Environment and RiskLevel
	MetricModelFallbacks = "FraudModelFallbacks" // Count, fraud-detector: scored by the fallback, because the model failed

	MetricArchived      = "TransactionsArchived" // Count, transaction-archival
	MetricHoursArchived = "HoursArchived"        // Count, transaction-archival: manifests written by this run
	MetricMissing       = "MissingTransactions"  // Count, payment-reconciler; Environment and Provider: listed by the provider, and missing or different here
	MetricReconcileRuns = "ReconcileRuns"        // Count, payment-reconciler; Environment and Provider: comparisons that read the whole list

	MetricArchiveBacklog = "ArchiveBacklogHours" // Count, transaction-archival: due hours still without a manifest after the run
)

// The books: metrics of which one side counts what is due, and another, in a later
// function, what was done. An alarm compares them, so that it is raised when the later
// function does not run at all. (No metric of that function would show it: a metric has
// no value while nobody writes it.)
//
// Both sides have the same time, AccountingDelay after received_at: they fall into the
// same period whenever they are written, and are complete when it begins. Whoever counts
// something due also writes a 0 of what is done, at the same time: metric math on a
// metric that never had a value has none either.
const (
	MetricPublicationsDue  = "PublicationsDue"  // Count, webhook-validator: 1 for each stored transaction
	MetricPublicationsDone = "PublicationsDone" // Count, event-relay: 1 for each published event; 0 by webhook-validator

	MetricScoresDue  = "ScoresDue"  // Count, event-relay: 1 for each published event of a tier that is scored
	MetricScoresDone = "ScoresDone" // Count, fraud-detector: 1 for each scoring after which the table has a result; 0 by event-relay

	// MetricEventsExpected has the dimensions Environment and Tier, and a time shortly before
	// publication: it is compared with the MatchedEvents of the tier's rule, which
	// EventBridge counts by its own clock.
	MetricEventsExpected = "EventsExpected" // Count, event-relay: published events

	// MetricArchiveRuns has the current time for a run.
	MetricArchiveRuns = "ArchiveRuns" // Count, transaction-archival: 1 for each run that left no due hour; 0 by webhook-validator for each stored transaction
)

// AccountingDelay is the time from received_at to that of the books. It is how long a
// transaction may take to be published or scored until an alarm is raised. CloudWatch
// accepts values up to two hours in the future.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
const AccountingDelay = 15 * time.Minute

// Error types that fraud-detector reports, for the workflow's Retry and Catch. A retry
// cannot succeed after one of the first two.
const (
	ErrorTypeMalformedDetail     = "MalformedDetail"     // the input is not an event's detail
	ErrorTypeTransactionNotFound = "TransactionNotFound" // no such item: expired, or never accepted
	ErrorTypeModelFailed         = "ModelFailed"         // the fraud model returned an error or an invalid assessment
	ErrorTypeLedgerUnavailable   = "LedgerUnavailable"   // DynamoDB did not respond in time
	ErrorTypeArchiverUnavailable = "ArchiverUnavailable" // the result is recorded, but its hour could not be archived again
)

// RetryAfterSeconds is the Retry-After header of every 503, whether webhook-validator or
// API Gateway responds: the seconds that a sender should wait.
const RetryAfterSeconds = 5
