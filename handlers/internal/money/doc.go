// Package money holds exact amounts and what ISO 4217 says of their currencies.
// No amount is ever a float64: it goes as decimal text from the delivery's JSON
// to DynamoDB's number and to the event's JSON number.
package money
