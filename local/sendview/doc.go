// Package sendview is the view of the page that sends: payloads of the providers, by running
// scripts/send, and faults, by package faults.
//
// Its caller is package emulator. [Runs] outlive an update of the stack; a [View] is of one stack.
// The secrets that sign are read from Secrets Manager by the names that the stack uses, given to
// scripts/send in its environment, and never sent to the browser.
//
//	GET  /_local/page/send              what can be sent, and the faults that can be injected
//	POST /_local/page/send              begin to send: a [Request]; the response has the run's id
//	POST /_local/page/send/command      the command line of a [Request], without sending
//	POST /_local/page/send/{id}/stop    end a run
//
// Faults are listed, injected and removed by /_local/faults.
package sendview
