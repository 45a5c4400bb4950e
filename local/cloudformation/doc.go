// Package cloudformation answers DescribeStacks for the stack that the local
// run plays, in the query protocol, so that the README's
// `aws cloudformation describe-stacks` works unchanged. Nothing else of the
// service is played.
package cloudformation
