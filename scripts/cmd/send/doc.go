// Command send signs a payload as a payment provider would and posts it to the
// webhook endpoint, to see what a delivery does, to try a secret, or for a load test.
//
//	scripts/send --provider stripe --fixture refund --secret whsec_…
//
// It can sign as every provider of package providers. The send.go of a provider's package
// signs as the provider documents it and shares no code with the verification, so that
// each checks the other.
//
// With --list it prints the providers and their payloads as JSON, with --context the
// value of providers in cdk.json's context that configures them all. scripts/test,
// scripts/demo and the end-to-end suite read both.
//
// It contacts no other address than --url.
package main
