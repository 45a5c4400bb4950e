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

// Body masks every PAN, as Text does, in a body that should be JSON or a form, but may
// be anything. It searches the bytes as they are and the texts that they encode,
// wherever these stand. It decodes JSON's escapes (\u0034 is a 4), percent-encoding
// and the + of forms, and base64 in both alphabets, with or without padding and line
// breaks; up to maxEncodings encodings may be nested.
//
// If the body is JSON, a number with a PAN, in whatever notation (4.1e15), becomes a
// string. In an encoded text, the digits of such a number become asterisks. All other
// bytes stay the same, and the result is JSON, or validly encoded, if the body was.
func Body(body string) string {
	b := []byte(body)
	if out, ok := numbers(b); ok {
		b = out
	}
	maskEscaped(b)
	maskEncoded(b, maxEncodings)
	return string(b)
}

// maskEscaped masks the PANs in a text as it is and in the text with its JSON escapes
// decoded, and repeats this until neither has one.
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

// numbers turns the JSON numbers with a PAN into strings; ok reports whether body is
// JSON.
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
// result is never longer than the literal: otherwise, a body of short numbers (62e17)
// would grow threefold.
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

// reading is a body with its escapes decoded: one byte for each escape and for each
// other byte.
type reading struct {
	text   []byte
	offset []int // for each byte of the text: the offset of it, or of its escape, in the body
	index  []int // for each byte of the body: its index in the text, or -1 within an escape
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

// character reads the first byte or escape of b. It decodes only \uXXXX, which can
// stand for a digit or separator, and the escaped backslash.
func character(b []byte) (c byte, n int) {
	if b[0] != '\\' {
		return b[0], 1
	}
	if len(b) >= 2 && b[1] == '\\' {
		return '\\', 2
	}
	if len(b) >= escapeLen && b[1] == 'u' {
		if code, err := strconv.ParseUint(string(b[2:escapeLen]), 16, 16); err == nil {
			return byte(min(code, 0xff)), escapeLen // the value does not matter above ASCII
		}
	}
	return '\\', 1
}

// maskAt masks the PAN that begins at byte i of the body, raw or decoded, in both the
// body and the decoded text. It reports whether there was one.
func (r *reading) maskAt(body []byte, i int) bool {
	if end := cardAt(body, i); end > 0 {
		mask(body[i:end])
		// If the PAN begins within an escape (\u4111111111111111), at most four of
		// its digits belong to the escape. They are its first, which stay visible.
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
