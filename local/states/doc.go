// Package states emulates one EXPRESS state machine of AWS Step Functions: it interprets the
// Amazon States Language with JSONPath, its retriers and catchers, and writes the execution
// history.
//
//	machine, err := states.Load("TransactionWorkflow7A8B", properties, states.Config{
//		ARN:      stateMachineARN,
//		Services: services, // states.Services: Lambda Invoke, SNS Publish, SQS SendMessage
//		Logs:     logs,     // states.Logs: one JSON line per event; nil when not wanted
//	})
//	executionARN, started, err := machine.Start(name, input)  // StartExecution: name "" gets a UUID
//	execution, err := machine.Run(name, input)                // StartSyncExecution
//	machine.Counts()            // started, succeeded, failed, timed out
//	machine.Executions(false)   // the most recent ones, without input and output unless asked
//	machine.Idle(ctx)           // waits until no execution is running
//	machine.Close()             // ends running executions and waits for them
//
// properties are the resolved [Properties] of an AWS::StepFunctions::StateMachine. Load
// validates the whole definition. Its error lists everything that is invalid or not supported,
// with the logical id and the state.
//
// definition.go reads the fields that several types of states have, run.go executes what is
// common to all of them. Each type of state has a file of its own that reads and executes it
// (task.go, parallel.go, choice.go …), listed in kind.go.
//
// Executions last five minutes at most, as EXPRESS ones do. Retries and waits take their real
// time.
//
// Supported: Task (arn:aws:states:::lambda:invoke, :::sns:publish, :::sqs:sendMessage, and a
// function's own ARN), Parallel, Choice, Pass, Wait, Succeed, Fail; InputPath, Parameters,
// ResultSelector, ResultPath, OutputPath; Retry, Catch, TimeoutSeconds; the context object;
// intrinsic functions as listed in intrinsic.go.
// Not supported: STANDARD machines, Map, JSONata and variables, activities, .sync and
// .waitForTaskToken, heartbeats, redrive.
//
// The request of a Services method has the machine's role, so that the caller can check its
// policies. Its errors: a *ServiceError has the API's error code ("TooManyRequestsException")
// and becomes the error name "Lambda.TooManyRequestsException"; any other error becomes
// "Lambda.SdkClientException" (SNS., SQS. likewise). An error of the function itself is not a
// Go error: it is in InvokeResponse.
package states
