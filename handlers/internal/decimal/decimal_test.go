package decimal_test

import (
	"errors"
	"strings"
	"testing"

	"payment-webhooks/handlers/internal/decimal"
)

func TestText(t *testing.T) {
	tests := []struct{ in, want string }{
		{"0", "0"},
		{"-0", "0"},
		{"0.00", "0"},
		{"0e999", "0"},
		{"1.50", "1.5"},
		{"15000.00", "15000"},
		{"1.5e4", "15000"},
		{"150E2", "15000"},
		{"-2.5", "-2.5"},
		{"0.1", "0.1"},
		{"1e-2", "0.01"},
		{"99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
		{"1e60", "1E+60"},
		{"1" + strings.Repeat("0", 60), "1E+60"},
		{"1.25e-100", "1.25E-100"},
		{"9.9999999999999999999999999999999999999e125", "9.9999999999999999999999999999999999999E+125"},
		{"1e-130", "1E-130"},
		{"1e0000000000000000000000000000000000002", "100"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			d, err := decimal.Parse(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if got := decimal.Text(&d); got != tt.want {
				t.Errorf("Text(Parse(%q)) = %q, want %q", tt.in, got, tt.want)
			}
			if got, err := decimal.Canonical(tt.in); err != nil || got != tt.want {
				t.Errorf("Canonical(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestParseError(t *testing.T) {
	tests := []struct {
		name, in string
		want     error
	}{
		{"empty", "", decimal.ErrSyntax},
		{"sign only", "-", decimal.ErrSyntax},
		{"plus sign", "+1", decimal.ErrSyntax},
		{"leading zero", "01", decimal.ErrSyntax},
		{"no digit before the point", ".5", decimal.ErrSyntax},
		{"no digit after the point", "5.", decimal.ErrSyntax},
		{"no exponent digits", "1e", decimal.ErrSyntax},
		{"space", " 1", decimal.ErrSyntax},
		{"thousands separator", "1,000", decimal.ErrSyntax},
		{"underscore", "1_000", decimal.ErrSyntax},
		{"NaN", "NaN", decimal.ErrSyntax},
		{"Infinity", "Infinity", decimal.ErrSyntax},
		{"hexadecimal", "0x10", decimal.ErrSyntax},
		{"Arabic-Indic digits", "١٢", decimal.ErrSyntax},
		{"overflow of float64", "1e400", decimal.ErrRange},
		{"overflow of the exponent", "1e99999999999999999999", decimal.ErrRange},
		{"just above the largest magnitude", "1e126", decimal.ErrRange},
		{"just below the smallest magnitude", "9e-131", decimal.ErrRange},
		{"39 significant digits", "123456789012345678901234567890123456789", decimal.ErrRange},
		{"too long to be looked at", "1." + strings.Repeat("0", decimal.MaxText), decimal.ErrRange},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := decimal.Parse(tt.in); !errors.Is(err, tt.want) {
				t.Errorf("Parse(%q): %v, want %v", tt.in, err, tt.want)
			}
			if text, err := decimal.Canonical(tt.in); !errors.Is(err, tt.want) || text != "" {
				t.Errorf("Canonical(%q) = %q, %v, want %v", tt.in, text, err, tt.want)
			}
		})
	}
}

// FuzzCanonical compares the short way of Canonical with the long one.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{"0", "-0.00", "7500.50", "1.0", "100", "0.001", "01", "1.", "-", "1e5", strings.Repeat("9", 38), "-" + strings.Repeat("9", 38), "0." + strings.Repeat("0", 36) + "1", "1" + strings.Repeat("0", 38)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, wantErr := "", error(nil)
		if d, err := decimal.Parse(text); err != nil {
			wantErr = err
		} else {
			want = decimal.Text(&d)
		}
		got, err := decimal.Canonical(text)
		if got != want || (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Errorf("Canonical(%q) = %q, %v, want %q, %v", text, got, err, want, wantErr)
		}
	})
}
