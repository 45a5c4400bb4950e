// Package cloudformation responds to DescribeStacks for the emulated stack, in the query
// protocol, so that the README's `aws cloudformation describe-stacks` works unchanged.
// No other operation of the service is supported.
package cloudformation
