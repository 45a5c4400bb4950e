// Package rules is the default fraud model: a mock with a handful of documented rules
// about a single payment. The weights add up to the score, so every result can be
// explained. The score is computed in whole hundredths, so the same payment always has
// the same score.
// docs/fraud-model.md is its reference.
package rules
