//go:build race

package redact_test

// slower is how many times fewer random samples are tried under the race detector. It
// takes 15 times as long, and nothing here runs concurrently.
const slower = 10
