package redact

import (
	"slices"
	"unicode/utf8"
)

// Lengths of a PAN (ISO/IEC 7812), and how many of its digits stay visible.
const (
	minDigits = 13
	maxDigits = 19
	keepFirst = 6
	keepLast  = 4
)

// maxSeparators is how many visible characters may stand between two digits of a
// PAN.
const maxSeparators = 8

// What stands before a digit; any greater number stands for a certain text.
const (
	glued = iota // the digit before it
	loose        // the digit before it, then one space or dash, or only invisible characters
	start        // something that ends a PAN
	texts        // the first of the numbers that stand for a text
)

// aDigit is a digit of a text and where it is.
type aDigit struct {
	at     int32
	gap    uint32 // what stands before it: glued, loose, start or a text
	size   uint8  // bytes
	value  uint8
	hidden bool // masked
}

// chain is a series of digits with only separators between them.
type chain []aDigit

// search masks the PANs of a text as it is, and returns how many there were. Every
// byte of a masked digit becomes an asterisk.
func (m *masker) search(b []byte) (count int) {
	digits := m.digits[:0]
	gap, group, visible := uint32(start), 0, 0 // group: how many digits are glued
	end := func() {
		if len(digits) >= minDigits {
			count += m.mask(b, digits)
		}
		digits, gap, visible = digits[:0], start, 0
	}
	for i := 0; i < len(b); {
		var (
			kind  class
			value byte
			r     = rune(b[i])
			size  = 1
		)
		if r < utf8.RuneSelf {
			kind, value = ascii[r], b[i]-'0'
		} else {
			r, size = utf8.DecodeRune(b[i:])
			if v, ok := digitValue(r); ok {
				kind, value = digit, v
			} else if len(digits) > 0 {
				if r != m.last {
					m.last, m.lastKind = r, separator(r)
				}
				kind = m.lastKind
			}
		}
		switch {
		case kind == digit:
			group++
			if gap != glued {
				group = 1
			}
			if group <= maxDigits {
				digits = append(digits, aDigit{at: int32(i), gap: gap, size: uint8(size), value: value})
			} else if group == maxDigits+1 { // too many: none of them is a PAN's
				digits = digits[:len(digits)-maxDigits]
				end()
			}
			gap, visible = glued, 0
		case len(digits) == 0:
			gap = start
		case kind == other || kind != invisible && visible == maxSeparators:
			end()
		case kind == invisible:
			if gap == glued {
				gap = loose
			}
		default:
			visible++
			if visible == 1 && kind == narrow {
				gap = loose
			} else {
				gap = max(texts, gap*31+uint32(symbol(r, kind))+texts)
			}
		}
		i += size
	}
	end()
	m.digits = digits[:0]
	return count
}

// symbol returns what a separator is compared by with others: which space or dash
// it is does not matter, nor how it is written.
func symbol(r rune, kind class) byte {
	if kind == narrow {
		return ' '
	}
	return fold(r)
}

// card is a PAN: the digits from start to before end of a chain.
type card struct{ start, end int }

// mask masks the PANs of a chain in the text b. It first finds all, also those that
// overlap, so that none shows more of its digits than it may because another was
// masked. Masking may leave another at its edge: search there again.
func (m *masker) mask(b []byte, digits chain) (count int) {
	again := append(m.again[:0], card{0, len(digits)})
	for len(again) > 0 {
		found := m.found[:0]
		for _, region := range again {
			for i := region.start; i < region.end; i++ {
				if end := digits.longest(i); end > 0 && !m.keeps(b, digits[i:end]) {
					found = append(found, card{i, end})
				}
			}
		}
		again = again[:0]
		for _, c := range found {
			first := true
			for k := c.start + keepFirst; k < c.end-keepLast; k++ {
				if d := &digits[k]; !d.hidden {
					d.hidden = true
					for at := range int32(d.size) {
						b[d.at+at] = '*'
					}
					if first {
						count, first = count+1, false
					}
				}
			}
			// A PAN that ends or begins at a masked digit of this one.
			region := card{max(0, c.start+keepFirst-maxDigits), c.end}
			if n := len(again); n > 0 && again[n-1].end >= region.start {
				again[n-1].end = max(again[n-1].end, region.end)
			} else {
				again = append(again, region)
			}
		}
		m.found = found[:0]
	}
	m.again = again
	return count
}

// longest returns the end of the longest PAN that begins at a digit, or 0.
func (c chain) longest(from int) (end int) {
	if c[from].hidden || from > 0 && c[from].gap == glued && !c[from-1].hidden || from+minDigits > len(c) {
		return 0
	}
	prefix := int(c[from].value)*10 + int(c[from+1].value)
	if !mayBegin[prefix] {
		return 0
	}
	prefix = prefix*100 + int(c[from+2].value)*10 + int(c[from+3].value)
	lengths := lengthsOf(prefix)
	if lengths == 0 {
		return 0
	}
	var (
		g    grouping
		sums [2]int // with the digits at even, and at odd places doubled
	)
	for i := from; i < len(c) && i < from+maxDigits && !c[i].hidden; i++ {
		d, n := c[i], i-from+1
		if i > from && d.gap != glued {
			g.add(d.gap)
		}
		g.digits++
		sums[(n-1)%2] += int(doubled[d.value])
		sums[n%2] += int(d.value)
		if n < minDigits || lengths&(1<<n) == 0 || sums[n%2]%10 != 0 {
			continue
		}
		if bounded := i+1 == len(c) || c[i+1].gap != glued || c[i+1].hidden; bounded && g.plausible(n) {
			end = i + 1
		}
	}
	return end
}

// grouping describes how the digits of a number are grouped.
type grouping struct {
	digits   int    // of the group that is not yet complete
	gaps     int    // how many groups are complete
	gap      uint32 // the first gap
	shortest int    // length of the shortest complete group
	longest  int    // length of the longest complete group
	first    int    // length of the first group
	others   bool   // whether there are different gaps
	unusual  bool   // whether there is a gap that is not loose
	unequal  bool   // whether a complete group after the first is not of three digits
}

func (g *grouping) add(gap uint32) {
	if g.gaps == 0 {
		g.gap, g.first, g.shortest, g.longest = gap, g.digits, g.digits, g.digits
	} else {
		g.shortest, g.longest = min(g.shortest, g.digits), max(g.longest, g.digits)
		g.unequal = g.unequal || g.digits != 3
	}
	g.others = g.others || gap != g.gap
	g.unusual = g.unusual || gap != loose
	g.gaps++
	g.digits = 0
}

// plausible reports whether a card number of n digits may be grouped like this. One space
// or dash, or what cannot be seen, may stand anywhere. With other or longer
// separators, dates, amounts and lists of numbers would often be a card number by
// chance, so that the digits must stand in
//
//   - groups of four or more, of which the last may be shorter if there are three
//     or more: 4-4-4-4, 4-6-5, 4-6-4, 4-4-4-4-3, 8-8, 6-10, but not 1-15, which is a
//     decimal number;
//   - single digits; or
//   - three groups or more with the same separator between all of them, if these are
//     15 digits or more, or are grouped as thousands.
func (g *grouping) plausible(n int) bool {
	if !g.unusual {
		return true
	}
	if g.shortest >= 4 && (g.digits >= 4 || g.gaps >= 2) {
		return true
	}
	if g.longest == 1 && g.digits == 1 {
		return true
	}
	thousands := g.first <= 3 && !g.unequal && g.digits == 3
	return !g.others && g.gaps >= 2 && (n >= 15 || thousands)
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
	{"Mir", 2200, 2204, []int{16, 17, 18, 19}},
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

// lengthsOf returns the lengths of the PANs with a prefix of four digits: bit n is set
// if n digits are a length.
func lengthsOf(prefix int) (lengths uint32) {
	for _, network := range networks {
		p := prefix
		for limit := 1000; network.to < limit; limit /= 10 {
			p /= 10
		}
		if p >= network.from && p <= network.to {
			for _, n := range network.lengths {
				lengths |= 1 << n
			}
		}
	}
	return lengths
}

// mayBegin tells whether two digits begin a PAN, because most do not.
var mayBegin = func() (table [100]bool) {
	for _, network := range networks {
		from, to := network.from, network.to
		for to < 10 {
			from, to = from*10, to*10+9
		}
		for to >= 100 {
			from, to = from/10, to/10
		}
		for ; from <= to; from++ {
			table[from] = true
		}
	}
	return table
}()

// doubled is what a digit adds to the sum of the check digit (ISO/IEC 7812-1, annex B)
// where digits are doubled.
var doubled = [10]uint8{0, 2, 4, 6, 8, 1, 3, 5, 7, 9}

// keeps reports whether digits are of an id that stays as it is: see Body.
func (m *masker) keeps(b []byte, digits chain) bool {
	first, last := digits[0], digits[len(digits)-1]
	if m.keep == nil || slices.ContainsFunc(digits, func(d aDigit) bool { return d.size > 1 }) {
		return false
	}
	return m.keep(b, int(first.at), int(last.at)+1)
}
