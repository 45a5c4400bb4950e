package deliveries

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Header is a header as it is shown: without secrets and card numbers.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// maxHeader bounds what is kept of a header's value, in bytes.
const maxHeader = 512

// maxHeaders bounds how many headers of a request are kept, and maxHeaderBytes their size in bytes. API
// Gateway accepts 10,240 bytes of header values.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
const (
	maxHeaders     = 64
	maxHeaderBytes = 16 << 10
)

// maxMasked bounds what is searched for secrets and cards of a text of a sender that is then cut to maxHeader,
// in bytes. The card that it cuts is not shown, even if all before it gets shorter because it was encoded.
const maxMasked = 4 * maxHeader

// maskHeaders returns the first headers by name, each with its values, as they are shown.
func maskHeaders(headers map[string][]string) []Header {
	list := make([]Header, 0, min(len(headers), maxHeaders))
	size := 0
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		for _, value := range headers[name] {
			one := Header{ofSender(name), maskHeader(name, value)}
			if size += len(one.Name) + len(one.Value); len(list) == maxHeaders || size > maxHeaderBytes {
				return list
			}
			list = append(list, one)
		}
	}
	return list
}

// ofSender returns a text of a sender as it is shown.
func ofSender(text string) string {
	return clip(maskCards(maskURLs(clip(text, maxMasked)), true), maxHeader)
}

// maskURLs abbreviates secrets in URLs and query strings, as proxies and tunnels put them into headers such
// as X-Original-Url: parameters by their names, and what is before the @ of an authority (RFC 3986, section 3.2.1).
func maskURLs(text string) string {
	text = userinfo.ReplaceAllString(text, "://…@")
	return parameter.ReplaceAllStringFunc(text, func(found string) string {
		name, value, _ := strings.Cut(found, "=")
		if !isSecretName(decode(name)) {
			return found
		}
		return name + "=" + abbreviate(value)
	})
}

var (
	userinfo  = regexp.MustCompile(`://[^/?#@\s]+@`)
	parameter = regexp.MustCompile(`(?:^|[?&#])[^?&#=\s]+=[^?&#\s]+`)
)

func maskHeader(name, value string) string {
	if isSecretName(name) || isSecretValue(clip(value, maxMasked)) {
		return abbreviate(value)
	}
	return ofSender(value)
}

// secretParts are in names of headers that carry secrets and signatures, wherever they stand:
// Authorization, Set-Cookie, X-Amz-Security-Token, Stripe-Signature, X-Square-HmacSha256-Signature,
// Webhook-Signature.
var secretParts = []string{"authorization", "cookie", "token", "secret", "signature", "password", "passwd", "passphrase", "credential", "hmac", "apikey", "session", "jwt", "assertion"}

// secretWords are whole words of such names: X-Api-Key, Paypal-Transmission-Sig, X-Auth. As parts they
// would also be in Monkey, Design and Paypal-Auth-Algo.
var secretWords = []string{"key", "sig", "auth", "sign", "mac", "otp", "pin", "pwd"}

// publicNames are names of headers with such a word that are no secrets.
// https://developer.paypal.com/api/rest/webhooks/rest/
var publicNames = []string{"paypal-auth-algo", "paypal-auth-version"}

func isSecretName(name string) bool {
	name = strings.ToLower(name)
	if slices.Contains(publicNames, name) {
		return false
	}
	if slices.ContainsFunc(secretParts, func(part string) bool { return strings.Contains(name, part) }) {
		return true
	}
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if slices.Contains(secretWords, word) {
			return true
		}
	}
	return false
}

// secretValue matches credentials whose header's name does not tell: a scheme of RFC 9110, section 11,
// keys of providers, and JSON Web Tokens (RFC 7519).
var secretValue = regexp.MustCompile(`(?i)^\s*(bearer|basic|digest|hmac|aws4-hmac-sha256)\s|\b(sk|rk|pk)_(live|test)_|\bwhsec_|\beyJ[\w-]+\.[\w-]+\.`)

func isSecretValue(value string) bool { return len(value) > 8 && secretValue.MatchString(value) }

// shown is how many characters of a secret are shown, so that one can be told from another.
const shown = 6

// abbreviate returns the first characters of a secret, at most a quarter of them, and its length.
func abbreviate(secret string) string {
	first := []rune(clip(secret, 4*shown))
	return fmt.Sprintf("%s… (%d characters)", string(first[:min(shown, len([]rune(secret))/4)]), len([]rune(secret)))
}

// clip cuts a text to so many bytes.
func clip(text string, size int) string {
	if len(text) <= size {
		return text
	}
	return strings.ToValidUTF8(text[:size], "") + "…"
}

// Lengths of a card number, and how many of its digits may be shown.
//
//   - ISO/IEC 7812-1: up to 19 digits, of which the last is a check digit by Luhn's formula
//   - PCI DSS v4.0, requirement 3.4.1: at most the first six and the last four are shown
const (
	minCard, maxCard    = 13, 19
	firstDigits, lastOf = 6, 4
)

// maskCards replaces the digits of card numbers by asterisks, except for the first six and the last
// four. A card number is 13 to 19 digits with a valid check digit that begin with 2 to 6, as those of
// all card networks do. Between two digits may be up to two spaces, dashes, dots or the like. What is a sender's is
// masked also when letters are next to it, and when it is percent-encoded: the text is then returned decoded.
// What is the product's is not: it keeps ids of payments that contain such digits, and masks everything
// else itself.
func maskCards(text string, ofSender bool) string {
	if !mayHoldCard(text) {
		return text
	}
	masked := maskDigits(text, ofSender)
	if !ofSender {
		return masked
	}
	decoded := masked
	for range maxEncodings {
		next := decode(decoded)
		if next == decoded {
			break
		}
		if decoded = maskDigits(next, true); decoded != next {
			masked = decoded
		}
	}
	return masked
}

// maxEncodings bounds how many percent-encodings, one of another, are looked through.
const maxEncodings = 3

// decode undoes the percent-encoding (RFC 3986, section 2.1) of a text. What is not encoded rightly stays.
func decode(text string) string {
	if !encoded.MatchString(text) {
		return text
	}
	return encoded.ReplaceAllStringFunc(text, func(code string) string {
		b, _ := strconv.ParseUint(code[1:], 16, 8) // it has two hexadecimal digits
		return string([]byte{byte(b)})
	})
}

var encoded = regexp.MustCompile("%[0-9A-Fa-f]{2}")

func maskDigits(text string, ofSender bool) string {
	var at []int // of the digits of a run with its separators
	var masked []byte
	end := func(before, after byte) {
		if len(at) >= minCard && (ofSender || !isLetter(before) && !isLetter(after)) {
			masked = maskRun(text, masked, at)
		}
		at = at[:0]
	}
	var before byte
	for i, gap := 0, 0; i <= len(text); i++ {
		switch {
		case i < len(text) && isDigit(text[i]):
			if len(at) == 0 && i > 0 {
				before = text[i-1]
			} else if len(at) == 0 {
				before = 0
			}
			at, gap = append(at, i), 0
		case len(at) == 0:
		case i < len(text) && gap < 2 && strings.IndexByte(" -._/+\t", text[i]) >= 0:
			gap++
		default:
			var after byte
			if i < len(text) && gap == 0 {
				after = text[i]
			}
			end(before, after)
			gap = 0
		}
	}
	if masked == nil {
		return text
	}
	return string(masked)
}

// mayHoldCard reports whether a text has enough digits. Most have not, and this is quick.
func mayHoldCard(text string) bool {
	digits := 0
	for i := range len(text) {
		if isDigit(text[i]) {
			if digits++; digits == minCard {
				return true
			}
		}
	}
	return false
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

// maskRun masks the card numbers in a run of digits, those that overlap too. masked is a copy of the text
// with what is masked so far; nil: nothing.
func maskRun(text string, masked []byte, at []int) []byte {
	glued := func(i int) bool { return 0 < i && i < len(at) && at[i] == at[i-1]+1 }
	for from := range at {
		if glued(from) || text[at[from]] < '2' || text[at[from]] > '6' {
			continue
		}
		for n := minCard; n <= maxCard && from+n <= len(at); n++ {
			if glued(from+n) || !luhn(text, at[from:from+n]) {
				continue
			}
			if masked == nil {
				masked = []byte(text)
			}
			for _, i := range at[from+firstDigits : from+n-lastOf] {
				masked[i] = '*'
			}
		}
	}
	return masked
}

// luhn reports whether the last of the digits is the check digit of the others (ISO/IEC 7812-1, annex B).
func luhn(text string, at []int) bool {
	sum := 0
	for k, i := range at {
		d := int(text[i] - '0')
		if (len(at)-k)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// maskAll masks the card numbers in all strings and numbers of a value, as JSON.
func maskAll(value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	if !mayHoldCard(string(text)) {
		return json.RawMessage(text), nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	return maskTree(tree), nil
}

func maskTree(value any) any {
	switch v := value.(type) {
	case string:
		return maskCards(v, false)
	case json.Number:
		if masked := maskCards(v.String(), false); masked != v.String() {
			return masked
		}
	case []any:
		for i := range v {
			v[i] = maskTree(v[i])
		}
	case map[string]any:
		for name, member := range v {
			if masked := maskCards(name, false); masked != name {
				delete(v, name)
				name = masked
			}
			v[name] = maskTree(member)
		}
	}
	return value
}
