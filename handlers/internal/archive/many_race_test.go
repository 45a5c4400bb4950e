//go:build race

package archive_test

// manyRecords is smaller here: the race detector makes every record ten times as
// slow, and memory is not its business.
const manyRecords = 25_000
