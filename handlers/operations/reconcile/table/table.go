// Package table reads a stack's table for package reconcile, so that tools outside the
// handlers need no package of theirs.
package table

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"payment-webhooks/handlers/internal/ledger/dynamodbledger"
	"payment-webhooks/handlers/operations/reconcile"
)

// New returns the ledger in a table. It calls dynamodb:GetItem alone.
func New(cfg aws.Config, name string) reconcile.Ledger {
	return dynamodbledger.New(dynamodbledger.NewBatchClient(cfg), name)
}
