package streams

import (
	"encoding/json"

	"payment-webhooks/local/assembly"
)

// Types are the resource types that this package emulates.
var Types = []assembly.Type{{
	Name: "AWS::Lambda::EventSourceMapping", Properties: Properties{},
	IDs: func(i *assembly.Instance) assembly.IDs {
		return assembly.IDs{Ref: i.UUID(), Attributes: map[string]string{"Id": i.UUID()}}
	},
}}

// Properties is AWS::Lambda::EventSourceMapping.
type Properties struct {
	BatchSize                      *int
	BisectBatchOnFunctionError     bool
	DestinationConfig              *struct{ OnFailure *struct{ Destination string } }
	Enabled                        *bool
	EventSourceArn                 string
	FilterCriteria                 *struct{ Filters []struct{ Pattern string } }
	FunctionName                   string
	FunctionResponseTypes          []string
	MaximumBatchingWindowInSeconds int
	MaximumRecordAgeInSeconds      *int
	MaximumRetryAttempts           *int
	ParallelizationFactor          *int
	ScalingConfig                  *struct{ MaximumConcurrency *int } // of a queue
	StartingPosition               string
	Tags                           json.RawMessage
}
