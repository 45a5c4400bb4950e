package tiers

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"

	"payment-webhooks/handlers/contract"
)

// limitPattern accepts what every version of EventBridge's matcher compares exactly: at most 5e9,
// with at most six decimals (docs/decisions/0004-routing-lives-in-the-rules.md).
var limitPattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,9})(\.[0-9]{1,6})?$`)

// acceptedLimit says what [ParseLimit] accepts.
var acceptedLimit = fmt.Sprintf("want a decimal above 0 and up to %d with at most 6 decimals, such as 10000 or \"999.99\"", contract.MaxMatchableAmount)

// Limit is an exact decimal above zero and up to 5 000 000 000, with at most
// six decimals. The zero value is no valid limit; [ParseLimit] makes one.
type Limit struct{ text string }

// ParseLimit reads a limit from decimal text without exponent. The error wraps
// [ErrConfig].
func ParseLimit(text string) (Limit, error) {
	if limitPattern.MatchString(text) {
		l := Limit{text: text}
		if r := l.Rat(); r.Sign() > 0 && r.Cmp(big.NewRat(contract.MaxMatchableAmount, 1)) <= 0 {
			return l, nil
		}
	}
	return Limit{}, fmt.Errorf("%w: limit %q: %s", ErrConfig, text, acceptedLimit)
}

// String returns the limit as it was written.
func (l Limit) String() string { return l.text }

// Rat returns the limit as an exact fraction. It panics on the zero value.
func (l Limit) Rat() *big.Rat {
	r, ok := new(big.Rat).SetString(l.text)
	if !ok {
		panic("tiers: limit not made by ParseLimit: " + strconv.Quote(l.text))
	}
	return r
}

// number returns the limit as the JSON number of a pattern: the CDK passes
// numbers on as doubles. Up to 5e9 neighbouring doubles are less than a
// millionth apart, so distinct limits stay distinct and the shortest notation
// of the double is the limit itself.
func (l Limit) number() float64 {
	f, _ := l.Rat().Float64()
	return f
}
