//go:build !race

package archive_test

const manyRecords = 200_000
