// Package streams emulates the event source mapping from a DynamoDB stream to a Lambda
// function: filtering, batching, retries, bisecting, partial batch responses and the on-failure
// destination.
//
//	mapping, err := streams.Load("RelayStreamMapping9C0D", properties, streams.Config{
//		Function:    function,    // eventsource.Function: synchronous Invoke with the event
//		FunctionARN: functionARN, // for the on-failure record
//		Destination: queues,      // streams.Destination: sends to an SQS queue by ARN
//		Log:         logger,
//		TimeScale:   60,          // divides the waits between retries
//	})
//	mapping.EventSourceARN(), mapping.FunctionName() // as in the template
//	err = mapping.Run(ctx, streams.NewDynamoDB(client)) // until ctx ends: then nil
//	mapping.Stats()                                  // batches, records delivered, filtered, discarded
//	mapping.SetEnabled(false)                        // stops it, and true lets it go on where it stopped
//	mapping.Idle(ctx)                                // waits until every record read is delivered or discarded
//
// properties are the resolved [eventsource.Properties] of an AWS::Lambda::EventSourceMapping. The error of
// Load lists everything that is not supported. An error of Run means that the stream cannot be
// opened or has ended. Failed reads are retried, as on AWS, where nobody hears of them. client is a dynamodbstreams.Client.
//
// Function.Invoke returns a Result. With FunctionError set, or with an error (throttle, service),
// the batch has failed.
//
// Positions are kept in memory: a restart reads the stream from StartingPosition again, so the
// function receives records twice. Lambda promises at-least-once delivery, which allows that.
//
// With a ParallelizationFactor above 1, the records of one read are distributed by item key over
// that many concurrent batches, and the next read waits for all of them. Lambda would let the
// other batches go on while one is retried.
//
// Not supported: shards that end (moto has one shard per stream, which never ends), tumbling
// windows, destinations other than SQS, filters with $or or operators that Lambda does not have.
package streams
