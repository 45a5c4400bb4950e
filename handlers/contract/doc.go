// Package contract has the names that the stack and the handlers must agree on: handler
// names, environment variables, table attributes, event names, trace
// and metric names. It has only constants, so that a difference between the two
// sides does not compile.
//
// constructs imports it to write the template; the handlers import it to read
// what the template gave them.
package contract
