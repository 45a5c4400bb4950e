// Package sqsqueue sends messages to one SQS queue.
package sqsqueue
