package deliveries

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// Signatures as the providers send them. The values are made up.
//
//   - https://docs.stripe.com/webhooks/signature
//   - https://developer.paypal.com/api/rest/webhooks/rest/
//   - https://developer.squareup.com/docs/webhooks/step3validate
//   - https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures/
//   - https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
var secretHeaders = map[string]string{
	"Stripe-Signature":              "t=1795826295,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd",
	"Paypal-Transmission-Sig":       "dmVyeSBsb25nIHNpZ25hdHVyZSBvZiBhIHRyYW5zbWlzc2lvbiB3aXRoIGJhc2U2NA==",
	"X-Square-Hmacsha256-Signature": "Rs1Cn8mTtF5ZqzXKq3vE0cD2hVbkJ8y4Rr0vGk2m4uA=",
	"X-Square-Signature":            "Rs1Cn8mTtF5ZqzXKq3vE0cD2hVb=",
	"Webhook-Signature":             "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
	"Hmacsignature":                 "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=",
	"Authorization":                 "Basic dXNlcjpwYXNzd29yZC1vZi1hZHllbg==",
	"Proxy-Authorization":           "Bearer abcdefghijklmnopqrstuvwxyz",
	"Cookie":                        "session=abcdefghijklmnopqrstuvwxyz",
	"X-Api-Key":                     "abcdefghijklmnopqrstuvwxyz0123",
	"X-Auth":                        "abcdefghijklmnopqrstuvwxyz0123",
	"X-Amz-Security-Token":          "abcdefghijklmnopqrstuvwxyz0123",
	"X-Client-Password":             "abcdefghijklmnopqrstuvwxyz0123",
	// Where the name says nothing, the value does.
	"X-One":   "Bearer abcdefghijklmnopqrstuvwxyz",
	"X-Two":   "sk_live_abcdefghijklmnopqrstuvwxyz",
	"X-Three": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklmnop",
	"X-Four":  "whsec_abcdefghijklmnopqrstuvwxyz",
}

func TestMaskHeaders(t *testing.T) {
	t.Run("when a header carries a secret, its beginning and length remain", func(t *testing.T) {
		for name, value := range secretHeaders {
			got := maskHeaders(http.Header{name: {value}})
			if len(got) != 1 || got[0].Name != name {
				t.Fatalf("%s: %v", name, got)
			}
			if shown, _, _ := strings.Cut(got[0].Value, "…"); !strings.HasPrefix(value, shown) || len(shown) != 6 || !strings.Contains(got[0].Value, "characters") {
				t.Errorf("%s: %q", name, got[0].Value)
			}
		}
	})
	t.Run("when a secret is short, less of it remains", func(t *testing.T) {
		if got := maskHeaders(http.Header{"X-Api-Key": {"abcdefgh"}})[0].Value; got != "ab… (8 characters)" {
			t.Errorf("%q", got)
		}
		if got := maskHeaders(http.Header{"X-Api-Key": {"abc"}})[0].Value; got != "… (3 characters)" {
			t.Errorf("%q", got)
		}
	})
	t.Run("when a URL in a header has a secret, that is abbreviated", func(t *testing.T) {
		for value, want := range map[string]string{
			"/webhook?a=1&token=abcdefghijklmnop&b=2":              "/webhook?a=1&token=abcd… (16 characters)&b=2",
			"api_key=abcdefghijklmnop":                             "api_key=abcd… (16 characters)",
			"https://h/#access_token=abcdefghijklmnop":             "https://h/#access_token=abcd… (16 characters)",
			"https://h/?%74oken=abcdefghijklmnop":                  "https://h/?%74oken=abcd… (16 characters)",
			"https://user:password@h/webhook?a=b":                  "https://…@h/webhook?a=b",
			"https://h/?X-Amz-Signature=abcdefghijklmnop&a=user@b": "https://h/?X-Amz-Signature=abcd… (16 characters)&a=user@b",
		} {
			if got := maskHeaders(http.Header{"X-Original-Url": {value}})[0].Value; got != want {
				t.Errorf("%q: %q, want %q", value, got, want)
			}
		}
	})
	t.Run("when a header carries none, it stays as it is", func(t *testing.T) {
		for name, value := range map[string]string{
			"Content-Type": "application/json", "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)", "Paypal-Auth-Algo": "SHA256withRSA",
			"Paypal-Transmission-Id": "69cd13f0-d67a-11e5-baa3-778b53f4ae55", "X-Amzn-Trace-Id": "Root=1-6b0a2277-5e375da11d6040fdf09fae20;Parent=55758486b37a3127;Sampled=1",
			"X-Monkey": "design", "Content-Length": "1234567890123",
		} {
			if got := maskHeaders(http.Header{name: {value}})[0].Value; got != value {
				t.Errorf("%s: %q", name, got)
			}
		}
	})
	t.Run("when a header is long or there are many, they are cut", func(t *testing.T) {
		headers := http.Header{"X-Long": {strings.Repeat("ä", 1000)}}
		if got := maskHeaders(headers)[0].Value; len(got) > maxHeader+4 || !strings.HasSuffix(got, "…") {
			t.Errorf("%d bytes: %q", len(got), got)
		}
		for i := range 100 {
			headers["X-"+strings.Repeat("a", i)] = []string{"v"}
		}
		if got := maskHeaders(headers); len(got) != maxHeaders {
			t.Errorf("%d headers", len(got))
		}
		for name := range headers {
			headers[name] = []string{strings.Repeat("ä", 1000)}
		}
		size := 0
		for _, h := range maskHeaders(headers) {
			size += len(h.Name) + len(h.Value)
		}
		if size > maxHeaderBytes || size < maxHeaderBytes/2 {
			t.Errorf("%d bytes", size)
		}
		if got := maskHeaders(http.Header{"X-Long": {strings.Repeat(" ", maxMasked-10) + "4242424242424242"}})[0].Value; strings.Contains(got, "4242424") {
			t.Errorf("a card that is cut: %q", got)
		}
	})
}

func TestMaskCards(t *testing.T) {
	// Numbers for tests that card networks and providers publish.
	// https://docs.stripe.com/testing#cards
	for _, text := range []string{
		"4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "378282246310005", "3782 822463 10005", "5555555555554444", "2223003122003222",
		"6011111111111117", "3056930009020004", "6200000000000005", "4222222222222", "4242424242424242428", "card=4242424242424242;", "4242.4242.4242.4242", "4242 -4242 -4242 -4242",
		"00 4242424242424242", "12-4242424242424242", "4242424242424242 99",
	} {
		got := maskCards(text, true)
		if digits := strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, got); got == text || strings.Count(got, "*") < 3 || len(got) != len(text) || len(digits) > 14 {
			t.Errorf("%q: %q", text, got)
		}
	}
	if got := maskCards("a 4242 4242 4242 4242 b", true); got != "a 4242 42** **** 4242 b" {
		t.Errorf("%q", got)
	}
	for _, text := range []string{
		"", "4242424242424241", "1234567890128", "2026-11-28T00:38:15.455", "42424242424242424242424242424242", "order 4711", "424242424242",
		"5e375da1-1d60-40fd-f09f-ae20", "4242:4242:4242:4242",
	} {
		if got := maskCards(text, true); got != text {
			t.Errorf("%q: %q", text, got)
		}
	}
	t.Run("when letters are next to a number, it is masked if it is of a sender", func(t *testing.T) {
		const id = "7QK4222222222222H"
		if got := maskCards(id, false); got != id {
			t.Errorf("of the product: %q", got)
		}
		if got := maskCards(id, true); got == id {
			t.Errorf("of a sender: %q", got)
		}
		if got := maskCards("txn_4242424242424242", false); got != "txn_424242******4242" {
			t.Errorf("%q", got)
		}
	})
	t.Run("when a sender's number is percent-encoded, it is masked, and shown decoded", func(t *testing.T) {
		for text, want := range map[string]string{
			"/dev/webhook/4242%204242%204242%204242":           "/dev/webhook/4242 42** **** 4242",
			"4242%2D4242%2d4242%2D4242":                        "4242-42**-****-4242",
			"%34%32%34%32%34%32%34%32%34%32%34%32%34%32%34%32": "424242******4242",
			"4242%25204242%25204242%25204242":                  "4242 42** **** 4242",
			"100%&card=4242%204242%204242%204242":              "100%&card=4242 42** **** 4242",
			"/dev/webhook/a%20b":                               "/dev/webhook/a%20b",
			"100%":                                             "100%",
			"4242%zz424242424242":                              "4242%zz424242424242",
		} {
			if got := maskCards(text, true); got != want {
				t.Errorf("%q: %q, want %q", text, got, want)
			}
		}
	})
	t.Run("when a value has numbers in it, all are masked", func(t *testing.T) {
		masked, err := maskAll(map[string]any{"a": []any{"4242424242424242", json.Number("4242424242424242"), 15000.5, nil, true}, "4242424242424242": "b"})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(masked)
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"424242******4242":"b","a":["424242******4242","424242******4242",15000.5,null,true]}`; string(text) != want {
			t.Errorf("%s, want %s", text, want)
		}
	})
}
