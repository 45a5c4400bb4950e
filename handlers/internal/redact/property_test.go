package redact_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"payment-webhooks/handlers/internal/redact"
)

// issuers are prefixes and lengths of card numbers, written down apart from the package.
var issuers = []struct {
	prefixes []string
	lengths  []int
}{
	{[]string{"4"}, []int{13, 16, 19}},
	{[]string{"51", "52", "53", "54", "55", "2221", "2300", "2720"}, []int{16}},
	{[]string{"34", "37"}, []int{15}},
	{[]string{"6011", "644", "649", "65", "3528", "3589", "62"}, []int{16, 17, 18, 19}},
	{[]string{"300", "305", "36", "38", "39"}, []int{14, 16, 19}},
	{[]string{"50", "56", "57", "58", "67", "69"}, []int{13, 14, 15, 16, 17, 18, 19}},
}

func oneOf[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

func randomCard(r *rand.Rand) string {
	issuer := oneOf(r, issuers...)
	digits := []byte(oneOf(r, issuer.prefixes...))
	for n := oneOf(r, issuer.lengths...); len(digits) < n; {
		digits = append(digits, byte('0'+r.IntN(10)))
	}
	for last := len(digits) - 1; ; digits[last] = '0' + (digits[last]-'0'+1)%10 {
		sum := 0
		for i, d := range digits {
			if (len(digits)-i)%2 == 0 {
				sum += doubled[rune(d)]
			} else {
				sum += int(d - '0')
			}
		}
		if sum%10 == 0 {
			return string(digits)
		}
	}
}

// scripts hold the digits from 0 to 9.
var scripts = [][]rune{
	[]rune("0123456789"), []rune("０１２３４５６７８９"), []rune("٠١٢٣٤٥٦٧٨٩"), []rune("۰۱۲۳۴۵۶۷۸۹"), []rune("०१२३४५६७८९"), []rune("๐๑๒๓๔๕๖๗๘๙"),
	[]rune("𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"), []rune("𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿"), []rune("⓪①②③④⑤⑥⑦⑧⑨"), []rune("⁰¹²³⁴⁵⁶⁷⁸⁹"), []rune("₀₁₂₃₄₅₆₇₈₉"), []rune("⓿❶❷❸❹❺❻❼❽❾"),
}

var (
	narrowSeparators = []string{" ", "-", "+", "\u00a0", "\u202f", "\u2007", "\u2009", "\u3000", "‐", "‑", "‒", "–", "—", "−", "－", "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u200b \u200b"}
	wideSeparators   = []string{".", "/", "_", ",", "|", ":", ";", "~", "#", "'", `"`, "(", ")(", "] [", "\t", "\n", "\r\n", "  ", "   ", " - ", " – ", ", ", " / ", "--", "·", "•", " • ", "・", "\u2028", "\u00a0\u00a0", "💳", "。"}
	grouped          = [][]int{{4, 4, 4, 7}, {4, 6, 9}, {8, 11}, {6, 13}, {4, 4, 4, 4, 3}, {5, 5, 5, 4}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}
)

// dressed writes a card number as somebody might, by the rules of the package's description.
func dressed(r *rand.Rand, card string) string {
	script, mixed := oneOf(r, scripts...), r.IntN(5) == 0
	if r.IntN(2) == 0 {
		script, mixed = scripts[0], false
	}
	var groups []int
	separator := func() string { return "" }
	switch r.IntN(6) {
	case 0: // none
	case 1: // one space or dash anywhere
		for range card {
			groups = append(groups, 1+r.IntN(6))
		}
		separator = func() string { return oneOf(r, narrowSeparators...) }
	case 2: // the same separator, in any three groups or more, if there are enough digits
		same := oneOf(r, append(wideSeparators, narrowSeparators...)...)
		separator = func() string { return same }
		if len(card) < 15 {
			groups = oneOf(r, grouped...)
			break
		}
		for range card {
			groups = append(groups, 1+r.IntN(5))
		}
	case 3: // thousands
		same := oneOf(r, wideSeparators...)
		separator = func() string { return same }
		groups = []int{(len(card)+2)%3 + 1, 3, 3, 3, 3, 3, 3}
	default: // usual groups, with any separators
		separator = func() string { return oneOf(r, append(wideSeparators, narrowSeparators...)...) }
		if groups = oneOf(r, grouped...); r.IntN(2) == 0 {
			same := separator()
			separator = func() string { return same }
		}
	}
	var out strings.Builder
	left := 0
	for i, d := range card {
		if left == 0 {
			if i > 0 {
				out.WriteString(separator())
			}
			left = len(card)
			if len(groups) > 0 {
				left, groups = groups[0], groups[1:]
			}
		}
		left--
		if mixed {
			script = oneOf(r, scripts...)
		}
		out.WriteRune(script[d-'0'])
	}
	return out.String()
}

// writing is a way to encode a text, and how a standard library decodes it.
type writing struct {
	name   string
	encode func(r *rand.Rand, s string) string
	decode func(s string) (string, error)
}

// characters encodes some of the characters, which are always those in special, and all
// or few others.
func characters(special string, encode func(c rune) string) func(*rand.Rand, string) string {
	return func(r *rand.Rand, s string) string {
		often := oneOf(r, 1, 2, 10)
		var out strings.Builder
		for _, c := range s {
			if strings.ContainsRune(special, c) || r.IntN(often) == 0 {
				out.WriteString(encode(c))
			} else {
				out.WriteRune(c)
			}
		}
		return out.String()
	}
}

func plain(_ *rand.Rand, s string) string  { return s }
func decodePlain(s string) (string, error) { return s, nil }

// textWritings are those that Text decodes.
var textWritings = []writing{
	{"plain", plain, decodePlain},
	{"percent-encoding", characters("%", func(c rune) string { return percentEncoded(string(c)) }), url.PathUnescape},
	{"HTML", characters("&", func(c rune) string { return fmt.Sprintf("&#%d;", c) }), func(s string) (string, error) { return html.UnescapeString(s), nil }},
	{"HTML in hexadecimal", characters("&", func(c rune) string { return fmt.Sprintf("&#x%x;", c) }), func(s string) (string, error) { return html.UnescapeString(s), nil }},
	{"JSON's escapes", characters("\"\\\n\r\t", func(c rune) string {
		if a, b := utf16.EncodeRune(c); a != '\ufffd' {
			return fmt.Sprintf(`\u%04x\u%04X`, a, b)
		}
		return fmt.Sprintf(`\u%04x`, c)
	}), func(s string) (out string, err error) {
		err = json.Unmarshal([]byte(`"`+s+`"`), &out)
		return out, err
	}},
}

// bodyWritings are those that Body decodes in addition.
var bodyWritings = []writing{
	{"form", func(_ *rand.Rand, s string) string { return url.QueryEscape(s) }, url.QueryUnescape},
	{"base64", func(_ *rand.Rand, s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }, decodeBase64},
	{"base64 without padding", func(_ *rand.Rand, s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) }, decodeBase64},
	{"base64 for URLs", func(_ *rand.Rand, s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) }, decodeBase64},
	{"base64 in pieces", func(r *rand.Rand, s string) string {
		text, broken, piece := base64.StdEncoding.EncodeToString([]byte(s)), oneOf(r, " ", "\n", "\r\n", "\t"), 4+r.IntN(60)
		var out []string
		for ; len(text) > piece; text = text[piece:] {
			out = append(out, text[:piece])
		}
		return strings.Join(append(out, text), broken)
	}, decodeBase64},
}

func decodeBase64(s string) (string, error) {
	s = strings.NewReplacer("-", "+", "_", "/", "=", "", " ", "", "\t", "", "\n", "", "\r", "").Replace(s)
	out, err := base64.RawStdEncoding.DecodeString(s)
	return string(out), err
}

// digitsOf returns the digits in a text, of the scripts above.
func digitsOf(s string) string {
	var out strings.Builder
	for _, c := range s {
		for _, script := range scripts {
			for value, digit := range script {
				if digit == c {
					out.WriteByte(byte('0' + value))
				}
			}
		}
	}
	return out.String()
}

// around is what may stand before and after a card number. None of it has digits.
var around = []string{"", " ", "card: ", "No. ", "№", "paid(", ") thanks", "Visa", "über", "卡号", "\n", "=", "/", "...", "-", "“", "„", "a@b.example, ", "\\", "\"", "é"}

// No card number survives, whatever it is dressed in: exactly its first six and last four
// digits are left.
func TestNoCardSurvives(t *testing.T) {
	const seed = 20261127
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range 10_000 / slower {
		card := randomCard(r)
		text := oneOf(r, around...) + dressed(r, card) + oneOf(r, around...)
		left := card[:6] + card[len(card)-4:]
		first := oneOf(r, textWritings...)
		written := first.encode(r, text)
		check := func(of, in, masked string, decoders ...writing) {
			t.Helper()
			out := masked
			for _, d := range decoders {
				decoded, err := d.decode(out)
				if err != nil {
					t.Fatalf("seed %d, %d: %s of %q: %q is no %s: %v", seed, i, of, in, masked, d.name, err)
				}
				out = decoded
			}
			if got := digitsOf(out); got != left {
				t.Fatalf("seed %d, %d: %s of %q (%s in %v) = %q, which shows %s, not %s", seed, i, of, in, card, decoders, masked, got, left)
			}
		}
		masked, n := redact.Text(written)
		if n != 1 {
			t.Fatalf("seed %d, %d: Text(%q) masked %d", seed, i, written, n)
		}
		check("Text", written, masked, first)

		value, _ := redact.Value(map[string]any{"a": []any{written}, written: true})
		for name, v := range value.(map[string]any) {
			if name == "a" {
				name = v.([]any)[0].(string)
			}
			check("Value", written, name, first)
		}

		second, third := oneOf(r, bodyWritings...), oneOf(r, bodyWritings...)
		once := second.encode(r, written)
		check("Body", once, redact.Body(once), second, first)
		twice := third.encode(r, once)
		check("Body", twice, redact.Body(twice), third, second, first)

		quoted, err := json.Marshal(map[string]any{"a": 1, written: []string{"b", once}})
		if err != nil {
			t.Fatal(err)
		}
		var object map[string]any
		if err := json.Unmarshal([]byte(redact.Body(string(quoted))), &object); err != nil {
			t.Fatalf("seed %d, %d: Body(%s): %v", seed, i, quoted, err)
		}
		for name, v := range object {
			if name != "a" {
				check("Body", string(quoted), name, first)
				check("Body", string(quoted), v.([]any)[1].(string), second, first)
			}
		}
	}
}
