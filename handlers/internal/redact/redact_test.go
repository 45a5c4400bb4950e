package redact_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/jsonvalue"
	"payment-webhooks/handlers/internal/redact"
)

// The card numbers are the networks' and providers' published test numbers.
func TestText(t *testing.T) {
	tests := []struct {
		name, in, want string
		count          int
	}{
		{"Visa", "4111111111111111", "411111******1111", 1},
		{"Visa of 13 digits", "4222222222222", "422222***2222", 1},
		{"Mastercard", "5555555555554444", "555555******4444", 1},
		{"Mastercard, 2-series", "2223003122003222", "222300******3222", 1},
		{"American Express", "378282246310005", "378282*****0005", 1},
		{"Discover", "6011111111111117", "601111******1117", 1},
		{"JCB", "3566002020360505", "356600******0505", 1},
		{"Diners Club", "30569309025904", "305693****5904", 1},
		{"UnionPay", "6200000000000005", "620000******0005", 1},
		{"Maestro of 18 digits", "676770000000000005", "676770********0005", 1},
		{"in groups", "4111 1111 1111 1111", "4111 11** **** 1111", 1},
		{"with hyphens", "4111-1111-1111-1111", "4111-11**-****-1111", 1},
		{"within a sentence", "paid with 4111111111111111, thanks", "paid with 411111******1111, thanks", 1},
		{"next to letters", "card4111111111111111visa", "card411111******1111visa", 1},
		{"after other digits and a space", "order 12 4111 1111 1111 1111", "order 12 4111 11** **** 1111", 1},
		{"before other digits and a hyphen", "4111111111111111-12", "411111******1111-12", 1},
		{"two", "4111111111111111/5555555555554444", "411111******1111/555555******4444", 2},
		{"two with only a space between", "4111111111111111 5555555555554444", "411111******1111 555555******4444", 2},
		// The digits that stay of one must not make up another with their neighbours.
		{"the digits before it and its first six", "36000003 4111111111111111", "360000** **1111******1111", 2},
		{"its last four and the digits after it", "5555555555554444 000000006", "555555******4444 00***0006", 2},
		{"after a multibyte character", "№4111111111111111№", "№411111******1111№", 1},

		{"wrong check digit", "4111111111111112", "4111111111111112", 0},
		{"no network has the prefix", "1111111111111117", "1111111111111117", 0},
		{"wrong length for the network", "55555555555544", "55555555555544", 0},
		{"part of a longer number", "94111111111111111111111", "94111111111111111111111", 0},
		{"date and time", "20261122154500", "20261122154500", 0},
		{"milliseconds since 1970", "1795363500000", "1795363500000", 0},
		{"UUID", "9f1b2c3d-4e5f-4a6b-8c7d-0123456789ab", "9f1b2c3d-4e5f-4a6b-8c7d-0123456789ab", 0},
		{"masked already", "411111******1111", "411111******1111", 0},
		{"empty", "", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, count := redact.Text(tt.in)
			if got != tt.want || count != tt.count {
				t.Errorf("Text(%q) = %q, %d, want %q, %d", tt.in, got, count, tt.want, tt.count)
			}
		})
	}
}

func TestValue(t *testing.T) {
	tests := []struct {
		name, in, want string
		count          int
	}{
		{"string", `{"card":"4111111111111111"}`, `{"card":"411111******1111"}`, 1},
		{"number becomes a string", `{"card":4111111111111111}`, `{"card":"411111******1111"}`, 1},
		{"number with exponent", `{"card":4.111111111111111e15}`, `{"card":"411111******1111"}`, 1},
		{"number with a fraction is no card", `{"amount":4111.111111111111}`, `{"amount":4111.111111111111}`, 0},
		{"member name", `{"4111111111111111":true}`, `{"411111******1111":true}`, 1},
		{"deep within", `{"a":[{"b":["x","4111111111111111"]}]}`, `{"a":[{"b":["x","411111******1111"]}]}`, 1},
		{
			"names that become equal keep their values",
			`{"4111111111111111":1,"4111110000091111":2,"411111******1111":3,"411111******1111 (2)":4}`,
			`{"411111******1111":3,"411111******1111 (2)":4,"411111******1111 (3)":2,"411111******1111 (4)":1}`, 2,
		},
		{"nothing to do", `{"a":[1,true,null,"b",{}]}`, `{"a":[1,true,null,"b",{}]}`, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			value, err := jsonvalue.Parse([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			before := string(jsonvalue.Append(nil, value))
			got, count := redact.Value(value)
			if diff := cmp.Diff(tt.want, string(jsonvalue.Append(nil, got))); diff != "" || count != tt.count {
				t.Errorf("count %d, want %d (-want +got):\n%s", count, tt.count, diff)
			}
			if after := string(jsonvalue.Append(nil, value)); after != before {
				t.Errorf("the value given became %s", after)
			}
		})
	}
}

func TestSanitise(t *testing.T) {
	tests := map[string]string{
		"fine — ü":                  "fine — ü",
		"card 4111111111111111":     "card 411111******1111",
		"line\nbreak\x00\u202e":     "line?break??",
		"\xff":                      "?",
		strings.Repeat("ü", 64):     strings.Repeat("ü", 64),
		strings.Repeat("ü", 65):     strings.Repeat("ü", 63) + "…",
		strings.Repeat("x", 60000):  strings.Repeat("x", 63) + "…",
		"\u2028paragraph separator": "?paragraph separator",
		"NDExMTExMTExMTExMTExMQ==":  "NDExMTExKioqKioqMTExMQ==", // base64 of a card number, and of the masked one
	}
	for in, want := range tests {
		if got := redact.Sanitise(in); got != want {
			t.Errorf("Sanitise(%.80q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzMask looks for card numbers in the masked text. Its check shares nothing with the
// package: it tries every substring, with regular expressions and a table for Luhn.
func FuzzMask(f *testing.F) {
	for _, seed := range []string{
		"4111111111111111", "4111 1111 1111 1111", "12 4111-1111-1111-1111 34", "378282246310005",
		"3782 8224 6 4111111111111111", "4111111111111111 4111111111111111", "5555555555554444-5555555555554444",
		"4111.1111.1111.1111", "4111, 1111 - 1111\t1111", "\uff14111\u00a01111\u200b1111-1111", "4111&nbsp;1111%201111\\u00a01111",
		"6011 1111 1111 1117 0000 62 0000 0000 0000 05", "x30569309025904y", "№4222222222222",
		strings.Repeat("x", 47) + "62 0000 0000 0000 ", // a card's only once Sanitise has cut its end off
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 200 {
			return // the check is cubic
		}
		masked, count := redact.Text(text)
		if left := cardNumber(masked); left != "" {
			t.Fatalf("Text(%q) = %q, which holds the card number %q", text, masked, left)
		}
		if left := inGroups(masked); left != "" {
			t.Fatalf("Text(%q) = %q, which holds the card number %q", text, masked, left)
		}
		if found := cardNumber(text); found != "" && count == 0 {
			t.Fatalf("Text(%q) masked none, the check finds %q", text, found)
		}
		if again, n := redact.Text(masked); n > 0 {
			t.Fatalf("Text(%q) = %q, and of that %q", text, masked, again)
		}
		if strings.ContainsAny(text, `%&\\eE`) {
			return // it may encode one
		}
		if count > 0 && !anyGrouping(text) {
			t.Fatalf("Text(%q) = %q: there is none", text, masked)
		}
		if !onlyMasked(text, masked) {
			t.Fatalf("Text(%q) = %q: changed more than digits to *", text, masked)
		}
		if sanitised := redact.Sanitise(text); cardNumber(sanitised) != "" || utf8.RuneCountInString(sanitised) > redact.MaxSanitised {
			t.Fatalf("Sanitise(%q) = %q", text, sanitised)
		}
	})
}

var (
	shape   = regexp.MustCompile(`^\d([ -]?\d){12,18}$`)
	network = regexp.MustCompile(`^(4\d{12}|4\d{15}|4\d{18}` +
		`|5[1-5]\d{14}|(222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}` +
		`|3[47]\d{13}|(6011|64[4-9]\d|65\d\d)\d{12,15}|35(2[89]|[3-8]\d)\d{12,15}` +
		`|3[0689]\d{12,17}|62\d{14,17}|50\d{11,17}|(5[6-9]|6\d)\d{11,17})$`)
	doubled = map[rune]int{'0': 0, '1': 2, '2': 4, '3': 6, '4': 8, '5': 1, '6': 3, '7': 5, '8': 7, '9': 9}
)

// inGroups returns a card number of s that is written in groups of four or more, with
// anything but letters, numbers and asterisks between them, or "".
func inGroups(s string) string {
	for _, groups := range groupings.FindAllString(s, -1) {
		if isCard(notDigits.ReplaceAllString(groups, "")) {
			return groups
		}
	}
	return ""
}

var (
	groupings = regexp.MustCompile(`\b(?:\d{4}[^\pL\pN*%&\n]{1,8}){3}\d{1,7}\b|\b\d{4}[^\pL\pN*%&\n]{1,8}\d{6}[^\pL\pN*%&\n]{1,8}\d{4,5}\b`)
	notDigits = regexp.MustCompile(`[^0-9]`)
)

// anyGrouping reports whether 13 to 19 digits of s are a card number's, if only letters,
// other numbers and asterisks end it. Digits beyond ASCII may be one's.
func anyGrouping(s string) bool {
	text := []rune(s)
	for from := range text {
		var digits []rune
		for _, c := range text[from:] {
			if c > unicode.MaxASCII && unicode.IsNumber(c) {
				return true
			}
			if c >= '0' && c <= '9' {
				digits = append(digits, c)
			} else if unicode.IsLetter(c) && c < unicode.MaxASCII || c == '*' {
				break
			}
			if isCard(string(digits)) {
				return true
			}
		}
	}
	return false
}

// cardNumber returns a substring of s that is a card number, or "".
func cardNumber(s string) string {
	digitBefore := func(i int) bool { c, _ := utf8.DecodeLastRuneInString(s[:i]); return unicode.IsNumber(c) }
	digitAt := func(i int) bool { c, _ := utf8.DecodeRuneInString(s[i:]); return unicode.IsNumber(c) }
	for from := range len(s) {
		for to := from + 13; to <= min(len(s), from+37); to++ {
			part := s[from:to]
			if digitBefore(from) || digitAt(to) || !shape.MatchString(part) {
				continue
			}
			if isCard(strings.NewReplacer(" ", "", "-", "").Replace(part)) {
				return part
			}
		}
	}
	return ""
}

// isCard reports whether digits are a card number.
func isCard(digits string) bool {
	sum := 0
	for i, d := range digits {
		if (len(digits)-i)%2 == 0 {
			sum += doubled[d]
		} else {
			sum += int(d - '0')
		}
	}
	return sum%10 == 0 && network.MatchString(digits)
}
