package decimal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Bounds of DynamoDB's number type: up to 38 digits of precision, and
// magnitudes from 1E-130 to 9.9999999999999999999999999999999999999E+125.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-data-types-number
const (
	MaxDigits   = 38
	MaxExponent = 125  // of the first significant digit
	MinExponent = -130 // of the first significant digit
)

// MaxText bounds the written form, in bytes. The longest number within the
// bounds above, written without exponent, needs about 170; the bound makes
// it cheap to reject a number of a hundred thousand zeros.
const MaxText = 256

// Errors of Parse.
var (
	ErrSyntax = errors.New("not a decimal number")
	ErrRange  = errors.New("number out of range")
)

// plainFrom and plainTo bound the exponents of numbers that Text writes without
// an exponent.
const (
	plainFrom = -38
	plainTo   = 38
)

// Parse reads a number in JSON's grammar (RFC 8259, section 6), which is also
// the only one accepted inside strings: no plus sign, no leading zeros, no NaN,
// no Infinity, no separators. The result is exact and reduced: it has no
// trailing zeros, and zero has no sign. An error is ErrSyntax or ErrRange and
// does not repeat the text.
func Parse(text string) (apd.Decimal, error) {
	if len(text) > MaxText {
		return apd.Decimal{}, fmt.Errorf("%w: longer than %d characters", ErrRange, MaxText)
	}
	if !isNumber(text) {
		return apd.Decimal{}, ErrSyntax
	}
	var d apd.Decimal
	if _, _, err := d.SetString(text); err != nil {
		// The grammar has been checked, so only an exponent beyond 32 bits fails.
		return apd.Decimal{}, fmt.Errorf("%w: exponent too large", ErrRange)
	}
	if d.IsZero() {
		return apd.Decimal{}, nil
	}
	d.Reduce(&d)
	if n := d.NumDigits(); n > MaxDigits {
		return apd.Decimal{}, fmt.Errorf("%w: more than %d significant digits", ErrRange, MaxDigits)
	}
	if e := exponent(&d); e < MinExponent || e > MaxExponent {
		return apd.Decimal{}, fmt.Errorf("%w: magnitude outside 1E%d to 9.99E+%d", ErrRange, MinExponent, MaxExponent)
	}
	return d, nil
}

// Canonical reads a number as Parse does and writes it as Text does.
func Canonical(text string) (string, error) {
	if len(text) <= MaxDigits && !strings.ContainsAny(text, "eE") {
		// The usual case: the number is within every bound, and differs from what
		// Text writes only by trailing zeros.
		if !isNumber(text) {
			return "", ErrSyntax
		}
		if strings.Contains(text, ".") {
			text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
		}
		if text == "-0" {
			text = "0"
		}
		return text, nil
	}
	d, err := Parse(text)
	if err != nil {
		return "", err
	}
	return Text(&d), nil
}

// Text writes a reduced number so that equal numbers have equal texts: without
// exponent where that is readable, otherwise as 1.5E+60. Both are JSON.
func Text(d *apd.Decimal) string {
	if e := exponent(d); e >= plainFrom && e <= plainTo {
		return d.Text('f')
	}
	return d.Text('E')
}

// exponent returns the power of ten of the first significant digit: 2 for 150.
func exponent(d *apd.Decimal) int64 {
	return d.NumDigits() - 1 + int64(d.Exponent)
}

// isNumber reports whether s is a JSON number.
func isNumber(s string) bool {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	whole := digits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	s = s[whole:]
	if s != "" && s[0] == '.' {
		n := digits(s[1:])
		if n == 0 {
			return false
		}
		s = s[1+n:]
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n := digits(s)
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return s == ""
}

// digits counts the ASCII digits that s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
