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

// escapeLen is the length of an escape such as \u0034.
const escapeLen = 6

// Body masks every PAN, as Text does, in a body that should be JSON or a form: in
// its bytes as they are, and in what they encode, be it in values, in names or in
// something that is neither. It reads JSON's escapes (\u0034 is a 4), percent-encoding
// and the + of forms, and base64 in both alphabets, with or without padding and
// line breaks; up to maxEncodings within one another.
//
// In what is JSON, a number with a PAN, however written (4.1e15), becomes a string;
// in what is encoded in it, the number's digits become asterisks. Everything else
// stays byte for byte, and what was JSON, or an encoding, still is.
func Body(body string) string {
	b := []byte(body)
	if out, ok := numbers(b); ok {
		b = out
	}
	maskEscaped(b)
	maskEncoded(b, maxEncodings)
	return string(b)
}

// maskEscaped masks the PANs of a text as it is and with JSON's escapes read, and
// goes on until neither has one.
func maskEscaped(b []byte) {
	if bytes.IndexByte(b, '\\') < 0 {
		return
	}
	r := read(b)
	for i := 0; i < len(b); i++ {
		if r.maskAt(b, i) {
			// As in Text: look again at everything that reached this far.
			i = max(0, i-maxSpan*escapeLen) - 1
		}
	}
}

// numbers makes strings of the numbers with a PAN; ok reports whether body is JSON.
func numbers(body []byte) (out []byte, ok bool) {
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
		if masked, n := number(text); n > 0 {
			end := int(dec.InputOffset())
			out = append(out, body[done:end-len(text)]...)
			out = strconv.AppendQuote(out, masked)
			done = end
		}
	}
}

// number masks a numeric literal whose raw or normalised form contains a PAN. The
// masked one is never longer, or a body of short numbers (62e17) would grow
// threefold.
func number(text string) (masked string, count int) {
	if n, err := jsonvalue.ParseNumber(text); err == nil {
		if masked, count = Text(string(n)); count > 0 && len(masked) > len(text) {
			masked = strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return '*'
				}
				return r
			}, text)
		}
	}
	if count == 0 {
		return Text(text)
	}
	return masked, count
}

// reading is a body with its escapes read: a byte for each escape and for each
// other byte.
type reading struct {
	text   []byte
	offset []int // of each byte of the text: where it, or its escape, is in the body
	index  []int // of each byte of the body: where in the text, or -1 within an escape
}

func read(body []byte) *reading {
	r := &reading{text: make([]byte, 0, len(body)), index: make([]int, len(body))}
	for i := 0; i < len(body); {
		c, n := character(body[i:])
		for j := range n {
			r.index[i+j] = -1
		}
		r.index[i] = len(r.text)
		r.text = append(r.text, c)
		r.offset = append(r.offset, i)
		i += n
	}
	return r
}

// character reads the first byte or escape of b. Of the escapes only those
// matter that can be of a digit or separator, and the one of the backslash.
func character(b []byte) (c byte, n int) {
	if b[0] != '\\' {
		return b[0], 1
	}
	if len(b) >= 2 && b[1] == '\\' {
		return '\\', 2
	}
	if len(b) >= escapeLen && b[1] == 'u' {
		if code, err := strconv.ParseUint(string(b[2:escapeLen]), 16, 16); err == nil {
			return byte(min(code, 0xff)), escapeLen // of no interest above ASCII
		}
	}
	return '\\', 1
}

// maskAt masks the PAN that begins at byte i of the body, as it is or as it
// reads, in both. It reports whether there was one.
func (r *reading) maskAt(body []byte, i int) bool {
	if end := cardAt(body, i); end > 0 {
		mask(body[i:end])
		// Of an escape before other digits (\u4111111111111111) at most four are
		// in the PAN, its first, which stay.
		for j := i; j < end; j++ {
			if body[j] == '*' {
				r.text[r.index[j]] = '*'
			}
		}
		return true
	}
	k := r.index[i]
	if k < 0 {
		return false
	}
	end := cardAt(r.text, k)
	if end == 0 {
		return false
	}
	mask(r.text[k:end])
	for ; k < end; k++ {
		if r.text[k] != '*' {
			continue
		}
		if at := r.offset[k]; body[at] == '\\' {
			copy(body[at:], `\u002a`)
		} else {
			body[at] = '*'
		}
	}
	return true
}
