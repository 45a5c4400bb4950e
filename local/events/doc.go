// Package events plays Amazon EventBridge for the rules of a template: the bus
// that takes PutEvents, event patterns, input transformation, and delivery with
// retry policy and dead-letter queue. It speaks to no AWS service itself: what
// a target or a queue is, its caller says.
//
//	deliveries := events.NewDeliveries(events.DeliveryConfig{
//		DeadLetters: queues,   // events.DeadLetters: sends to an SQS queue by ARN
//		Log:         logger,   // dropped events and failed attempts
//		TimeScale:   60,       // an hour of retrying passes in a minute
//	})
//	bus := events.NewBus(events.BusConfig{
//		Name: "payment-events-dev", Region: region, Account: account, Deliveries: deliveries,
//	})
//	// The resolved properties of each AWS::Events::Rule with an EventPattern. A rule
//	// with a ScheduleExpression belongs to package schedule (see IsScheduled).
//	err := bus.AddRule("RoutingHighValue1A2B3C", properties, resolve)
//	// Body and answer of the PutEvents API (JSON 1.1). An error is an *APIError.
//	answer, err := bus.PutEvents(ctx, body)
//	deliveries.Idle(ctx)  // waits until nothing is being delivered
//	deliveries.Close()    // ends every delivery; what was waiting is logged as dropped
//
// resolve is a Resolver: from the target of a rule to the Target that Deliver is called
// on with the transformed payload, once per attempt:
//
//	Lambda function   asynchronous invocation, event = payload
//	state machine     StartExecution, input = payload
//	SNS topic         Publish, Message = payload
//	SQS queue         SendMessage, MessageBody = payload
//	log group         PutLogEvents with LogEvent(payload)'s message and timestamp
//
// Deliver returns nil when the service accepted the call. An error that
// retrying cannot mend is a *DeliveryError with Permanent set (the target does not
// exist, access is denied): the event goes to the dead-letter queue at once, as on
// AWS. Every other error is retried with exponential backoff and jitter until
// MaximumRetryAttempts (185 unless the rule says otherwise) or
// MaximumEventAgeInSeconds (86 400) is reached.
//
// TimeScale divides every wait between attempts; the age of an event counts the
// waits unscaled, so limits are reached after the same number of attempts as on AWS.
//
// AddRule refuses what this package does not play, by the rule's logical id and
// the name of what is missing, all at once.
//
// An AWS::Events::Archive is not supported: it only describes. Nothing is archived
// and nothing can be replayed in the local run.
package events
