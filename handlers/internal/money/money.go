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

// Money is an amount of a currency. Compare two with Equal; only amounts of one
// currency have an order.
type Money struct {
	Amount   Amount // exact; a transaction's is positive
	Currency string // ISO 4217 alphabetic code, in upper case
}

// FromMinor returns money from a number of minor units, of which 10^decimals make
// one unit: FromMinor("1050", 2, "USD") is 10.50 USD. The sender decides how many
// decimals there are, and some use others than ISO 4217. Parse defines how text is
// read and which errors are returned.
func FromMinor(text string, decimals int, currency string) (Money, error) {
	a, err := Parse(text)
	if err == nil && decimals != 0 {
		a.d.Exponent -= int32(decimals)
		a, err = Parse(a.d.Text('f')) // normalised, and within the bounds
	}
	if err != nil {
		return Money{}, err
	}
	return Money{a, currency}, nil
}

// Format writes the amount with its currency's decimals, for people:
// "15000.00 USD". An amount with more decimals keeps them all.
func (m Money) Format() string {
	digits, _ := Digits(m.Currency)
	text := m.Amount.String()
	if missing := digits - m.Amount.decimals(); missing > 0 {
		if m.Amount.decimals() == 0 {
			text += "."
		}
		text += strings.Repeat("0", missing)
	}
	return text + " " + m.Currency
}

// Fits reports whether the amount is a whole number of the currency's minor
// units, and whether it is at most Max. Both are false for an unknown currency.
func (m Money) Fits() (wholeUnits, withinMax bool) {
	digits, ok := Digits(m.Currency)
	return ok && m.Amount.decimals() <= digits, ok && m.Amount.Cmp(m.Max().Amount) <= 0
}

// Max is the largest accepted amount of the currency: MaxMinorDigits digits in
// minor units, which is 9999999999999.99 for USD.
func (m Money) Max() Money {
	digits, _ := Digits(m.Currency)
	return Money{Amount{*apd.New(999_999_999_999_999, int32(-digits))}, m.Currency}
}

// Equal reports whether both are the same amount of the same currency; go-cmp
// uses it.
func (m Money) Equal(n Money) bool { return m.Currency == n.Currency && m.Amount.Equal(n.Amount) }

// Digits returns the number of decimals of an ISO 4217 currency: 2 for USD, 0 for
// JPY, 3 for KWD. The code is in upper case; ok is false when it is not a currency in
// use.
func Digits(code string) (digits int, ok bool) {
	n, ok := currency.GetDigits(code)
	return int(n), ok
}

// Amount is an exact decimal without a currency. The zero value is zero. Amounts
// are immutable: copy them freely, compare them with Cmp or Equal.
type Amount struct{ d apd.Decimal }

// Parse reads a JSON number in plain or exponent notation, within the bounds of
// DynamoDB's number type. An error is decimal.ErrSyntax or decimal.ErrRange.
// Money.Fits checks the amount against its currency.
func Parse(text string) (Amount, error) {
	d, err := decimal.Parse(text)
	return Amount{d}, err
}

// String writes a plain decimal: no exponent, no trailing fractional zeros.
// Equal amounts have equal strings.
func (a Amount) String() string { return a.d.Text('f') }

// Cmp is -1, 0 or +1 as a is less than, equal to or greater than b.
func (a Amount) Cmp(b Amount) int { return a.d.Cmp(&b.d) }

// Equal reports whether both are the same number; go-cmp uses it.
func (a Amount) Equal(b Amount) bool { return a.Cmp(b) == 0 }

// Add returns the exact sum.
func (a Amount) Add(b Amount) Amount {
	var sum apd.Decimal
	// A context without a precision does not round, and DynamoDB's bounds are far within its own.
	_, _ = apd.BaseContext.Add(&sum, &a.d, &b.d)
	sum.Reduce(&sum)
	return Amount{sum}
}

// IsZero reports whether the amount is zero.
func (a Amount) IsZero() bool { return a.d.IsZero() }

// Sign is -1, 0 or +1.
func (a Amount) Sign() int { return a.d.Sign() }

// decimals is the number of digits after the point.
func (a Amount) decimals() int { return max(0, -int(a.d.Exponent)) }
