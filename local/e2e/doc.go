// Package e2e drives the local run of the synthesized stack as a provider and
// an operator would, and checks what became of each transaction.
//
// CDK_OUT names the assembly; without it, cdk.out in the repository's root is
// used. It must have been synthesized with an email and a phone subscription, and
// with every provider, their secrets named payments/<provider>, but the canonical
// /webhook open. scripts/test does that.
package e2e
