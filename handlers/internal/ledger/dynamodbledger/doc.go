// Package dynamodbledger implements the ledger in the transactions table on DynamoDB. It
// also defines the items of the table; event-relay reads the items in the table's stream
// with DecodeItem.
package dynamodbledger
