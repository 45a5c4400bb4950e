package paypal

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash/crc32"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"payment-webhooks/handlers/internal/provider"
)

// The signatures are PayPal's own: published sandbox deliveries of 2015 (the
// sample of PayPal's Java SDK, ValidateCert.java) and 2016, both by the key of
// CERT-360caa42-fca2a594-a5cafa77. That certificate is no longer to be had; its
// modulus is the common divisor of s^65537 - m of the two, where m is the padded
// hash of the signed text. They have one of 2048 bits only if both texts are right.
func TestSignedTextIsWhatPayPalSigned(t *testing.T) {
	n, _ := new(big.Int).SetString("c85e0c098f513ebcf38b340edede716c46942aec6d4215ca0235e4601481917dde22b6dda30513df1d77f579e5ce0d0e95c1330feab558ac8dc7050bb949945928ede000b3e20564dccf9161568bd80f3fddfc3b5ab00e4bee5d7199133e1863c47bf0f71133decb29ba19302e2334758eed41b9242556722b7082c31eb159a34472a851f578d2f7a187e0cfe642bfe587eb9ae14bad15a3088b01bda5b0045c909d8ff30288a6cdd853102a546e5227d1f8f6e7810c8d35c04cc4ffee7d27cb3d1938666cc4ea3fac783277807063754cf8a619df706656f0c2b0980ed0a8a850dcc4c560bc3f37b8fac88a71704c8397c3add04aff3ff8036e6b005c3490eb", 16)
	key := &rsa.PublicKey{N: n, E: 65537}
	for _, tt := range []struct {
		transmission transmission
		webhookID    string
		checksum     uint32
		signature    string
	}{
		{
			transmission{id: "b2384410-f8d2-11e4-8bf3-77339302725b", time: "2015-05-12T18:14:14Z"},
			"3RN13029J36659323", 2487599788,
			"vSOIQFIZQHv8G2vpbOpD/4fSC4/MYhdHyv+AmgJyeJQq6q5avWyHIe/zL6qO5hle192HSqKbYveLoFXGJun2od2zXN3Q45VBXwdX3woXYGaNq532flAtiYin+tQ/0pNwRDsVIufCxa3a8HskaXy+YEfXNnwCSL287esD3HgOHmuAs0mYKQdbR4e8Evk8XOOQaZzGeV7GNXXz19gzzvyHbsbHmDz5VoRl9so5OoHqvnc5RtgjZfG8KA9lXh2MTPSbtdTLQb9ikKYnOGM+FasFMxk5stJisgmxaefpO9Q1qm3rCjaJ29aAOyDNr3Q7WkeN3w4bSXtFMwyRBOF28pJg9g==",
		},
		{
			transmission{id: "103e3700-8b0c-11e6-8695-6b62a8a99ac4", time: "2016-10-05T14:57:40Z"},
			"3TR748995U920805P", 4280182022,
			"t8hlRk64rpEImZMKqgtp5dlWaT1W8ed/mf8Msos341QInVn3BMQubjAhM/cKiSJtW07VwJvSX7X4+YUmHBrm5BQ+CEkClke4Yf4ouhCK6GWsfs0J8cKkmjI0XxfJpPLgjROEWY3MXorwCtbvrEo5vrRI2+TyLkquBKAlM95LbNWG43lxMu0LHzsSRUBDdt5IP1b2CKqbcEJKGrC78iw+fJEQGagkJAiv3Qvpw8F/8q7FCQAZ3c81mzTvP4ZH3Xk2/nNznEA7eMi3u1EjSpTmLfAb423ytX37Ts0QpmPNgxJe8wnMB/+fvt4xjYH6KNe+bIcYU30hUIe9O8c9UFwKuQ==",
		},
	} {
		signature, err := base64.StdEncoding.DecodeString(tt.signature)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(tt.transmission.signedText(tt.webhookID, tt.checksum))
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature); err != nil {
			t.Errorf("%s: %v", tt.transmission.time, err)
		}
	}
}

func TestSignedDeliveryIsAuthentic(t *testing.T) {
	w := newWorld(t)
	p := w.paypal()
	for _, name := range []string{"payment", "refund", "reversal", "sale", "sale_refund", "sale_reversal", "dispute", "payout", "ignored"} {
		if err := p.Verify(t.Context(), w.delivery(t, name), []string{webhookID}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnyConfiguredWebhookIDIsAccepted(t *testing.T) {
	w := newWorld(t)
	p, d := w.paypal(), w.delivery(t, "payment")
	for _, tt := range []struct {
		name    string
		secrets []string
		want    error
	}{
		{"current", []string{webhookID, previousID}, nil},
		{"previous", []string{previousID, webhookID}, nil},
		{"malformed one beside a good one", []string{"not an id", webhookID}, nil},
		{"another webhook's", []string{previousID}, provider.ErrSignature},
		{"none", nil, provider.ErrSecret},
		{"empty", []string{""}, provider.ErrSecret},
		{"the simulator's, which signs for everybody", []string{"WEBHOOK_ID"}, provider.ErrSecret},
		{"with a separator", []string{"1JE4|1016473214C"}, provider.ErrSecret},
		{"with a line break", []string{webhookID + "\n"}, provider.ErrSecret},
		{"too long", []string{strings.Repeat("A", 51)}, provider.ErrSecret},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := p.Verify(t.Context(), d, tt.secrets)
			if !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), webhookID) || strings.Contains(err.Error(), previousID)) {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

func TestForgedDeliveryIsRejected(t *testing.T) {
	w := newWorld(t)
	p := w.paypal()
	for _, tt := range []struct {
		name  string
		forge func(*provider.Delivery)
	}{
		{"a byte of the body", func(d *provider.Delivery) { d.Body[len(d.Body)/2] ^= 1 }},
		{"white space in the body", func(d *provider.Delivery) { d.Body = append(d.Body, '\n') }},
		{"another transmission id", func(d *provider.Delivery) {
			d.Header.Set("PAYPAL-TRANSMISSION-ID", "69cd13f0-d67a-11e5-baa3-778b53f4ae56")
		}},
		{"another time", func(d *provider.Delivery) {
			d.Header.Set("PAYPAL-TRANSMISSION-TIME", now.Add(time.Second).Format(time.RFC3339))
		}},
		{"the same time written differently", func(d *provider.Delivery) {
			d.Header.Set("PAYPAL-TRANSMISSION-TIME", now.Format("2006-01-02T15:04:05+00:00"))
		}},
		{"a bit of the signature", func(d *provider.Delivery) {
			signature, _ := base64.StdEncoding.DecodeString(d.Header.Get("PAYPAL-TRANSMISSION-SIG"))
			signature[17] ^= 1
			d.Header.Set("PAYPAL-TRANSMISSION-SIG", base64.StdEncoding.EncodeToString(signature))
		}},
		{"another's key", func(d *provider.Delivery) {
			d.Header = sign(t, rsaKey(t, "forger", 2048), webhookID, now, d.Body)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := w.delivery(t, "payment")
			tt.forge(&d)
			if err := p.Verify(t.Context(), d, []string{webhookID}); !errors.Is(err, provider.ErrSignature) {
				t.Errorf("Verify = %v, want %v", err, provider.ErrSignature)
			}
		})
	}
}

// What is wrong in itself costs us no download.
func TestMalformedHeaders(t *testing.T) {
	w := newWorld(t)
	p := w.paypal()
	set := func(name, value string) func(http.Header) {
		return func(h http.Header) { h.Set(name, value) }
	}
	for _, tt := range []struct {
		name  string
		forge func(http.Header)
	}{
		{"no headers", func(h http.Header) { clear(h) }},
		{"no id", func(h http.Header) { h.Del("PAYPAL-TRANSMISSION-ID") }},
		{"no time", func(h http.Header) { h.Del("PAYPAL-TRANSMISSION-TIME") }},
		{"no signature", func(h http.Header) { h.Del("PAYPAL-TRANSMISSION-SIG") }},
		{"no certificate", func(h http.Header) { h.Del("PAYPAL-CERT-URL") }},
		{"no algorithm", func(h http.Header) { h.Del("PAYPAL-AUTH-ALGO") }},
		{"empty signature", set("PAYPAL-TRANSMISSION-SIG", "")},
		{"two signatures", func(h http.Header) { h.Add("PAYPAL-TRANSMISSION-SIG", h.Get("PAYPAL-TRANSMISSION-SIG")) }},
		{"two certificates", func(h http.Header) { h.Add("PAYPAL-CERT-URL", certURL) }},
		{"SHA-1", set("PAYPAL-AUTH-ALGO", "SHA1withRSA")},
		{"no algorithm by name", set("PAYPAL-AUTH-ALGO", "none")},
		{"id with a separator", set("PAYPAL-TRANSMISSION-ID", "69cd13f0|d67a")},
		{"long id", set("PAYPAL-TRANSMISSION-ID", strings.Repeat("6", 51))},
		{"time that is none", set("PAYPAL-TRANSMISSION-TIME", "yesterday")},
		{"time without zone", set("PAYPAL-TRANSMISSION-TIME", "2026-11-22T14:03:12")},
		{"signature that is not base64", set("PAYPAL-TRANSMISSION-SIG", strings.Repeat("!", 344))},
		{"short signature", set("PAYPAL-TRANSMISSION-SIG", base64.StdEncoding.EncodeToString(make([]byte, 255)))},
		{"long signature", set("PAYPAL-TRANSMISSION-SIG", base64.StdEncoding.EncodeToString(make([]byte, 516)))},
		{"signature with a line break", func(h http.Header) {
			h.Set("PAYPAL-TRANSMISSION-SIG", h.Get("PAYPAL-TRANSMISSION-SIG")[:342]+"\n==")
		}},
		{"signature with loose bits", func(h http.Header) {
			h.Set("PAYPAL-TRANSMISSION-SIG", h.Get("PAYPAL-TRANSMISSION-SIG")[:341]+"B==")
		}},
		{"another host's certificate", set("PAYPAL-CERT-URL", "https://evil.example/v1/notifications/certs/"+certName)},
		{"stale", set("PAYPAL-TRANSMISSION-TIME", now.Add(-MaxAge-time.Second).Format(time.RFC3339))},
		{"from the future", set("PAYPAL-TRANSMISSION-TIME", now.Add(10*time.Minute).Format(time.RFC3339))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := w.delivery(t, "payment")
			tt.forge(d.Header)
			if err := p.Verify(t.Context(), d, []string{webhookID}); !errors.Is(err, provider.ErrSignature) {
				t.Errorf("Verify = %v, want %v", err, provider.ErrSignature)
			}
			if n := w.requests.Load(); n != 0 {
				t.Errorf("%d downloads", n)
			}
		})
	}
}

func TestTransmissionTime(t *testing.T) {
	w := newWorld(t)
	p, body := w.paypal(), fixture(t, "payment")
	for _, tt := range []struct {
		name string
		age  time.Duration
		want error
	}{
		{"now", 0, nil},
		{"a repetition of the third day", 3 * 24 * time.Hour, nil},
		{"at the bound", MaxAge, nil},
		{"past the bound", MaxAge + time.Second, provider.ErrSignature},
		{"a year ago", 365 * 24 * time.Hour, provider.ErrSignature},
		{"our clock is behind", -provider.Tolerance, nil},
		{"too far ahead", -provider.Tolerance - time.Second, provider.ErrSignature},
		{"ten minutes ahead", -10 * time.Minute, provider.ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := provider.Delivery{Header: sign(t, w.leaf.key, webhookID, now.Add(-tt.age), body), Body: body, ReceivedAt: now}
			if err := p.Verify(t.Context(), d, []string{webhookID}); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

// FuzzTransmission feeds the header parser.
func FuzzTransmission(f *testing.F) {
	h := sign(f, rsaKey(f, "leaf", 2048), webhookID, now, nil)
	f.Add(h.Get("PAYPAL-TRANSMISSION-ID"), h.Get("PAYPAL-TRANSMISSION-TIME"), h.Get("PAYPAL-TRANSMISSION-SIG"), h.Get("PAYPAL-CERT-URL"), h.Get("PAYPAL-AUTH-ALGO"))
	f.Add("", "", "", "", "")
	f.Add("a|b", "2026-11-22T14:03:12.5+01:00", "AAAA", "https://api.paypal.com/", "SHA1withRSA")
	f.Fuzz(func(t *testing.T, id, at, signature, address, algorithm string) {
		h := http.Header{
			"Paypal-Transmission-Id": {id}, "Paypal-Transmission-Time": {at}, "Paypal-Transmission-Sig": {signature},
			"Paypal-Cert-Url": {address}, "Paypal-Auth-Algo": {algorithm},
		}
		got, err := parseTransmission(h)
		if err != nil {
			if !errors.Is(err, provider.ErrSignature) {
				t.Errorf("%v is not %v", err, provider.ErrSignature)
			}
			return
		}
		parts := strings.Split(string(got.signedText(webhookID, crc32.ChecksumIEEE([]byte("123456789")))), "|")
		if len(parts) != 4 || parts[0] != id || parts[1] != at || parts[2] != webhookID || parts[3] != "3421780262" {
			t.Errorf("signed text %q is not of the four parts", parts)
		}
		if again := base64.StdEncoding.EncodeToString(got.signature); again != signature {
			t.Errorf("signature %q is also written %q", again, signature)
		}
		if algorithm != "SHA256withRSA" || got.at.IsZero() || got.certURL != address {
			t.Errorf("accepted %q, %q, %q", algorithm, at, address)
		}
	})
}

// BenchmarkVerify: the certificate is there already.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	p, d := w.paypal(), w.delivery(b, "payment")
	for _, bm := range []struct {
		name    string
		secrets []string
	}{
		{"current", []string{webhookID, previousID}},
		{"previous", []string{previousID, webhookID}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Verify(context.Background(), d, bm.secrets); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDeliver is everything per event: verify, decode, check.
func BenchmarkDeliver(b *testing.B) {
	w := newWorld(b)
	p := w.paypal()
	for _, name := range []string{"payment", "refund", "dispute", "payout"} {
		b.Run(name, func(b *testing.B) {
			d := w.delivery(b, name)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Verify(context.Background(), d, []string{webhookID}); err != nil {
					b.Fatal(err)
				}
				events, err := p.Decode(d)
				if err != nil || len(events) != 1 || events[0].Transaction == nil {
					b.Fatal(events, err)
				}
			}
		})
	}
}
