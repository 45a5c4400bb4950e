//go:build !race

package redact_test

// slower is 1 without the race detector: all random samples are tried.
const slower = 1
