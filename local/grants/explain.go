package grants

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"payment-webhooks/local/iam"
)

// Explanation says why grants that nothing in the local run uses are in the template.
type Explanation struct {
	// Policy, Action and Resource are patterns of path.Match for the grant's fields, in which "/" and
	// ":" are ordinary characters. An empty Resource means any.
	Policy, Action, Resource string
	Reason                   string
	Exercised                bool // the exercise of scripts/test grants uses it, and the suite does not
}

const (
	ofDynamoDB = "DynamoDB asks for it of whoever uses a table under a customer managed key; which call it is for is not documented " +
		"(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html)"
	ofSend     = "the CDK grants it with sqs:SendMessage (Queue.grantSendMessages); it reveals the queue's settings only"
	ofCleaner  = "used by the CDK's function that empties the bucket when the stack is destroyed, which the local run does not run"
	ofAccount  = "used by the custom resource that sets API Gateway's role, which the local run does not need; handlers/internal/logrole has its tests"
	ofDelivery = "the CDK's log group target names both principals; EventBridge uses events.amazonaws.com here"
	ofVerify   = "used by scripts/ops archive verify, which the suite runs with a user's credentials"
	ofBus      = "the statement for queues and topic comes before it and allows the calls; this one is what a bus needs " +
		"(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-key-policy.html)"
	ofDuplicate = "the CDK repeats the statement before for each queue and topic under the key; the first one allows the calls"
)

// Explanations are the grants that the end-to-end suite does not use.
var Explanations = []Explanation{
	{Policy: "*RoleDefaultPolicy*", Action: "kms:DescribeKey", Reason: ofDynamoDB},
	{Policy: "*RoleDefaultPolicy*", Action: "kms:Encrypt", Reason: ofDynamoDB},
	{Policy: "*RoleDefaultPolicy*", Action: "kms:ReEncrypt*", Reason: ofDynamoDB},
	{Policy: "WorkflowFraudDetectorRole*", Action: "kms:GenerateDataKey*", Reason: ofDynamoDB},
	{Policy: "IngestValidatorRole*", Action: "kms:GenerateDataKeyWithoutPlaintext", Reason: ofDynamoDB},
	{Policy: "*RoleDefaultPolicy*", Action: "sqs:GetQueueAttributes", Reason: ofSend},
	{Policy: "*RoleDefaultPolicy*", Action: "sqs:GetQueueUrl", Reason: ofSend},
	{Policy: "ArchiveAuditLogsPolicy*", Action: "s3:*", Reason: ofCleaner},
	{Policy: "CustomS3AutoDeleteObjects*", Action: "*", Reason: ofCleaner},
	{Policy: "IngestAccountRole*", Action: "*", Reason: ofAccount},
	{Policy: "WorkflowStateMachineRole*", Action: "lambda:InvokeFunction", Resource: "*:fraud-detector-*:*", Reason: "the CDK grants the function's versions with the function; the workflow invokes the function"},
	{Policy: "StoreKey*.2", Action: "kms:Decrypt", Resource: "events.amazonaws.com", Reason: ofBus},
	{Policy: "StoreKey*.2", Action: "kms:GenerateDataKey", Resource: "events.amazonaws.com", Reason: ofBus},
	{Policy: "StoreKey*.4", Action: "kms:*", Resource: "events.amazonaws.com", Reason: ofDuplicate},
	{Policy: "RoutingLowValueTransactions*", Action: "logs:*", Resource: "delivery.logs.amazonaws.com", Reason: ofDelivery},
	{Policy: "ArchiveArchiverRole*", Action: "s3:AbortMultipartUpload", Reason: "cleans up after an upload in parts that failed, which no test provokes"},
	{Policy: "ArchiveArchiverRole*", Action: "s3:GetObject", Resource: "*:transactions/*", Reason: "HeadObject needs it: after a run that failed before its manifest, the next one looks whether an object is the same"},
	{Policy: "ArchiveScheduleDeadLettersPolicy*", Action: "sqs:SendMessage", Reason: "used when a rule may not invoke the archiver, as in each campaign of faults (archive-denied)", Exercised: true},
	{Policy: "OperatorPolicy*", Action: "sqs:*", Resource: "*:*-value-transactions-*", Reason: "for tiers with the target queue, of which the default list has none"},
	{Policy: "OperatorPolicy*", Action: "events:*", Resource: "*:deployment-archival-*", Reason: "used to redrive an invocation that this rule could not make; the suite redrives one of the daily rule"},
	{Policy: "OperatorPolicy*", Action: "dynamodb:DescribeTable", Reason: ofVerify},
	{Policy: "OperatorPolicy*", Action: "s3:GetObject", Resource: "*:transactions/*", Reason: ofVerify},
}

// matches compares the policy, also with the statement's index after a point, the action and
// the resource; for a resource policy the latter may be the principal instead.
func (x Explanation) matches(g iam.Grant) bool {
	match := func(pattern string, texts ...string) bool {
		for _, text := range texts {
			if ok, err := path.Match(flat.Replace(pattern), flat.Replace(text)); err == nil && ok {
				return true
			}
		}
		return false
	}
	return match(x.Policy, g.Policy, fmt.Sprintf("%s.%d", g.Policy, g.Statement)) && match(x.Action, g.Action) &&
		(x.Resource == "" || match(x.Resource, g.Resource, g.Principal))
}

// flat takes from "/" its meaning in patterns, and from the brackets theirs.
var flat = strings.NewReplacer("/", ":", "[", "(", "]", ")")

// unexercised are the explanations of what the exercise does not use either.
func unexercised(all []Explanation) []Explanation {
	return slices.DeleteFunc(slices.Clone(all), func(x Explanation) bool { return x.Exercised })
}

// Explain returns the reason for which a grant need not be used, or "".
func Explain(g iam.Grant, explanations []Explanation) string {
	for _, x := range explanations {
		if x.matches(g) {
			return x.Reason
		}
	}
	return ""
}

// Review compares what was used with the explanations, and returns a line for each grant that is
// neither used nor explained, for each explained grant that is used, and for each explanation of
// nothing.
func Review(all []iam.Grant, explanations []Explanation) (problems []string) {
	explained := make([]bool, len(explanations))
	for _, g := range all {
		what := fmt.Sprintf("%s: %s may %s on %s", g.ID, g.Principal, g.Action, g.Resource)
		known := false
		for i, x := range explanations {
			if x.matches(g) {
				known, explained[i] = true, true
			}
		}
		switch {
		case g.Uses == 0 && !known:
			problems = append(problems, what+": no call used it; remove it from the template, or explain it in local/grants")
		case g.Uses > 0 && known:
			problems = append(problems, fmt.Sprintf("%s: %d calls used it; remove its explanation from local/grants", what, g.Uses))
		}
	}
	for i, x := range explanations {
		if !explained[i] {
			problems = append(problems, fmt.Sprintf("the explanation of %s in %s (%s) is for no grant of the template; remove it from local/grants", x.Action, x.Policy, x.Resource))
		}
	}
	return problems
}

// Merge adds the uses in another run of the same template to those in all.
func Merge(all, other []iam.Grant) {
	uses := map[string]int64{}
	for _, g := range other {
		uses[g.ID] += g.Uses
	}
	for i := range all {
		all[i].Uses += uses[all[i].ID]
	}
}
