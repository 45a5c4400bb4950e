// Package sqs emulates the event source mapping from an SQS queue to a Lambda function:
// batching, partial batch responses, and deletion of what the function processed. The queue
// itself, its visibility timeout and its dead-letter queue are the server's.
//
//	mapping, err := sqs.Load("DigestMapping9C0D", properties, sqs.Config{
//		Function:    function,    // synchronous Invoke with the event
//		FunctionARN: functionARN,
//		Log:         logger,
//		TimeScale:   60,          // divides the batching window, and the wait until failed messages are received again
//	})
//	err = mapping.Run(ctx, sqs.NewQueue(client, url)) // until ctx ends: then nil
//	mapping.Idle(ctx)                                 // waits until the queue is empty
//
// properties are those of an AWS::Lambda::EventSourceMapping, [eventsource.Properties], whose
// source is a queue. The error of Load lists everything that is not supported.
//
// There is one poller, so one batch at a time, where Lambda begins with five. Not supported:
// FIFO queues, filters, destinations.
package sqs
