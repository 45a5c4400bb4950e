// Package sns delivers what is published to SNS topics: it determines the text that each
// subscriber receives, and keeps it.
//
// The endpoint passes every Publish to it once moto has accepted the call. Email and SMS
// subscribers receive what Amazon SNS would deliver: with MessageStructure json, the text
// of their protocol or the default one. Notifications are printed on the terminal and can
// be read under /_local/alerts.
//
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
package sns
