// Package assembly reads the output of `cdk synth`: the cloud assembly in cdk.out, its one
// CloudFormation template and its image assets.
//
// It is the only package of the local run that knows CloudFormation's language. Nothing is
// ignored silently: an unsupported intrinsic function, template section, resource type or
// property is an error that names the logical id. Which types and properties are supported
// is declared by the packages that emulate them ([Type]).
//
// References are resolved before any resource exists: a resource's name comes from the
// template or is generated (<stack>-<logical id>-<hash>), and its attributes follow from the
// name. An attribute that is known only once the resource exists, such as the ARN of a table's
// stream, is set with [Resolver.Set].
package assembly
