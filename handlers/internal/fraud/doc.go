// Package fraud judges how likely a payment is fraudulent.
//
// Model is the seam for a real model. Rules, the one that ships, is a mock: a
// handful of documented rules whose weights add up to the score, so that every
// result can be explained and reproduced. It computes in whole hundredths: the
// same payment has the same score on every machine and in every year.
// docs/fraud-model.md is its reference.
package fraud
