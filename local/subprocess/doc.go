// Package subprocess starts processes that never outlive this one, whether it ends by
// Ctrl-C, by a crash or by SIGKILL.
//
// Its callers are moto (the AWS API server) and lambda (the handlers). A subprocess has
// a process group of its own, so that Ctrl-C in the terminal reaches only the local run,
// which then ends its subprocesses in order.
package subprocess
