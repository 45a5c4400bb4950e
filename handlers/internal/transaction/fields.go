package transaction

import "payment-webhooks/handlers/contract"

// Form is a format in which a transaction is written, or a set of formats joined
// by |.
type Form uint8

// The forms.
const (
	Payload Form = 1 << iota // the canonical payload: Normalise, docs/payload.md
	Hashed                   // the text that Fingerprint hashes
	Item                     // the item of the table: package dynamodbledger
	Event                    // the detail of the event: package event
	Line                     // a line of the archive and its Athena table: package archive, docs/archive.md
)

// Field is a field of a transaction as it is written: a member of a JSON object,
// an attribute of an item or a column.
type Field struct {
	Name   string // of package contract
	Forms  Form   // the forms that contain the field
	Column string // its type in Athena; "" unless Forms contains Line
}

// Fields lists every field of a transaction once. The code that reads or writes a
// form names its fields explicitly, and a test beside that code compares it with
// this table. To add a field, add it here and run the tests of handlers/: they name
// each place that lacks it.
var Fields = []Field{
	{contract.FieldTransactionID, Payload | Hashed | Item | Event | Line, "string"},
	{contract.FieldAmount, Payload | Hashed | Item | Event | Line, "decimal(38, 4)"},
	{contract.FieldCurrency, Payload | Hashed | Item | Event | Line, "string"},
	{contract.FieldProvider, Payload | Hashed | Item | Event | Line, "string"},
	{contract.FieldCustomerID, Payload | Hashed | Item | Event | Line, "string"},
	{contract.FieldKind, Payload | Hashed | Item | Event | Line, "string"},
	{contract.FieldPaymentID, Payload | Hashed | Item | Event | Line, "string"},
	{contract.FieldReverses, Payload | Hashed | Item | Event | Line, "string"},
	{contract.FieldReversedKind, Payload | Hashed | Item | Event | Line, "string"},
	{contract.FieldMetadata, Payload | Hashed | Item | Event | Line, "string"},
	{contract.FieldSchemaVersion, Hashed | Item | Event | Line, "string"},
	{contract.FieldReceivedAt, Item | Event | Line, "string"},
	{contract.FieldFingerprint, Item | Event | Line, "string"},
	{contract.FieldHourShard, Item, ""},
	{contract.FieldExpiresAt, Item, ""},
	{contract.DetailAmountText, Event | Line, "string"},
	{contract.DetailAmountBeyondMatching, Event, ""},
	{contract.DetailMetadataOmitted, Event, ""},
	// Added to the item, too, but only when the transaction is scored.
	{contract.FieldFraud, Line, "struct<score: decimal(5, 4), risk_level: string, risk_summary: string, model_version: string, scored_at: string>"},
}

// Names returns the names of a form's fields, in the order of Fields.
func Names(form Form) []string {
	var names []string
	for _, field := range Fields {
		if field.Forms&form != 0 {
			names = append(names, field.Name)
		}
	}
	return names
}
