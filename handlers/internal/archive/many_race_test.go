//go:build race

package archive_test

// manyRecords is smaller here, because the race detector makes every record ten times as
// slow and does not check memory use.
const manyRecords = 25_000
