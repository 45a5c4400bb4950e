// Package ledger defines the store of accepted transactions. webhook-validator stores
// them, fraud-detector records its results with them, and transaction-archival reads
// them by the hour.
//
// Delivery semantics. The first Store with a key stores its transaction for good. A
// later one returns Duplicate for the same content and ErrConflict for other content.
// After an ErrUnavailable, the transaction may or may not be stored; calling Store again
// is safe. A Duplicate may therefore stem from the caller's own earlier attempt.
//
// Package dynamodbledger implements the ledger on DynamoDB, package ledgertest in memory
// for tests. Both pass ledgertest.Run.
package ledger
