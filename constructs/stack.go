package constructs

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/constructs/tiers"
	"payment-webhooks/handlers/contract"
)

// NewStack builds the whole system. The configuration must come from
// [ConfigFrom], which has checked it: CDK panics on what it does not accept.
func NewStack(scope cdkconstructs.Construct, cfg Config) awscdk.Stack {
	props := &awscdk.StackProps{
		StackName:             jsii.String(cfg.StackName()),
		Description:           jsii.String("Payment webhooks " + cfg.Suffix + ": receives, routes, scores, alerts and archives transactions"),
		TerminationProtection: jsii.Bool(cfg.Safeguards.TerminationProtection),
	}
	// The CLI passes the stack's tags beside the template, and CloudFormation puts them on every
	// resource that accepts tags. Who deployed is only there: in the template, each pull request
	// would change most resources and replace the API's deployment.
	// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-add-tags.html
	identity := append([]Tag{{Key: "Environment", Value: cfg.Suffix}}, cfg.Tags...)
	tags := map[string]*string{}
	for _, tag := range slices.Concat(identity, cfg.Deployer) {
		tags[tag.Key] = jsii.String(tag.Value)
	}
	props.Tags = &tags
	if cfg.Region != "" {
		props.Env = &awscdk.Environment{Region: jsii.String(cfg.Region)}
	}
	stack := awscdk.NewStack(scope, jsii.String(cfg.StackName()), props)
	for _, tag := range identity {
		awscdk.Tags_Of(stack).Add(jsii.String(tag.Key), jsii.String(tag.Value), &awscdk.TagProps{
			// Not every region's CloudFormation supports tags of dashboards.
			ExcludeResourceTypes: jsii.Strings("AWS::CloudWatch::Dashboard"),
		})
	}

	for id, warning := range map[string]string{"openWebhook": cfg.Providers.Warning(), "noSubscriber": cfg.AlertWarning()} {
		if warning != "" {
			awscdk.Annotations_Of(stack).AddWarningV2(jsii.String("payment-webhooks:"+id), jsii.String(warning))
		}
	}

	code := imagesFrom(cfg.SourceRoot)
	store := NewStore(stack, "Store", StoreProps{Suffix: cfg.Suffix, Retain: cfg.Safeguards.RetainData})
	ingest := NewIngest(stack, "Ingest", IngestProps{
		Suffix: cfg.Suffix, Code: code, Table: store.Table(), Deliveries: store.Deliveries(), Key: store.Key(), Providers: cfg.Providers,
		Traces: cfg.TraceSampling, Account: cfg.Account,
		Firewall: cfg.Safeguards.Firewall, Domain: cfg.Safeguards.Domain, Alias: cfg.Safeguards.Canary != "",
	})
	bus := NewBus(stack, "Events", BusProps{Suffix: cfg.Suffix, Key: store.Key()})
	relay := NewRelay(stack, "Relay", RelayProps{
		Suffix: cfg.Suffix, Code: code, Table: store.Table(), Key: store.Key(), Bus: bus.EventBus(), Tiers: cfg.Tiers,
		Untraced: !cfg.TraceSampling.Batches,
	})
	alerts := NewAlerts(stack, "Alerts", AlertsProps{Suffix: cfg.Suffix, Key: store.Key(), Emails: cfg.AlertEmails, Phones: cfg.AlertPhones})
	workflow := NewWorkflow(stack, "Workflow", WorkflowProps{
		Suffix: cfg.Suffix, Code: code, Table: store.Table(), Key: store.Key(), Topic: alerts.Topic(),
		Value: cfg.Tiers.ValueOf(tiers.Workflow),
	})
	routing := NewRouting(stack, "Routing", RoutingProps{
		Suffix: cfg.Suffix, Tiers: cfg.Tiers, Bus: bus.EventBus(), Key: store.Key(),
		Workflow: workflow.StateMachine(), Topic: alerts.Topic(),
	})
	archive := NewArchive(stack, "Archive", ArchiveProps{
		Suffix: cfg.Suffix, Code: code, Table: store.Table(), Key: store.Key(),
		Retain: cfg.Safeguards.RetainData, Lock: cfg.Safeguards.ObjectLock,
	})
	var reconcile *Reconciliation
	if len(cfg.Reconcile) > 0 {
		reconcile = NewReconciliation(stack, "Reconcile", ReconciliationProps{
			Suffix: cfg.Suffix, Code: code, Table: store.Table(), Key: store.Key(), Providers: cfg.Reconcile,
		})
	}
	var digest *Digest
	if len(cfg.Tiers.Digests()) > 0 {
		digest = NewDigest(stack, "Digest", DigestProps{
			Suffix: cfg.Suffix, Code: code, Topic: alerts.Topic(), Key: store.Key(), Routes: routing.Routes(),
		})
	}
	observability := NewObservability(stack, "Observability", ObservabilityProps{
		Suffix: cfg.Suffix, Providers: cfg.Providers, Store: store, Ingest: ingest, Bus: bus, Relay: relay,
		Alerts: alerts, Workflow: workflow, Routing: routing, Archive: archive, Reconcile: reconcile, Digest: digest,
	})

	keepLogs(stack, cfg.LogRetention)
	if cfg.Safeguards.Canary != "" {
		var alarms []interfacesawscloudwatch.IAlarmRef
		for _, id := range []string{"ValidatorErrors", "ApiServerErrors", "AckLatency", "VerificationUnavailable"} {
			alarms = append(alarms, stack.Node().FindChild(jsii.String("Observability")).Node().FindChild(&id).(awscloudwatch.Alarm))
		}
		addCanary(stack, cfg.Suffix, cfg.Safeguards.Canary, ingest.live, alarms)
	}
	reserveConcurrency(stack, cfg.Suffix, cfg.Safeguards.ReservedConcurrency)

	type output struct {
		key, description string
		value            *string
	}
	outputs := []output{
		{contract.OutputAPIURL, "Base URL of the API; requests go to ${WebhookApiUrl}/webhook", ingest.URL()},
		{contract.OutputTable, "Table of the transactions", store.Table().TableName()},
		{contract.OutputBus, "Bus on which stored transactions are published", bus.EventBus().EventBusName()},
		{contract.OutputTopic, "Topic of the alerts for people", alerts.Topic().TopicArn()},
		{contract.OutputAuditBucket, "Bucket of the audit trail", archive.Bucket().BucketName()},
		{contract.OutputStateMachine, "Workflow of " + cfg.Tiers.ValueOf(tiers.Workflow) + " transactions", workflow.StateMachine().StateMachineArn()},
		{contract.OutputDashboard, "Dashboard in the console", observability.DashboardURL()},
		{contract.OutputDetails, "Dashboard of the details in the console", observability.DetailsURL()},
	}
	for _, r := range routing.Routes() {
		if r.Queue != nil {
			outputs = append(outputs, output{r.ID() + "QueueUrl", "Queue of the events of tier " + r.Name, r.Queue.QueueUrl()})
		}
	}
	if cfg.OperatorPolicy {
		props := OperatorProps{
			Suffix: cfg.Suffix, Key: store.Key(), Table: store.Table(), Bus: bus.EventBus(), Topic: alerts.Topic(),
			Workflow: workflow.StateMachine(), Bucket: archive.Bucket(), Configured: []awslambda.IFunction{ingest.Validator()},
			Functions: []awslambda.IFunction{archive.Archiver()}, Rules: archive.RuleNames(),
			Queues: []awssqs.IQueue{relay.DeadLetters(), workflow.DeadLetters(), ingest.Quarantine(), archive.ScheduleDeadLetters(), archive.Failures()},
		}
		if reconcile != nil {
			props.Functions = append(props.Functions, reconcile.reconciler)
			props.Rules = slices.Concat(props.Rules, reconcile.ruleNames)
			props.Queues = append(props.Queues, reconcile.failures, reconcile.scheduleDeadLetters)
			props.Configured = append(props.Configured, reconcile.reconciler)
			props.Secrets = cfg.Reconcile.secrets()
			for name := range cfg.Reconcile { // signs what --deliver brings in
				props.Secrets[name+" webhook"] = cfg.Providers[name]
			}
		}
		props.Digests = digest != nil
		operator := NewOperator(stack, "Operator", props)
		outputs = append(outputs, output{contract.OutputOperatorPolicy, "Managed policy of what scripts/ops may do", operator.PolicyARN()})
	}
	for _, output := range outputs {
		awscdk.NewCfnOutput(stack, jsii.String(output.key), &awscdk.CfnOutputProps{
			Value: output.value, Description: jsii.String(output.description),
		})
	}
	encryptLogs(stack, store.Key())
	return stack
}

// keepLogs sets for how many days the stack's log groups keep lines, unless it is the least.
func keepLogs(stack awscdk.Stack, days int) {
	if days == minLogRetention {
		return
	}
	for _, child := range *stack.Node().FindAll(cdkconstructs.ConstructOrder_PREORDER) {
		if group, ok := child.(awslogs.CfnLogGroup); ok {
			group.SetRetentionInDays(jsii.Number(days))
		}
	}
}
