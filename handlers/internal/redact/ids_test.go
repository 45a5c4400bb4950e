package redact_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"payment-webhooks/handlers/internal/redact"
)

func TestID(t *testing.T) {
	for name, tt := range map[string]struct {
		id   string
		card bool
	}{
		"a card number":                              {"4111111111111111", true},
		"a card number in groups":                    {"4111-1111-1111-1111", true},
		"a card number with underscores":             {"4111_1111_1111_1111", true},
		"a card number between hyphens":              {"order-4111111111111111-1", true},
		"a card number of 13 digits":                 {"4222222222222", true},
		"a card number of 13 digits after a hyphen":  {"pay-4222222222222", true},
		"a card number of 14 digits":                 {"30569309025904", true},
		"a card number of 14 digits in groups":       {"x_3056-930902-5904", true},
		"16 digits glued to letters":                 {"txn4111111111111111", true},
		"15 digits between letters":                  {"A378282246310005B", true},
		"15 digits in groups, glued to letters":      {"A3782-822463-10005B", true},
		"full-width digits":                          {"\uff14111111111111111", true},
		"a card number with a letter for each digit": {"4a1b1c1d1e1f1g1h1i1j1k1l1m1n1o1p", false},
		"13 digits glued to letters":                 {"x4222222222222", false},
		"14 digits after letters":                    {"XX30569309025904", false},
		"PayPal's, 13 digits":                        {"8RS6210148826604N", false},
		"PayPal's, 13 digits, another":               {"7QK4507529170342H", false},
		"PayPal's, 13 digits, a third":               {"1HV4253888539336C", false},
		"PayPal's, of a reversal":                    {"9WB4962459571177S_refund_failed", false},
		"PayPal's, two, 15 digits across them":       {"WH-2AB37828222463A12-6310005BCDEFGHIJK", false},
		"a UUID whose groups are a card number's":    {"41111111-1111-4111-8abc-abcdefabcdef", false},
		"what is almost a UUID":                      {"41111111-1111-1111-xyz", true},
		"a wrong check digit":                        {"4111111111111112", false},
		"Stripe's":                                   {"pi_3MtwBwLkdIwHu7ix28a3tqPa", false},
		"Adyen's, of digits":                         {"8836183819713023", false},
		"a time":                                     {"20261127100218", false},
		"empty":                                      {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := redact.ID(tt.id); got != tt.card {
				t.Errorf("ID(%q) = %t", tt.id, got)
			}
		})
	}
}

func TestBodyKeepsIDs(t *testing.T) {
	keep := []string{"ch_4111111111111111", "5555555555554444", "tx-4222222222222-a_1"}
	for name, tt := range map[string]struct{ in, want string }{
		"given, as a string":          {`{"id":"ch_4111111111111111"}`, `{"id":"ch_4111111111111111"}`},
		"given, at the end of a path": {`{"href":"https://api/v1/5555555555554444?a=b"}`, `{"href":"https://api/v1/5555555555554444?a=b"}`},
		"given, with escaped slashes": {`{"href":"https:\/\/api\/v1\/5555555555554444"}`, `{"href":"https:\/\/api\/v1\/5555555555554444"}`},
		"given, with hyphens":         {`{"id":"tx-4222222222222-a_1"}`, `{"id":"tx-4222222222222-a_1"}`},
		"given, in a form":            {`id=5555555555554444&a=b`, `id=5555555555554444&a=b`},
		"given, in what is no JSON":   {`{"id":"5555555555554444",`, `{"id":"5555555555554444",`},
		"a part of one given":         {`{"id":"4111111111111111","b":"4222222222222"}`, `{"id":"411111******1111","b":"422222***2222"}`},
		"one given within more":       {`{"id":"A5555555555554444"}`, `{"id":"A555555******4444"}`},
		"one given, and a card":       {`{"id":"5555555555554444 4111111111111111"}`, `{"id":"5555555555554444 411111******1111"}`},
		"one given, in groups":        {`{"id":"5555 5555 5555 4444"}`, `{"id":"5555 55** **** 4444"}`},
		"given, as a number":          {`{"id":5555555555554444}`, `{"id":5555555555554444}`},
		"PayPal's":                    {`{"id":"8RS6210148826604N"}`, `{"id":"8RS6210148826604N"}`},
		"PayPal's, 14 digits":         {`{"id":"1JU30569309025904"}`, `{"id":"1JU30569309025904"}`},
		"PayPal's in an escaped path": {`{"href":"https:\/\/api\/captures\/8RS6210148826604N"}`, `{"href":"https:\/\/api\/captures\/8RS6210148826604N"}`},
		"PayPal's in a form":          {`txn_id=8RS6210148826604N`, `txn_id=8RS6210148826604N`},
		"PayPal's, two of an event":   {`{"id":"WH-2AB37828222463A12-6310005BCDEFGHIJK"}`, `{"id":"WH-2AB37828222463A12-6310005BCDEFGHIJK"}`},
		"17 long, 15 digits in a row": {`{"id":"A378282246310005B"}`, `{"id":"A378282*****0005B"}`},
		"small letters, 17 long":      {`{"id":"8rs6210148826604n"}`, `{"id":"8rs621014***6604n"}`},
		"capital letters, 18 long":    {`{"id":"8RS6210148826604NX"}`, `{"id":"8RS621014***6604NX"}`},
		"a UUID":                      {`{"id":"41111111-1111-4111-8abc-abcdefabcdef"}`, `{"id":"41111111-1111-4111-8abc-abcdefabcdef"}`},
		"no variant of a UUID":        {`{"id":"41111111-1111-1111-xabc-abcdefabcdef"}`, `{"id":"411111**-****-1111-xabc-abcdefabcdef"}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := redact.Body(tt.in, keep...); got != tt.want {
				t.Errorf("Body(%s) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

const (
	digits   = "0123456789"
	capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	letters  = capitals + "abcdefghijklmnopqrstuvwxyz"
)

func randomText(r *rand.Rand, alphabet string, n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(out)
}

func randomUUID(r *rand.Rand) string {
	const hexadecimal = "0123456789abcdef"
	return randomText(r, hexadecimal, 8) + "-" + randomText(r, hexadecimal, 4) + "-4" + randomText(r, hexadecimal, 3) +
		"-" + randomText(r, "89ab", 1) + randomText(r, hexadecimal, 3) + "-" + randomText(r, hexadecimal, 12)
}

// No id of a provider's form is refused in the canonical payload or changed in a body.
func TestNoIDIsHarmed(t *testing.T) {
	payPal := func(r *rand.Rand) string { // most have 13 digits in a row
		return randomText(r, digits, 1) + randomText(r, capitals, 2) + randomText(r, digits, 13) + randomText(r, capitals, 1)
	}
	for name, form := range map[string]func(*rand.Rand) string{
		"PayPal's":                     payPal,
		"PayPal's, any":                func(r *rand.Rand) string { return "O" + randomText(r, capitals+digits, 16) },
		"PayPal's, 14 digits at start": func(r *rand.Rand) string { return randomText(r, digits, 14) + randomText(r, capitals, 3) },
		"PayPal's events": func(r *rand.Rand) string {
			return "WH-" + randomText(r, digits, 8) + randomText(r, capitals, 2) + randomText(r, digits, 7) + "-" + randomText(r, digits, 7) + randomText(r, capitals, 2) + randomText(r, digits, 8)
		},
		"PayPal's disputes": func(r *rand.Rand) string {
			return "PP-R-" + randomText(r, capitals, 3) + "-" + randomText(r, digits, 9)
		},
		"PayPal's, reversed":  func(r *rand.Rand) string { return payPal(r) + "_refund_failed" },
		"Stripe's":            func(r *rand.Rand) string { return "pi_" + randomText(r, letters+digits, 24) },
		"Stripe's, short":     func(r *rand.Rand) string { return "ch_" + randomText(r, letters+digits, 14) },
		"Square's":            func(r *rand.Rand) string { return randomText(r, letters+digits, 22+r.IntN(20)) },
		"Square's payouts":    func(r *rand.Rand) string { return "po_" + randomUUID(r) },
		"Adyen's":             func(r *rand.Rand) string { return randomText(r, capitals+digits, 16) },
		"Adyen's, all digits": func(r *rand.Rand) string { return "8" + randomText(r, digits, 15) },
		"UUIDs":               randomUUID,
	} {
		t.Run(name, func(t *testing.T) {
			const seed = 20261127
			r := rand.New(rand.NewPCG(seed, 0))
			var ids []string
			for i := range 100_000 / slower {
				id := form(r)
				if redact.ID(id) {
					t.Fatalf("seed %d, %d: ID(%q)", seed, i, id)
				}
				if ids = append(ids, id); len(ids) < 100 {
					continue
				}
				links := ids[:10]
				for _, body := range []string{
					`["` + strings.Join(ids, `","`) + `"]`,
					`["https://api.example/` + strings.Join(links, `?a=b","https:\/\/api.example\/`) + `"]`,
					"id=" + strings.ReplaceAll(strings.Join(links, "&id="), "-", "%2D"),
				} {
					if masked := redact.Body(body); masked != body {
						t.Fatalf("seed %d, %d: Body(%s) = %s", seed, i, body, masked)
					}
				}
				ids = ids[:0]
			}
		})
	}
}
