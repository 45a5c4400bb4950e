// Package ledger is where accepted transactions are kept, as the domain sees
// it. webhook-validator stores, fraud-detector records its result,
// transaction-archival reads closed hours.
//
// Delivery semantics: the first Store of a key wins and its item never changes;
// the same content again is a Duplicate, other content an ErrConflict. After an
// ErrUnavailable the item may or may not be there: storing again is safe and
// tells. A Duplicate may therefore be the caller's own earlier attempt.
//
// New is the ledger in memory; package dynamo has the one on DynamoDB. Both pass
// ledgertest.Run.
package ledger
