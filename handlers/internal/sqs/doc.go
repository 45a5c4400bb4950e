// Package sqs sends messages to one SQS queue.
package sqs
