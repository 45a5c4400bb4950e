package stripe

import "payment-webhooks/handlers/internal/money"

// exceptions are the currencies that Stripe does not count in hundredths, or
// does although they have none. https://docs.stripe.com/currencies
var exceptions = func() map[string]int {
	decimals := map[string]int{
		// "Special cases": without fractions, yet "represented as a two-decimal
		// value, where the decimal amount is always 00". UGX is on the list of
		// zero-decimal currencies as well; the special case is what the API
		// does: it refuses UGX amounts that are no multiple of 100.
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

// decimals is the number of decimals that Stripe means in an amount of an ISO
// 4217 currency. "Currencies are two-decimal currencies unless otherwise
// specified", among them HUF and TWD, whose payouts are multiples of 100. ok is
// false for a code that is no currency in use, and for one that Stripe
// documents no exception for although ISO 4217 gives it other than two
// decimals: rather no amount than one that is wrong by a power of ten.
func decimals(code string) (n int, ok bool) {
	if n, ok := exceptions[code]; ok {
		return n, true
	}
	n, ok = money.Digits(code)
	return n, ok && n == 2
}
