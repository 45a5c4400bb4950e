package redact_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/redact"
)

const (
	card       = "4111111111111111"
	cardMasked = "411111******1111"
)

// percentEncoded writes every byte in percent-encoding.
func percentEncoded(s string) string {
	var out strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&out, "%%%02X", s[i])
	}
	return out.String()
}

// form is what a browser writes into a form: the asterisk stays.
func form(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2A", "*") }

// ruby is what Ruby's Base64.encode64 writes: lines of 60 characters.
func ruby(s string) string {
	var out strings.Builder
	for text := base64.StdEncoding.EncodeToString([]byte(s)); text != ""; {
		n := min(60, len(text))
		out.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return out.String()
}

// encodings are the ways in which a text is written within a body.
var encodings = []struct {
	name   string
	encode func(string) string
}{
	{"as it is", func(s string) string { return s }},
	{"percent-encoded whole", percentEncoded},
	{"form field", form},
	{"base64", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
	{"base64 without padding", func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) }},
	{"base64 for URLs", func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) }},
	{"base64 for URLs without padding", func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }},
	{"base64 in lines", ruby},
	{"base64 in lines that are folded", func(s string) string { return strings.ReplaceAll(ruby(s), "\n", "\r\n \t") }},
	{"base64 in lines that end as in MIME", func(s string) string { return strings.ReplaceAll(ruby(s), "\n", "\r\n") }},
	{"JSON string", func(s string) string {
		return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "/", `\/`, "\n", `\n`, "\r", `\r`, "+", `\u002b`, "=", `\u003d`).Replace(s)
	}},
}

func TestBodyInEncodings(t *testing.T) {
	texts := map[string][2]string{ // before and after
		"XML":             {`<card><number>` + card + `</number><bin>?>~ÿ</bin></card>`, `<card><number>` + cardMasked + `</number><bin>?>~ÿ</bin></card>`},
		"JSON":            {`{"a":"` + card + `","b":[1.50,"?>~ÿ/+="]}`, `{"a":"` + cardMasked + `","b":[1.50,"?>~ÿ/+="]}`},
		"alone":           {card, cardMasked},
		"in groups":       {"4111 1111-1111 1111", "4111 11**-**** 1111"},
		"at the end":      {"x " + card, "x " + cardMasked},
		"at the end, too": {"xx " + card, "xx " + cardMasked},
		"two":             {card + " and 378282246310005", cardMasked + " and 378282*****0005"},
		"shortest":        {"4222222222222", "422222***2222"},
		"JSON's number":   {`{"a":4.111111111111111e15}`, `{"a":*.***************e**}`},
	}
	bodies := map[string]func(string) string{
		"form":       func(s string) string { return "bt_signature=key%7Cabc&bt_payload=" + s + "&z=1" },
		"JSON":       func(s string) string { return `{"id":"evt_1","data":"` + s + `","amount":1.50}` },
		"after text": func(s string) string { return "payload_" + s },
	}
	for textName, text := range texts {
		for bodyName, body := range bodies {
			for _, inner := range encodings {
				for _, outer := range encodings {
					encode := func(s string) string { return outer.encode(inner.encode(s)) }
					if textName == "JSON's number" && inner.name == "as it is" && outer.name == "as it is" {
						continue // TestBody has those that are not encoded
					}
					t.Run(strings.Join([]string{textName, inner.name, outer.name, bodyName}, "/"), func(t *testing.T) {
						in := body(encode(text[0]))
						got := redact.Body(in)
						if want := body(encode(text[1])); got != want {
							t.Errorf("Body(%s) (-want +got):\n%s", in, cmp.Diff(want, got))
						}
					})
				}
			}
		}
	}
}

func TestBodyWithoutCardNumbers(t *testing.T) {
	for name, in := range map[string]string{
		"form":                "a=1&b=%34%31%31%31&c=x+y%2B&d=%zz%4&e=100%",
		"base64":              "bt_payload=" + url.QueryEscape(ruby(strings.Repeat("<id>abc</id>", 30))),
		"wrong check digit":   "a=" + percentEncoded("4111111111111112") + "&b=" + base64.StdEncoding.EncodeToString([]byte("4111111111111112")),
		"hexadecimal":         `{"sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}`,
		"exponent within one": `{"sha256":"a62e17b","b":"62e17"}`,
		"JWT":                 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
		"sum":                 "1+1=2",
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(in, redact.Body(in)); diff != "" {
				t.Errorf("(-before +after):\n%s", diff)
			}
		})
	}
}

func TestBodyOfAForm(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"with plus signs for spaces":  {"note=paid+4111+1111+1111+1111+today", "note=paid+4111+11**+****+1111+today"},
		"with percent-encoded spaces": {"note=4111%201111%2011111111", "note=4111%2011**%20****1111"},
		"with digits in small hex":    {"note=%4e41111%31%31%31%311111%2d1%311", "note=%4e41111%31%2A%2A%2A***1%2d1%311"},
		"with base64 whose plus sign is not encoded": {
			"p=" + base64.StdEncoding.EncodeToString([]byte("\xfb\xef\xbe "+card)), "p=" + base64.StdEncoding.EncodeToString([]byte("\xfb\xef\xbe "+cardMasked)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := redact.Body(tt.in); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// FuzzEncoded writes a card number into a text, encodes the text twice, masks it, and
// looks for the number in the result.
func FuzzEncoded(f *testing.F) {
	for i := range encodings {
		f.Add("<a>", "</a>", i, len(encodings)-1-i, "bt_payload=", "&x=1")
	}
	f.Fuzz(func(t *testing.T, before, after string, inner, outer int, head, tail string) {
		if len(before)+len(after)+len(head)+len(tail) > 300 || inner < 0 || outer < 0 {
			return
		}
		digit := func(s string) bool { return strings.ContainsFunc(s, unicode.IsNumber) || strings.Trim(s, "+%&\\") != s }
		if digit(before) || digit(after) {
			return // it may be part of a longer number
		}
		first, second := encodings[inner%len(encodings)], encodings[outer%len(encodings)]
		written := second.encode(first.encode(before + card + after))
		// What is not of the alphabets, so that the encoded text ends where it does.
		masked := redact.Body(head + "\"&" + written + "&\"" + tail)
		if strings.Contains(masked, written) {
			t.Fatalf("%s within %s: %q stays", first.name, second.name, written)
		}
		if again := redact.Body(masked); again != masked {
			t.Fatalf("masked again: %q became %q", masked, again)
		}
	})
}
