package cloudwatch

import "payment-webhooks/local/assembly"

// Types are the resource types that this package emulates.
var Types = []assembly.Type{alarmType, filterType}
