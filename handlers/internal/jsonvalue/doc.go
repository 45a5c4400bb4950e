// Package jsonvalue holds JSON of unknown shape, such as a transaction's
// metadata, without losing anything: numbers stay exact decimals, and equal
// values have equal texts (sorted names, reduced numbers, no white space).
//
// A value is nil, bool, string, Number, []any or map[string]any.
package jsonvalue
