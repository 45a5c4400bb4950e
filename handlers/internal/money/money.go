package money

import (
	"strings"

	"github.com/bojanz/currency"
	"github.com/cockroachdb/apd/v3"

	"payment-webhooks/handlers/internal/decimal"
)

// MaxMinorDigits bounds an amount written in its currency's minor units
// (cents). Every decimal of up to 15 digits survives a trip through an IEEE 754
// double (DBL_DIG is 15), so EventBridge, Step Functions and JavaScript, which
// read JSON numbers as doubles, still see the same decimal.
const MaxMinorDigits = 15

// Amount is an exact decimal. The zero value is zero. Amounts are immutable:
// copy them freely, compare them with Cmp or Equal.
type Amount struct{ d apd.Decimal }

// Parse reads plain or exponent notation in JSON's number grammar. The bounds
// are those of DynamoDB's number type; an error is decimal.ErrSyntax or
// decimal.ErrRange. Whether the amount suits a currency is for Fits to say.
func Parse(text string) (Amount, error) {
	d, err := decimal.Parse(text)
	return Amount{d}, err
}

// FromMinor is a number of units of which 10^decimals make one: FromMinor("1050",
// 2) is 10.5. Text is a JSON number as Parse reads it; providers send integers,
// and each says for itself how many decimals it means.
func FromMinor(text string, decimals int) (Amount, error) {
	a, err := Parse(text)
	if err != nil || decimals == 0 {
		return a, err
	}
	a.d.Exponent -= int32(decimals)
	return Parse(a.d.Text('f')) // normalised, and within the bounds
}

// String writes a plain decimal: no exponent, no trailing fractional zeros.
// Equal amounts have equal strings.
func (a Amount) String() string { return a.d.Text('f') }

// Format writes the amount with its currency's decimals, for people:
// "15000.00 USD". An amount with more decimals than that keeps them all.
func (a Amount) Format(currency string) string {
	digits, _ := Digits(currency)
	text := a.String()
	if missing := digits - a.decimals(); missing > 0 {
		if a.decimals() == 0 {
			text += "."
		}
		text += strings.Repeat("0", missing)
	}
	return text + " " + currency
}

// Cmp is -1, 0 or +1 as a is less than, equal to or greater than b.
func (a Amount) Cmp(b Amount) int { return a.d.Cmp(&b.d) }

// Equal reports whether both are the same number; go-cmp uses it.
func (a Amount) Equal(b Amount) bool { return a.Cmp(b) == 0 }

// IsZero reports whether the amount is zero.
func (a Amount) IsZero() bool { return a.d.IsZero() }

// Sign is -1, 0 or +1.
func (a Amount) Sign() int { return a.d.Sign() }

// Fits reports whether the amount is a whole number of the currency's minor
// units, and at most Max(currency). It is false for an unknown currency.
func (a Amount) Fits(currency string) (wholeUnits, withinMax bool) {
	digits, ok := Digits(currency)
	return ok && a.decimals() <= digits, ok && a.Cmp(Max(currency)) <= 0
}

// decimals is the number of digits after the point.
func (a Amount) decimals() int { return max(0, -int(a.d.Exponent)) }

// Digits is the number of decimals of an ISO 4217 currency: 2 for USD, 0 for
// JPY, 3 for KWD. ok is false when the code, in upper case, is not a currency
// in use.
func Digits(code string) (digits int, ok bool) {
	n, ok := currency.GetDigits(code)
	return int(n), ok
}

// Max is the largest amount of the currency that has MaxMinorDigits digits in
// minor units: 9999999999999.99 for USD.
func Max(currency string) Amount {
	digits, _ := Digits(currency)
	d := apd.New(999_999_999_999_999, int32(-digits))
	return Amount{*d}
}
