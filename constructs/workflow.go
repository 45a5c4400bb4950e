package constructs

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	sfn "github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctionstasks"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/constructs/tiers"
	"payment-webhooks/handlers/contract"
)

const (
	// workflowTimeout is the longest that an EXPRESS execution may take. The
	// retries below end before it, so that a failure reaches its Catch: a
	// timeout of the execution cannot be caught.
	// https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
	workflowTimeout = 5 * time.Minute

	fraudTimeout     = contract.FraudTimeoutSeconds * time.Second
	fraudTaskTimeout = 20 * time.Second // the function's and the time to start one

	// pendingWait and pendingAttempts outlast the two minutes or so that Lambda takes to
	// prepare the image of a function that was idle for weeks again.
	pendingWait     = 10 * time.Second
	pendingAttempts = 13
	sendTaskTimeout = 10 * time.Second // one call of SNS or SQS
)

// WorkflowProps configures the state machine for transactions of tiers with target
// workflow.
type WorkflowProps struct {
	Suffix string
	Code   ImageCode
	Table  awsdynamodb.ITable // where fraud-detector records its result
	Key    awskms.IKey        // of the table and the queue
	Topic  awssns.ITopic
	Value  string // adjective of its transactions in messages, such as "high-value"; see tiers.List.ValueOf
}

// Workflow is the state machine with fraud-detector.
type Workflow struct {
	machine     sfn.IStateMachine
	detector    awslambda.IFunction
	deadLetters awssqs.IQueue
}

// NewWorkflow adds the state machine: score for fraud and notify at the same
// time, then alert if the risk is high. A branch that fails after its retries
// puts the transaction and the error into the dead-letter queue and lets the
// rest go on, so that a high risk is alerted even when the notification failed;
// the execution then ends as failed.
//
// Its input is the detail of the event. The same transaction may come twice:
// the fraud result is recorded once, a notification may be sent again.
func NewWorkflow(scope cdkconstructs.Construct, id string, p WorkflowProps) *Workflow {
	this := cdkconstructs.NewConstruct(scope, &id)

	detector := newFunction(this, "FraudDetector", functionProps{
		Handler:     contract.FraudDetector,
		Description: "Scores a transaction for fraud and records the result once",
		Suffix:      p.Suffix,
		Code:        p.Code,
		MemoryMB:    512,
		// The rules take microseconds, a model behind an endpoint seconds, and
		// recording is one write. A retry is worth more than a slow response.
		Timeout: fraudTimeout,
		Environment: map[string]string{
			contract.EnvTableName:    *p.Table.TableName(),
			contract.EnvArchiverName: archiverName(p.Suffix),
		},
	})
	allowTable(detector, p.Table, p.Key, "dynamodb:UpdateItem")
	// A result that comes after its hour was archived is archived with it again.
	allow(detector, []*string{archiverARN(this, p.Suffix)}, "lambda:InvokeFunction")
	deadLetters := newQueue(this, "DeadLetters", contract.WorkflowDeadLetterPrefix+p.Suffix, p.Key)

	w := workflowStates{scope: this, value: tiers.Title(p.Value), topic: p.Topic, detector: detector, deadLetters: deadLetters}
	logs := awslogs.NewLogGroup(this, jsii.String("Logs"), &awslogs.LogGroupProps{
		// Step Functions adds every log group outside /aws/vendedlogs/ to one
		// account-wide resource policy, which has a size limit.
		LogGroupName:  jsii.String(contract.StateMachineLogGroupPrefix + p.Suffix),
		Retention:     awslogs.RetentionDays_ONE_MONTH,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	machine := sfn.NewStateMachine(this, jsii.String("StateMachine"), &sfn.StateMachineProps{
		StateMachineName: jsii.String(contract.StateMachinePrefix + p.Suffix),
		StateMachineType: sfn.StateMachineType_EXPRESS,
		DefinitionBody:   sfn.DefinitionBody_FromChainable(w.definition()),
		Timeout:          seconds(workflowTimeout),
		TracingEnabled:   jsii.Bool(true),
		Logs: &sfn.LogOptions{
			Destination: logs,
			// The only record of an EXPRESS execution. Names and times of
			// states, never the transaction.
			Level:                sfn.LogLevel_ALL,
			IncludeExecutionData: jsii.Bool(false),
		},
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	return &Workflow{machine: machine, detector: detector, deadLetters: deadLetters}
}

// StateMachine returns the state machine; its input is the detail of an event.
func (w *Workflow) StateMachine() sfn.IStateMachine { return w.machine }

// Detector returns the function fraud-detector.
func (w *Workflow) Detector() awslambda.IFunction { return w.detector }

// DeadLetters returns the queue of transactions whose branch failed, with the error.
func (w *Workflow) DeadLetters() awssqs.IQueue { return w.deadLetters }

// workflowStates makes the states. From the second state on the input is
// {"transaction": detail}, so that errors and results stand beside the
// transaction and never in it.
type workflowStates struct {
	scope       cdkconstructs.Construct
	value       string // begins messages, such as "High-value"
	topic       awssns.ITopic
	detector    awslambda.IFunction
	deadLetters awssqs.IQueue
}

// Members of a branch's result, and the values of outcome. Only states of the workflow
// use them, no handler does.
const (
	branchOutcome    = "outcome"
	branchAssessment = "assessment" // fraud-detector's response
	outcomeSucceeded = "succeeded"
	outcomeFailed    = "failed"
)

const (
	stateScore      = "Score for fraud"
	stateNotify     = "Notify of high value"
	stateBranches   = "Score and notify"
	stateFraudAlert = "Alert of high risk"
)

func (w workflowStates) definition() sfn.IChainable {
	begin := sfn.NewPass(w.scope, jsii.String("Take transaction"), &sfn.PassProps{
		Parameters: &map[string]any{"transaction": sfn.JsonPath_EntirePayload()},
	})
	branches := sfn.NewParallel(w.scope, jsii.String(stateBranches), &sfn.ParallelProps{
		ResultSelector: &map[string]any{
			"fraud":        sfn.JsonPath_ObjectAt(jsii.String("$[0]")),
			"notification": sfn.JsonPath_ObjectAt(jsii.String("$[1]")),
		},
		ResultPath: jsii.String("$.results"),
	})
	branches.Branch(w.score(), w.notify())

	failed := sfn.NewFail(w.scope, jsii.String("Something failed"), &sfn.FailProps{
		Error: jsii.String("BranchFailed"),
		Cause: jsii.String("A branch failed after its retries; the transaction and the error are in the dead-letter queue."),
	})
	// Each branch catches its own errors. This catches all others, such as a
	// result without the expected members.
	branches.AddCatch(w.recordFailure("Record failed branches", stateBranches, failed), caught())

	outcome := sfn.NewChoice(w.scope, jsii.String("Did both succeed?"), nil).
		When(sfn.Condition_Or(
			sfn.Condition_StringEquals(jsii.String("$.results.fraud."+branchOutcome), jsii.String(outcomeFailed)),
			sfn.Condition_StringEquals(jsii.String("$.results.notification."+branchOutcome), jsii.String(outcomeFailed)),
		), failed, nil).
		Otherwise(sfn.NewSucceed(w.scope, jsii.String("Done"), nil))

	alert := w.publish(stateFraudAlert, message{
		subject: text("High-risk {}: {}", "$.transaction."+contract.FieldKind, "$.transaction."+contract.DetailAmountText),
		long: text("High-risk {} of {} reported by {}, transaction {}. {} Hold it and review it before anything is delivered or paid out.",
			"$.transaction."+contract.FieldKind, "$.transaction."+contract.DetailAmountText, "$.transaction."+contract.FieldProvider, "$.transaction."+contract.FieldTransactionID,
			"$.results.fraud."+branchAssessment+"."+contract.FraudRiskSummary), // a sentence with the score
		short: text("FRAUD ALERT: {} of {} via {}, {}. Hold and review.",
			"$.transaction."+contract.FieldKind, "$.transaction."+contract.DetailAmountText, "$.transaction."+contract.FieldProvider, "$.transaction."+contract.FieldTransactionID),
	}, sfn.JsonPath_DISCARD(), nil)
	alert.AddCatch(w.recordFailure("Record failed alert", stateFraudAlert, failed), caught())

	risky := sfn.NewChoice(w.scope, jsii.String("Is the risk high?"), nil).
		When(sfn.Condition_StringEquals(jsii.String("$.results.fraud."+branchAssessment+"."+contract.FraudRiskLevel), jsii.String(contract.RiskHigh)),
			alert.Next(outcome), nil).
		Otherwise(outcome)

	return begin.Next(branches).Next(risky)
}

// score is the branch that ends with {"outcome": "succeeded", "assessment":
// fraud-detector's response}, or with outcome failed and the risk level unknown.
func (w workflowStates) score() sfn.IChainable {
	invoke := awsstepfunctionstasks.NewLambdaInvoke(w.scope, jsii.String(stateScore), &awsstepfunctionstasks.LambdaInvokeProps{
		LambdaFunction: w.detector,
		Payload:        sfn.TaskInput_FromJsonPathAt(jsii.String("$.transaction")),
		ResultSelector: &map[string]any{
			branchOutcome:    outcomeSucceeded,
			branchAssessment: sfn.JsonPath_ObjectAt(jsii.String("$.Payload")),
		},
		TaskTimeout: sfn.Timeout_Duration(seconds(fraudTaskTimeout)),
		// The library's own six retries wait two minutes: too long for an
		// execution of five.
		RetryOnServiceExceptions: jsii.Bool(false),
	})
	// A function with an image that nobody invoked for weeks is inactive: Lambda rejects the
	// first invocation, prepares the image again, and rejects others until that is done. A
	// high value may be that rare. A rejection takes no time, so only the waits count. The
	// other functions need no such retry: a provider repeats what gets 5XX for hours, the
	// stream mapping retries for hours, and what has a daily schedule is never idle.
	// https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
	// https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-images.html
	invoke.AddRetry(&sfn.RetryProps{
		Errors:      jsii.Strings("Lambda.CodeArtifactUserPendingException", "Lambda.ResourceNotReadyException"),
		Interval:    seconds(pendingWait),
		MaxAttempts: jsii.Number(pendingAttempts),
		BackoffRate: jsii.Number(1),
	})
	// Lambda itself failed or throttled: retry with backoff.
	// https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception
	invoke.AddRetry(&sfn.RetryProps{
		Errors: jsii.Strings("Lambda.ClientExecutionTimeoutException", "Lambda.ServiceException", "Lambda.AWSLambdaException",
			"Lambda.SdkClientException", "Lambda.TooManyRequestsException"),
		Interval:       seconds(time.Second),
		MaxAttempts:    jsii.Number(4),
		BackoffRate:    jsii.Number(2),
		JitterStrategy: sfn.JitterType_FULL,
	})
	// The function failed: retry twice, perhaps in a new environment.
	invoke.AddRetry(&sfn.RetryProps{
		Errors:         jsii.Strings("States.ALL"),
		Interval:       seconds(time.Second),
		MaxAttempts:    jsii.Number(2),
		BackoffRate:    jsii.Number(2),
		JitterStrategy: sfn.JitterType_FULL,
	})
	failed := sfn.NewPass(w.scope, jsii.String("Not scored"), &sfn.PassProps{
		Parameters: &map[string]any{
			branchOutcome:    outcomeFailed,
			branchAssessment: map[string]any{contract.FraudRiskLevel: contract.RiskUnknown},
		},
	})
	invoke.AddCatch(w.recordFailure("Record failed scoring", stateScore, failed), caught())
	return invoke
}

// notify is the branch that ends with {"outcome": "succeeded"} or failed.
func (w workflowStates) notify() sfn.IChainable {
	publish := w.publish(stateNotify, message{
		subject: text(w.value+" {}: {}", "$.transaction."+contract.FieldKind, "$.transaction."+contract.DetailAmountText),
		long: text(w.value+" {} of {} reported by {}, transaction {}. It is being scored for fraud; you get a second alert if the risk is high. Check that you expected it.",
			"$.transaction."+contract.FieldKind, "$.transaction."+contract.DetailAmountText, "$.transaction."+contract.FieldProvider,
			"$.transaction."+contract.FieldTransactionID),
		short: text(w.value+" {} of {} via {}, {}. Check it.",
			"$.transaction."+contract.FieldKind, "$.transaction."+contract.DetailAmountText, "$.transaction."+contract.FieldProvider, "$.transaction."+contract.FieldTransactionID),
	}, nil, &map[string]any{branchOutcome: outcomeSucceeded})
	failed := sfn.NewPass(w.scope, jsii.String("Not notified"), &sfn.PassProps{
		Parameters: &map[string]any{branchOutcome: outcomeFailed},
	})
	publish.AddCatch(w.recordFailure("Record failed notification", stateNotify, failed), caught())
	return publish
}

// message is an alert in one form for each protocol. It names a transaction by what has a
// form: id, provider, kind, amount, and the sentence of the fraud model. customer_id and
// metadata are free text of the sender's, who would write to operators with them.
type message struct {
	subject *string // e-mail; at most 100 characters, ASCII
	long    *string // e-mail, and any other protocol
	short   *string // SMS: ASCII, about one segment of 140 bytes with an id of usual length
}

// text writes a States.Format expression: each {} is replaced by the value at
// the next path.
func text(format string, paths ...string) *string {
	if strings.Count(format, "{}") != len(paths) || strings.ContainsAny(format, `'\`) {
		panic(fmt.Sprintf("constructs: format %q does not take %d values or needs escaping", format, len(paths)))
	}
	values := make([]*string, len(paths))
	for i, path := range paths {
		values[i] = sfn.JsonPath_StringAt(jsii.String(path))
	}
	return sfn.JsonPath_Format(jsii.String(format), values...)
}

// publish sends a message to the topic, a shorter text to phones. A nil
// resultPath replaces the state with the result.
func (w workflowStates) publish(id string, m message, resultPath *string, resultSelector *map[string]any) awsstepfunctionstasks.SnsPublish {
	task := awsstepfunctionstasks.NewSnsPublish(w.scope, &id, &awsstepfunctionstasks.SnsPublishProps{
		Topic:                      w.topic,
		Subject:                    m.subject,
		MessagePerSubscriptionType: jsii.Bool(true),
		Message: sfn.TaskInput_FromObject(&map[string]any{
			"default": m.long,
			"email":   m.long,
			"sms":     m.short,
		}),
		ResultPath:     resultPath,
		ResultSelector: resultSelector,
		TaskTimeout:    sfn.Timeout_Duration(seconds(sendTaskTimeout)),
	})
	retrySending(task)
	return task
}

// recordFailure sends the transaction and the error at $.error to the
// dead-letter queue, and goes on with next even if that fails too: the other
// branch and the alert matter more, and a failed execution raises an alarm.
func (w workflowStates) recordFailure(id, failedState string, next sfn.IChainable) sfn.IChainable {
	record := awsstepfunctionstasks.NewSqsSendMessage(w.scope, &id, &awsstepfunctionstasks.SqsSendMessageProps{
		Queue: w.deadLetters,
		MessageBody: sfn.TaskInput_FromObject(&map[string]any{
			"state":       failedState,
			"execution":   sfn.JsonPath_ExecutionId(),
			"error":       sfn.JsonPath_ObjectAt(jsii.String("$.error")),
			"transaction": sfn.JsonPath_ObjectAt(jsii.String("$.transaction")),
		}),
		ResultPath:  sfn.JsonPath_DISCARD(),
		TaskTimeout: sfn.Timeout_Duration(seconds(sendTaskTimeout)),
	})
	retrySending(record)
	record.AddCatch(next, &sfn.CatchProps{Errors: jsii.Strings("States.ALL"), ResultPath: sfn.JsonPath_DISCARD()})
	return record.Next(next)
}

// retrySending repeats a call of SNS or SQS.
func retrySending(task sfn.TaskStateBase) {
	task.AddRetry(&sfn.RetryProps{
		Errors:         jsii.Strings("States.ALL"),
		Interval:       seconds(time.Second),
		MaxAttempts:    jsii.Number(2),
		BackoffRate:    jsii.Number(2),
		JitterStrategy: sfn.JitterType_FULL,
	})
}

// caught keeps the transaction and puts the error beside it.
func caught() *sfn.CatchProps {
	return &sfn.CatchProps{Errors: jsii.Strings("States.ALL"), ResultPath: jsii.String("$.error")}
}

func seconds(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(jsii.Number(d.Seconds()))
}
