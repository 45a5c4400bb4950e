// Package fraud is the domain of fraud scoring: what a model gets (Payment), the
// interface it implements (Model), and what it returns (Assessment).
//
// Assessment is the one form of a fraud result: fraud-detector returns it to the
// workflow, the ledger stores it as a Result, and the archive writes that. The
// packages beneath are the models (rules, httpmodel), the features that they read
// out of a payment's metadata (features), and the Lambda function that the
// workflow calls (stepfunctions). They are packages of their own because every
// image with a ledger in it contains this one: a change of a rule must redeploy
// fraud-detector alone.
//
// docs/fraud-model.md says how to add a model.
package fraud
