package stripe_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bojanz/currency"
)

// charge gives what a payment of so many minor units becomes, or "" when it is
// unreadable.
func charge(t *testing.T, code string, minor int) string {
	t.Helper()
	event := one(t, edit(t, fixture(t, "payment"), `"usd"`, fmt.Sprintf("%q", strings.ToLower(code)),
		`"amount_received": 1500000`, fmt.Sprintf(`"amount_received": %d`, minor)))
	if event.Transaction == nil {
		return ""
	}
	return event.Transaction.Amount.String() + " " + event.Transaction.Currency
}

// https://docs.stripe.com/currencies: its lists and, for the special cases, its
// own examples.
func TestMinorUnitsAreStripes(t *testing.T) {
	zero := []string{"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
	three := []string{"BHD", "JOD", "KWD", "OMR", "TND"}
	zeroButSentWithTwo := []string{"ISK", "UGX"}
	silent := []string{"CLF", "IQD", "LYD", "UYI", "UYW"} // ISO 4217 has 0, 3 or 4 decimals, Stripe says nothing

	codes := currency.GetCurrencyCodes()
	for _, code := range slices.Concat(zero, three, zeroButSentWithTwo, silent) {
		if !slices.Contains(codes, code) {
			t.Errorf("%s is no currency", code)
		}
	}
	for _, code := range codes {
		want := "1500 " + code
		switch {
		case slices.Contains(zero, code):
			want = "150000 " + code
		case slices.Contains(three, code):
			want = "150 " + code
		case slices.Contains(silent, code):
			want = ""
		}
		if got := charge(t, code, 150_000); got != want {
			t.Errorf("150000 of Stripe's units of %s become %q, want %q", code, got, want)
		}
	}
}

func TestExamplesOfStripesDocumentation(t *testing.T) {
	tests := []struct {
		name, code string
		minor      int
		want       string
	}{
		{"10 USD", "USD", 1000, "10 USD"},
		{"500 JPY", "JPY", 500, "500 JPY"},
		{"5.124 KWD, rounded to tens", "KWD", 5120, "5.12 KWD"},
		{"5 ISK", "ISK", 500, "5 ISK"},
		{"fractions of ISK cannot be charged", "ISK", 510, ""},
		{"5 UGX", "UGX", 500, "5 UGX"},
		{"fractions of UGX cannot be charged", "UGX", 5, ""},
		{"10.45 HUF can be charged", "HUF", 1045, "10.45 HUF"},
		{"800.45 TWD can be charged", "TWD", 80045, "800.45 TWD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := charge(t, tt.code, tt.minor); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	// "you can pay out HUF 10 by submitting 1000", and TWD 800 by 80000.
	for code, minor := range map[string]int{"HUF": 1000, "TWD": 80000} {
		event := one(t, edit(t, fixture(t, "payout"), `"eur"`, fmt.Sprintf("%q", strings.ToLower(code)), "78042", fmt.Sprint(minor)))
		if got := event.Transaction.Amount.String(); got != fmt.Sprint(minor/100) {
			t.Errorf("payout of %d in %s is %s", minor, code, got)
		}
	}
}
