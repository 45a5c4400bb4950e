// Package child starts processes that never outlive this one: not after
// Ctrl-C, not after a crash, not after SIGKILL.
//
// Its callers are moto (the AWS API server) and lambda (the handlers). A child
// has its own process group, so that Ctrl-C in the terminal reaches the local
// run alone, which then ends its children in order.
package child
