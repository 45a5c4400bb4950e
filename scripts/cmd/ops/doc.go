// Command ops is the operators' tool for a deployed stack, on AWS or in the local run:
// dead-letter queues, publishing again, replays, everything known of a transaction, the
// archive, and a comparison with what a provider says happened.
//
// It finds everything from the stack's outputs and resources. A command that changes data
// prints what it would do; it does so with --execute. Results go to stdout, as tables or
// with --json; progress and errors go to stderr.
//
// Exit status: 0 done, 1 something failed or differs, 2 wrong usage.
//
// The commands are built with github.com/spf13/cobra: help, completion and suggestions of
// a maintained library that operators know from kubectl and gh.
package main
