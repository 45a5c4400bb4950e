// Package dynamodbledger keeps the ledger in the transactions table on DynamoDB, and
// knows how a transaction looks as an item there: event-relay reads items out of
// the table's stream with DecodeItem.
package dynamodbledger
