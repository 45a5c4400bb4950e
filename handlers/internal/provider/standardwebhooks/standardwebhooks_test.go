package standardwebhooks_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	oracle "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/providertest"
	"payment-webhooks/handlers/internal/provider/standardwebhooks"
)

const id = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"

var (
	sentAt = time.Unix(1795340405, 0)
	body   = []byte(`{"transaction_id":"txn_123456","amount":15000,"currency":"USD","provider":"stripe","customer_id":"cust_789"}`)

	secret      = "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 24))
	otherSecret = "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("l"), 64))
	private     = ed25519.NewKeyFromSeed(bytes.Repeat([]byte("s"), ed25519.SeedSize))
	public      = "whpk_" + base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey))
)

// sign signs with the specification's own library.
func sign(t testing.TB, secret string, at time.Time, body []byte) string {
	t.Helper()
	w, err := oracle.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	text, err := w.Sign(id, at, body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func signAsymmetric(at time.Time, body []byte) string {
	text := fmt.Sprintf("%s.%d.%s", id, at.Unix(), body)
	return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(private, []byte(text)))
}

func delivery(body []byte, at time.Time, signatures ...string) provider.Delivery {
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", fmt.Sprint(at.Unix()))
	h.Set("webhook-signature", strings.Join(signatures, " "))
	return provider.Delivery{Header: h, Body: body, ReceivedAt: sentAt}
}

func TestRotatedSecrets(t *testing.T) {
	current, previous, asymmetric := sign(t, secret, sentAt, body), sign(t, otherSecret, sentAt, body), signAsymmetric(sentAt, body)
	short := "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 23))
	long := "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 65))
	publicBytes := strings.TrimPrefix(public, "whpk_")
	both := []string{secret, otherSecret}
	tests := []struct {
		name       string
		signatures []string
		secrets    []string
		want       error
	}{
		{"current", []string{current}, both, nil},
		{"previous", []string{previous}, both, nil},
		{"without the prefix", []string{current}, []string{strings.TrimPrefix(secret, "whsec_")}, nil},
		{"sender rotates, we have the new one", []string{previous, current}, []string{secret}, nil},
		{"sender rotates, we have the old one", []string{previous, current}, []string{otherSecret}, nil},
		{"neither", []string{previous}, []string{secret}, provider.ErrSignature},
		{"asymmetric beside symmetric", []string{asymmetric, current}, both, nil},
		{"asymmetric alone", []string{asymmetric}, both, provider.ErrSignature},
		{"an HMAC as v1a", []string{"v1a," + strings.TrimPrefix(current, "v1,")}, both, provider.ErrSignature},
		{"a public key", []string{current, asymmetric}, []string{public}, provider.ErrSecret},
		{"an HMAC by the public key", []string{sign(t, publicBytes, sentAt, body)}, []string{public}, provider.ErrSecret},
		{"a private key", []string{current, asymmetric}, []string{"whsk_" + base64.StdEncoding.EncodeToString(private)}, provider.ErrSecret},
		{"a version to come beside the good one", []string{"v2,AAAA", "v1b,AAAA", "?", current}, both, nil},
		{"a version to come alone", []string{"v2," + strings.TrimPrefix(current, "v1,")}, both, provider.ErrSignature},
		{"a malformed secret beside a good one", []string{current}, []string{"?", secret}, nil},
		{"a malformed secret beside another", []string{current}, []string{"?", otherSecret}, provider.ErrSignature},
		{"no secrets", []string{current}, nil, provider.ErrSecret},
		{"an empty secret", []string{sign(t, "", sentAt, body)}, []string{""}, provider.ErrSecret},
		{"a prefix for a secret", []string{sign(t, "whsec_", sentAt, body)}, []string{"whsec_", "whpk_"}, provider.ErrSecret},
		{"a secret that is not base64", []string{current}, []string{"whsec_correct-horse-battery-staple"}, provider.ErrSecret},
		{"a secret too short", []string{sign(t, short, sentAt, body)}, []string{short}, provider.ErrSecret},
		{"a secret too long", []string{sign(t, long, sentAt, body)}, []string{long}, provider.ErrSecret},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := standardwebhooks.Verify(delivery(body, sentAt, tt.signatures...), tt.secrets)
			if !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			for _, s := range tt.secrets {
				if err != nil && len(s) > 6 && strings.Contains(err.Error(), s[6:]) {
					t.Errorf("the error has a secret in it: %v", err)
				}
			}
		})
	}
}

// The example of the specification's tests, and whatever the library signs.
func TestAgreesWithTheSpecificationsLibrary(t *testing.T) {
	const known = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	bodies := [][]byte{nil, []byte(" "), []byte(`{"test": 2432232314}`), []byte("é漢\x00\xff\r\n"), bytes.Repeat([]byte("x"), 1<<18), body}
	w, err := oracle.NewWebhook(known)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bodies {
		d := delivery(b, sentAt, sign(t, known, sentAt, b))
		if err := w.VerifyIgnoringTimestamp(b, d.Header); err != nil { // its clock cannot be set
			t.Fatalf("the library rejects what it signed: %v", err)
		}
		if err := standardwebhooks.Verify(d, []string{known}); err != nil {
			t.Errorf("%.20q: %v", b, err)
		}
		d.Body = append(bytes.Clone(b), ' ')
		if w.VerifyIgnoringTimestamp(d.Body, d.Header) == nil {
			t.Fatal("the library accepts another body")
		}
		if err := standardwebhooks.Verify(d, []string{known}); !errors.Is(err, provider.ErrSignature) {
			t.Errorf("%.20q and a space: %v", b, err)
		}
	}

	d := provider.Delivery{Header: http.Header{}, Body: []byte(`{"test": 2432232314}`), ReceivedAt: time.Unix(1614265330, 0)}
	d.Header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	d.Header.Set("webhook-timestamp", "1614265330")
	d.Header.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	if err := standardwebhooks.Verify(d, []string{known}); err != nil {
		t.Errorf("the known signature: %v", err)
	}
}

func TestTolerance(t *testing.T) {
	providertest.CheckTolerance(t, func(sentAt, receivedAt time.Time) error {
		d := delivery(body, sentAt, sign(t, secret, sentAt, body))
		d.ReceivedAt = receivedAt
		return standardwebhooks.Verify(d, []string{secret})
	})
}

func TestChangedDelivery(t *testing.T) {
	v1 := sign(t, secret, sentAt, body)
	good := delivery(body, sentAt, v1)
	if err := standardwebhooks.Verify(good, []string{secret}); err != nil {
		t.Fatal(err)
	}
	rejected := func(what string, d provider.Delivery) {
		t.Helper()
		if err := standardwebhooks.Verify(d, []string{secret}); !errors.Is(err, provider.ErrSignature) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range body {
		d := good
		d.Body = bytes.Clone(body)
		d.Body[i] ^= 1
		rejected(fmt.Sprintf("byte %d of the body", i), d)
	}
	for i := range v1 {
		changed := []byte(v1)
		changed[i] ^= 1 // the spare bits of the last digit included
		rejected(fmt.Sprintf("byte %d of the signature", i), delivery(body, sentAt, string(changed)))
	}
	for name, value := range map[string]string{"webhook-id": id + "x", "webhook-timestamp": fmt.Sprint(sentAt.Unix() + 1)} {
		d := good
		d.Header = good.Header.Clone()
		d.Header.Set(name, value)
		rejected(name, d)
	}
}

// "<id>.<timestamp>.<body>" could be cut in two ways if an id had full stops.
func TestSignedTextIsUnambiguous(t *testing.T) {
	at := fmt.Sprint(sentAt.Unix())
	signed := []byte(at + `.{"amount":1}`) // a body that begins like a time
	d := delivery([]byte(`{"amount":1}`), sentAt, sign(t, secret, sentAt, signed))
	d.Header.Set("webhook-id", id+"."+at)
	if w, _ := oracle.NewWebhook(secret); w.VerifyIgnoringTimestamp(d.Body, d.Header) != nil {
		t.Fatal("the two do not have the same text")
	}
	if err := standardwebhooks.Verify(d, []string{secret}); !errors.Is(err, provider.ErrSignature) {
		t.Errorf("%v", err)
	}
}

// signText signs headers that the library would not.
func signText(id, at string) string {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// The signatures are good: it is their number or place, the id or the time that
// is rejected.
func TestHostileHeadersAreForged(t *testing.T) {
	at := fmt.Sprint(sentAt.Unix())
	v1 := signText(id, at)
	one := func(id, at, list string) [3][]string { return [3][]string{{id}, {at}, {list}} }
	identified := func(id string) [3][]string { return one(id, at, signText(id, at)) }
	timed := func(at string) [3][]string { return one(id, at, signText(id, at)) }
	listed := func(list string) [3][]string { return one(id, at, list) }
	tests := []struct {
		name    string
		headers [3][]string
	}{
		{"no id", [3][]string{nil, {at}, {v1}}},
		{"no time", [3][]string{{id}, nil, {v1}}},
		{"no signature", [3][]string{{id}, {at}, nil}},
		{"two ids", [3][]string{{id, id}, {at}, {v1}}},
		{"two times", [3][]string{{id}, {at, at}, {v1}}},
		{"two lists of signatures", [3][]string{{id}, {at}, {v1, v1}}},
		{"empty id", identified("")},
		{"id with a space", identified("msg 1")},
		{"id with a line break", identified("msg\n1")},
		{"id not in ASCII", identified("msg_é")},
		{"id with a full stop", identified("msg.1")},
		{"id without end", identified(strings.Repeat("x", 257))},
		{"empty time", timed("")},
		{"time with a sign", timed("+1795340405")},
		{"time with a leading zero", timed("01795340405")},
		{"time with a fraction", timed("1795340405.0")},
		{"time with an underscore", timed("1_795_340_405")},
		{"time as text", timed("2026-11-22T09:40:05Z")},
		{"time beyond int64", timed("99999999999999999999")},
		{"empty list", listed("")},
		{"list of spaces", listed(strings.Repeat(" ", 4096))},
		{"empty signatures", listed("v1, v1a,")},
		{"a version without a signature", listed("v1")},
		{"signatures separated by commas", listed("v1,AAAA," + v1)},
		{"hexadecimal", listed("v1," + strings.Repeat("0", 64))},
		{"more signatures than a list may have", listed(strings.Repeat("v1,AAAA ", 16) + v1)},
		{"longer than a list may be", listed(v1 + " v2," + strings.Repeat("A", 4096))},
	}
	verify := func(headers [3][]string) error {
		d := provider.Delivery{Header: http.Header{
			standardwebhooks.HeaderID: headers[0], standardwebhooks.HeaderTimestamp: headers[1], standardwebhooks.HeaderSignature: headers[2],
		}, Body: body, ReceivedAt: sentAt}
		return standardwebhooks.Verify(d, []string{secret})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := verify(tt.headers); !errors.Is(err, provider.ErrSignature) {
				t.Errorf("%v", err)
			}
		})
	}
	for name, headers := range map[string][3][]string{
		"id of 256 characters":        identified(strings.Repeat("x", 256)),
		"sixteen signatures":          listed(strings.Repeat("v1,AAAA ", 15) + v1),
		"spaces between and around":   listed("  v1,AAAA  " + v1 + " "),
		"a list as long as it may be": listed(v1 + " v2," + strings.Repeat("A", 4096-len(v1)-len(" v2,"))),
	} {
		if err := verify(headers); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Only what could be a sender's may raise the alarm about secrets.
func TestUnsignedDeliveryIsForged(t *testing.T) {
	if err := standardwebhooks.Verify(delivery(body, sentAt, "v1a,AAAA"), nil); !errors.Is(err, provider.ErrSignature) {
		t.Errorf("%v", err)
	}
}

// Whatever the headers: a delivery that verifies is one that the library
// verifies as well, and nothing else than a forged delivery goes wrong.
func FuzzVerify(f *testing.F) {
	at := fmt.Sprint(sentAt.Unix())
	v1 := sign(f, secret, sentAt, body)
	for _, seed := range [][3]string{
		{id, at, v1},
		{"", "", ""},
		{id, at, "v1,"},
		{id, at, "v1,AAAA " + v1},
		{id, at, v1 + "  " + v1},
		{id + ".1", at, v1},
		{id, "0" + at, v1},
		{id, at, signAsymmetric(sentAt, body)},
		{id, at, "v2,A v1a,A v1"},
	} {
		f.Add(seed[0], seed[1], seed[2], body)
	}
	f.Fuzz(func(t *testing.T, id, at, list string, body []byte) {
		d := provider.Delivery{Header: http.Header{
			standardwebhooks.HeaderID: {id}, standardwebhooks.HeaderTimestamp: {at}, standardwebhooks.HeaderSignature: {list},
		}, Body: body, ReceivedAt: sentAt}
		err := standardwebhooks.Verify(d, []string{secret})
		if err != nil && !errors.Is(err, provider.ErrSignature) {
			t.Fatalf("%v is not ErrSignature", err)
		}
		w, _ := oracle.NewWebhook(secret)
		if err == nil && w.VerifyIgnoringTimestamp(body, d.Header) != nil {
			t.Fatalf("the library rejects %q %q %q", id, at, list)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	d, secrets := delivery(body, sentAt, sign(b, secret, sentAt, body)), []string{secret, otherSecret}
	b.ReportAllocs()
	for b.Loop() {
		if err := standardwebhooks.Verify(d, secrets); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyByThePreviousSecret(b *testing.B) {
	d, secrets := delivery(body, sentAt, sign(b, otherSecret, sentAt, body)), []string{secret, otherSecret}
	b.ReportAllocs()
	for b.Loop() {
		if err := standardwebhooks.Verify(d, secrets); err != nil {
			b.Fatal(err)
		}
	}
}
