// Command send signs a payload as a payment provider would and posts it to the
// webhook endpoint: to see what a delivery does, to try a secret, to load-test.
//
//	scripts/send --provider stripe --fixture refund --secret whsec_…
//
// It sends as every provider of package providers. How each signs is in the send.go
// of its package, written from the provider's documentation once more and without
// the code that verifies, so that it also checks that code.
//
// With --list it prints the providers and their payloads as JSON, with --context
// what cdk.json's context says to configure them all: scripts/test, scripts/demo and
// the end-to-end suite read both.
//
// The only address it contacts is --url's.
package main
