// Package states plays one EXPRESS state machine of AWS Step Functions: an
// interpreter of the Amazon States Language with JSONPath, its retries and
// catchers, and the execution log.
//
//	machine, err := states.Load("TransactionWorkflow7A8B", properties, states.Config{
//		ARN:      stateMachineARN,
//		Services: services, // states.Services: Lambda Invoke, SNS Publish, SQS SendMessage
//		Logs:     logs,     // states.Logs: one JSON line per execution event; nil when not wanted
//	})
//	executionARN, started, err := machine.Start(name, input)  // StartExecution: name "" gets a UUID
//	execution, err := machine.Run(name, input)                     // StartSyncExecution
//	machine.Counts()            // started, succeeded, failed, timed out
//	machine.Executions(false)   // the most recent ones, without input and output unless asked
//	machine.Idle(ctx)           // waits until no execution is running
//	machine.Close()             // ends running executions and waits for them
//
// properties are the resolved properties of an AWS::StepFunctions::StateMachine,
// DefinitionString a string. Load validates the whole definition and refuses what
// is wrong or not played by name, all problems at once, each with the logical id
// and the state.
//
// Executions last five minutes at most, as EXPRESS ones do. Retries and waits take their real
// time.
//
// Played: Task (arn:aws:states:::lambda:invoke, :::sns:publish, :::sqs:sendMessage,
// and a function's own ARN), Parallel, Choice, Pass, Wait, Succeed, Fail; InputPath,
// Parameters, ResultSelector, ResultPath, OutputPath; Retry, Catch, TimeoutSeconds; the
// context object; intrinsic functions as listed in intrinsic.go.
// Not played: STANDARD machines, Map, JSONata and variables, activities, .sync and
// .waitForTaskToken, heartbeats, redrive.
//
// The request of a Services method carries the machine's role, so that the caller
// can check its policies. Its errors: a *ServiceError carries the API's error code
// ("TooManyRequestsException") and becomes the error name "Lambda.TooManyRequestsException";
// any other error becomes "Lambda.SdkClientException" (SNS., SQS. likewise).
// An error of the function itself is no Go error: it is in InvokeResponse.
package states
