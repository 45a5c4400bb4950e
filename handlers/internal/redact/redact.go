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

// maxRead bounds, in bytes, how much of a text Sanitise reads: far more than it returns,
// so that a card number that begins in what it returns is still found.
const maxRead = 4096

// MaxSanitised is the length, in characters, of the longest text that Sanitise
// returns.
const MaxSanitised = 64

// Text masks every PAN in s (see the package's description) and returns how many
// there were. The masked digits become "*", one for each digit; of one that is encoded,
// such as %34, the encoded character becomes "*" (%2A). Everything else stays byte for
// byte. Up to maxEncodings encodings may be nested.
func Text(s string) (masked string, count int) {
	if !mayHoldPAN(s) {
		return s, 0
	}
	var m masker
	return m.text(s)
}

// mayHoldPAN reports whether a text may hold a PAN: it has enough digits, or characters
// that may be digits, without a letter between them, or enough in all if it may have
// escapes, each of which has a digit. It answers for nearly all texts, and fast.
func mayHoldPAN[T string | []byte](s T) bool {
	all, together, escapes := 0, 0, false
	for i := range len(s) {
		c := s[i]
		switch {
		case c-'0' <= 9 || c >= 0xC2: // a digit, or the first byte of a character beyond ASCII
			all++
			if together++; together == minDigits {
				return true
			}
		case c >= utf8.RuneSelf:
		case ascii[c] == other:
			together = 0
			escapes = escapes || c == '%' || c == '&'
		case c == '\\':
			escapes = true
		}
	}
	return escapes && all >= minDigits
}

func (m *masker) text(s string) (masked string, count int) {
	b := []byte(s)
	m.work = workFor(len(b))
	if !m.level(b, maxEncodings, false) {
		return s, 0
	}
	return collapse(s, b), m.count
}

func (m *masker) masked(s string) string {
	s, _ = m.text(s)
	return s
}

// collapse returns the masked text with one asterisk, not several, for each digit of
// several bytes. It must not have encoded text.
func collapse[T string | []byte](before T, masked []byte) string {
	out := make([]byte, 0, len(masked))
	for i := 0; i < len(masked); i++ {
		out = append(out, masked[i])
		if masked[i] != '*' || before[i] < utf8.RuneSelf {
			continue
		}
		for i+1 < len(masked) && before[i+1]&0xC0 == 0x80 { // the character's other bytes
			i++
		}
	}
	return string(out)
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
		if text, n := new(masker).literal(string(v)); n > 0 {
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
	slices.Sort(names)           // for a deterministic result
	suffixes := map[string]int{} // the last suffix of each masked name, so that none is tried again
	for _, name := range names {
		text, n := Text(name)
		count += n
		unique := text
		for i := max(2, suffixes[text]); ; i++ {
			if _, taken := masked[unique]; !taken {
				suffixes[text] = i
				break
			}
			unique = fmt.Sprintf("%s (%d)", text, i)
		}
		masked[unique] = masked[name]
		delete(masked, name)
	}
	return masked, count
}

// Sanitise makes a sender's text fit for a response or a log line: it masks PANs, also
// those in base64 (see Body), replaces characters that are not printable, and cuts the text to MaxSanitised
// characters.
func Sanitise(s string) string {
	if len(s) > maxRead {
		s = s[:maxRead] // a part of a character at the end is not returned
	}
	s = (&masker{blobs: true}).masked(s)
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	// What was replaced, or a longer number that is cut, may leave a PAN.
	if utf8.RuneCountInString(s) <= MaxSanitised {
		return (&masker{blobs: true}).masked(s)
	}
	return (&masker{blobs: true}).masked(string([]rune(s)[:MaxSanitised-1])) + "…"
}

// ID reports whether an id looks like a card number, so that a transaction of the
// canonical payload must not have it. It does if it holds a PAN as Text finds it, with
// two exceptions, so that the ids of providers, which have a PAN by chance once in
// a hundred, can be entered by hand. A PAN of 13 or 14 digits must not be glued to a
// letter; one of 15 or more is a PAN in any case. And what has a form that keptForm
// names is an id.
func ID(s string) bool {
	if !mayHoldPAN(s) {
		return false
	}
	m := masker{keep: func(b []byte, start, end int) bool {
		digits := 0
		for _, c := range b[start:end] {
			if isDigit(c) {
				digits++
			}
		}
		glued := start > 0 && isAlphanumeric(b[start-1]) || end < len(b) && isAlphanumeric(b[end])
		return digits <= maxInID && glued || ofIDs(b, start, end, keptForm)
	}}
	_, count := m.text(s)
	return count > 0
}
