// Package lookup finds a transaction in the archive, for the operators' tool. A transaction's
// shard follows from its id, so one object of each hour is read at most.
package lookup
