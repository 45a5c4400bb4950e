package compliance

import "slices"

// Resources that several acknowledgements name.
const (
	api     = "Ingest/Api/Resource"
	stage   = "Ingest/Api/DeploymentStage.v1/Resource"
	audit   = "Archive/AuditLogs/Resource"
	machine = "Workflow/StateMachine/Role/DefaultPolicy/Resource"
	account = "Ingest/Account/Function/Resource"
)

var (
	methods = []string{"Ingest/Api/Default/webhook/POST/Resource", "Ingest/Api/Default/webhook/{provider}/POST/Resource"}

	functions = []string{
		"Ingest/Validator/Function/Resource", "Relay/Relay/Function/Resource", "Workflow/FraudDetector/Function/Resource", "Archive/Archiver/Function/Resource",
		account,
	}

	functionPolicies = []string{
		"Ingest/Validator/Role/DefaultPolicy/Resource", "Relay/Relay/Role/DefaultPolicy/Resource",
		"Workflow/FraudDetector/Role/DefaultPolicy/Resource", "Archive/Archiver/Role/DefaultPolicy/Resource",
		"Ingest/Account/Role/DefaultPolicy/Resource",
	}
)

// Acknowledgements returns all of them, in the order of the page.
func Acknowledgements() []Acknowledgement {
	return []Acknowledgement{
		{
			Rules: []string{"AwsSolutions-APIG3", "NIST.800.53.R5-APIGWAssociatedWithWAF", "PCI.DSS.321-APIGWAssociatedWithWAF"}, Resources: []string{stage},
			Only:   Default,
			Reason: "A web ACL has a monthly price, and the default stack is one for trying out. `firewall`, which `production` includes, adds it. Without it, requests are limited by route, and signatures are verified before a body is read.",
		},
		{
			Rules: []string{"NIST.800.53.R5-LambdaConcurrency"}, Resources: slices.DeleteFunc(slices.Clone(functions), func(f string) bool { return f == account }), Only: Default,
			Reason: "Concurrency cannot be reserved in an account whose quota is still small, and a first deployment must work there. `reservedConcurrency`, which `production` includes, reserves it.",
		},
		{
			Rules: []string{"NIST.800.53.R5-LambdaConcurrency"}, Resources: []string{account},
			Reason: "CloudFormation calls it once in a deployment. It takes one execution at once, and no other service may invoke it.",
		},
		{
			Rules: []string{"NIST.800.53.R5-WAFv2LoggingEnabled", "PCI.DSS.321-WAFv2LoggingEnabled"}, Resources: []string{"Ingest/Firewall"}, Only: Production,
			Reason: "The log of WAF has every header and the path of a request: signatures, and whatever a stranger writes there, card numbers included. It cannot leave out headers whose names it does not know. The access log has every request that WAF rejected, with time, address, route and status, and WAF's metrics count them by rule.",
		},
		{
			Rules: []string{"AwsSolutions-APIG4", "AwsSolutions-COG4"}, Resources: methods,
			Reason: "Callers are payment providers, which have no identity in AWS or Cognito: each signs its requests in its own way. The function verifies the signature over the exact bytes before it reads anything else, and rejects what no configured secret signed. An authorizer sees no body and could not. `requireSignatures`, which `production` includes, fails the synthesis if any route accepts unsigned requests.",
		},
		{
			Rules: []string{"AwsSolutions-APIG2"}, Resources: []string{api},
			Reason: "Models validate JSON whose schema is known. The schema here is each provider's own, and what a signature covers are bytes, so bodies pass the gateway untouched. The function validates every field after it verified the signature, and reports every invalid one.",
		},
		{
			Rules: []string{"AwsSolutions-APIG6", "NIST.800.53.R5-APIGWExecutionLoggingEnabled", "PCI.DSS.321-APIGWExecutionLoggingEnabled"}, Resources: []string{stage},
			Reason: "Execution logs have headers, which include signatures, and with data tracing whole bodies, which may include card numbers. The access log has every request with time, address, route, status and the id by which the function's log line is found; the function logs each decision.",
		},
		{
			Rules: []string{"NIST.800.53.R5-APIGWCacheEnabledAndEncrypted", "PCI.DSS.321-APIGWCacheEnabledAndEncrypted"}, Resources: []string{stage},
			Reason: "There is no cache: every request is a POST that stores something. The rule asks for one so that what is in it is encrypted.",
		},
		{
			Rules: []string{"NIST.800.53.R5-APIGWSSLEnabled", "PCI.DSS.321-APIGWSSLEnabled"}, Resources: []string{stage},
			Reason: "A client certificate shows a backend over HTTP that API Gateway is calling. The backend is a Lambda function, called through AWS's API over TLS, and its resource policy admits this API alone. Towards callers, the endpoint accepts TLS 1.2 or newer.",
		},
		{
			Rules: []string{"AwsSolutions-IAM5[Resource::*]"}, Resources: functionPolicies,
			Reason: "xray:PutTraceSegments and xray:PutTelemetryRecords, and for the relay dynamodb:ListStreams: AWS offers no resources for these actions. A test lists every action with the resource `*` and admits no other.",
		},
		{
			Rules: []string{"AwsSolutions-IAM5[Resource::*]"}, Resources: []string{machine},
			Reason: "Tracing as above, and the actions by which Step Functions delivers its log (logs:CreateLogDelivery and others), for which AWS offers no resources.",
		},
		{
			Rules: []string{"AwsSolutions-IAM5[Action::kms:GenerateDataKey*]"}, Resources: []string{machine},
			Reason: "The library's grant to send to a queue under the key. It is on the one key of the stack, and stands for the variants of one action.",
		},
		{
			Rules: []string{"AwsSolutions-IAM5[Resource::<WorkflowFraudDetectorFunctionE64F2278.Arn>:*]"}, Resources: []string{machine},
			Reason: "The versions and aliases of one function, fraud-detector.",
		},
		{
			Rules: []string{
				"AwsSolutions-IAM5[Resource::<ArchiveAuditLogs1BD815A8.Arn>/manifests/*]", "AwsSolutions-IAM5[Resource::<ArchiveAuditLogs1BD815A8.Arn>/transactions/*]",
			},
			Resources: []string{"Archive/Archiver/Role/DefaultPolicy/Resource"},
			Reason:    "The archiver writes one object and one manifest for each hour, under these two prefixes and no other. Names of hours to come cannot be listed. It may not delete.",
		},
		{
			Rules: []string{"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:iam::<AWS::AccountId>:role/*]"}, Resources: []string{"Ingest/Account/Role/DefaultPolicy/Resource"},
			Reason: "iam:GetRole alone, to see whether the role that API Gateway is set to use exists. It may be anybody's, and its name is not known before. What the function changes is one role, by name.",
		},
		{
			Rules:     []string{"NIST.800.53.R5-IAMNoInlinePolicy", "PCI.DSS.321-IAMNoInlinePolicy"},
			Resources: append([]string{machine, "Workflow/StateMachine/EventsRole/DefaultPolicy/Resource"}, functionPolicies...),
			Reason:    "Each policy belongs to one role, which one function or service assumes, and names that function's resources. As a managed policy it could be attached to another principal; inline, it is created, reviewed and deleted with its role.",
		},
		{
			Rules: []string{"NIST.800.53.R5-LambdaInsideVPC", "PCI.DSS.321-LambdaInsideVPC"}, Resources: functions,
			Reason: "The functions reach AWS's public APIs alone, over TLS and with credentials of their roles, and nothing can connect to them: they are invoked through AWS's API. A VPC would add NAT or endpoints, and protect no resource, because none of this stack is in one. Whoever must keep this traffic off public endpoints adds a VPC with endpoints.",
		},
		{
			Rules: []string{"NIST.800.53.R5-LambdaDLQ"}, Resources: functions,
			Reason: "The rule looks for a property for asynchronous invocations. The validator and the fraud detector are invoked synchronously, and their callers handle failures; the relay's mapping and the archiver's asynchronous invocations have on-failure destinations, which carry more than a dead-letter queue does. CloudFormation invokes the function of the custom resource, and fails the deployment if there is no response.",
		},
		{
			Rules: []string{"NIST.800.53.R5-DynamoDBInBackupPlan"}, Resources: []string{"Store/Transactions/Resource", "Store/Deliveries/Resource"},
			Reason: "Both tables can be restored to any second of the last 35 days, which is as long as they keep items; a daily backup restores to one moment of a day. docs/operations.md has the restore, and its test. After 35 days the audit bucket has what was stored.",
		},
		{
			Rules: []string{"AwsSolutions-S1", "NIST.800.53.R5-S3BucketLoggingEnabled", "PCI.DSS.321-S3BucketLoggingEnabled"}, Resources: []string{audit},
			Reason: "Server access logs are delivered at best effort and to a bucket that cannot be under the key. CloudTrail's data events record each access to an object with its principal, and belong to the account's trail: docs/compliance.md has the command by which its owner adds this bucket.",
		},
		{
			Rules: []string{"NIST.800.53.R5-S3BucketReplicationEnabled", "PCI.DSS.321-S3BucketReplicationEnabled"}, Resources: []string{audit},
			Reason: "Objects are stored in three availability zones, in versions that nothing of this stack may delete, and with `objectLock` nobody may. A copy in another region needs a bucket and a key there, and may not be allowed to leave the region: a decision of the owner.",
		},
		{
			Rules: []string{"AwsSolutions-SQS3"},
			Resources: []string{
				"Ingest/Quarantine/Resource", "Relay/DeadLetters/Resource", "Workflow/DeadLetters/Resource",
				"Routing/HighValueDeadLetters/Resource", "Routing/MediumValueDeadLetters/Resource", "Routing/LowValueDeadLetters/Resource",
				"Archive/Failures/Resource", "Archive/ScheduleDeadLetters/Resource",
			},
			Reason: "These are dead-letter queues, of rules, a stream mapping, a workflow and asynchronous invocations, and the quarantine. No function consumes them, so none can fail to. Each has alarms for a message, for each new one, and for one that will be deleted soon.",
		},
	}
}
