package fraud

import (
	"fmt"

	"github.com/cockroachdb/apd/v3"

	"payment-webhooks/handlers/internal/decimal"
)

// Decimal is an exact decimal number within the bounds of package decimal. The
// zero value is 0, and equal numbers are equal under ==.
type Decimal struct{ canonical string } // as decimal.Text writes it; empty for 0

// ParseDecimal reads a number in JSON's grammar. An error is decimal.ErrSyntax or
// decimal.ErrRange.
func ParseDecimal(text string) (Decimal, error) {
	d, err := decimal.Parse(text)
	if err != nil || d.IsZero() {
		return Decimal{}, err
	}
	return Decimal{decimal.Text(&d)}, nil
}

func mustParse(text string) Decimal {
	d, err := ParseDecimal(text)
	if err != nil {
		panic(err) // only literals of this package come here
	}
	return d
}

// String writes the number without trailing zeros: "0.25", "0.3", "1".
func (d Decimal) String() string {
	if d.canonical == "" {
		return "0"
	}
	return d.canonical
}

// Cmp is -1, 0 or +1 as d is less than, equal to or greater than e.
func (d Decimal) Cmp(e Decimal) int {
	a, b := d.apd(), e.apd()
	return a.Cmp(&b)
}

// Equal reports whether both are the same number; go-cmp uses it.
func (d Decimal) Equal(e Decimal) bool { return d == e }

// Round returns the nearest number with at most the given number of decimal
// places, a half away from zero.
func (d Decimal) Round(places int32) Decimal {
	number := d.apd()
	if number.Exponent >= -places {
		return d
	}
	// Rounding to fewer digits cannot exceed the precision, so this cannot fail.
	if _, err := apd.BaseContext.WithPrecision(decimal.MaxDigits).Quantize(&number, &number, -places); err != nil {
		panic(err)
	}
	return mustParse(number.Text('f'))
}

func (d Decimal) apd() apd.Decimal {
	number, err := decimal.Parse(d.String())
	if err != nil {
		panic(err) // Decimals are made by ParseDecimal alone
	}
	return number
}

// MarshalJSON writes a JSON number.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalJSON reads a JSON number. The error does not repeat the text.
func (d *Decimal) UnmarshalJSON(text []byte) error {
	parsed, err := ParseDecimal(string(text))
	if err != nil {
		return fmt.Errorf("decimal: %w", err)
	}
	*d = parsed
	return nil
}
