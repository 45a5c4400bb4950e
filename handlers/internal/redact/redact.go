package redact

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"payment-webhooks/handlers/internal/jsonvalue"
)

// Lengths of a PAN (ISO/IEC 7812), and how many of its digits stay visible.
const (
	minDigits = 13
	maxDigits = 19
	keepFirst = 6
	keepLast  = 4
)

// maxSpan is the length, in bytes, of the longest PAN with a separator between all
// digits.
const maxSpan = 2*maxDigits - 1

// MaxSanitised is the length, in characters, of the longest text that Sanitise
// returns.
const MaxSanitised = 64

// Text masks every PAN in s and returns how many there were. A PAN is 13 to 19
// ASCII digits, bounded by something that is not a digit, with at most one
// space or hyphen between two digits, a card network's prefix and length, and a
// valid check digit (Luhn).
func Text(s string) (masked string, count int) {
	start, end, ok := find(s, 0)
	if !ok {
		return s, 0
	}
	for b := []byte(s); ; {
		count++
		mask(b[start:end])
		// Masking replaces digits by asterisks, so that another PAN may now begin
		// or end beside them. Search again from where such a PAN could begin.
		if start, end, ok = find(b, max(0, start-maxSpan)); !ok {
			return string(b), count
		}
	}
}

// Value masks every PAN in a JSON value's strings, numbers and member names; a
// number with a PAN becomes a string. If masking makes two names equal, one gets a
// numeric suffix, so that no member is lost. The given value is not changed; parts
// without a PAN are shared with it, not copied.
func Value(value any) (masked any, count int) {
	switch v := value.(type) {
	case string:
		if text, n := Text(v); n > 0 {
			return text, n
		}
	case jsonvalue.Number:
		if text, n := Text(string(v)); n > 0 {
			return text, n
		}
	case []any:
		if elements, n := array(v); n > 0 {
			return elements, n
		}
	case map[string]any:
		if members, n := object(v); n > 0 {
			return members, n
		}
	}
	return value, 0
}

func array(elements []any) (masked []any, count int) {
	for i, element := range elements {
		out, n := Value(element)
		if n == 0 {
			continue
		}
		if count == 0 {
			masked = slices.Clone(elements)
		}
		masked[i] = out
		count += n
	}
	return masked, count
}

func object(members map[string]any) (masked map[string]any, count int) {
	var names []string // the names with a PAN
	for name, value := range members {
		out, n := Value(value)
		if _, inName := Text(name); inName > 0 {
			names = append(names, name)
		} else if n == 0 {
			continue
		}
		if masked == nil {
			masked = maps.Clone(members)
		}
		masked[name] = out
		count += n
	}
	slices.Sort(names) // for a deterministic result
	for _, name := range names {
		text, n := Text(name)
		count += n
		unique := text
		for i := 2; ; i++ {
			if _, taken := masked[unique]; !taken {
				break
			}
			unique = fmt.Sprintf("%s (%d)", text, i)
		}
		masked[unique] = masked[name]
		delete(masked, name)
	}
	return masked, count
}

// Sanitise makes a sender's text fit for a response or a log line: it masks PANs,
// replaces characters that are not printable, and cuts the text to MaxSanitised
// characters.
func Sanitise(s string) string {
	s, _ = Text(s)
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) <= MaxSanitised {
		return s
	}
	// Cutting a longer number may have left a PAN.
	s, _ = Text(string([]rune(s)[:MaxSanitised-1]))
	return s + "…"
}

// find returns the first PAN at or after from. If several begin at the same digit, it
// returns the longest.
func find[T string | []byte](b T, from int) (start, end int, ok bool) {
	for i := from; i <= len(b)-minDigits; i++ {
		if end := cardAt(b, i); end > 0 {
			return i, end, true
		}
	}
	return 0, 0, false
}

// cardAt returns the end of the PAN that begins at b[i], or 0.
func cardAt[T string | []byte](b T, i int) (end int) {
	if !isDigit(b[i]) || i > 0 && isDigit(b[i-1]) {
		return 0
	}
	return longest(b, i)
}

// longest returns the end of the longest PAN that begins at b[start], or 0.
func longest[T string | []byte](b T, start int) (end int) {
	var digits [maxDigits]byte
	n := 0
	for i := start; i < len(b) && n < maxDigits; i++ {
		if !isDigit(b[i]) {
			if !isSeparator(b[i]) || !isDigit(b[i-1]) {
				break
			}
			continue
		}
		digits[n] = b[i] - '0'
		n++
		bounded := i+1 == len(b) || !isDigit(b[i+1])
		if bounded && n >= minDigits && hasNetwork(digits[:n]) && luhn(digits[:n]) {
			end = i + 1
		}
	}
	return end
}

// mask overwrites the middle digits of a PAN and keeps its separators.
func mask(pan []byte) {
	n := 0
	for _, c := range pan {
		if isDigit(c) {
			n++
		}
	}
	seen := 0
	for i, c := range pan {
		if !isDigit(c) {
			continue
		}
		if seen >= keepFirst && seen < n-keepLast {
			pan[i] = '*'
		}
		seen++
	}
}

// networks lists the prefixes (issuer identification numbers) and lengths that
// the card networks publish. Prefixes are compared as numbers of their length.
var networks = []struct {
	name     string
	from, to int // prefixes, inclusive
	lengths  []int
}{
	{"Visa", 4, 4, []int{13, 16, 19}},
	{"Mastercard", 51, 55, []int{16}},
	{"Mastercard", 2221, 2720, []int{16}},
	{"American Express", 34, 34, []int{15}},
	{"American Express", 37, 37, []int{15}},
	{"Discover", 6011, 6011, []int{16, 17, 18, 19}},
	{"Discover", 644, 649, []int{16, 17, 18, 19}},
	{"Discover", 65, 65, []int{16, 17, 18, 19}},
	{"JCB", 3528, 3589, []int{16, 17, 18, 19}},
	{"Diners Club", 30, 30, []int{14, 15, 16, 17, 18, 19}},
	{"Diners Club", 36, 36, []int{14, 15, 16, 17, 18, 19}},
	{"Diners Club", 38, 39, []int{14, 15, 16, 17, 18, 19}},
	{"UnionPay", 62, 62, []int{16, 17, 18, 19}},
	{"Maestro", 50, 50, []int{13, 14, 15, 16, 17, 18, 19}},
	{"Maestro", 56, 69, []int{13, 14, 15, 16, 17, 18, 19}},
}

func hasNetwork(digits []byte) bool {
	for _, network := range networks {
		width := 1
		for limit := 10; network.to >= limit; limit *= 10 {
			width++
		}
		prefix := 0
		for _, d := range digits[:width] {
			prefix = prefix*10 + int(d)
		}
		if prefix >= network.from && prefix <= network.to && slices.Contains(network.lengths, len(digits)) {
			return true
		}
	}
	return false
}

// luhn checks the check digit (ISO/IEC 7812-1, annex B).
func luhn(digits []byte) bool {
	sum := 0
	for i, d := range digits {
		n := int(d)
		if (len(digits)-i)%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

func isDigit(c byte) bool     { return c >= '0' && c <= '9' }
func isSeparator(c byte) bool { return c == ' ' || c == '-' }
