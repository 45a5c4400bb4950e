// Package cloudformation responds to DescribeStacks, ListStackResources and
// DescribeStackResources for the emulated stack, in the query protocol, so that commands find
// its outputs and resources as on AWS. No other operation of the service is supported.
package cloudformation
