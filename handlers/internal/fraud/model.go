package fraud

import (
	"payment-webhooks/handlers/internal/transaction"
)

// Payment is what a model may look at.
type Payment struct {
	transaction.Transaction
	MetadataUnseen bool // there is metadata, but too much of it to be in the event
}

// Model scores payments. Implementations are deterministic, safe for concurrent
// use and never fail: what they cannot understand, they do not count.
type Model interface {
	// Version names the rules that made a score; a change of rules changes it.
	Version() string
	Score(p Payment) Assessment
}

// Level is what people and the workflow act on.
type Level string

// The levels, from the least score to the greatest.
const (
	Low    Level = "low"
	Medium Level = "medium"
	High   Level = "high"
)

// Hundredths is a score or weight: 25 is 0.25.
type Hundredths int

// Assessment is the answer of a model.
type Assessment struct {
	Score        Hundredths // 0 to 100, the sum of the factors' weights
	Level        Level
	Factors      []Factor // heaviest first, then by name; none for a score of 0
	Summary      string   // one sentence for a person
	ModelVersion string
}

// Factor is one reason for a score.
type Factor struct {
	Name   string
	Weight Hundredths // above 0
	Detail string     // a phrase for a person; never repeats free text of the payment
}
