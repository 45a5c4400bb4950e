package redact

import (
	"bytes"
	"encoding/hex"
	"slices"
)

// Bounds of the search within encodings. Every level reads each byte of the body
// a bounded number of times, so the time is linear in the body's length.
const (
	// maxEncodings is how many nested encodings are decoded: base64 within
	// percent-encoding within a JSON string counts as three.
	maxEncodings = 3

	// maxRounds bounds how often a text is searched again after something in it
	// was masked. Two rounds are usual; only a crafted text needs more.
	maxRounds = 4

	// minBase64 is the length of a PAN of minDigits in base64 without padding.
	minBase64 = (minDigits*4 + 2) / 3
)

// maskEncoded masks every PAN in a text and in what it encodes, and reports
// whether there was one. The text keeps its length.
func maskEncoded(b []byte, encodings int) bool {
	for round := range maxRounds {
		again := maskSpaced(b)
		if encodings < maxEncodings {
			again = maskNumbers(b) || again
		}
		if encodings > 0 {
			for _, decode := range decoders {
				if d := decode(b); d != nil && maskEncoded(d.text, encodings-1) {
					d.put(b)
					again = true
				}
			}
		}
		if !again {
			return round > 0
		}
	}
	// Masking in one encoding keeps creating PANs in another. Only a crafted text
	// does that, so none of its letters and digits are kept.
	for i, c := range b {
		if values[c] >= 0 {
			b[i] = '*'
		}
	}
	return true
}

// maskSpaced masks the PANs of a text as it is, and those whose spaces are written
// as in a form.
func maskSpaced(b []byte) bool {
	found := maskAll(b)
	if bytes.IndexByte(b, '+') < 0 {
		return found
	}
	spaced := bytes.ReplaceAll(b, []byte("+"), []byte(" "))
	if !maskAll(spaced) {
		return found
	}
	for i, c := range spaced {
		if c == '*' {
			b[i] = '*'
		}
	}
	return true
}

// maskAll masks the PANs of a text as it is.
func maskAll(b []byte) bool {
	found := false
	for from := 0; ; found = true {
		start, end, ok := find(b, from)
		if !ok {
			return found
		}
		mask(b[start:end])
		from = max(0, start-maxSpan) // as in Text
	}
}

// maskNumbers masks the digits of the numbers with an exponent whose value contains a
// PAN.
func maskNumbers(b []byte) bool {
	found := false
	for from := 0; ; {
		start, end := exponent(b, from)
		if end == 0 {
			return found
		}
		if _, n := number(string(b[start:end])); n > 0 {
			for i := start; i < end; i++ {
				if isDigit(b[i]) {
					b[i] = '*'
				}
			}
			found = true
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
		start, end = i, i+1
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

// isBoundary reports whether a JSON number may end before, or begin after, the byte
// at i.
func isBoundary(b []byte, i int) bool {
	return i < 0 || i >= len(b) || bytes.IndexByte([]byte(" \t\r\n,:[]{}-"), b[i]) >= 0
}

// decoded is the text that another text encodes.
type decoded struct {
	text   []byte
	before []byte         // a copy of the text before it was changed
	put    func(b []byte) // encodes the changes of the text into b, from which it was decoded
}

// decoders read one encoding each. They return nil if a text does not use it.
var decoders = []func(b []byte) *decoded{
	jsonEscapes, percent,
	func(b []byte) *decoded { return base64(b, 0) },
	func(b []byte) *decoded { return base64(b, 1) },
	func(b []byte) *decoded { return base64(b, 2) },
	func(b []byte) *decoded { return base64(b, 3) },
}

// sequences decodes a text of characters and escape sequences. The sequences begin
// with prefix; next decodes the first one of a text and returns its length, and
// write encodes another character over a sequence.
func sequences(b []byte, prefix byte, next func(b []byte) (c byte, n int), write func(sequence []byte, c byte)) *decoded {
	if bytes.IndexByte(b, prefix) < 0 {
		return nil
	}
	d := &decoded{text: make([]byte, 0, len(b))}
	offsets := make([]int32, 0, len(b)+1) // in b, of each byte of the text
	for i := 0; i < len(b); {
		c, n := b[i], 1
		if c == prefix {
			c, n = next(b[i:])
		}
		d.text = append(d.text, c)
		offsets = append(offsets, int32(i))
		i += n
	}
	if len(d.text) == len(b) {
		return nil // prefix begins no valid sequence
	}
	d.before = slices.Clone(d.text)
	offsets = append(offsets, int32(len(b)))
	d.put = func(b []byte) {
		for i, c := range d.text {
			if c == d.before[i] {
				continue
			}
			if sequence := b[offsets[i]:offsets[i+1]]; len(sequence) > 1 {
				write(sequence, c)
			} else {
				sequence[0] = c
			}
		}
	}
	return d
}

// percent decodes percent-encoding. It keeps plus signs, because base64 in a form
// may contain them unencoded.
// https://url.spec.whatwg.org/#percent-encoded-bytes
func percent(b []byte) *decoded {
	return sequences(b, '%', func(b []byte) (byte, int) {
		var c [1]byte
		if len(b) >= 3 {
			if _, err := hex.Decode(c[:], b[1:3]); err == nil {
				return c[0], 3
			}
		}
		return '%', 1
	}, func(sequence []byte, c byte) {
		const digits = "0123456789ABCDEF"
		sequence[1], sequence[2] = digits[c>>4], digits[c&15]
	})
}

// jsonEscapes decodes the escapes of JSON strings. A character beyond ASCII decodes to
// an arbitrary byte beyond ASCII, because which one it is does not matter.
func jsonEscapes(b []byte) *decoded {
	return sequences(b, '\\', func(b []byte) (byte, int) {
		if c, n := character(b); n > 1 {
			return c, n
		}
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
		case '/', '"':
			return b[1], 2
		}
		return '\\', 1
	}, func(sequence []byte, c byte) {
		if len(sequence) == escapeLen {
			const digits = "0123456789abcdef"
			copy(sequence, `\u00`)
			sequence[4], sequence[5] = digits[c>>4], digits[c&15]
		}
	})
}

// alphabet is the standard alphabet of base64.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// values maps each character of base64's two alphabets, the standard one and the one
// for URLs, to its value, and all other bytes to -1.
var values = func() (v [256]int8) {
	for i := range v {
		v[i] = -1
	}
	for i, c := range alphabet {
		v[c] = int8(i)
	}
	v['-'], v['_'] = 62, 63
	return v
}()

// run is a stretch of a text that may be base64.
type run struct {
	places []int32 // offsets of its characters in the text
	start  int     // offset of its decoded bytes in the decoded text of all runs
}

// base64 decodes every stretch of a text that may be base64 and is long enough for a
// PAN. It leaves out the stretch's first skip characters, because the stretch may
// begin before the base64 does, and ignores line breaks. A zero byte separates what
// the stretches encode.
func base64(b []byte, skip int) *decoded {
	var (
		runs   []run
		places []int32 // of all runs
		text   []byte
	)
	for i := 0; i < len(b); i++ {
		end, n := stretch(b, i)
		if n >= minBase64+skip {
			if places == nil {
				places, text = make([]int32, 0, len(b)-i), make([]byte, 0, (len(b)-i)/4*3+3)
			}
			first := len(places)
			for ; i < end; i++ {
				if values[b[i]] >= 0 {
					places = append(places, int32(i))
				}
			}
			r := run{places: places[first+skip:], start: len(text)}
			for j := 0; j+1 < len(r.places); j += 4 {
				group, n := r.group(b, j)
				text = append(text, group[:n-1]...)
			}
			if holdsText(text[r.start:]) {
				text = append(text, 0)
				runs = append(runs, r)
			} else {
				places, text = places[:first], text[:r.start]
			}
		}
		i = end
	}
	if runs == nil {
		return nil
	}
	d := &decoded{text: text, before: slices.Clone(text)}
	d.put = func(b []byte) {
		for _, r := range runs {
			for j := 0; j+1 < len(r.places); j += 4 {
				at := r.start + j/4*3
				n := min(4, len(r.places)-j)
				if !bytes.Equal(d.text[at:at+n-1], d.before[at:at+n-1]) {
					r.setGroup(b, j, d.text[at:at+n-1], d.before[at:at+n-1])
				}
			}
		}
	}
	return d
}

// stretch returns the end of the base64 characters and line breaks that begin at i,
// and the number of characters among them. Lines may be indented, as folded ones are.
func stretch(b []byte, i int) (end, n int) {
	indented := false
	for end = i; end < len(b); end++ {
		switch c := b[end]; {
		case values[c] >= 0:
			n, indented = n+1, false
		case c == '\n' || c == '\r':
			indented = true
		case (c == ' ' || c == '\t') && indented:
		default:
			return end, n
		}
	}
	return end, n
}

// group decodes the up to four characters from j. It returns their bytes and the
// number n of characters, which encode n-1 bytes.
func (r run) group(b []byte, j int) (out [3]byte, n int) {
	var bits uint32
	n = min(4, len(r.places)-j)
	for k := range n {
		bits |= uint32(values[b[r.places[j+k]]]) << (18 - 6*k)
	}
	return [3]byte{byte(bits >> 16), byte(bits >> 8), byte(bits)}, n
}

// setGroup encodes text over the characters from j, which encoded before. A character
// changes only if its bits do; bits beyond the last byte stay.
func (r run) setGroup(b []byte, j int, text, before []byte) {
	var changed uint32
	for k := range text {
		changed |= uint32(text[k]^before[k]) << (16 - 8*k)
	}
	for k := range len(text) + 1 {
		flip := byte(changed >> (18 - 6*k) & 63)
		if flip == 0 {
			continue
		}
		place := r.places[j+k]
		b[place] = alphabet[byte(values[b[place]])^flip]
	}
}

// holdsText reports whether bytes contain a stretch of characters in which a PAN
// could be written, raw or encoded once more. Text that only looks like base64 rarely
// decodes to such a stretch.
func holdsText(b []byte) bool {
	n := 0
	for _, c := range b {
		if values[c] < 0 && c != ' ' && c != '%' && c != '\\' && c != '.' && c != '\r' && c != '\n' {
			n = 0
			continue
		}
		if n++; n >= minDigits {
			return true
		}
	}
	return false
}
