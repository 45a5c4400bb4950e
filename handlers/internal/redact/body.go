package redact

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"payment-webhooks/handlers/internal/jsonvalue"
)

// Body masks every PAN, as Text does, in a body that should be JSON or a form, but may
// be anything. If it is JSON, each of its strings and numbers is a text; otherwise, the
// whole body is one. Body decodes what Text does and base64 (in both alphabets, with or
// without padding, and broken by spaces, line ends or plus signs).
//
// A JSON number with a PAN, in whatever notation (4.1e15), becomes a string. In any
// other text, the digits of such a number become asterisks. All other bytes stay the
// same, and the result is JSON, or validly encoded, if the body was. A digit of several
// bytes becomes one asterisk, or one for each byte in an encoded text.
//
// Ids of the provider's own objects stay as they are, since an operator needs them:
// those in keep, and those of the forms that keptForm names. An id is kept where it stands
// whole, not next to a letter or digit: as a string or at the end of a URL's path.
// Only letters, digits, "-" and "_" of an id are looked for.
func Body(body string, keep ...string) string {
	b := []byte(body)
	known := make(map[string]bool, len(keep))
	for _, id := range keep {
		known[id] = true
	}
	m := masker{blobs: true, keep: func(b []byte, start, end int) bool {
		return ofIDs(b, start, end, func(id []byte) bool { return known[string(id)] || keptForm(id) })
	}}
	out, ok := m.numbers(b)
	if !ok {
		m.work = workFor(len(b))
		m.level(b, maxEncodings, false)
		return collapse(body, b)
	}
	before := bytes.Clone(out)
	left := workFor(len(out))
	for text := range stringsOf(out) {
		allowed := min(left, workFor(len(text)))
		m.work = allowed
		m.level(text, maxEncodings, true)
		left -= allowed - m.work
	}
	return collapse(before, out)
}

// stringsOf yields what stands between the quotes of each string of JSON.
func stringsOf(json []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for rest := json; ; {
			start := bytes.IndexByte(rest, '"')
			if start < 0 {
				return
			}
			rest = rest[start+1:]
			end := 0
			for rest[end] != '"' {
				if rest[end] == '\\' {
					end++
				}
				end++
			}
			if !yield(rest[:end]) {
				return
			}
			rest = rest[end+1:]
		}
	}
}

// numbers turns the JSON numbers with a PAN into strings; ok reports whether body is
// JSON.
func (m *masker) numbers(body []byte) (out []byte, ok bool) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	done, whole := 0, false
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return append(out, body[done:]...), errors.Is(err, io.EOF)
		}
		if whole { // 1 2 is not JSON
			return nil, false
		}
		whole = dec.StackDepth() == 0
		if token.Kind() != '0' {
			continue
		}
		text := token.String()
		if masked, n := m.number(text); n > 0 {
			end := int(dec.InputOffset())
			out = append(out, body[done:end-len(text)]...)
			out = strconv.AppendQuote(out, masked)
			done = end
		}
	}
}

// number masks a numeric literal whose raw or normalised form contains a PAN. The
// result is never longer than the literal: otherwise, a body of short numbers (62e17)
// would grow threefold.
func (m *masker) number(text string) (masked string, count int) {
	if mantissa := max(0, strings.IndexAny(text, "eE")); len(text) < minDigits && mantissa == 0 {
		return text, 0
	} else if exponent, err := strconv.Atoi(text[mantissa+1:]); err == nil && mantissa > 0 && mantissa < minDigits &&
		(mantissa+exponent < minDigits || exponent > maxDigits && text[0] > '0') {
		return text, 0 // too few digits, or too many
	}
	if n, err := jsonvalue.ParseNumber(text); err == nil {
		if masked, count = m.literal(string(n)); count > 0 && len(masked) > len(text) {
			masked = strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return '*'
				}
				return r
			}, text)
		}
	}
	if count == 0 {
		return m.literal(text)
	}
	return masked, count
}

// literal masks the PANs of a numeric literal. None goes on after the decimal point: many
// fractions would have one by chance.
func (m *masker) literal(text string) (masked string, count int) {
	if !mayHoldPAN(text) {
		return text, 0
	}
	b := []byte(text)
	point := bytes.IndexByte(b, '.')
	if point >= 0 {
		b[point] = '*'
	}
	if count = m.search(b); count == 0 {
		return text, 0
	}
	if point >= 0 {
		b[point] = '.'
	}
	return string(b), count
}
