package money_test

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"payment-webhooks/handlers/internal/decimal"
	"payment-webhooks/handlers/internal/money"
)

func parse(t testing.TB, text string) money.Amount {
	t.Helper()
	a, err := money.Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return a
}

func of(t testing.TB, amount, currency string) money.Money {
	t.Helper()
	return money.Money{Amount: parse(t, amount), Currency: currency}
}

func TestEqualAmounts(t *testing.T) {
	for _, text := range []string{"15000", "15000.00", "1.5e4", "15000.000e0", "150E2"} {
		if got := parse(t, text).String(); got != "15000" {
			t.Errorf("Parse(%q).String() = %q, want 15000", text, got)
		}
	}
}

func TestAmountString(t *testing.T) {
	tests := map[string]string{
		"6e9":   "6000000000",
		"1e-7":  "0.0000001",
		"1e50":  "1" + strings.Repeat("0", 50),
		"0.10":  "0.1",
		"-0.50": "-0.5",
		"0":     "0",
	}
	for in, want := range tests {
		if got := parse(t, in).String(); got != want {
			t.Errorf("Parse(%q).String() = %q, want %q", in, got, want)
		}
	}
}

func TestFormat(t *testing.T) {
	tests := []struct{ amount, currency, want string }{
		{"15000", "USD", "15000.00 USD"},
		{"10000.5", "EUR", "10000.50 EUR"},
		{"15000", "JPY", "15000 JPY"},
		{"1.5", "KWD", "1.500 KWD"},
		{"6e9", "IDR", "6000000000.00 IDR"},
		{"0.125", "USD", "0.125 USD"}, // never rounds, whatever the caller let through
	}
	for _, tt := range tests {
		if got := of(t, tt.amount, tt.currency).Format(); got != tt.want {
			t.Errorf("Format(%s, %s) = %q, want %q", tt.amount, tt.currency, got, tt.want)
		}
	}
}

func TestDigits(t *testing.T) {
	// The ISO table, not CLDR's display digits: CLDR shows IDR without decimals.
	want := map[string]int{"USD": 2, "JPY": 0, "KWD": 3, "IDR": 2, "CLF": 4, "ISK": 0, "HUF": 2}
	for code, digits := range want {
		if got, ok := money.Digits(code); !ok || got != digits {
			t.Errorf("Digits(%s) = %d, %t, want %d", code, got, ok, digits)
		}
	}
	for _, code := range []string{"", "usd", "XXX", "XBT", "HRK", "US", "USDT"} {
		if _, ok := money.Digits(code); ok {
			t.Errorf("Digits(%q) is known", code)
		}
	}
}

func TestFits(t *testing.T) {
	tests := []struct {
		amount, currency      string
		wholeUnits, withinMax bool
	}{
		{"0.01", "USD", true, true},
		{"0.001", "USD", false, true},
		{"1", "JPY", true, true},
		{"1.5", "JPY", false, true},
		{"9999999999999.99", "USD", true, true},
		{"10000000000000", "USD", true, false},
		{"999999999999999", "JPY", true, true},
		{"1000000000000000", "JPY", true, false},
		{"999999999999.999", "KWD", true, true},
		{"1e125", "USD", true, false},
		{"1", "XXX", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.amount+" "+tt.currency, func(t *testing.T) {
			whole, within := of(t, tt.amount, tt.currency).Fits()
			if whole != tt.wholeUnits || within != tt.withinMax {
				t.Errorf("Fits = %t, %t, want %t, %t", whole, within, tt.wholeUnits, tt.withinMax)
			}
		})
	}
}

// The reason for MaxMinorDigits: the largest amounts still survive a double.
func TestMax(t *testing.T) {
	for _, code := range []string{"JPY", "USD", "KWD", "CLF"} {
		text := money.Money{Currency: code}.Max().Amount.String()
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		if got := strconv.FormatFloat(f, 'f', -1, 64); got != text {
			t.Errorf("%s: %s becomes %s", code, text, got)
		}
	}
}

// FuzzParse compares with math/big, which shares no code with this package.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"15000", "10000.01", "1e400", "-0", "0.00", "NaN", "1.5E+3", "9e-131", "99999999999999999999999999999999999999", "01", "1e-130"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := money.Parse(text)
		if err != nil {
			if !errors.Is(err, decimal.ErrSyntax) && !errors.Is(err, decimal.ErrRange) {
				t.Errorf("Parse(%q): %v, which is neither sentinel", text, err)
			}
			return
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("Parse accepted %q, which is no number", text)
		}
		got, ok := new(big.Rat).SetString(a.String())
		if !ok || got.Cmp(want) != 0 {
			t.Fatalf("Parse(%q).String() = %q: another number", text, a)
		}
		if strings.ContainsAny(a.String(), "eE+") || len(a.String()) > decimal.MaxText {
			t.Fatalf("String() = %q is not plain", a)
		}
		again, err := money.Parse(a.String())
		if err != nil || !again.Equal(a) || again.String() != a.String() {
			t.Fatalf("%q does not read back: %v", a, err)
		}
	})
}

func TestFromMinor(t *testing.T) {
	for _, c := range []struct {
		text     string
		decimals int
		want     string
	}{
		{"1050", 2, "10.5"},
		{"1000", 2, "10"},
		{"15000", 0, "15000"},
		{"1", 3, "0.001"},
		{"999999999999999", 2, "9999999999999.99"},
		{"0", 2, "0"},
		{"-250", 2, "-2.5"},
		{"1e3", 2, "10"},
	} {
		got, err := money.FromMinor(c.text, c.decimals, "USD")
		if err != nil || !got.Equal(of(t, c.want, "USD")) {
			t.Errorf("FromMinor(%q, %d) = %s, %v, want %s", c.text, c.decimals, got.Amount, err, c.want)
		}
	}
	if _, err := money.FromMinor("12x", 2, "USD"); err == nil {
		t.Error("12x is accepted")
	}
}

func TestAdd(t *testing.T) {
	t.Run("is exact when a double is not", func(t *testing.T) {
		for _, c := range [][3]string{
			{"0.1", "0.2", "0.3"},
			{"9999999999999.99", "0.01", "10000000000000"},
			{"12345678901234567890123456789012345678", "0.00000000000000000000000000000000000001", "12345678901234567890123456789012345678.00000000000000000000000000000000000001"},
			{"0", "0", "0"},
		} {
			a, errA := money.Parse(c[0])
			b, errB := money.Parse(c[1])
			if got := a.Add(b).String(); errA != nil || errB != nil || got != c[2] || a.String() != c[0] {
				t.Errorf("%s + %s is %s, want %s", c[0], c[1], got, c[2])
			}
		}
	})
}
