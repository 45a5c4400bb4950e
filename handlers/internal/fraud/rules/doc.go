// Package rules is the fraud model that ships: a mock of a handful of documented
// rules over one payment. Their weights add up to the score, so every result can
// be explained and reproduced; it is computed in whole hundredths, so the same
// payment has the same score on every machine and in every year.
// docs/fraud-model.md is its reference.
package rules
