// Package fraud is the domain of fraud scoring: what a model gets (Payment), the
// interface it implements (Model), and what it returns (Assessment).
//
// Every form of a fraud result contains an Assessment: fraud-detector returns it to the
// workflow, and the ledger stores it as a Result, which the archive writes. The
// packages beneath are the models (rules, httpmodel), the features that they read
// out of a payment's metadata (features), and the Lambda function that the
// workflow calls (stepfunctions). They are separate packages because every image with
// the ledger contains this one, and a changed rule must redeploy only fraud-detector.
//
// docs/fraud-model.md says how to add a model.
package fraud
