// Package decimal reads and writes exact decimal numbers within the range that
// DynamoDB's number type can hold, so that every number the system accepts can
// be stored without rounding. Package money and package jsonvalue build on it.
package decimal
