// Package alerts is the mail carrier of the local run: it says which text each
// subscriber of an SNS topic receives, and remembers it.
//
// The endpoint hands every Publish to it after moto accepted the call. Email
// and SMS subscribers receive what Amazon SNS would deliver: with
// MessageStructure json, the text of their protocol or the default one.
// What was delivered is printed and can be read under /_local/alerts.
//
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
package alerts
