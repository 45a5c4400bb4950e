// Package money holds exact amounts with their currencies, and knows the decimals of
// each ISO 4217 currency. An amount is never a float64: it stays decimal text from the
// delivery's JSON to DynamoDB's number and to the event's JSON number.
package money
