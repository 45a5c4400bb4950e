// Package daily is the Lambda function of package reconcile: the daily schedule invokes it to
// compare each configured provider with the ledger. It reads and reports, and delivers nothing:
// scripts/ops reconcile does that.
package daily
