// Package cloudformation creates, updates and deletes stacks as CloudFormation does, for the CDK
// CLI and the AWS CLI: change sets, the order of resources, events, rollbacks, deletion policies
// and termination protection. What a template asks for is provisioned by a [Deployment].
//
// [Service] responds to the operations in the query protocol that deploy.go, read.go and
// changeset.go implement; any other operation is InvalidAction.
package cloudformation
