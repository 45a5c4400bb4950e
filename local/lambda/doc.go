// Package lambda emulates AWS Lambda for functions that use the Runtime API: it builds each
// handler for this machine, runs one process per concurrent execution environment, and passes it
// one event at a time.
//
// Its callers are apigateway, the stream mapping and the state machine (Invoke), EventBridge
// (InvokeAsync) and the endpoint (`aws lambda invoke`).
//
// Emulated as documented: warm reuse, initialisation, the timeout (which ends the environment),
// errors that the function reports, exits and panics, the asynchronous queue with its retries
// and on-failure destination, log lines with platform.start and platform.report, the payload
// limits.
//
// Different from AWS, on purpose:
//   - Initialisation may take a minute, not 10 s: this machine may start many environments at
//     once.
//   - The caller receives the response when the environment is ready for the next event.
//   - An idle environment is not frozen, and is kept until the function closes.
//   - MemorySize sets no CPU share. An environment whose peak memory exceeded MemorySize is ended
//     after the invocation with Runtime.OutOfMemory, on Linux only. GOMEMLIMIT is not set, because
//     Lambda does not set it.
//   - The file system is this machine's.
//   - Waits between asynchronous attempts are divided by Config.TimeScale.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package lambda
