// Package archive copies closed hours of the ledger to the audit bucket.
//
// Delivery semantics. An hour is archived when its manifest exists: the manifest is
// written last and names every object with its digest. Keys and bytes are
// deterministic, so archiving an hour again, after a failure or in concurrent runs,
// gives the same objects. A run archives the due hours that have no manifest, oldest
// first, and leaves to the next run what it has no time for. Memory does not grow with
// the number of transactions, because records stream from the ledger's pages through
// gzip into the upload.
//
// docs/archive.md describes the layout for readers of the archive.
package archive
