// Package ledger is the domain's view of the store of accepted transactions:
// webhook-validator stores them, fraud-detector records its result with them,
// transaction-archival reads the hours that are over.
//
// Delivery semantics: the first Store of a key wins and its item never changes;
// the same content again is a Duplicate, other content an ErrConflict. After an
// ErrUnavailable the item may or may not be stored: storing again is safe and shows
// which. A Duplicate may therefore be the caller's own earlier attempt.
//
// Package dynamodbledger has the ledger on DynamoDB, package ledgertest one in memory
// for tests. Both pass ledgertest.Run.
package ledger
