package redact

// ofIDs reports whether b[start:end] touches letters and digits of ids only: each is part of
// a text that isID knows. Such a text ends at something that is no letter or digit, or
// also no hyphen, or also no underscore.
func ofIDs(b []byte, start, end int, isID func(id []byte) bool) bool {
	for at := start; at < end; {
		if !isAlphanumeric(b[at]) {
			at++
			continue
		}
		next := 0
		for _, joined := range []string{"", "-", "-_"} {
			from, to := at, at
			for from > 0 && at-from <= maxID && inID(b[from-1], joined) {
				from--
			}
			for to < len(b) && to-at <= maxID && inID(b[to], joined) {
				to++
			}
			if to-from <= maxID && isID(b[from:to]) {
				next = to
			}
		}
		if next == 0 {
			return false
		}
		at = next
	}
	return true
}

// maxInID is how many digits in a row, next to letters, are an id's and not a PAN's.
const maxInID = 14

// maxID is the length, in bytes, of the longest id that is looked for.
const maxID = 256

func inID(c byte, joined string) bool {
	return isAlphanumeric(c) || len(joined) > 0 && c == joined[0] || len(joined) > 1 && c == joined[1]
}

// keptForm reports whether an id has a form in which providers write ids that may have 13
// digits in a row by chance, and in which nobody writes a card number:
//
//   - PayPal's transactions, orders and other objects: 17 capital letters and digits.
//     Two or more must be letters and no more than 14 digits in a row, so that only a
//     card number of 13 or 14 digits could have the form.
//     https://developer.paypal.com/docs/api/payments/v2/#definition-capture
//   - UUIDs (RFC 9562), with a version and variant, and three or more letters. Square
//     and PayPal use them for events, and many senders for payments.
//
// The ids of Stripe (ch_, 24 letters and digits of both cases) and Square (22 or more)
// do not have 13 digits in a row in practice; Adyen's PSP references are 16 capital
// letters and digits, or 16 digits that begin with 8, which no card network has.
func keptForm(id []byte) bool {
	letters, digits := 0, 0 // digits: in a row
	switch len(id) {
	case 17:
		for _, c := range id {
			switch {
			case c >= 'A' && c <= 'Z':
				letters, digits = letters+1, 0
			case !isDigit(c) || digits == maxInID:
				return false
			default:
				digits++
			}
		}
		return letters >= 2
	case 36:
		for i, c := range id {
			switch i {
			case 8, 13, 18, 23:
				if c != '-' {
					return false
				}
				continue
			}
			switch {
			case c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
				letters++
			case !isDigit(c):
				return false
			}
		}
		version, variant := id[14], id[19]|0x20
		if version < '1' || version > '8' || variant != '8' && variant != '9' && variant != 'a' && variant != 'b' {
			return false
		}
	}
	return letters >= 3
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlphanumeric(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
