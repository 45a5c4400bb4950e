package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"payment-webhooks/handlers/providers/forgery"
	"payment-webhooks/local/session"
)

// delivery is a request to the webhook endpoint.
type delivery struct {
	method, path string
	header       http.Header
	body         string
	to           *session.Session // nil for the shared one
}

func (d delivery) session() *session.Session {
	if d.to == nil {
		return shared
	}
	return d.to
}

// signed captures the delivery that scripts/send sends as a provider, signed for the
// shared session.
func signed(t *testing.T, provider string, args ...string) delivery {
	t.Helper()
	d := delivery{method: http.MethodPost, path: "/webhook/" + provider}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		d.header, d.body = r.Header.Clone(), string(body)
	}))
	defer server.Close()
	args = append(slices.Clone(args), "--url", server.URL)
	if sender.Providers[provider].SignsURL {
		args = append([]string{"--notification-url", "https" + strings.TrimPrefix(shared.APIURL, "http") + "/webhook/" + provider}, args...)
	}
	sendAs(t, shared, provider, secrets[provider], args...)
	if d.header == nil {
		t.Fatalf("nothing was sent as %s with %v", provider, args)
	}
	return d
}

// with replaces a header.
func (d delivery) with(name string, values ...string) delivery {
	d.header = maps.Clone(d.header)
	d.header[http.CanonicalHeaderKey(name)] = values
	return d
}

// without removes a header.
func (d delivery) without(name string) delivery {
	d.header = maps.Clone(d.header)
	d.header.Del(name)
	return d
}

// canonical is a delivery to /webhook whose JSON has a member replaced.
func canonical(t *testing.T, member, value string) delivery {
	t.Helper()
	body := string(payment(newID(t), "1", "USD", ""))
	pattern := regexp.MustCompile(`"` + member + `": ("[^"]*"|[^,}]+)`)
	if !pattern.MatchString(body) {
		t.Fatalf("no member %s", member)
	}
	return plain(pattern.ReplaceAllLiteralString(body, `"`+member+`": `+value))
}

func plain(body string) delivery {
	return delivery{method: http.MethodPost, path: "/webhook", header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

const (
	pan = "4111111111111111"
	big = 257 * 1024
)

// digits returns the decimal digits of a text, of whatever script, as ASCII digits.
func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsDigit(r) {
			return -1
		}
		zero := r // the digits of a script follow each other
		for unicode.IsDigit(zero-1) && r-zero < 9 {
			zero--
		}
		return '0' + (r-zero)%10
	}, text)
}

// nested returns n nested objects.
func nested(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }

// hostile makes the delivery of each row of docs/hostile-inputs.md, by the row's name.
var hostile = map[string]func(t *testing.T) delivery{
	"body of 257 KiB":               func(t *testing.T) delivery { return canonical(t, "customer_id", `"`+strings.Repeat("c", big)+`"`) },
	"100 objects within each other": func(t *testing.T) delivery { return metadata(t, nested(100)) },
	"10 001 values in metadata": func(t *testing.T) delivery {
		return metadata(t, `{"a": [1`+strings.Repeat(",1", 10_000)+`]}`)
	},
	"member name of 100 000 characters over 9 990 numbers": func(t *testing.T) delivery {
		return metadata(t, `{"`+strings.Repeat("n", 100_000)+`": [1e999`+strings.Repeat(",1e999", 9_989)+`]}`)
	},
	"names of 255 bytes, 29 levels deep, over 9 900 numbers": func(t *testing.T) delivery {
		open := strings.Repeat(`{"`+strings.Repeat("n", 255)+`":`, 29)
		return metadata(t, open+`[1e999`+strings.Repeat(",1e999", 9_899)+`]`+strings.Repeat("}", 29))
	},
	"10 000 unknown members": func(t *testing.T) delivery {
		var members strings.Builder
		for i := range 10_000 {
			fmt.Fprintf(&members, `, "member%d": 0`, i)
		}
		return canonical(t, "amount", "1"+members.String())
	},
	"unknown member of 200 000 characters": func(t *testing.T) delivery {
		return canonical(t, "amount", `1, "`+strings.Repeat("n", 200_000)+`": 0`)
	},
	"8 000 card numbers as names that are equal once masked": func(t *testing.T) delivery {
		// The check digit (Luhn) is the twelfth: its own weight is one.
		var members strings.Builder
		members.WriteString(`{"` + pan + `": 0`)
		for i := range 8_000 {
			name := []byte(fmt.Sprintf("411111%05d01111", i))
			sum := 0
			for k, c := range name {
				n := int(c - '0')
				if k%2 == 0 {
					if n *= 2; n > 9 {
						n -= 9
					}
				}
				sum += n
			}
			name[11] += byte((10 - sum%10) % 10)
			if string(name) != pan {
				fmt.Fprintf(&members, `, "%s": 0`, name)
			}
		}
		return metadata(t, members.String()+"}")
	},
	"20 000 members in metadata": func(t *testing.T) delivery {
		var members strings.Builder
		for i := range 20_000 {
			fmt.Fprintf(&members, `,"%d":0`, i)
		}
		return metadata(t, `{"a": 0`+members.String()+`}`)
	},
	"9 000 objects within each other": func(t *testing.T) delivery { return metadata(t, nested(9_000)) },
	"9 900 numbers of 39 digits, written with an exponent": func(t *testing.T) delivery {
		return metadata(t, `{"a": [1e38`+strings.Repeat(",1e38", 9_899)+`]}`)
	},
	"120 000 digits with spaces as transaction_id": func(t *testing.T) delivery {
		return canonical(t, "transaction_id", `"4`+strings.Repeat(" 4", 119_999)+`"`)
	},
	"number of 100 000 digits": func(t *testing.T) delivery { return metadata(t, `{"a": `+strings.Repeat("9", 100_000)+`}`) },
	"amount 1e400":             func(t *testing.T) delivery { return canonical(t, "amount", "1e400") },
	"amount 1e-400":            func(t *testing.T) delivery { return canonical(t, "amount", "1e-400") },
	"amount NaN":               func(t *testing.T) delivery { return canonical(t, "amount", "NaN") },
	"negative amount":          func(t *testing.T) delivery { return canonical(t, "amount", "-1") },
	"member name twice":        func(t *testing.T) delivery { return canonical(t, "amount", `1, "amount": 2`) },
	"member name twice, once escaped": func(t *testing.T) delivery {
		return canonical(t, "amount", `1, "\u0061mount": 2`)
	},
	"unknown member":            func(t *testing.T) delivery { return canonical(t, "amount", `1, "__proto__": {}`) },
	"invalid UTF-8":             func(t *testing.T) delivery { return canonical(t, "customer_id", "\"\xff\"") },
	"lone surrogate":            func(t *testing.T) delivery { return canonical(t, "customer_id", `"\ud800"`) },
	"byte order mark":           func(t *testing.T) delivery { return plain("\ufeff" + string(payment(newID(t), "1", "USD", ""))) },
	"compressed body":           func(t *testing.T) delivery { return canonical(t, "amount", "1").with("Content-Encoding", "gzip") },
	"another method":            func(t *testing.T) delivery { d := canonical(t, "amount", "1"); d.method = http.MethodPut; return d },
	"unknown provider":          func(t *testing.T) delivery { d := signed(t, "stripe"); d.path = "/webhook/nobody"; return d },
	"line break in customer_id": func(t *testing.T) delivery { return canonical(t, "customer_id", `"c\nAlert: all is well"`) },
	"second JSON value after the first": func(t *testing.T) delivery {
		return plain(string(payment(newID(t), "1", "USD", "")) + string(payment(newID(t), "2", "USD", "")))
	},
	"other character set": func(t *testing.T) delivery {
		return canonical(t, "amount", "1").with("Content-Type", "application/json; charset=utf-16")
	},
	"form instead of JSON": func(t *testing.T) delivery {
		return canonical(t, "amount", "1").with("Content-Type", "application/x-www-form-urlencoded")
	},
	"card number as transaction_id": func(t *testing.T) delivery { return canonical(t, "transaction_id", `"`+pan+`"`) },
	"card number in metadata":       func(t *testing.T) delivery { return metadata(t, `{"note": "paid with `+pan+`"}`) },
	"provider named canonical": func(t *testing.T) delivery {
		d := canonical(t, "amount", "1")
		d.path = "/webhook/canonical"
		return d
	},
	"path that climbs out of the provider": func(t *testing.T) delivery {
		d := canonical(t, "amount", "1")
		d.path = "/webhook/stripe%2F..%2F..%2Fwebhook"
		return d
	},

	"name of a provider with a route of its own": func(t *testing.T) delivery { return canonical(t, "provider", `"stripe"`) },
	"link as transaction_id":                     func(t *testing.T) delivery { return canonical(t, "transaction_id", `"https://pay.example.com/x"`) },
	"host name as transaction_id":                func(t *testing.T) delivery { return canonical(t, "transaction_id", `"pay.example.com"`) },
	"quote and backslash in transaction_id":      func(t *testing.T) delivery { return canonical(t, "transaction_id", `"a\"\\b"`) },
	"card number with hyphens as transaction_id": func(t *testing.T) delivery { return canonical(t, "transaction_id", `"4111-1111-1111-1111"`) },
	"card number as the provider in the path": func(t *testing.T) delivery {
		d := canonical(t, "amount", "1")
		d.path = "/webhook/" + pan
		return d
	},
	"card number with dots":                  inNote("paid with 4111.1111.1111.1111."),
	"card number with no-break spaces":       inNote("paid with 4111\u00a01111\u00a01111\u00a01111"),
	"card number with zero-width characters": inNote("paid with 4111\u200b1111\u200b1111\u200b1111"),
	"card number in full-width digits":       inNote("paid with ４１１１１１１１１１１１１１１１"),
	"card number over two lines":             inNote(`paid with 4111 1111\n1111 1111`),
	"card number with dashes":                inNote("paid with 4111 – 1111 – 1111 – 1111"),
	"card number with encoded spaces":        inNote("paid with 4111%201111%201111%201111"),

	"no signature":                 func(t *testing.T) delivery { return newStripe(t).without("Stripe-Signature") },
	"signature of another secret":  func(t *testing.T) delivery { return newStripe(t, "--secret", otherSecret(t, "stripe")) },
	"amount changed after signing": func(t *testing.T) delivery { return newStripe(t, "--tamper") },
	"body written anew after signing": func(t *testing.T) delivery {
		d := newStripe(t)
		var anew bytes.Buffer
		if err := json.Compact(&anew, []byte(d.body)); err != nil {
			t.Fatal(err)
		}
		d.body = anew.String()
		return d
	},
	"signed 6 minutes ago":   func(t *testing.T) delivery { return newStripe(t, "--skew", "-6m") },
	"signed 6 minutes ahead": func(t *testing.T) delivery { return newStripe(t, "--skew", "6m") },
	"only Stripe's test scheme v0": func(t *testing.T) delivery {
		d := newStripe(t)
		return d.with("Stripe-Signature", strings.Replace(d.header.Get("Stripe-Signature"), "v1=", "v0=", 1))
	},
	"two signature headers": func(t *testing.T) delivery {
		d := newStripe(t)
		return d.with("Stripe-Signature", d.header.Get("Stripe-Signature"), d.header.Get("Stripe-Signature"))
	},
	"right signature after 16 wrong ones": func(t *testing.T) delivery {
		d := newStripe(t)
		wrong := strings.Repeat("v1="+strings.Repeat("0", 64)+",", 16)
		return d.with("Stripe-Signature", wrong+d.header.Get("Stripe-Signature"))
	},
	"8 KiB of signature header": func(t *testing.T) delivery {
		d := newStripe(t)
		return d.with("Stripe-Signature", d.header.Get("Stripe-Signature")+strings.Repeat(",v9=0", 8192/5))
	},
	"time that is no number": func(t *testing.T) delivery {
		d := newStripe(t)
		return d.with("Stripe-Signature", regexp.MustCompile(`t=\d+`).ReplaceAllString(d.header.Get("Stripe-Signature"), "t=NaN"))
	},
	"same delivery again within 5 minutes": func(t *testing.T) delivery {
		d := newStripe(t)
		d.send(t, 202)
		return d
	},
	"Adyen batch with one forged item": func(t *testing.T) delivery {
		return signed(t, "adyen", "--fixture", "batch", "--id", newID(t), "--tamper")
	},
	"Adyen item without a signature": func(t *testing.T) delivery {
		d := signed(t, "adyen", "--id", newID(t))
		return d.replaced(t, `"hmacSignature"`, `"nothing"`)
	},
	"Adyen colon moved to the next field": func(t *testing.T) delivery {
		id := newID(t)
		path := fixture(t, "adyen", "payment", func(body string) string {
			return regexp.MustCompile(`"merchantReference": "[^"]*"`).ReplaceAllString(body, `"merchantReference": "a:b"`)
		})
		d := signed(t, "adyen", "--file", path, "--id", id)
		account := regexp.MustCompile(`"merchantAccountCode": "([^"]*)"`)
		name := account.FindStringSubmatch(d.body)[1]
		// psp, "", account, "a:b" and "psp:", account, "a", "b" are the same text.
		d.body = account.ReplaceAllString(d.body, `"merchantAccountCode": "a", "originalReference": "`+name+`"`)
		return d.replaced(t, `"a:b"`, `"b"`).replaced(t, `"pspReference": "`+id+`"`, `"pspReference": "`+id+`:"`)
	},
	"Adyen item repeated 65 times": func(t *testing.T) delivery {
		var batch struct {
			Live  string            `json:"live"`
			Items []json.RawMessage `json:"notificationItems"`
		}
		d := signed(t, "adyen", "--id", newID(t))
		if err := json.Unmarshal([]byte(d.body), &batch); err != nil {
			t.Fatal(err)
		}
		batch.Items = slices.Repeat(batch.Items[:1], 65)
		body, err := json.Marshal(batch)
		if err != nil {
			t.Fatal(err)
		}
		d.body = string(body)
		return d
	},
	"Adyen batch without items": func(t *testing.T) delivery {
		d := signed(t, "adyen")
		d.body = `{"live":"false","notificationItems":[]}`
		return d
	},
	"PayPal certificate on another host":   certAt("https://api.paypal.com.example.com/v1/notifications/certs/CERT-local"),
	"PayPal's host as a user name":         certAt("https://api.paypal.com@example.com/v1/notifications/certs/CERT-local"),
	"PayPal certificate over HTTP":         certAt("http://api.paypal.com/v1/notifications/certs/CERT-local"),
	"PayPal certificate path that climbs":  certAt("https://api.paypal.com/v1/notifications/certs/../certs/CERT-local"),
	"PayPal certificate that is not there": certAt("https://api.paypal.com/v1/notifications/certs/CERT-nobody"),
	"PayPal signature with SHA-1": func(t *testing.T) delivery {
		return signed(t, "paypal", "--id", newID(t)).with("PayPal-Auth-Algo", "SHA1withRSA")
	},
	"PayPal delivery for another webhook": func(t *testing.T) delivery {
		return signed(t, "paypal", "--id", newID(t), "--secret", otherSecret(t, "paypal"))
	},
	"Square delivery for another address": func(t *testing.T) delivery {
		return signed(t, "square", "--id", newID(t), "--notification-url", "https://example.com/webhook/square")
	},

	"PayPal body replaced under the same checksum": func(t *testing.T) delivery {
		genuine := signed(t, "paypal", "--id", newID(t))
		genuine.send(t, 202)
		return forgedPayPal(t, genuine)
	},
	"PayPal body replaced after an ignored event": func(t *testing.T) delivery {
		genuine := signed(t, "paypal", "--fixture", "ignored")
		genuine.send(t, 200)
		return forgedPayPal(t, genuine)
	},
	"PayPal delivery again": func(t *testing.T) delivery {
		d := signed(t, "paypal", "--id", newID(t))
		d.send(t, 202)
		return d
	},
	"Adyen item again, with another shopper": func(t *testing.T) delivery {
		d := signed(t, "adyen", "--id", newID(t))
		d.send(t, 202)
		return d.replaced(t, `"shopper-8315"`, `"shopper-1"`)
	},
	"Adyen cancellation made a refund": func(t *testing.T) delivery {
		path := fixture(t, "adyen", "refund", func(body string) string {
			body = strings.Replace(body, `"REFUND"`, `"CANCEL_OR_REFUND"`, 1)
			return strings.Replace(body, `"additionalData": {`, `"additionalData": {"modification.action": "cancel",`, 1)
		})
		d := signed(t, "adyen", "--file", path, "--id", newID(t))
		d.send(t, 202)
		return d.replaced(t, `"modification.action": "cancel"`, `"modification.action": "refund"`)
	},
	"Adyen report made a payment": func(t *testing.T) delivery {
		item := func(members string) string {
			return `{"live": "true", "notificationItems": [{"NotificationRequestItem": {"additionalData": {"hmacSignature": ""}, ` + members + `, "success": "true"}}]}`
		}
		const account, amount = `"merchantAccountCode": "Shop"`, `"amount": {"value": 100, "currency": "EUR"}`
		// Both sign "PSP:1::Shop::100:EUR:<event>:true" but for the event, which is signed.
		report := signed(t, "adyen", "--file", file(t, item(`"pspReference": "`+newID(t)+`:REPORT", `+account+`, "merchantReference": "", `+amount+`, "eventCode": "REPORT_AVAILABLE"`)))
		report.send(t, 200)
		return report.replaced(t, `"REPORT_AVAILABLE"`, `"AUTHORISATION"`)
	},
	"256 KiB of Adyen items without a signature": func(t *testing.T) delivery {
		d := signed(t, "adyen")
		d.body = `{"live":"false","notificationItems":[` + strings.Repeat(`{"a":[{}]},`, 23_000) + `{}]}`
		return d
	},
	"Square delivery signed with a key of one letter": func(t *testing.T) delivery {
		s := misconfigured(t)
		d := signed(t, "square", "--secret", "x", "--id", newID(t), "--notification-url", "https"+strings.TrimPrefix(s.APIURL, "http")+"/webhook/square")
		d.to = s
		return d
	},
	"genuine Stripe delivery, its secret stored as JSON": func(t *testing.T) delivery {
		d := newStripe(t)
		d.to = misconfigured(t)
		return d
	},
	"Adyen item signed with the placeholder that was the key before": func(t *testing.T) delivery {
		d := signed(t, "adyen", "--secret", placeholder, "--id", newID(t))
		d.to = misconfigured(t)
		return d
	},

	"signed, not JSON":                               func(t *testing.T) delivery { return signed(t, "stripe", "--file", file(t, "not JSON")) },
	"signed, 100 objects within each other":          func(t *testing.T) delivery { return signed(t, "stripe", "--file", file(t, nested(100))) },
	"signed, empty object":                           func(t *testing.T) delivery { return signed(t, "stripe", "--file", file(t, "{}")) },
	"signed, member name twice":                      stripeWith(`"amount_received": 1500000`, `"amount_received": 1, "amount_received": 2`),
	"signed, negative amount":                        stripeWith(`"amount_received": 1500000`, `"amount_received": -1500000`),
	"signed, amount with a fraction of a minor unit": stripeWith(`"amount_received": 1500000`, `"amount_received": 1500000.5`),
	"signed, amount of 400 digits":                   stripeWith(`"amount_received": 1500000`, `"amount_received": `+strings.Repeat("9", 400)),
	"signed, amount as text":                         stripeWith(`"amount_received": 1500000`, `"amount_received": "1500000"`),
	"signed, currency that does not exist":           stripeWith(`"currency": "usd"`, `"currency": "zzz"`),
	"signed, line break in the customer's id":        stripeWith(`"customer": "`, `"customer": "c\nAlert: `),
	"signed, card number in the metadata":            stripeWith(`"order_id": "`, `"note": "paid with `+pan+`", "order_id": "`),
	"signed, body of 257 KiB":                        stripeWith(`"order_id": "`, `"note": "`+strings.Repeat("x", big)+`", "order_id": "`),
	"signed, other amount under a known id": func(t *testing.T) delivery {
		id := newID(t)
		signed(t, "stripe", "--id", id).send(t, 202)
		path := fixture(t, "stripe", "payment", func(body string) string {
			return strings.Replace(body, `"amount_received": 1500000`, `"amount_received": 1500001`, 1)
		})
		return signed(t, "stripe", "--file", path, "--id", id)
	},
}

func metadata(t *testing.T, value string) delivery {
	t.Helper()
	return plain(string(payment(newID(t), "1", "USD", `, "metadata": `+value)))
}

// inNote is a payment with a note in its metadata; \u escapes are JSON's.
func inNote(note string) func(t *testing.T) delivery {
	return func(t *testing.T) delivery { t.Helper(); return metadata(t, `{"note": "`+note+`"}`) }
}

// placeholder is what somebody put in place of a key at first.
const placeholder = "00"

var misconfiguredOnce struct {
	sync.Once
	session *session.Session
	err     error
}

// misconfigured is a session with secrets that cannot be right: Square's is a letter,
// Stripe's is the object that the console shows, and Adyen's was a placeholder before.
func misconfigured(t *testing.T) *session.Session {
	t.Helper()
	once := &misconfiguredOnce
	once.Do(func() {
		once.session, once.err = session.Start(context.Background(), session.Options{Root: root(), CDKOut: assembly(), Log: io.Discard, Flags: session.SecretFlags(map[string]string{
			"square": "x", "stripe": fmt.Sprintf(`{"stripe": %q}`, secrets["stripe"]), "adyen": placeholder,
		})})
		if once.err == nil {
			_, once.err = secretsmanager.NewFromConfig(once.session.AWS).PutSecretValue(context.Background(), &secretsmanager.PutSecretValueInput{
				SecretId: aws.String("payments/adyen"), SecretString: aws.String(secrets["adyen"]),
			})
		}
	})
	if once.err != nil {
		t.Fatal(once.err)
	}
	return once.session
}

// forgedPayPal replaces the body of a genuine delivery by a payment with the same CRC-32,
// which is all that PayPal's signature says of a body.
func forgedPayPal(t *testing.T, genuine delivery) delivery {
	t.Helper()
	body, err := forgery.SameCRC32([]byte(signed(t, "paypal", "--id", newID(t)).body), []byte(genuine.body))
	if err != nil {
		t.Fatal(err)
	}
	genuine.body = string(body)
	return genuine
}

func newStripe(t *testing.T, args ...string) delivery {
	t.Helper()
	return signed(t, "stripe", append([]string{"--id", newID(t)}, args...)...)
}

// stripeWith signs Stripe's payment with a part replaced.
func stripeWith(old, replacement string) func(t *testing.T) delivery {
	return func(t *testing.T) delivery {
		t.Helper()
		path := fixture(t, "stripe", "payment", func(body string) string { return strings.Replace(body, old, replacement, 1) })
		return newStripe(t, "--file", path)
	}
}

// certAt replaces the address of the certificate after signing.
func certAt(address string) func(t *testing.T) delivery {
	return func(t *testing.T) delivery {
		t.Helper()
		return signed(t, "paypal", "--id", newID(t)).with("PayPal-Cert-Url", address)
	}
}

func (d delivery) replaced(t *testing.T, old, replacement string) delivery {
	t.Helper()
	if !strings.Contains(d.body, old) {
		t.Fatalf("no %s in %s", old, d.body)
	}
	d.body = strings.ReplaceAll(d.body, old, replacement)
	return d
}

// send sends the delivery and expects a status.
func (d delivery) send(t *testing.T, status int) session.Response {
	t.Helper()
	var res session.Response
	got := delivered(t, status, func() int {
		var err error
		if res, err = d.session().Do(t.Context(), d.method, d.path, d.header, []byte(d.body)); err != nil {
			t.Fatal(err)
		}
		return res.Status
	})
	if got != status {
		t.Fatalf("%d %s, want %d", res.Status, res.Body, status)
	}
	return res
}

// No other test must write into the shared session's table meanwhile, since its items are counted.
func TestHostileInputs(t *testing.T) {
	inTurn(t)
	page, err := os.ReadFile(filepath.Join(root(), "docs", "hostile-inputs.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| ([^|]+) \| [^|]+ \| (\d{3})([^|]*) \|$`).FindAllStringSubmatch(string(page), -1)
	documented := map[string]bool{}
	for _, row := range rows {
		name, status, then := row[1], row[2], row[3]
		documented[name] = true
		t.Run(name, func(t *testing.T) {
			input, ok := hostile[name]
			if !ok {
				t.Fatal("documented, but not sent by this test")
			}
			d := input(t)
			before, err := d.session().Count(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want, err := strconv.Atoi(status)
			if err != nil {
				t.Fatal(err)
			}
			res := d.send(t, want)
			after, err := d.session().Count(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var result struct {
				TransactionID string `json:"transaction_id"`
				Provider      string
				Duplicate     bool
				Quarantined   string
			}
			if err := json.Unmarshal(res.Body, &result); err != nil {
				t.Fatalf("%s: %v", res.Body, err)
			}
			switch {
			case strings.Contains(then, "stored"):
				item, err := shared.Item(t.Context(), result.TransactionID, result.Provider)
				if err != nil || item == nil {
					t.Fatalf("%s is not stored (%v)", result.TransactionID, err)
				}
				if text := fmt.Sprint(item); strings.Contains(digits(text), pan) || strings.Contains(then, "masked") && !strings.Contains(text, "**") {
					t.Errorf("stored %s, want%s", text, then)
				}
			case after != before:
				t.Errorf("%d items, want %d as before", after, before)
			case strings.Contains(then, "duplicate") != result.Duplicate, strings.Contains(then, "quarantined") != (result.Quarantined != ""):
				t.Errorf("got %s, want%s", res.Body, then)
			case res.Status >= 400:
				readProblem(t, res)
			}
			if strings.Contains(digits(string(res.Body)), pan) {
				t.Errorf("the response %s has the card number", res.Body)
			}
		})
	}
	for name := range hostile {
		if !documented[name] {
			t.Errorf("%q is sent, but not documented", name)
		}
	}
}
