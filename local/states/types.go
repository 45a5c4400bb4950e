package states

import (
	"encoding/json"

	"payment-webhooks/local/assembly"
)

// Types are the resource types that this package emulates.
var Types = []assembly.Type{{
	Name: "AWS::StepFunctions::StateMachine", Properties: Properties{}, NameProperty: "StateMachineName",
	IDs: func(i *assembly.Instance) assembly.IDs {
		arn := i.ARN("states", "stateMachine:"+i.Name)
		return assembly.IDs{Ref: arn, Attributes: map[string]string{"Arn": arn, "Name": i.Name}}
	},
}}

// Properties is AWS::StepFunctions::StateMachine.
type Properties struct {
	StateMachineName        string
	StateMachineType        string
	DefinitionString        string
	RoleArn                 string
	LoggingConfiguration    *LoggingProperties
	TracingConfiguration    *struct{ Enabled bool } // no subsegments are made
	EncryptionConfiguration json.RawMessage         // data is not encrypted here
	Tags                    json.RawMessage
}
