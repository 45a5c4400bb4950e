package main

import (
	"maps"
	"slices"
	"strings"
)

// removal is a safety that is taken away for one campaign.
type removal struct {
	name    string
	removed string // what the edits do, for the reader of the table
	edits   []edit
	faults  string // of the campaign that has to notice it: those that the safety is there for
}

// edit replaces a text in a copy of the assembly. A text that is not there, or more or less
// often than expected, is an error: the table is then out of date.
type edit struct {
	file     string // below handlers/, in the staged source of each image that has it; or template
	old, new string
	times    int // how often the text is there; 0 means once
}

// template is the file of an edit of the synthesized template. Its JSON is compared
// without white space.
const template = "template"

// removals are the safeties of the stack. Their faults strike often enough to need each
// of them.
var removals = []removal{
	{
		name: "conditional put", removed: "the condition of the PutItem that stores a transaction",
		edits: []edit{{
			file: "internal/ledger/dynamodbledger/ledger.go",
			old: `		ConditionExpression:                 aws.String("attribute_not_exists(" + contract.FieldTransactionID + ")"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if taken, ok`,
			new: `	})
	if taken, ok`,
		}},
		faults: "none",
	},
	{
		name: "transmission binding", removed: "the binding of a PayPal transmission, and of an Adyen cancellation, to its content",
		edits: []edit{{
			file: "internal/intake/intake.go",
			old:  "	if b.IsZero() {\n		return nil\n	}\n",
			new:  "	if true {\n		return nil\n	}\n",
		}},
		faults: "none",
	},
	{
		name: "batch-item failures", removed: "FunctionResponseTypes of the stream mapping, so that a response always means success",
		edits:  []edit{{file: template, old: `"FunctionResponseTypes":["ReportBatchItemFailures"],`}},
		faults: "bus",
	},
	{
		name: "relay's age", removed: "retries until a record is too old: the mapping retries ten times instead",
		edits:  []edit{{file: template, old: `"MaximumRetryAttempts":-1`, new: `"MaximumRetryAttempts":10`}},
		faults: "relay-outage",
	},
	{
		name: "fraud's write-once", removed: "the condition that a fraud result is written only where none is",
		edits: []edit{{
			file: "internal/ledger/dynamodbledger/ledger.go",
			old: `		ConditionExpression: aws.String("attribute_exists(" + contract.FieldTransactionID + ")" +
			" AND attribute_not_exists(" + contract.FieldFraud + ")"),`,
			new: `		ConditionExpression: aws.String("attribute_exists(" + contract.FieldTransactionID + ")"),`,
		}},
		faults: "detector-crash-after,score-cut,stream-duplicate,bus-cut",
	},
	{
		name: "manifest-last", removed: "the rule that a manifest is written only after all of its objects are",
		edits: []edit{{
			file: "internal/archive/archive.go",
			old:  "	objects, err := p.shards(ctx)\n	if err != nil {\n",
			new:  "	objects, err := p.shards(ctx)\n	if err != nil && ctx.Err() != nil {\n",
		}},
		faults: "archive-partly",
	},
	{
		name: "relay-dlq", removed: "the relay's message to its dead-letter queue",
		edits: []edit{{
			file: "internal/relay/deadletter.go",
			old:  "if sendErr := r.deadLetters.Send(ctx, string(message)); sendErr != nil {",
			new:  "if sendErr := error(nil); sendErr != nil && message != nil {",
		}},
		faults: "none",
	},
	deadLetters("high-value-dlq", "RoutingHighValueDeadLetters8B366A68", 1, "start-denied"),
	deadLetters("medium-value-dlq", "RoutingMediumValueDeadLetters719E67A9", 1, "alert-denied"),
	deadLetters("low-value-dlq", "RoutingLowValueDeadLetters107195FE", 1, "log-denied,group-deleted"),
	deadLetters("archival-schedule-dlq", "ArchiveScheduleDeadLettersBD957793", 2, "archive-denied"),
	{
		name: "workflow-dlq", removed: "the record of a failed scoring and of a failed notification",
		edits: []edit{
			{
				file: template,
				old:  `{\"ErrorEquals\":[\"States.ALL\"],\"ResultPath\":\"$.error\",\"Next\":\"Record failed scoring\"}`,
				new:  `{\"ErrorEquals\":[\"States.TaskFailed\"],\"ResultPath\":\"$.error\",\"Next\":\"Not scored\"},{\"ErrorEquals\":[\"States.ALL\"],\"ResultPath\":\"$.error\",\"Next\":\"Record failed scoring\"}`,
			},
			{
				file: template,
				old:  `{\"ErrorEquals\":[\"States.ALL\"],\"ResultPath\":\"$.error\",\"Next\":\"Record failed notification\"}`,
				new:  `{\"ErrorEquals\":[\"States.TaskFailed\"],\"ResultPath\":\"$.error\",\"Next\":\"Not notified\"},{\"ErrorEquals\":[\"States.ALL\"],\"ResultPath\":\"$.error\",\"Next\":\"Record failed notification\"}`,
			},
		},
		faults: "notify-denied,score-denied",
	},
	{
		name: "quarantine", removed: "the message of a notification that cannot become a transaction",
		edits: []edit{{
			file: "internal/intake/quarantine.go",
			old:  "if err := in.quarantine.Send(ctx, text); err != nil {",
			new:  `if err := error(nil); text == "" {`,
		}},
		faults: "none",
	},
	{
		name: "archival-failures", removed: "the destination of runs of the archiver that failed",
		edits:  []edit{{file: template, old: `"DestinationConfig":{"OnFailure":{"Destination":{"Fn::GetAtt":["ArchiveFailures1E1FF14F","Arn"]}}},`}},
		faults: "archive-crash",
	},
}

// deadLetters removes the dead-letter queue of a rule's target.
func deadLetters(name, logicalID string, targets int, faults string) removal {
	return removal{
		name: name, removed: "the dead-letter queue of the rule's target",
		edits:  []edit{{file: template, old: `"DeadLetterConfig":{"Arn":{"Fn::GetAtt":["` + logicalID + `","Arn"]}},`, times: targets}},
		faults: faults,
	}
}

// control is the campaign without a removal, under all of their faults. It has to balance,
// or what the removals' campaigns notice means nothing.
func control() removal {
	all := map[string]bool{}
	for _, r := range removals {
		for name := range strings.SplitSeq(r.faults, ",") {
			all[name] = true
		}
	}
	delete(all, "none")
	return removal{name: controlName, removed: "nothing", faults: strings.Join(slices.Sorted(maps.Keys(all)), ",")}
}

const controlName = "(control)"
