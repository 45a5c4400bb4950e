// Package logs sends log lines to CloudWatch Logs and, from lines in embedded metric format,
// metrics to CloudWatch, both in moto. `aws logs tail` and `aws cloudwatch
// get-metric-statistics` then work against the local run.
//
// The callers of [Writer] are the parts that log on AWS: functions, the API's access log and
// the state machine. EventBridge's log group targets use [Delivery], which waits until
// CloudWatch Logs has accepted an event.
//
// A Writer never blocks on the network: entries are queued, in order per stream, and sent when
// somebody wants to read them (Flush, which the endpoint calls before each call of CloudWatch
// or CloudWatch Logs), or once there are many. A batch then has thousands of entries, where
// one for each quarter of a second cost moto as much time as the payments themselves. An
// entry that cannot be sent is reported, never dropped silently.
package logs
