// Package schedule emulates the scheduled rules of EventBridge: rate(...) and cron(...)
// expressions, evaluated in UTC, and the Scheduled Event that they deliver.
//
//	rules := schedule.New(schedule.Config{
//		Region: region, Account: account, Deliveries: deliveries, // of package events
//	})
//	// The resolved properties of each AWS::Events::Rule with a ScheduleExpression.
//	err := rules.AddRule("ArchiveDailyRule4D5E6F", properties, resolve) // an events.Resolver
//	go rules.Run(ctx)                              // fires rules when they are due, until ctx ends
//	err = rules.Fire(ctx, "daily-archive-dev", at) // by name or logical id: fires now, the event's time is at
//	for _, r := range rules.List() { ... }         // logical id, name, ARN, expression, next time
//
// Fire returns once the event is handed to delivery, not when the target has received it. The
// name of a rule without one is its logical id. A DISABLED rule is never fired; Fire rejects it.
//
// rate(...) counts from the call of AddRule, as it does on AWS from the rule's creation.
package schedule
