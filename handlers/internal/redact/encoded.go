package redact

import (
	"bytes"
	"encoding/hex"
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of the search within encodings.
const (
	// maxEncodings is how many nested encodings are decoded: base64 within
	// percent-encoding within a JSON string counts as three.
	maxEncodings = 3

	// maxRounds bounds how often a text is searched again after something in it
	// was masked. Two rounds are usual; only a crafted text needs more.
	maxRounds = 4

	// maxWork bounds how often each byte is read, in all encodings together, so that
	// the time is linear in the length. A text of card numbers only, encoded three times,
	// needs 76; only a crafted one needs more.
	maxWork = 96

	// minBase64 is the length of a PAN of minDigits in base64 without padding.
	minBase64 = (minDigits*4 + 2) / 3
)

// masker masks the PANs of texts. The zero value masks what Text does.
type masker struct {
	blobs bool                                // whether to decode base64
	keep  func(b []byte, start, end int) bool // whether digits stay; nil if none do
	count int                                 // how many PANs were masked
	work  int                                 // how many bytes may still be read

	last     rune // the latest character beyond ASCII that was looked up
	lastKind class

	// Buffers to use again.
	digits chain
	found  []card
	again  []card
	stages [maxEncodings]stage
}

// workFor is the work that is allowed for a text.
func workFor(length int) int { return maxWork * (length + 256) }

// level masks every PAN in a text and in what it encodes, and reports whether there
// was one. The text keeps its length. If it is what a JSON string is written as (inJSON),
// JSON's escapes are decoded before all others.
func (m *masker) level(b []byte, encodings int, inJSON bool) bool {
	if len(b) < minDigits {
		return false
	}
	for round := range maxRounds {
		m.work -= len(b)
		again, digits := false, mayHoldPAN(b)
		// First what is encoded: there, the card number is whole.
		if encodings > 0 && (digits || m.blobs) {
			again = m.unescape(b, encodings-1, inJSON)
		}
		if digits {
			m.work -= len(b)
			n := m.search(b) + m.maskNumbers(b)
			m.count += n
			again = again || n > 0
		}
		if encodings > 0 && m.blobs {
			again = m.inBase64(b, encodings-1) || again
		}
		if m.work < 0 {
			break
		}
		if !again {
			return round > 0
		}
	}
	// Masking in one encoding keeps creating PANs in another, or there are too many
	// encodings. Only a crafted text does that, so none of its letters and digits are kept.
	for i, c := range b {
		if isAlphanumeric(c) {
			b[i] = '*'
		}
	}
	m.count++
	return true
}

// maskNumbers masks the digits of the numbers with an exponent whose value contains a
// PAN, and returns how many there were. It leaves out short ones (62e17), because UUIDs and
// other hexadecimal numbers have them by chance.
func (m *masker) maskNumbers(b []byte) (count int) {
	for from := 0; ; {
		start, end := exponent(b, from)
		if end == 0 {
			return count
		}
		if mantissa := bytes.IndexAny(b[start:end], "eE"); mantissa < minDigits {
			from = end
			continue
		}
		if _, n := m.number(string(b[start:end])); n > 0 {
			for i := start; i < end; i++ {
				if isDigit(b[i]) {
					b[i] = '*'
				}
			}
			count++
		}
		from = end
	}
}

// maxNumber bounds, in bytes, the numbers whose exponent is read. The numbers that a
// transaction can hold are far shorter.
const maxNumber = 64

// exponent returns the bounds of the first JSON number with an exponent after from;
// end is 0 if there is none.
func exponent(b []byte, from int) (start, end int) {
	inNumber := func(c byte) bool { return isDigit(c) || c == '.' }
	for i := from; i < len(b); i++ {
		if b[i] != 'e' && b[i] != 'E' || i == 0 || !inNumber(b[i-1]) {
			continue
		}
		start, end := i, i+1
		for start > from && i-start < maxNumber && inNumber(b[start-1]) {
			start--
		}
		if end < len(b) && (b[end] == '+' || b[end] == '-') {
			end++
		}
		digits := end
		for end < len(b) && end-digits < maxNumber && isDigit(b[end]) {
			end++
		}
		if end > digits && isBoundary(b, start-1) && isBoundary(b, end) {
			return start, end
		}
	}
	return 0, 0
}

// isBoundary reports whether a number may end before, or begin after, the byte at i.
func isBoundary(b []byte, i int) bool {
	return i < 0 || i >= len(b) || !isAlphanumeric(b[i]) && b[i] < utf8.RuneSelf && b[i] != '.' && b[i] != '_'
}

// stage holds what a text encodes.
type stage struct {
	text   []byte
	before []byte  // a copy of the text before it was changed
	at     []int32 // offset in the encoded text of each byte, of escapes

	stretches []stretch // of base64
}

// escape is an encoding of single characters.
type escape struct {
	next  func(b []byte) (c byte, n int) // decodes the first one of a text; its length is 1 if it is none
	write func(escape []byte, c byte)    // encodes another character over one
}

// escapes holds for each byte the encoding of which it begins a character.
var escapes = [256]*escape{
	'\\': {nextEscape, writeEscape},
	'%':  {nextPercent, writePercent},
	'&':  {nextReference, writeReference},
}

// unescape decodes the escapes of a text (only JSON's if it stands in JSON), and masks the
// PANs in it.
func (m *masker) unescape(b []byte, encodings int, inJSON bool) bool {
	first := bytes.IndexByte(b, '\\')
	if inJSON = inJSON && first >= 0; !inJSON {
		first = bytes.IndexAny(b, `\\%&`)
	}
	if first < 0 || m.work < 0 {
		return false
	}
	m.work -= len(b)
	d := &m.stages[encodings]
	d.text, d.at = append(d.text[:0], b[:first]...), slices.Grow(d.at[:0], len(b)+1)
	for i := range first {
		d.at = append(d.at, int32(i))
	}
	form := !inJSON && isForm(b)
	for i := 0; i < first && form; i++ {
		if d.text[i] == '+' {
			d.text[i] = ' '
		}
	}
	for i := first; i < len(b); {
		c, n := b[i], 1
		if form && c == '+' {
			c = ' '
		} else if e := escapes[c]; e != nil && (!inJSON || c == '\\') {
			c, n = e.next(b[i:])
		}
		d.text = append(d.text, c)
		d.at = append(d.at, int32(i))
		i += n
	}
	d.at = append(d.at, int32(len(b)))
	if len(d.text) == len(b) {
		return false // there were no valid ones
	}
	d.before = append(d.before[:0], d.text...)
	if !m.level(d.text, encodings, false) {
		return false
	}
	for i, c := range d.text {
		if c == d.before[i] {
			continue
		}
		if written := b[d.at[i]:d.at[i+1]]; len(written) > 1 {
			escapes[written[0]].write(written, c)
		} else {
			written[0] = c
		}
	}
	return true
}

// isForm reports whether the plus signs of a text stand for spaces, because the other
// characters of base64 that a form encodes, and so the plus signs of base64, are encoded.
// https://url.spec.whatwg.org/#application-x-www-form-urlencoded-percent-encode-set
func isForm(b []byte) bool {
	for _, encoded := range []string{"%2B", "%2F", "%3D", "%2b", "%2f", "%3d"} {
		if bytes.Contains(b, []byte(encoded)) {
			return true
		}
	}
	return false
}

// nextPercent decodes percent-encoding, and %u0034, which JavaScript's escape writes. It
// keeps plus signs, because base64 in a form may contain them unencoded.
// https://url.spec.whatwg.org/#percent-encoded-bytes
func nextPercent(b []byte) (byte, int) {
	var c [1]byte
	if len(b) >= 3 {
		if _, err := hex.Decode(c[:], b[1:3]); err == nil {
			return c[0], 3
		}
	}
	if len(b) >= escapeLen && b[1] == 'u' {
		if r, ok := hexRune(b[2:escapeLen]); ok {
			return fold(r), escapeLen
		}
	}
	return '%', 1
}

func writePercent(escape []byte, c byte) {
	const digits = "0123456789ABCDEF"
	n := len(escape)
	if n == escapeLen {
		copy(escape, "%u00")
	}
	escape[n-2], escape[n-1] = digits[c>>4], digits[c&15]
}

// escapeLen is the length of an escape such as \u0034.
const escapeLen = 6

// nextEscape decodes an escape of JSON strings. A character beyond ASCII becomes an
// ASCII character of the same meaning.
func nextEscape(b []byte) (byte, int) {
	if len(b) < 2 {
		return '\\', 1
	}
	switch b[1] {
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't', 'b', 'f':
		return '\t', 2
	case '/', '"', '\\':
		return b[1], 2
	case 'u':
		if len(b) < escapeLen {
			break
		}
		r, ok := hexRune(b[2:escapeLen])
		if !ok {
			break
		}
		if utf16.IsSurrogate(r) && len(b) >= 2*escapeLen && b[escapeLen] == '\\' && b[escapeLen+1] == 'u' {
			if low, ok := hexRune(b[escapeLen+2 : 2*escapeLen]); ok {
				if r := utf16.DecodeRune(r, low); r != utf8.RuneError {
					return fold(r), 2 * escapeLen
				}
			}
		}
		return fold(r), escapeLen
	}
	return '\\', 1
}

func writeEscape(escape []byte, c byte) {
	const digits = "0123456789abcdef"
	for ; len(escape) >= escapeLen; escape = escape[escapeLen:] {
		copy(escape, `\u00`)
		escape[4], escape[5] = digits[c>>4], digits[c&15]
	}
}

func hexRune(b []byte) (rune, bool) {
	code, err := strconv.ParseUint(string(b), 16, 16)
	return rune(code), err == nil
}

// maxReference is the length of the longest name of an HTML character reference that
// matters, such as NegativeMediumSpace, or number with leading zeros.
const maxReference = 24

// nextReference decodes an HTML character reference, such as &nbsp; or &#52;. Those with
// a number, and a few old ones, may lack the semicolon.
// https://html.spec.whatwg.org/multipage/named-characters.html
func nextReference(b []byte) (byte, int) {
	end := 1
	if end < len(b) && b[end] == '#' {
		end++
	}
	for end < len(b) && end < maxReference && isAlphanumeric(b[end]) {
		end++
	}
	if end < len(b) && b[end] == ';' {
		end++
	} else if end > 1 && b[1] != '#' {
		end = 0
		for _, name := range []string{"&nbsp", "&shy", "&middot", "&sup1", "&sup2", "&sup3", "&amp"} {
			if bytes.HasPrefix(b, []byte(name)) {
				end = len(name)
			}
		}
	}
	if end < 4 {
		return '&', 1
	}
	text := string(b[:end])
	r, size := utf8.DecodeRuneInString(html.UnescapeString(text))
	if text = html.UnescapeString(text); len(text) != size {
		return '&', 1 // not a reference, or to several characters
	}
	return fold(r), end
}

func writeReference(escape []byte, c byte) {
	n := len(escape)
	if c != '*' || n < len("&#42;") {
		for i := range escape {
			escape[i] = '*' // a text of &#4 and so on
		}
		return
	}
	copy(escape, "&#"+strings.Repeat("0", n-len("&#42;"))+"42;")
}

// alphabet is the standard alphabet of base64.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// What a byte other than the 64 characters is in base64.
const (
	noBase64 = -1 // it ends it
	ignored  = -2 // a space or line end: it may break it
)

// base64Values maps each character of base64's two alphabets, the standard one and the
// one for URLs, to its value. In spacedValues, the plus sign stands for a space.
var base64Values, spacedValues = func() (values, spaced [256]int8) {
	for i := range values {
		values[i] = noBase64
	}
	for i, c := range alphabet {
		values[c] = int8(i)
	}
	values['-'], values['_'] = 62, 63
	for _, c := range " \t\r\n" {
		values[c] = ignored
	}
	spaced = values
	spaced['+'] = ignored
	return values, spaced
}()

// stretch is a part of a text that may be base64 and is long enough for a PAN.
type stretch struct {
	from, to int
	plus     bool // whether it has plus signs
}

// stretchesOf appends the stretches of a text that may be base64.
func stretchesOf(b []byte, stretches []stretch) []stretch {
	s, n := stretch{}, 0
	for i, c := range b {
		if v := base64Values[c]; v >= 0 {
			if n == 0 {
				s = stretch{from: i}
			}
			n++
			s.to = i + 1
			s.plus = s.plus || c == '+'
		} else if v == noBase64 {
			if n >= minBase64 {
				stretches = append(stretches, s)
			}
			n = 0
		}
	}
	if n >= minBase64 {
		stretches = append(stretches, s)
	}
	return stretches
}

// inBase64 decodes every stretch of a text that may be base64, and masks the PANs in it.
// The base64 may begin after the stretch's first 0 to 3 characters or later, and its
// plus signs may stand for spaces.
func (m *masker) inBase64(b []byte, encodings int) (found bool) {
	d := &m.stages[encodings]
	d.stretches = stretchesOf(b, d.stretches[:0])
	for _, s := range d.stretches {
		for skip := range 4 {
			found = m.base64(b[s.from:s.to], skip, &base64Values, encodings) || found
		}
		for skip := 0; s.plus && skip < 4; skip++ {
			found = m.base64(b[s.from:s.to], skip, &spacedValues, encodings) || found
		}
	}
	return found
}

// base64 decodes a stretch without its first characters, and masks the PANs in
// what is text.
func (m *masker) base64(b []byte, skip int, values *[256]int8, encodings int) bool {
	if m.work < 0 {
		return false
	}
	m.work -= len(b) / 2
	for i := 0; skip > 0 && i < len(b); i++ {
		if values[b[i]] >= 0 {
			if skip--; skip == 0 {
				b = b[i+1:]
			}
		}
	}
	d := &m.stages[encodings]
	d.text = d.text[:0]
	var bits uint32
	n := 0
	for i, c := range b {
		value := values[c]
		if value < 0 {
			if value == noBase64 { // something was masked
				b = b[:i]
				break
			}
			continue
		}
		bits = bits<<6 | uint32(value)
		if n++; n%4 == 0 {
			d.text = append(d.text, byte(bits>>16), byte(bits>>8), byte(bits))
		}
	}
	switch n % 4 {
	case 2:
		d.text = append(d.text, byte(bits>>4))
	case 3:
		d.text = append(d.text, byte(bits>>10), byte(bits>>2))
	}
	found := false
	for from := 0; ; {
		start, end := nextText(d.text, from)
		if end == 0 {
			break
		}
		if from == 0 {
			d.before = append(d.before[:0], d.text...)
		}
		found = m.level(d.text[start:end], encodings, false) || found
		from = end
	}
	if found {
		d.putBase64(b, values)
	}
	return found
}

// putBase64 encodes the changes of the text into b. A character changes only if its
// bits do; bits beyond the last byte stay.
func (d *stage) putBase64(b []byte, values *[256]int8) {
	var places [4]int
	n, at := 0, 0
	flush := func() {
		var changed uint32
		for k := range n - 1 {
			changed |= uint32(d.text[at+k]^d.before[at+k]) << (16 - 8*k)
		}
		for k := 0; changed != 0 && k < n; k++ {
			if flip := byte(changed >> (18 - 6*k) & 63); flip != 0 {
				b[places[k]] = alphabet[byte(values[b[places[k]]])^flip]
			}
		}
		at, n = at+n-1, 0
	}
	for i, c := range b {
		if values[c] < 0 {
			continue
		}
		places[n] = i
		if n++; n == 4 {
			flush()
		}
	}
	if n > 1 {
		flush()
	}
}

// nextText returns the bounds of the first stretch of text, from an offset on, in which a
// PAN could be written, raw or encoded once more; end is 0 if there is none. What only
// looks like base64 rarely decodes to one.
func nextText(b []byte, from int) (start, end int) {
	start = from
	characters := 0
	for i := from; i < len(b); {
		size, text := 1, true
		switch c := b[i]; {
		case c >= utf8.RuneSelf:
			var r rune
			r, size = utf8.DecodeRune(b[i:])
			text = r != utf8.RuneError
		case c < ' ' || c == 0x7F:
			text = c == '\t' || c == '\n' || c == '\r'
		}
		if text {
			characters++
		} else {
			if characters >= minDigits {
				return start, i
			}
			start, characters = i+size, 0
		}
		i += size
	}
	if characters >= minDigits {
		return start, len(b)
	}
	return 0, 0
}
