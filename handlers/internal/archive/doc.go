// Package archive copies closed hours of the ledger to the audit bucket.
//
// Delivery semantics. An hour is archived when its manifest exists: the manifest
// is written last and names every object with its digest. Keys and bytes are
// deterministic, so an hour archived again, after a failure or by two runs at
// once, gives the same objects. A run takes the due hours that have no manifest,
// oldest first; what it does not reach, the next run does. Memory does not grow
// with the number of transactions: records stream from the ledger's pages through
// gzip into the upload.
//
// docs/archive.md describes the layout for those who read it.
package archive
