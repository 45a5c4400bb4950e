// Package streams plays the event source mapping from a DynamoDB stream to a Lambda
// function: filtering, batching, retries, bisecting, partial batch responses and the
// on-failure destination.
//
//	mapping, err := streams.Load("RelayStreamMapping9C0D", properties, streams.Config{
//		Source:      streams.NewDynamoDB(client, streamARN), // or a fake: streams.Source
//		Function:    function, // streams.Function: synchronous Invoke with the event
//		Destination: queues,   // streams.Destination: sends to an SQS queue by ARN
//		Log:         logger,
//	})
//	err = mapping.Run(ctx) // until ctx ends; an error means that the stream cannot be read
//	mapping.Stats()        // batches, records delivered, filtered, discarded; last error
//
// properties are the resolved properties of an AWS::Lambda::EventSourceMapping. FunctionName
// and the stream's ARN can be read back with mapping.FunctionName() and
// mapping.EventSourceARN(); StreamARN(properties) reads it before the source exists. Load
// refuses what is not played by name, all problems at once.
//
// Function.Invoke answers with the function's response payload; an error of any kind
// (function error, throttle, service) fails the batch. The error may be a *FunctionError with
// the status and the function error type ("Unhandled"), which the on-failure record names.
//
// Positions are kept in memory: a restart reads the stream from StartingPosition again,
// so the function sees records twice. That is within the at-least-once promise of Lambda.
package streams
