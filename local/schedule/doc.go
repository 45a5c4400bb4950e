// Package schedule plays the scheduled rules of EventBridge: rate(...) and
// cron(...) expressions, evaluated in UTC, and the Scheduled Event they deliver.
//
//	rules := schedule.New(schedule.Config{
//		Region: region, Account: account, Deliveries: deliveries, // of package events
//	})
//	// The resolved properties of each AWS::Events::Rule for which events.IsScheduled.
//	err := rules.AddRule("ArchiveDailyRule4D5E6F", properties, resolve) // an events.Resolver
//	go rules.Run(ctx)                            // fires what becomes due, until ctx ends
//	err = rules.Fire(ctx, "daily-archive-dev", at) // by name or logical id: fires now, the event's time is at
//	for _, r := range rules.List() { ... }       // logical id, name, ARN, expression, next time
//
// Fire returns once the event is handed to delivery, not when the target has it. A
// rule that nobody named gets its logical id as its name. A rule that is DISABLED
// never fires by itself; Fire refuses it too.
//
// rate(...) counts from the moment AddRule was called, as on AWS from the
// creation of the rule.
package schedule
