// Package events emulates Amazon EventBridge for the rules of a template: the bus and its
// PutEvents, event patterns, input transformation, and delivery with retry policy and
// dead-letter queue. It calls no AWS service itself: its caller provides targets and queues.
//
//	deliveries := events.NewDeliveries(events.DeliveryConfig{
//		DeadLetters: queues,   // events.DeadLetters: sends to an SQS queue by ARN
//		Log:         logger,   // dropped events and failed attempts
//		TimeScale:   60,       // an hour of retries passes in a minute
//	})
//	bus := events.NewBus(events.BusConfig{
//		Name: "payment-events-dev", Region: region, Account: account, Deliveries: deliveries,
//	})
//	// The resolved properties of each AWS::Events::Rule with an EventPattern. A rule with a
//	// ScheduleExpression belongs to package schedule.
//	err := bus.AddRule("RoutingHighValue1A2B3C", properties, resolve)
//	// Request and response body of the PutEvents API (JSON 1.1). An error is an *APIError.
//	response, err := bus.PutEvents(ctx, body)
//	deliveries.Idle(ctx)  // waits until no event is being delivered
//	deliveries.Close()    // ends every delivery; events that were waiting are logged as dropped
//
// resolve is a Resolver: it returns the Target of a rule's target. Its Deliver is called with
// the transformed payload, once per attempt:
//
//	Lambda function   asynchronous invocation, event = payload
//	state machine     StartExecution, input = payload
//	SNS topic         Publish, Message = payload
//	SQS queue         SendMessage, MessageBody = payload
//	log group         PutLogEvents with LogEvent(payload)'s message and timestamp
//
// Deliver returns nil when the service accepted the call. An error that a retry cannot fix is a
// *DeliveryError with Permanent set (the target does not exist, access is denied): the event
// goes to the dead-letter queue at once, as on AWS. Every other error is retried with
// exponential backoff and jitter until MaximumRetryAttempts (185 unless the rule has another) or
// MaximumEventAgeInSeconds (86 400) is reached.
//
// TimeScale divides every wait between attempts. The age of an event counts the unscaled waits,
// so that limits are reached after the same number of attempts as on AWS.
//
// AddRule rejects what is not supported: the error has the rule's logical id and the name of
// everything that is missing.
//
// [Bus.Call] performs the rest of the API that operators need: rules and their targets,
// DisableRule and EnableRule, and the bus's archive with its replays.
package events
