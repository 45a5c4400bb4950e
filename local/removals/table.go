package main

// removal is a safety that is taken away for one campaign.
type removal struct {
	name    string
	removed string // what the edits do, for the reader of the table
	edits   []edit
	faults  string // of the campaign that has to notice it: those that the safety is there for
}

// edit replaces a text in a copy of the assembly. A text that is not there, or is there
// more than once, is an error: the table is then out of date.
type edit struct {
	file     string // below handlers/, in the staged source of each image that has it; or template
	old, new string
}

// template is the file of an edit of the synthesized template. Its JSON is compared
// without white space.
const template = "template"

// The safeties of the stack. Each must be noticed without luck: its faults strike often.
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
		name: "transmission binding", removed: "the binding of a PayPal transmission and of an Adyen cancellation to its content",
		edits: []edit{{
			file: "internal/intake/intake.go",
			old:  "	if b.IsZero() {\n		return nil\n	}\n",
			new:  "	if true {\n		return nil\n	}\n",
		}},
		faults: "none",
	},
}
