// Package assembly reads what `cdk synth` wrote: the cloud assembly in
// cdk.out, its one CloudFormation template and its image assets.
//
// It is the only package of the local run that knows CloudFormation's
// language. It promises that nothing is ignored in silence: an intrinsic
// function, a template section or (through [Decode]) a property that it does
// not know is an error that names the logical id.
//
// References are answered without creating anything: a resource's name comes
// from the template or is made up the way CloudFormation does
// (<stack>-<logical id>-<hash>), and its attributes follow from the name. What
// is only known once the resource exists (a table's stream) is told with
// [Resolver.Set].
package assembly
