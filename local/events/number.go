package events

import "github.com/cockroachdb/apd/v3"

// maxComparable is the largest absolute value, in millionths, that EventBridge
// compares as a number: five billion.
const maxComparable = 5_000_000_000 * 1_000_000

// comparableNumber converts the text of a JSON number to millionths. It returns false for a
// number that EventBridge does not compare: outside -5e9 to 5e9, or with more than six
// decimals. Such a number matches no numeric pattern, and equals another number only if their
// texts are equal (aws/event-ruler, ComparableNumber.java).
func comparableNumber(text string) (int64, bool) {
	d, _, err := apd.NewFromString(text)
	if err != nil || d.Form != apd.Finite {
		return 0, false
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
	if err != nil || millionths > maxComparable || millionths < -maxComparable {
		return 0, false
	}
	return millionths, true
}
