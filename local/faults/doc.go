// Package faults makes calls of the local run fail on demand: an operator, a test or a
// campaign names a hop and a fault, and every call at that hop is struck with the given
// probability, up to a number of times.
//
// A hop is an AWS call ("dynamodb:PutItem") made by a function, by a service of the
// emulator or by a user; a function ("function:webhook-validator"); the "stream" that feeds
// the event relay; or the "clock" of the services. [Set.Add] rejects a fault that a hop does
// not have and says which ones it has.
//
// Choices are seeded. Whether the n-th call that a fault applies to is struck depends on the
// seed, the fault and n alone, so the same seed strikes the same calls when they arrive in
// the same order. Each fault counts the calls that it applied to and those that it struck.
//
// The packages that perform the calls act out the faults: endpoint (AWS calls), lambda
// (functions), streams (the stream mapping), and emulator (calls between the services that
// are emulated in this process).
package faults
