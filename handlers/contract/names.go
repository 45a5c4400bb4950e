package contract

// Prefixes of physical names. The environment suffix follows: with the suffix "dev", the
// table is "transactions-dev". A function's name is its handler's name, "-" and the
// suffix. The commands in the operators' documentation and all tools for a running stack
// use these names.
const (
	StackPrefix           = "TapStack"
	APIPrefix             = "payment-webhooks-"
	TablePrefix           = "transactions-"
	DeliveriesTablePrefix = "webhook-deliveries-"
	BusPrefix             = "payment-events-"
	StateMachinePrefix    = "transaction-workflow-"
	TopicPrefix           = "transaction-alerts-"
	DashboardPrefix       = "transaction-metrics-"
	DetailsPrefix         = "transaction-details-" // the second dashboard
	AlarmPrefix           = "payment-webhooks-"    // before the alarm's own name and "-"
	ArchiveRulePrefix     = "daily-archival-"
	DeploymentRulePrefix  = "deployment-archival-" // starts the archiver after a deployment
	OperatorPolicyPrefix  = "payment-webhooks-operator-"
	ReconcileRulePrefix   = "daily-reconcile-"

	// SamplingRulePrefix is that of X-Ray's sampling rule, of which the name has at most 32
	// characters. The longest suffix has 20.
	// https://docs.aws.amazon.com/xray/latest/api/API_SamplingRule.html
	SamplingRulePrefix = "payment-api-"

	// ReconcileDeploymentRulePrefix is that of the rule that compares after each deployment.
	ReconcileDeploymentRulePrefix = "deployment-reconcile-"

	// AuditBucketPrefix is followed by account, region and suffix, because bucket
	// names are globally unique.
	AuditBucketPrefix = "transaction-audit-logs-"
)

// Names of what a tier of amounts has: the tier's name, one of these, and the
// suffix. The rule of tier "low" is "low-value-transactions-dev", and so is its
// queue if the tier has one; its log group is EventLogGroupPrefix with that name.
const (
	TierRuleInfix       = "-value-transactions-"
	TierDeadLetterInfix = "-value-dlq-"
	EventLogGroupPrefix = "/aws/events/"

	// TierDigestInfix is that of the queue in which the events of a tier with a digest wait,
	// TierDigestDeadLetterInfix that of the queue for those that no digest could contain.
	TierDigestInfix           = "-value-digest-"
	TierDigestDeadLetterInfix = "-value-digest-dlq-"
)

// Queues that keep what could not be processed, beside those of the tiers.
const (
	RelayDeadLetterPrefix    = "relay-dlq-"             // event-relay: records that can never be published, and positions in the table's stream
	WorkflowDeadLetterPrefix = "workflow-dlq-"          // branches of the state machine
	QuarantinePrefix         = "quarantine-"            // webhook-validator: authentic deliveries
	ScheduleDeadLetterPrefix = "archival-schedule-dlq-" // daily runs that could not be started
	ArchivalFailurePrefix    = "archival-failures-"     // daily runs that failed

	ReconcileScheduleDeadLetterPrefix = "reconcile-schedule-dlq-" // daily comparisons that could not be started
	ReconcileFailurePrefix            = "reconcile-failures-"     // daily comparisons that failed
)

// Log groups.
const (
	FunctionLogGroupPrefix     = "/aws/lambda/" // and the function's name
	StateMachineLogGroupPrefix = "/aws/vendedlogs/states/" + StateMachinePrefix
	AccessLogGroupPrefix       = "/aws/apigateway/" + APIPrefix
	CleanerLogGroupPrefix      = FunctionLogGroupPrefix + "audit-logs-cleaner-"
)

// Names of the stack's outputs.
const (
	OutputAPIURL       = "WebhookApiUrl" // without a trailing slash and without /webhook
	OutputTable        = "TransactionsTableName"
	OutputBus          = "EventBusName"
	OutputTopic        = "AlertsTopicArn"
	OutputAuditBucket  = "AuditBucketName"
	OutputStateMachine = "StateMachineArn"
	OutputDashboard    = "DashboardUrl"
	OutputDetails      = "DetailsDashboardUrl"

	OutputOperatorPolicy = "OperatorPolicyArn" // with the context operatorPolicy
)
