// Package stepfunctions is the Lambda function of package fraud. The workflow in Step
// Functions calls it with the detail of an event. It scores the transaction
// with a fraud.Model, records the result in the ledger once, and returns it.
package stepfunctions
