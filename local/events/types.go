package events

import (
	"encoding/json"
	"strings"

	"payment-webhooks/local/assembly"
)

// Types are the resource types that this package emulates. Package schedule emulates the
// rules with a ScheduleExpression.
var Types = []assembly.Type{
	{
		Name: "AWS::Events::EventBus", Properties: BusProperties{}, NameProperty: "Name",
		IDs: func(i *assembly.Instance) assembly.IDs {
			return assembly.IDs{Ref: i.Name, Attributes: map[string]string{"Arn": i.ARN("events", "event-bus/"+i.Name), "Name": i.Name}}
		},
	},
	{
		Name: "AWS::Events::Rule", Properties: RuleProperties{}, NameProperty: "Name",
		IDs: func(i *assembly.Instance) assembly.IDs {
			bus := i.Text("EventBusName", defaultBus)
			bus = bus[strings.LastIndex(bus, "/")+1:] // the property may be the bus's ARN
			ref := i.Name
			if bus != defaultBus {
				ref = bus + "|" + i.Name
			}
			scope := Scope{Region: i.Region, Account: i.Account, Bus: bus}
			return assembly.IDs{Ref: ref, Attributes: map[string]string{"Arn": scope.ruleARN(i.Name)}}
		},
	},
	{
		Name: "AWS::Events::Archive", Properties: ArchiveProperties{}, NameProperty: "ArchiveName",
		IDs: func(i *assembly.Instance) assembly.IDs {
			return assembly.IDs{Ref: i.Name, Attributes: map[string]string{"Arn": i.ARN("events", "archive/"+i.Name)}}
		},
	},
}

// BusProperties is AWS::Events::EventBus.
type BusProperties struct {
	Name, Description, KmsKeyIdentifier string
	Tags                                json.RawMessage
}
