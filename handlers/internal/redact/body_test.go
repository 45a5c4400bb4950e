package redact_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/redact"
)

// escaped writes every character as a JSON escape.
func escaped(s string) string {
	var out strings.Builder
	for _, r := range s {
		fmt.Fprintf(&out, `\u%04x`, r)
	}
	return out.String()
}

func TestBody(t *testing.T) {
	masked := escaped("411111") + strings.Repeat(`\u002a`, 6) + escaped("1111")
	tests := []struct{ name, in, want string }{
		{"plain", `{"card": "4111111111111111"}`, `{"card": "411111******1111"}`},
		{"escaped", `{"card": "` + escaped("4111111111111111") + `"}`, `{"card": "` + masked + `"}`},
		{"partly escaped", `{"card":"41111\u0031\u0031\u00311\u0031111111"}`, `{"card":"41111\u0031\u002a\u002a*\u002a**1111"}`},
		{"escaped spaces", `["4111\u00201111\u00201111\u00201111"]`, `["4111\u002011**\u0020****\u00201111"]`},
		{"escaped hyphens", `["4111\u002d1111\u002D1111-1111"]`, `["4111\u002d11**\u002D****-1111"]`},
		{"number", `{"card":4111111111111111}`, `{"card":"411111******1111"}`},
		{"number with exponent", `[4.111111111111111e15, 1]`, `["411111******1111", 1]`},
		{"number that is short for one", `[62e17, 4.222222222222E+12]`, `["**e**", "422222***2222"]`},
		{"number with fraction", `[4111111111111111.50]`, `["411111******1111.5"]`},
		{"number with both", `[4111111111111111e1]`, `["411111******1111e1"]`},
		{"negative number", `[-4111111111111111]`, `["-411111******1111"]`},
		{"number that cannot be stored", `[4111111111111111e999]`, `["411111******1111e999"]`},
		{"number alone", ` 4111111111111111 `, ` "411111******1111" `},
		{"member name", `{"4111111111111111":1}`, `{"411111******1111":1}`},
		{"escaped member name", `{"` + escaped("4111111111111111") + `":1}`, `{"` + masked + `":1}`},
		{"member name twice", `{"4111111111111111":1,"4111111111111111":2}`, `{"411111******1111":1,"411111******1111":2}`},
		{"number in a member named twice", `{"a":1,"a":4.111111111111111e15}`, `{"a":1,"a":"411111******1111"}`},
		{"after an escaped letter", `["\u004e4111111111111111"]`, `["\u004e411111******1111"]`},
		{"after an escaped backslash", `["\\\u0034111111111111111"]`, `["\\\u003411111******1111"]`},
		{"after a line break", `["\n4111111111111111\n"]`, `["\n411111******1111\n"]`},
		{"beyond ASCII beside it", `["\ud83d\ude004111111111111111\u2116"]`, `["\ud83d\ude00411111******1111\u2116"]`},
		{"JSON within a string", `["{\"card\":\"4111111111111111\"}"]`, `["{\"card\":\"411111******1111\"}"]`},
		{"more digits in the text than in the bytes", `["4111111111111111\u0030"]`, `["411111******1111\u0030"]`},
		{"only in the bytes", `["\u4111111111111111"]`, `["\u411111******1111"]`},
		{"beyond ASCII, ending like a digit's", `["\u01344111111111111111"]`, `["\u0134411111******1111"]`},
		{"in the bytes, which leaves one in the text", `["4242424242424242\u0030 00000000000"]`, `["424242******4242\u0030 0******0000"]`},
		{"in one, then in the other", `["\u0034111111111111111 4111111111111111"]`, `["\u003411111******1111 411111******1111"]`},

		{"no JSON", `{"card":"` + escaped("4111111111111111"), `{"card":"` + masked},
		{"no JSON, number", `card 4111 1111 1111 1111`, `card 4111 11** **** 1111`},
		{"no JSON, cut off within an escape", `"4111111111111111\u00`, `"411111******1111\u00`},
		{"no JSON, a backslash at the end", `"` + escaped("4111111111111111") + `\`, `"` + masked + `\`},
		{"not UTF-8", "[\"\xff\\u0034111111111111111\", 4111111111111111]", "[\"\xff\\u003411111******1111\", \"411111******1111\"]"},
		{"no JSON, but several", "00004111111111111111 4111111111111111\n{}", "00004111111111111111 411111******1111\n{}"},

		{"nothing to do", "{ \"a\" : [1.50, 1e999, 1E2, true, null, \"\\u0041\\/\\\\u0034\"] }\n", "{ \"a\" : [1.50, 1e999, 1E2, true, null, \"\\u0041\\/\\\\u0034\"] }\n"},
		{"escaped, wrong check digit", `["` + escaped("4111111111111112") + `"]`, `["` + escaped("4111111111111112") + `"]`},
		{"empty", ``, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, redact.Body(tt.in)); diff != "" {
				t.Errorf("Body(%s) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

// FuzzBody looks for card numbers in the bytes and the decoded content of a masked body.
// Its checks share nothing with the package: the check of FuzzMask, encoding/json, and a
// regular expression for bodies that are not JSON.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"4111111111111111":"4111 1111\u00201111\u002d1111","a":[4111111111111111,4.111111111111111e15,-1.5]}`,
		`["` + escaped("378282246310005") + `"]`, escaped("4111-1111"), `"\\u4111` + escaped("111111111111") + `"`,
		`"\u4111111111111111"`, `["4111111111111111\u0030"]`, `\\\u0034111111111111111`, `4 1e3`, "\"\xff\\ud83d\"",
		`{"a":"4111.1111.1111.1111","b":["4111","1111","1111","1111"],"c":"\uff14111\u00a011111111-1111","id":"8RS6210148826604N"}`,
		`"\u0034111111111111111 36000003 \u0034111111111111111"`, `"36000003 \u0034111111111111111"`, `4111111111111111e1`, `[62e17]`, `a=%34111111111111111&b=4111+1111+1111+1111`,
		`"` + escaped("37828224631000") + `\u003\u0035`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if len(body) > 300 {
			return // the check is slow
		}
		masked := redact.Body(body)
		if left := cardNumber(withoutIDs(masked)); left != "" {
			t.Fatalf("Body(%q) = %q, which holds the card number %q", body, masked, left)
		}
		if again := redact.Body(masked); again != masked {
			t.Fatalf("Body(%q) = %q, and of that %q", body, masked, again)
		}
		if strings.ContainsAny(body, "%&+") || strings.Contains(body, `\`) && exponents.MatchString(body) {
			return // it may encode one in a way that says does not read: see FuzzEncoded
		}
		before, after := says(body), says(masked)
		if len(before) != len(after) {
			t.Fatalf("Body(%q) = %q: %q became %q", body, masked, before, after)
		}
		needed, allowed := cardNumber(withoutIDs(body)) != "", anyGrouping(body)
		for i, was := range before {
			needed = needed || cardNumber(withoutIDs(was.text)) != ""
			allowed = allowed || anyGroupingWithin(was.text, nested)
			is := after[i].text
			if left := cardNumber(withoutIDs(is)) + inGroups(withoutIDs(is)); left != "" {
				t.Fatalf("Body(%q) = %q, which says the card number %q", body, masked, left)
			}
			if is != was.text && !escape.MatchString(was.text) && (!onlyMasked(was.text, is) && !onlyMasked(was.raw, is) || len(is) > len(was.raw)) {
				t.Fatalf("Body(%q) = %q: %q became %q", body, masked, was, is)
			}
		}
		if changed := masked != body; needed && !changed || changed && !allowed {
			t.Fatalf("Body(%q) = %q", body, masked)
		}
	})
}

// nested is how many further encodings of what was decoded once are read.
const nested = 3

// anyGroupingWithin is anyGrouping of a text and of what it says, if that is encoded again.
func anyGroupingWithin(text string, depth int) bool {
	if anyGrouping(text) {
		return true
	}
	for _, inner := range says(text) {
		if depth > 0 && inner.text != text && anyGroupingWithin(inner.text, depth-1) {
			return true
		}
	}
	return false
}

// withoutIDs replaces the ids that Body keeps by letters.
func withoutIDs(s string) string {
	return keptIDs.ReplaceAllStringFunc(s, func(id string) string {
		if capital := regexp.MustCompile("[A-Fa-fG-Z].*[A-Fa-fG-Z]"); !capital.MatchString(id) || regexp.MustCompile(`\d{15}`).MatchString(id) {
			return id
		}
		return strings.Repeat("x", len(id))
	})
}

var keptIDs = regexp.MustCompile(`(?i:\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)|\b[0-9A-Z]{17}\b`)

// onlyMasked reports whether the only difference is that digits became "*".
func onlyMasked(before, after string) bool {
	b, a := []rune(before), []rune(after)
	if len(a) != len(b) {
		return false
	}
	for i := range b {
		if b[i] != a[i] && (a[i] != '*' || !unicode.IsNumber(b[i])) {
			return false
		}
	}
	return true
}

// said is a text, and how it was written if that is a number.
type said struct{ text, raw string }

// says lists the names, strings and numbers of JSON. Anything else is one text, with its
// escapes decoded.
func says(body string) []said {
	if !json.Valid([]byte(body)) {
		text := escape.ReplaceAllStringFunc(body, func(e string) string {
			if e == `\\` {
				return `\`
			}
			code, _ := strconv.ParseUint(e[2:], 16, 16)
			return string(rune(code))
		})
		return []said{{text, text}}
	}
	var all []said
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if err != nil {
			return all
		}
		switch v := token.(type) {
		case string:
			all = append(all, said{v, v})
		case json.Number:
			text := v.String()
			if n, err := jsonvalue.ParseNumber(text); err == nil {
				text = string(n)
			}
			all = append(all, said{text, v.String()})
		}
	}
}

// exponents finds a number with an exponent, which in what is encoded is masked in
// something that is no JSON as well.
var exponents = regexp.MustCompile(`[0-9.][eE][+-]?[0-9]`)

var escape = regexp.MustCompile(`\\(?:\\|u[0-9A-Fa-f]{4})`)
