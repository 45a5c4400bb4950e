// Package streams plays the event source mapping from a DynamoDB stream to a Lambda
// function: filtering, batching, retries, bisecting, partial batch responses and the
// on-failure destination.
//
//	mapping, err := streams.Load("RelayStreamMapping9C0D", properties, streams.Config{
//		Function:    function,    // streams.Function: synchronous Invoke with the event
//		FunctionARN: functionARN, // for the on-failure record
//		Destination: queues,      // streams.Destination: sends to an SQS queue by ARN
//		Log:         logger,
//		TimeScale:   60,          // divides the waits between retries
//	})
//	mapping.EventSourceARN(), mapping.FunctionName() // as the template has them
//	err = mapping.Run(ctx, streams.NewDynamoDB(client)) // until ctx ends: then nil
//	mapping.Stats()                                  // batches, records delivered, filtered, discarded
//	mapping.Idle(ctx)                                // waits until all that was read is dealt with
//
// properties are the resolved properties of an AWS::Lambda::EventSourceMapping. Load refuses
// what is not supported by name, all problems at once. An error of Run means that the stream
// cannot be read. client is a dynamodbstreams.Client.
//
// Function.Invoke returns a Result; with FunctionError set, or with an error (throttle,
// service), the batch has failed.
//
// Positions are kept in memory: a restart reads the stream from StartingPosition again,
// so the function sees records twice. That is within the at-least-once promise of Lambda.
//
// With a ParallelizationFactor above 1, the records of one read are spread over that many
// concurrent batches by item key, and the next read waits for all of them. Lambda would let the
// other batches go on while one is retried.
//
// Not played: shards that end (moto has one shard per stream, for ever), tumbling windows,
// destinations other than SQS, filters with $or or operators that Lambda has not.
package streams
