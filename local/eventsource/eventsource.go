// Package eventsource has what event source mappings have in common, whatever they read:
// their properties, and the state that Lambda's API shows and changes. Packages streams and
// sqs read a source.
package eventsource

import (
	"context"
	"encoding/json"

	"payment-webhooks/local/assembly"
)

// Types are the resource types that packages streams and sqs emulate.
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

// Function is the function that a mapping invokes.
type Function interface {
	// Invoke invokes the function synchronously with the event of a batch.
	Invoke(ctx context.Context, payload []byte) (Result, error)
}

// Result is the response of Lambda's Invoke.
type Result struct {
	RequestID       string
	StatusCode      int
	ExecutedVersion string
	FunctionError   string // "Unhandled" when the function failed
	Payload         []byte // the function's response
}

// MaxEventBytes bounds an event: the payload of an invocation has up to 6 MB.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const MaxEventBytes = 6 * 1024 * 1024

// Stats counts batches and records, or messages, since the mapping was loaded.
type Stats struct {
	Batches   int `json:"batches"`   // invocations
	Failed    int `json:"failed"`    // invocations that failed, wholly or in part
	Delivered int `json:"delivered"` // records that the function processed
	Filtered  int `json:"filtered"`  // records that no filter matches
	Discarded int `json:"discarded"` // records that could not be delivered; of a queue none, since SQS moves them
}
