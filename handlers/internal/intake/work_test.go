package intake

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/paypal"
	"payment-webhooks/handlers/internal/redact"
	"payment-webhooks/handlers/internal/transaction"
	"payment-webhooks/handlers/providers"
)

// The work for a delivery is linear in its body: at most so many bytes of memory, in
// total and not at once, and so much time for each byte, beyond a constant.
const (
	// allocatedPerByte is for the canonical payload. Lists of one-digit numbers need half
	// of it, because each digit becomes a value, a text and an attribute.
	allocatedPerByte = 64

	// providerAllocatedPerByte is for a provider's notification, which is read a second
	// time for its age (Square), and a third and fourth time to be quarantined: as text,
	// and for the card numbers in each of its encodings. Objects nested 10 000 deep, which
	// is where the JSON decoder stops, need most of it.
	providerAllocatedPerByte = 128

	// allocatedAnyway is mostly for the pointers of MaxFieldErrors problems, each of which
	// may be 31 names of 255 bytes, and is copied while it grows.
	allocatedAnyway = 4 << 20

	timePerByte = 2 * time.Microsecond
	timeAnyway  = 250 * time.Millisecond
)

// Bounds of what is written about a delivery, in bytes, whatever its body.
const (
	maxResponse   = 40 << 10
	maxLogged     = 16 << 10
	maxQuarantine = 1 << 20 // of SQS
)

// authentic is a route whose deliveries can be signed.
type authentic struct {
	name   string
	around func(value string) string                      // a payload that holds a JSON value
	sign   func(body string) (http.Header, string, error) // the headers and the body; an error if it cannot be signed
}

// request returns a delivery of a body. A body that cannot be signed, because a provider
// signs members of it, is sent without a signature.
func (a authentic) request(body string) Request {
	header, signed, err := a.sign(body)
	if err != nil {
		header, signed = http.Header{}, body
	}
	request := post(signed)
	if a.name != contract.ProviderCanonical {
		request.Resource, request.Provider, request.URL = "/webhook/{provider}", a.name, gatewayURL(a.name)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	return request
}

func gatewayURL(name string) string { return "https://abc.execute-api.test/v1/webhook/" + name }

// workbench is the intake of every provider and of the signed canonical payload.
type workbench struct {
	routes  Routes
	secrets map[string][]string
	senders []authentic
}

// bench is shared, because it makes a certificate.
var bench = sync.OnceValue(func() workbench {
	key, certificate, roots := payPalCertificate()
	w := workbench{secrets: map[string][]string{}}
	entries, known := map[string]provider.Settings{}, providers.All()
	for i, d := range append(slices.Clone(known), providers.Canonical()) {
		if d.Name == paypal.Name {
			known[i].New = func(provider.Settings) provider.Provider {
				return paypal.New(paypal.Options{Client: &http.Client{Transport: certificate}, Roots: roots})
			}
		}
		secret := d.Sender.MakeSecret()
		entries[d.Name], w.secrets[d.Name] = provider.Settings{contract.ProviderSecret: d.Name}, []string{secret}
		payload, err := fs.ReadFile(d.Sender.Fixtures, "testdata/payment.json")
		if err != nil {
			panic(err)
		}
		w.senders = append(w.senders, authentic{
			name:   d.Name,
			around: surround(d.Name, string(bytes.TrimSpace(payload))),
			sign: func(body string) (http.Header, string, error) {
				header, signed, err := d.Sender.Sign(provider.Attempt{Secret: secret, Key: key, Body: []byte(body), URL: gatewayURL(d.Name), At: now})
				return header, string(signed), err
			},
		})
	}
	text, err := json.Marshal(entries)
	if err == nil {
		w.routes, err = ParseRoutes(string(text), known)
	}
	if err != nil {
		panic(err)
	}
	return w
})

// surround returns a function that puts a value into a payload: into the metadata that is
// stored, or where a decoder only reads it.
func surround(name, payload string) func(value string) string {
	switch name {
	case contract.ProviderCanonical:
		const head = `{"transaction_id":"txn_1","amount":1,"currency":"USD","provider":"shop","customer_id":"c","metadata":`
		return func(value string) string { return head + value + "}" }
	case "stripe":
		const own = `"metadata": {`
		return func(value string) string { return strings.Replace(payload, own, own+`"v":`+value+",", 1) }
	}
	return func(value string) string { return `{"v":` + value + "," + strings.TrimPrefix(payload, "{") }
}

// published serves the certificate wherever it is looked for.
type published []byte

func (p published) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(p))}, nil
}

// payPalCertificate makes the key with which the tests sign as PayPal.
func payPalCertificate() (*rsa.PrivateKey, published, *x509.CertPool) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := func(serial int64) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0), BasicConstraintsValid: true,
		}
	}
	root := template(1)
	root.Subject, root.IsCA, root.KeyUsage = pkix.Name{CommonName: "tests"}, true, x509.KeyUsageCertSign
	leaf := template(2)
	leaf.DNSNames, leaf.KeyUsage = []string{"messageverificationcerts.paypal.com"}, x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	var text []byte
	roots := x509.NewCertPool()
	for _, certificate := range []*x509.Certificate{leaf, root} {
		der, err := x509.CreateCertificate(rand.Reader, certificate, root, key.Public(), key)
		if err != nil {
			panic(err)
		}
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		if certificate == root {
			parsed, err := x509.ParseCertificate(der)
			if err != nil {
				panic(err)
			}
			roots.AddCert(parsed)
		}
	}
	return key, published(text), roots
}

// fixture returns an intake with the routes and an empty ledger.
func (w workbench) fixture() fixture {
	d := newFixture()
	d.routes = w.routes
	for name, values := range w.secrets {
		d.secretStore.put(name, values...)
	}
	return d
}

// outcome is what a delivery cost, and what was written because of it.
type outcome struct {
	Response
	allocated, logged, quarantined int // bytes
	took                           time.Duration
}

// handle sends a request and measures it.
func (w workbench) handle(tb testing.TB, request Request) outcome {
	d := w.fixture()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	o := outcome{Response: d.send(tb, request)}
	o.took = time.Since(start)
	runtime.ReadMemStats(&after)
	o.allocated, o.logged = int(after.TotalAlloc-before.TotalAlloc), d.out.Len()
	for _, m := range d.quarantine.messages {
		o.quarantined += len(m)
	}
	return o
}

// check fails if a delivery needs more work than its body's bytes allow. It takes the best
// of several tries, because the machine and other goroutines have work of their own.
func (w workbench) check(tb testing.TB, a authentic, body string) outcome {
	tb.Helper()
	request := a.request(body)
	perByte := allocatedPerByte
	if a.name != contract.ProviderCanonical {
		perByte = providerAllocatedPerByte
	}
	mayAllocate := allocatedAnyway + perByte*len(body)
	mayTake := timeAnyway + timePerByte*time.Duration(len(body))
	for try := 0; ; try++ {
		o := w.handle(tb, request)
		if len(o.Body) > maxResponse || o.logged > maxLogged || o.quarantined > maxQuarantine {
			tb.Fatalf("%s: response of %d bytes, log of %d, quarantine message of %d", a.name, len(o.Body), o.logged, o.quarantined)
		}
		slow := fuzzing() && o.took > mayTake
		switch {
		case o.allocated <= mayAllocate && !slow:
			return o
		case try == 4:
			tb.Fatalf("%s: status %d after %v and %d bytes of memory for %d bytes of body; want at most %v and %d",
				a.name, o.Status, o.took, o.allocated, len(body), mayTake, mayAllocate)
		}
	}
}

// fuzzing reports whether the tests are fuzzed. Time is only measured then: the ordinary
// tests must pass on a busy machine.
func fuzzing() bool {
	f := flag.Lookup("test.fuzz")
	return f != nil && f.Value.String() != ""
}

// hostileValue is a JSON value, or a text that is none, of any size.
type hostileValue struct {
	name                  string
	before, member, after string // member is repeated, and %d in it is its index
	raw                   bool   // it is the whole body, not a value in a payload
}

// text returns the value with as many members as make it size bytes at most.
func (v hostileValue) text(size int) string {
	var b strings.Builder
	b.WriteString(v.before)
	if v.member != "" {
		for i := 0; ; i++ {
			member := strings.ReplaceAll(v.member, "%d", fmt.Sprint(i))
			if b.Len()+len(member)+len(v.after) > size {
				break
			}
			b.WriteString(member)
		}
	}
	b.WriteString(v.after)
	return b.String()
}

// body returns the body for a route, which has about size bytes.
func (v hostileValue) body(a authentic, size int) string {
	if v.raw {
		return v.text(size)
	}
	return a.around(v.text(size - len(a.around(""))))
}

// nested returns the start of objects nested in each other, whose names have so many bytes.
func nested(levels, nameBytes int) string {
	return strings.Repeat(`{"`+strings.Repeat("n", nameBytes)+`":`, levels)
}

// worstOfCanonical are the worst values that we know of metadata, and the worst bodies, of
// POST /webhook. Each is as long as a body may be.
var worstOfCanonical = []hostileValue{
	{"long name over huge numbers", `{"` + strings.Repeat("n", 100_000) + `":[1e999`, `,1e999`, `]}`, false},
	{"names of 255 bytes 29 levels deep over huge numbers", nested(29, 255) + `[1e999`, `,1e999`, `]` + strings.Repeat("}", 29), false},
	{"names of 255 bytes 30 levels deep", nested(30, 255) + `{"a":"`, `x`, `"}` + strings.Repeat("}", 30), false},
	{"members that are unknown", `{"a":0`, `,"b%d":0`, `}`, true},
	{"more members than values are accepted", `{"a":0`, `,"b%d":0`, `}`, false},
	{"digits and spaces in an id", `{"transaction_id":"4`, ` 4`, `"}`, true},
	{"names that are equal once they are masked", `{"a":0` + cardNumbers(8_000) + `,"b":"`, ``, `"}` + strings.Repeat(" ", 93_000), false},
	{"digits and spaces in a text", `{"x":"` + strings.Repeat("x", 61_000) + `","a":"`, `4 `, `"}`, false},
	{"numbers with 200 zeros", `{"a":[1`, `,1` + strings.Repeat("0", 200) + `e-100`, `]}`, false},
	{"numbers of 4 bytes that are written with 39", `{"a":[1`, `,1e38`, `]}`, false},
	{"10 000 objects within each other", `[` + strings.Repeat(`{"a":`, 9_990) + "0" + strings.Repeat("}", 9_990), `,0`, `]`, false},
}

// cardNumbers returns members whose names are card numbers that become equal when they are
// masked.
func cardNumbers(n int) string {
	var members strings.Builder
	for i := range n {
		for check := range 10 {
			// 41111100000c1111: the six digits in the middle are masked.
			name := fmt.Sprintf("411111%05d%d1111", i, check)
			if _, found := redact.Text(name); found > 0 {
				fmt.Fprintf(&members, `,"%s":0`, name)
				break
			}
		}
	}
	return members.String()
}

// worstOfProviders are the worst values that we know in an authentic notification of a
// provider, and the worst bodies. Most are quarantined.
var worstOfProviders = []hostileValue{
	{"digits and plus signs", ``, `4+`, ``, true},
	{"digits and spaces", ``, `4 `, ``, true},
	{"digits and spaces in a text", `"`, `4 `, `"`, false},
	{"base64 of base64", ``, `TkRFeE1URXhNVEV4TVRFeE1URXhNUT09`, ``, true},
	{"numbers with an exponent that are card numbers", `[62e17`, `,62e17`, `]`, false},
	{"escapes of digits", `"`, `\u0034 `, `"`, false},
	{"card numbers as the event type of Square", `{"type":"`, `4111111111111111 `, `"}`, true},
	{"card numbers as the event type of Adyen", `{"notificationItems":[{"NotificationRequestItem":{"pspReference":"A","merchantAccountCode":"m",` +
		`"merchantReference":"r","amount":{"value":1,"currency":"EUR"},"success":"true","eventCode":"`, `4111111111111111 `, `"}}]}`, true},
	{"long name over huge numbers", `{"` + strings.Repeat("n", 100_000) + `":[1e999`, `,1e999`, `]}`, false},
	{"names of 255 bytes 29 levels deep over huge numbers", nested(29, 255) + `[1e999`, `,1e999`, `]` + strings.Repeat("}", 29), false},
	{"numbers with 200 zeros", `[1`, `,1` + strings.Repeat("0", 200) + `e-100`, `]`, false},
	{"10 000 objects within each other", `[` + strings.Repeat(`{"a":`, 9_990) + "0" + strings.Repeat("}", 9_990), `,0`, `]`, false},
}

// worst calls f with the worst bodies of each route.
func (w workbench) worst(f func(a authentic, name, body string)) {
	for _, a := range w.senders {
		values := worstOfProviders
		if a.name == contract.ProviderCanonical {
			values = worstOfCanonical
		}
		for _, v := range values {
			f(a, v.name, v.body(a, transaction.MaxBodyBytes))
		}
	}
}

func TestWorkIsBoundedByBytes(t *testing.T) {
	w := bench()
	w.worst(func(a authentic, name, body string) {
		t.Run(a.name+"/"+name, func(t *testing.T) {
			if len(body) > transaction.MaxBodyBytes || len(body) < transaction.MaxBodyBytes*9/10 {
				t.Fatalf("%d bytes", len(body))
			}
			w.check(t, a, body)
		})
	})
	for _, a := range w.senders {
		t.Run(a.name+"/an ordinary payment is stored", func(t *testing.T) {
			if o := w.check(t, a, a.around(`{"order_id":"o1"}`)); o.Status != http.StatusAccepted || o.quarantined > 0 {
				t.Errorf("%d %s", o.Status, o.Body)
			}
		})
	}
}

// API Gateway accepts 10 240 bytes of headers.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
func TestWorkForHeaders(t *testing.T) {
	w := bench()
	for _, a := range w.senders {
		signed := a.request(a.around(`{}`))
		for name := range signed.Header {
			for _, part := range []string{",", "v1=,", "v1,A ", ";a*0=b", "4 ", "=", "\x00", "t=1,"} {
				t.Run(fmt.Sprintf("%s/%s of %q", a.name, name, part), func(t *testing.T) {
					request := signed
					request.Header = signed.Header.Clone()
					request.Header.Set(name, signed.Header.Get(name)+strings.Repeat(part, 10_240/len(part)))
					o := w.handle(t, request)
					// Parameters of a media type are ignored.
					if name != "Content-Type" && o.Status != http.StatusUnauthorized {
						t.Errorf("%d %s", o.Status, o.Body)
					}
					if o.allocated > allocatedAnyway || len(o.Body) > maxResponse || o.logged > maxLogged {
						t.Errorf("%d bytes of memory, response of %d, log of %d", o.allocated, len(o.Body), o.logged)
					}
				})
			}
		}
	}
}

// BenchmarkWorst handles the worst bodies. The best time of each must be below 100 ms.
func BenchmarkWorst(b *testing.B) {
	w := bench()
	w.worst(func(a authentic, name, body string) {
		b.Run(a.name+"/"+name, func(b *testing.B) {
			request := a.request(body)
			best := time.Hour
			b.ReportAllocs()
			for b.Loop() {
				best = min(best, w.handle(b, request).took)
			}
			b.ReportMetric(float64(best)/float64(time.Millisecond), "ms-best")
			if best > 100*time.Millisecond {
				b.Errorf("%v", best)
			}
		})
	})
}

// FuzzWork sends authentic deliveries of 32 KiB: a text, another one that is repeated, with
// its index in place of %d, and a last one.
func FuzzWork(f *testing.F) {
	w := bench()
	for i, a := range w.senders {
		values := worstOfProviders
		if a.name == contract.ProviderCanonical {
			values = worstOfCanonical
		}
		for _, v := range values {
			f.Add(uint8(i), v.before, v.member, v.after, v.raw)
		}
	}
	f.Fuzz(func(t *testing.T, route uint8, before, member, after string, raw bool) {
		a := w.senders[int(route)%len(w.senders)]
		body := hostileValue{before: before, member: member, after: after, raw: raw}.body(a, 32<<10)
		if len(body) <= transaction.MaxBodyBytes {
			w.check(t, a, body)
		}
	})
}
