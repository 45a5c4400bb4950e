package events

import (
	"strconv"

	"github.com/cockroachdb/apd/v3"
)

// Numbers is how a version of event-ruler, the matcher that EventBridge runs, compares numbers.
// A number that it does not compare matches no numeric pattern, and equals another number only
// if their texts are equal. The zero value is the current way.
type Numbers int

const (
	// Doubles compares the numbers that a double (IEEE 754 binary64) holds exactly, which is
	// when the double's shortest notation is the number: every decimal of up to 15 digits.
	// event-ruler does so since 2024-09-19.
	// https://github.com/aws/event-ruler/pull/188
	Doubles Numbers = iota
	// SixDecimals compares the numbers from -5e9 to 5e9 with up to six decimals, as event-ruler
	// did until 2024-08-06. From then until [Doubles], the limit was 5e11.
	// https://github.com/aws/event-ruler/pull/171
	SixDecimals
)

// maxSixDecimals is the largest absolute value that SixDecimals compares, in millionths.
const maxSixDecimals = 5_000_000_000 * 1_000_000

// comparable converts the text of a JSON number to what is compared: the double, or the number of
// millionths, which a double holds exactly. It returns false for a number that is not compared.
func (n Numbers) comparable(text string) (float64, bool) {
	d, _, err := apd.NewFromString(text)
	if err != nil || d.Form != apd.Finite {
		return 0, false
	}
	if n == Doubles {
		return double(text, d)
	}
	if d.IsZero() {
		return 0, true
	}
	d.Reduce(d)
	// The digit count is checked before scaling: 1e999999999 must not become a
	// number of a billion digits.
	if d.Exponent < -6 || d.NumDigits()+int64(d.Exponent) > 10 {
		return 0, false
	}
	d.Exponent += 6
	millionths, err := d.Int64()
	if err != nil || millionths > maxSixDecimals || millionths < -maxSixDecimals {
		return 0, false
	}
	return float64(millionths), true
}

// double is ComparableNumber.generate of event-ruler: BigDecimal.valueOf of the nearest double must
// be the number itself.
// https://github.com/aws/event-ruler/blob/main/src/main/software/amazon/event/ruler/ComparableNumber.java
func double(text string, exact *apd.Decimal) (float64, bool) {
	nearest, err := strconv.ParseFloat(text, 64)
	if err != nil { // beyond the range of doubles
		return 0, false
	}
	shortest, _, err := apd.NewFromString(strconv.FormatFloat(nearest, 'e', -1, 64))
	return nearest, err == nil && shortest.Cmp(exact) == 0
}
