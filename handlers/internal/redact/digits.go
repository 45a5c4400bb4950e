package redact

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// class is what a character means to a card number.
type class uint8

const (
	other     class = iota // a letter, another number, or *: no card number goes on after it
	digit                  // of any script
	narrow                 // a space or dash, or the + that a form writes for a space
	wide                   // any other separator: punctuation, symbols, tabs, line ends
	invisible              // nothing to be seen: controls, format characters, combining marks
)

// ascii holds the class of each ASCII character.
var ascii = func() (table [utf8.RuneSelf]class) {
	for c := range table {
		r := rune(c)
		switch {
		case r >= '0' && r <= '9':
			table[c] = digit
		case r == ' ' || r == '-' || r == '+':
			table[c] = narrow
		case unicode.IsLetter(r) || r == '*' || r == '%' || r == '&':
			// The asterisk masks. The others begin what is encoded: %31%32 has no
			// groups of two digits.
			table[c] = other
		case unicode.IsControl(r) && !unicode.IsSpace(r):
			table[c] = invisible
		default:
			table[c] = wide
		}
	}
	return table
}()

// span is a series of characters for consecutive digits.
type span struct {
	from, to rune // inclusive
	first    byte // the value of from
}

// digitSpans lists the digits beyond ASCII, sorted: the decimal digits of all scripts
// (Nd) and the superscript, subscript, circled, parenthesised and similar ones, which
// have a digit value but are no decimal digits (Numeric_Type=Digit).
// https://www.unicode.org/Public/UCD/latest/ucd/extracted/DerivedNumericType.txt
var digitSpans = func() (spans []span) {
	add := func(from, to rune) {
		for ; from <= to; from += 10 { // the digits of a script are 0 to 9, in this order
			if from >= utf8.RuneSelf {
				spans = append(spans, span{from, from + 9, 0})
			}
		}
	}
	for _, r := range unicode.Nd.R16 {
		add(rune(r.Lo), rune(r.Hi))
	}
	for _, r := range unicode.Nd.R32 {
		add(rune(r.Lo), rune(r.Hi))
	}
	spans = append(spans,
		span{0xB2, 0xB3, 2}, span{0xB9, 0xB9, 1}, span{0x2070, 0x2070, 0}, span{0x2074, 0x2079, 4}, // superscript
		span{0x2080, 0x2089, 0},                          // subscript
		span{0x1369, 0x1371, 1},                          // Ethiopic
		span{0x19DA, 0x19DA, 1},                          // New Tai Lue
		span{0x2460, 0x2468, 1}, span{0x24EA, 0x24EA, 0}, // circled
		span{0x2474, 0x247C, 1},                                                   // parenthesised
		span{0x2488, 0x2490, 1},                                                   // with a full stop
		span{0x24F5, 0x24FD, 1},                                                   // double circled
		span{0x24FF, 0x24FF, 0}, span{0x2776, 0x277E, 1}, span{0x278A, 0x2792, 1}, // negative circled
		span{0x2780, 0x2788, 1},                              // circled, sans serif
		span{0x10A40, 0x10A43, 1},                            // Kharoshthi
		span{0x10E60, 0x10E68, 1},                            // Rumi
		span{0x11052, 0x1105A, 1},                            // Brahmi
		span{0x1F100, 0x1F100, 0}, span{0x1F101, 0x1F10A, 0}, // with a full stop or comma
		span{0x1F10B, 0x1F10B, 0}, span{0x1F10C, 0x1F10C, 0}, // dingbats
	)
	slices.SortFunc(spans, func(a, b span) int { return int(a.from - b.from) })
	return spans
}()

// digitPages tells which blocks of 256 characters have digits, because most have none.
var digitPages = func() (pages [unicode.MaxRune>>8 + 1]bool) {
	for _, s := range digitSpans {
		pages[s.from>>8], pages[s.to>>8] = true, true
	}
	return pages
}()

// digitValue returns the value of a digit beyond ASCII.
func digitValue(r rune) (value byte, ok bool) {
	if !digitPages[r>>8] {
		return 0, false
	}
	i, found := slices.BinarySearchFunc(digitSpans, r, func(s span, r rune) int { return int(s.from - r) })
	if !found {
		i--
	}
	if i < 0 || r > digitSpans[i].to {
		return 0, false
	}
	return digitSpans[i].first + byte(r-digitSpans[i].from), true
}

// separator returns the class of a character beyond ASCII that is not a digit. A byte
// that is not UTF-8 is a separator, because other encodings have a space or dash there.
func separator(r rune) class {
	switch {
	case unicode.IsLetter(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), unicode.IsNumber(r):
		return other
	case unicode.Is(unicode.Zs, r), unicode.Is(unicode.Pd, r), r == '\u2212': // minus sign
		return narrow
	case unicode.IsSpace(r):
		return wide
	case unicode.IsControl(r), unicode.IsMark(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
		return invisible
	}
	return wide
}

// fold returns an ASCII character that means to a card number what r means.
func fold(r rune) byte {
	if r < utf8.RuneSelf {
		return byte(r)
	}
	if value, ok := digitValue(r); ok {
		return '0' + value
	}
	switch separator(r) {
	case narrow:
		return ' '
	case wide:
		return '|'
	case invisible:
		return 0
	}
	return '*'
}
