// Command review compares the synthesized stacks of two revisions, for the reviewer of a
// change. It prints one table: what the change replaces or deletes that holds data or that
// users know by name, protections that it weakens, permissions that it widens or narrows,
// what becomes of the amounts, alarms, the bill, and everything else by count. Values of a
// template are printed inside code spans, so that they cannot format or mention in a comment.
//
// It synthesizes both revisions in temporary git worktrees, or reads two templates or cloud
// assemblies. It calls nothing on the network and needs no credentials.
//
// Which property changes replace a resource is read from the database of resource types that
// the pinned CDK CLI ships and `cdk diff` itself uses: CloudFormation's registry schemas
// (createOnlyProperties), merged with its documentation.
// https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
// https://github.com/cdklabs/awscdk-service-spec
// A type or property that it does not know counts as destructive, and the table says so.
//
// Exit status: 0 if nothing is destroyed or that is allowed, 2 if something is, 1 for an error.
package main
