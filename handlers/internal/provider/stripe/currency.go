package stripe

import "payment-webhooks/handlers/internal/money"

// exceptions has the decimals of the currencies that Stripe does not count in
// hundredths, or counts so although they have no hundredths.
// https://docs.stripe.com/currencies
var exceptions = func() map[string]int {
	decimals := map[string]int{
		// "Special cases": without fractions, yet "represented as a two-decimal
		// value, where the decimal amount is always 00". UGX is on the list of
		// zero-decimal currencies as well, but the API follows the special
		// case: it rejects UGX amounts that are not multiples of 100.
		"ISK": 2, "UGX": 2,
	}
	// "Zero-decimal currencies". MGA has two decimals in ISO 4217.
	for _, code := range []string{
		"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
	} {
		decimals[code] = 0
	}
	// "Three-decimal currencies".
	for _, code := range []string{"BHD", "JOD", "KWD", "OMR", "TND"} {
		decimals[code] = 3
	}
	return decimals
}()

// decimals returns the number of decimals that Stripe uses for amounts of an ISO 4217
// currency. "Currencies are two-decimal currencies unless otherwise
// specified", including HUF and TWD, whose payouts are multiples of 100. ok is false for
// a code that is not a currency in use. It is also false for a currency that has other
// than two decimals in ISO 4217 but is not documented as an exception: reading the
// amount could be wrong by a power of ten.
func decimals(code string) (n int, ok bool) {
	if n, ok := exceptions[code]; ok {
		return n, true
	}
	n, ok = money.Digits(code)
	return n, ok && n == 2
}
