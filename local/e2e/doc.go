// Package e2e tests the local run of the synthesized stack end to end: it sends
// deliveries as a provider would and checks their effects as an operator would.
//
// CDK_OUT names the directory of the assembly, by default cdk.out in the repository's
// root. It must be synthesized as scripts/test does: with an email and a phone
// subscription, and with every provider configured, its secret named
// payments/<provider>, except canonical, so that /webhook accepts unsigned requests.
package e2e
