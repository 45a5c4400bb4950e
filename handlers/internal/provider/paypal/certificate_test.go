package paypal

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"payment-webhooks/handlers/internal/provider"
)

func TestCertificateAddressMustBePayPals(t *testing.T) {
	for _, address := range []string{
		certURL,
		"https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77",
		"https://api-m.paypal.com/v1/notifications/certs/CERT-1",
		"https://api-m.sandbox.paypal.com/v1/notifications/certs/CERT_1",
	} {
		if err := checkCertURL(address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for name, address := range map[string]string{
		"empty":                  "",
		"plain text":             "http://api.paypal.com/v1/notifications/certs/CERT-1",
		"scheme in upper case":   "HTTPS://api.paypal.com/v1/notifications/certs/CERT-1",
		"host in upper case":     "https://API.PAYPAL.COM/v1/notifications/certs/CERT-1",
		"another host":           "https://evil.example/v1/notifications/certs/CERT-1",
		"host as a prefix":       "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
		"host as a suffix":       "https://evil-api.paypal.com/v1/notifications/certs/CERT-1",
		"another host of PayPal": "https://www.paypal.com/v1/notifications/certs/CERT-1",
		"user":                   "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
		"user before the host":   "https://u:p@api.paypal.com/v1/notifications/certs/CERT-1",
		"port":                   "https://api.paypal.com:443/v1/notifications/certs/CERT-1",
		"another port":           "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
		"trailing dot":           "https://api.paypal.com./v1/notifications/certs/CERT-1",
		"back slash":             `https://api.paypal.com\@evil.example/v1/notifications/certs/CERT-1`,
		"another path":           "https://api.paypal.com/v2/notifications/certs/CERT-1",
		"no name":                "https://api.paypal.com/v1/notifications/certs/",
		"up":                     "https://api.paypal.com/v1/notifications/certs/../../x",
		"one dot":                "https://api.paypal.com/v1/notifications/certs/.",
		"encoded up":             "https://api.paypal.com/v1/notifications/certs/%2e%2e",
		"further":                "https://api.paypal.com/v1/notifications/certs/CERT-1/x",
		"query":                  "https://api.paypal.com/v1/notifications/certs/CERT-1?x",
		"fragment":               "https://api.paypal.com/v1/notifications/certs/CERT-1#x",
		"space before":           " " + certURL,
		"line break":             certURL + "\r\nHost: evil.example",
		"NUL":                    certURL + "\x00",
		"not ASCII":              "https://api.paypal.com/v1/notifications/certs/CERT-\u0661",
		"long":                   certURL + strings.Repeat("0", 129),
	} {
		t.Run(name, func(t *testing.T) {
			if err := checkCertURL(address); !errors.Is(err, provider.ErrSignature) {
				t.Errorf("%q: %v, want %v", address, err, provider.ErrSignature)
			}
		})
	}
}

// FuzzCertURL compares with net/url: what is accepted must be as plain to it.
func FuzzCertURL(f *testing.F) {
	f.Add(certURL)
	f.Add("https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1")
	f.Add("https://api-m.paypal.com/v1/notifications/certs/..%2fCERT-1?q#f")
	f.Fuzz(func(t *testing.T, address string) {
		if err := checkCertURL(address); err != nil {
			if !errors.Is(err, provider.ErrSignature) {
				t.Errorf("%v is not %v", err, provider.ErrSignature)
			}
			return
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		name, inside := strings.CutPrefix(u.Path, certPath)
		if u.Scheme != "https" || !slices.Contains(certHosts, u.Host) || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
			!inside || strings.ContainsAny(name, "/.%") || u.String() != address {
			t.Errorf("%q was accepted: %+v", address, u)
		}
	})
}

func TestOnlyPayPalsCertificateIsTrusted(t *testing.T) {
	w := newWorld(t)
	forger := issue(t, authorityTemplate("Intermediate"), rsaKey(t, "forger", 2048), nil)
	expiredIntermediate := func() *keyPair {
		template := authorityTemplate("Expired intermediate")
		template.NotAfter = now.Add(-time.Hour)
		return issue(t, template, rsaKey(t, "intermediate", 2048), w.root)
	}()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*x509.Certificate)
		key    crypto.Signer
		issuer *keyPair
		want   error
	}{
		{name: "PayPal's", want: nil},
		{name: "PayPal's for the sandbox", change: func(c *x509.Certificate) { c.DNSNames = []string{"messageverificationcerts.sandbox.paypal.com"} }},
		{name: "one PayPal name among others", change: func(c *x509.Certificate) { c.DNSNames = []string{"example.com", "*.paypal.com"} }},
		{name: "issued by the root itself", issuer: w.root},
		{name: "of a forged authority", issuer: forger, want: provider.ErrSignature},
		{name: "of an authority whose certificate has expired", issuer: expiredIntermediate, want: provider.ErrSignature},
		{name: "of another certificate that is no authority", issuer: w.leaf, want: provider.ErrSignature},
		{name: "expired", change: func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) }, want: provider.ErrSignature},
		{name: "not yet valid", change: func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) }, want: provider.ErrSignature},
		{name: "for another's name", change: func(c *x509.Certificate) { c.DNSNames = []string{"example.com"} }, want: provider.ErrSignature},
		{name: "for a name that ends alike", change: func(c *x509.Certificate) { c.DNSNames = []string{"evilpaypal.com"} }, want: provider.ErrSignature},
		{name: "for a name that begins alike", change: func(c *x509.Certificate) { c.DNSNames = []string{"api.paypal.com.evil.example"} }, want: provider.ErrSignature},
		{name: "for PayPal by common name only", change: func(c *x509.Certificate) { c.DNSNames = nil }, want: provider.ErrSignature},
		{name: "not for signatures", change: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, want: provider.ErrSignature},
		{name: "not for servers", change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }, want: provider.ErrSignature},
		{name: "an authority's own", change: func(c *x509.Certificate) { c.IsCA = true }, want: provider.ErrSignature},
		{name: "with a short key", key: rsaKey(t, "short", 1024), want: provider.ErrSignature},
		{name: "with an elliptic key", key: curve, want: provider.ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			template, key, issuer := leafTemplate(), tt.key, tt.issuer
			if tt.change != nil {
				tt.change(&template)
			}
			if key == nil {
				key = w.leaf.key
			}
			if issuer == nil {
				issuer = w.intermediate
			}
			leaf := issue(t, template, key, issuer)
			w.serve(certURL, pemText(leaf, issuer))
			got, err := w.paypal().certificates.get(t.Context(), certURL, now)
			if !errors.Is(err, tt.want) || err == nil && !got.key.Equal(w.leaf.key.Public()) {
				t.Errorf("key = %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestAnswersOfTheHostAreJudged(t *testing.T) {
	w := newWorld(t)
	good := pemText(w.leaf, w.intermediate)
	w.serve("https://evil.example/cert", good)
	w.serve("https://api.paypal.com/v1/notifications/certs/other", good)
	status := func(code int) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(code); rw.Write(good) }
	}
	body := func(text []byte) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { rw.Write(text) }
	}
	redirect := func(to string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, to, http.StatusFound) }
	}
	for _, tt := range []struct {
		name    string
		respond http.HandlerFunc
		want    error
	}{
		{"the chain", body(good), nil},
		{"text around the chain", body(append([]byte("subject=messageverificationcerts\n"), good...)), nil},
		{"no such certificate", status(http.StatusNotFound), provider.ErrSignature},
		{"withdrawn", status(http.StatusGone), provider.ErrSignature},
		{"forbidden", status(http.StatusForbidden), provider.ErrUnavailable},
		{"too many requests", status(http.StatusTooManyRequests), provider.ErrUnavailable},
		{"an error", status(http.StatusInternalServerError), provider.ErrUnavailable},
		{"another success", status(http.StatusAccepted), provider.ErrUnavailable},
		{"a redirect to another host", redirect("https://evil.example/cert"), provider.ErrUnavailable},
		{"a redirect on the same host", redirect("https://api.paypal.com/v1/notifications/certs/other"), provider.ErrUnavailable},
		{"a page", body([]byte("<html>Sorry</html>")), provider.ErrUnavailable},
		{"nothing", body(nil), provider.ErrUnavailable},
		{"a broken certificate", body([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")), provider.ErrUnavailable},
		{"a key", body([]byte("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n")), provider.ErrUnavailable},
		{"more than fits", body(append(slices.Clone(good), make([]byte, maxDownloadBytes)...)), provider.ErrUnavailable},
		{"a longer chain than any", body(slices.Concat(good, good, good, good, good)), provider.ErrUnavailable},
		{"half a response", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", fmt.Sprint(len(good)))
			rw.Write(good[:len(good)/2])
			panic(http.ErrAbortHandler)
		}, provider.ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.responses[certURL] = tt.respond
			if err := w.paypal().Verify(t.Context(), w.delivery(t, "payment"), []string{webhookID}); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestHostMustProveItself(t *testing.T) {
	w := newWorld(t)
	transport := w.options.Client.Transport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
	w.options.Client = &http.Client{Transport: transport}
	if err := w.paypal().Verify(t.Context(), w.delivery(t, "payment"), []string{webhookID}); !errors.Is(err, provider.ErrUnavailable) {
		t.Errorf("Verify = %v, want %v", err, provider.ErrUnavailable)
	}
	if n := w.requests.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestBareLeafIsCompleted(t *testing.T) {
	const issuerURL = "https://" + issuerHost + "/Intermediate.crt"
	named := func(addresses ...string) x509.Certificate {
		template := leafTemplate()
		template.IssuingCertificateURL = addresses
		return template
	}
	for _, tt := range []struct {
		name   string
		leaf   x509.Certificate
		change func(*world)
		want   error
	}{
		{"by its issuer", named("ldap:///cn=x", "http://"+issuerHost+"/Intermediate.crt"), nil, nil},
		{"not at all", named(), nil, provider.ErrSignature},
		{"not by another host", named("http://evil.example/Intermediate.crt"), nil, provider.ErrSignature},
		{"not when the issuer is not to be had", named(issuerURL), func(w *world) { delete(w.responses, issuerURL) }, provider.ErrUnavailable},
		{"not when the issuer is no certificate", named(issuerURL), func(w *world) { w.serve(issuerURL, []byte("x")) }, provider.ErrUnavailable},
		{"not by a forged issuer", named(issuerURL), func(w *world) {
			forger := issue(t, authorityTemplate("Intermediate"), rsaKey(t, "forger", 2048), nil)
			w.serve(issuerURL, forger.certificate.Raw)
		}, provider.ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			leaf := issue(t, tt.leaf, w.leaf.key, w.intermediate)
			w.serve(certURL, pemText(leaf))
			w.serve(issuerURL, w.intermediate.certificate.Raw)
			w.serve("https://evil.example/Intermediate.crt", w.intermediate.certificate.Raw)
			if tt.change != nil {
				tt.change(w)
			}
			if err := w.paypal().Verify(t.Context(), w.delivery(t, "payment"), []string{webhookID}); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

// tlsExtra is a transport that shows further certificates of the host.
type tlsExtra struct {
	http.RoundTripper
	extra *x509.Certificate
}

func (t tlsExtra) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		response.TLS.PeerCertificates = append(response.TLS.PeerCertificates[:1:1], t.extra)
	}
	return response, err
}

func TestBareLeaf(t *testing.T) {
	w := newWorld(t)
	w.serve(certURL, pemText(w.leaf))
	w.options.Client.Transport = tlsExtra{w.options.Client.Transport, w.intermediate.certificate}
	if err := w.paypal().Verify(t.Context(), w.delivery(t, "payment"), []string{webhookID}); err != nil {
		t.Error(err)
	}
}

func TestCertificateIsDownloadedOnce(t *testing.T) {
	w := newWorld(t)
	p := w.paypal()
	verify := func(at time.Time) {
		t.Helper()
		body := fixture(t, "payment")
		d := provider.Delivery{Header: sign(t, w.leaf.key, webhookID, at, body), Body: body, ReceivedAt: at}
		if err := p.Verify(t.Context(), d, []string{webhookID}); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		verify(now)
	}
	verify(now.Add(keyLifetime))
	if n := w.requests.Load(); n != 1 {
		t.Errorf("%d downloads within its time, want 1", n)
	}
	verify(now.Add(keyLifetime + time.Second))
	if n := w.requests.Load(); n != 2 {
		t.Errorf("%d downloads after its time, want 2", n)
	}
}

func TestCachedCertificateIsNotUsedPastItsEnd(t *testing.T) {
	w := newWorld(t)
	template := authorityTemplate("Ending intermediate")
	template.NotAfter = now.Add(time.Hour)
	ending := issue(t, template, rsaKey(t, "intermediate", 2048), w.root)
	w.serve(certURL, pemText(issue(t, leafTemplate(), w.leaf.key, ending), ending))
	p, body := w.paypal(), fixture(t, "payment")
	for _, tt := range []struct {
		after time.Duration
		want  error
	}{{0, nil}, {time.Hour, nil}, {time.Hour + time.Second, provider.ErrSignature}} {
		at := now.Add(tt.after)
		d := provider.Delivery{Header: sign(t, w.leaf.key, webhookID, at, body), Body: body, ReceivedAt: at}
		if err := p.Verify(t.Context(), d, []string{webhookID}); !errors.Is(err, tt.want) {
			t.Errorf("after %v: %v, want %v", tt.after, err, tt.want)
		}
	}
}

func TestFailureIsRememberedForAShortTime(t *testing.T) {
	w := newWorld(t)
	p, d := w.paypal(), w.delivery(t, "payment")
	w.responses[certURL] = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }
	for range 5 {
		if err := p.Verify(t.Context(), d, []string{webhookID}); !errors.Is(err, provider.ErrUnavailable) {
			t.Fatalf("Verify = %v, want %v", err, provider.ErrUnavailable)
		}
	}
	if n := w.requests.Load(); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}
	w.serve(certURL, pemText(w.leaf, w.intermediate))
	d.ReceivedAt = now.Add(failureLifetime + time.Second)
	if err := p.Verify(t.Context(), d, []string{webhookID}); err != nil {
		t.Errorf("after the failure's time: %v", err)
	}
}

func TestConcurrentDeliveriesShareADownload(t *testing.T) {
	w := newWorld(t)
	p, d := w.paypal(), w.delivery(t, "payment")
	arrived, release := make(chan struct{}, 50), w.hold(t, certURL)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			arrived <- struct{}{}
			if err := p.Verify(t.Context(), d, []string{webhookID}); err != nil {
				t.Error(err)
			}
		})
	}
	for range 50 {
		<-arrived
	}
	release()
	group.Wait()
	if n := w.requests.Load(); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}
}

func TestCallerThatGivesUp(t *testing.T) {
	w := newWorld(t)
	p, d := w.paypal(), w.delivery(t, "payment")
	release := w.hold(t, certURL)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Verify(ctx, d, []string{webhookID}); !errors.Is(err, provider.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("Verify = %v, want %v for the sake of %v", err, provider.ErrUnavailable, context.Canceled)
	}
	release()
	if err := p.Verify(t.Context(), d, []string{webhookID}); err != nil {
		t.Error(err)
	}
	if n := w.requests.Load(); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}
}

// named returns an address with an invented name.
func named(i int) string {
	return fmt.Sprintf("https://api.paypal.com/v1/notifications/certs/CERT-%d", i)
}

func TestForgersCannotFillTheCache(t *testing.T) {
	w := newWorld(t)
	p := w.paypal()
	if err := p.Verify(t.Context(), w.delivery(t, "payment"), []string{webhookID}); err != nil {
		t.Fatal(err)
	}
	d := w.delivery(t, "payment")
	d.Body = []byte("{}") // with a wrong signature
	for i := range 3 * maxCached {
		w.serve(named(i), pemText(w.leaf, w.intermediate)) // so that it is cached for long
		d.Header.Set("PAYPAL-CERT-URL", named(i))
		d.ReceivedAt = d.ReceivedAt.Add(unprovenRefill)
		if err := p.Verify(t.Context(), d, []string{webhookID}); !errors.Is(err, provider.ErrSignature) {
			t.Fatalf("Verify = %v, want %v", err, provider.ErrSignature)
		}
		if n := len(p.certificates.byURL); n > maxCached {
			t.Fatalf("%d entries, at most %d are allowed", n, maxCached)
		}
	}
	before := w.requests.Load()
	if err := p.Verify(t.Context(), w.delivery(t, "payment"), []string{webhookID}); err != nil || w.requests.Load() != before {
		t.Errorf("PayPal's own certificate was forgotten (%v)", err)
	}
}

func TestDownloadsUnderWayAreBounded(t *testing.T) {
	c := newCertificates(nil, nil)
	for i := range maxCached {
		c.byURL[named(i)] = &cached{ready: make(chan struct{})}
	}
	if _, err := c.get(t.Context(), named(maxCached), now); !errors.Is(err, provider.ErrUnproven) || len(c.byURL) != maxCached {
		t.Errorf("get = %v with %d entries, want %v", err, len(c.byURL), provider.ErrUnproven)
	}
}

func TestFloodOfInventedCertificates(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name    string
		respond http.HandlerFunc
	}{
		{"that do not exist", http.NotFound},
		{"that the host fails to serve", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }},
		{"that are pages", func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "<html>Sorry</html>") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := w.paypal()
			w.requests.Store(0)
			flood := func(from, n int, at time.Time) {
				t.Helper()
				d := w.delivery(t, "payment")
				d.ReceivedAt = at
				for i := from; i < from+n; i++ {
					w.responses[named(i)] = tt.respond
					d.Header.Set("PAYPAL-CERT-URL", named(i))
					err := p.Verify(t.Context(), d, []string{webhookID})
					if !errors.Is(err, provider.ErrUnproven) && !errors.Is(err, provider.ErrSignature) {
						t.Fatalf("Verify = %v, want %v or %v", err, provider.ErrUnproven, provider.ErrSignature)
					}
				}
			}
			flood(0, 1000, now)
			if n := w.requests.Load(); n != maxUnproven {
				t.Errorf("%d downloads for 1 000 invented names, want %d", n, maxUnproven)
			}
			genuine := w.delivery(t, "payment")
			if err := p.Verify(t.Context(), genuine, []string{webhookID}); !errors.Is(err, provider.ErrUnproven) {
				t.Errorf("a new genuine name in the flood: %v, want %v", err, provider.ErrUnproven)
			}
			genuine.ReceivedAt = now.Add(unprovenRefill)
			if err := p.Verify(t.Context(), genuine, []string{webhookID}); err != nil {
				t.Errorf("the genuine name when the budget is refilled: %v", err)
			}

			// From now on a flood does not concern it, even when its key expires.
			for i := range 3 {
				at := now.Add(time.Duration(i+1) * (keyLifetime + time.Minute))
				flood(1000*(i+1), 100, at)
				genuine = w.delivery(t, "payment")
				genuine.Header = sign(t, w.leaf.key, webhookID, at, genuine.Body)
				genuine.ReceivedAt = at
				if err := p.Verify(t.Context(), genuine, []string{webhookID}); err != nil {
					t.Errorf("the proven name during another flood: %v", err)
				}
			}
		})
	}
}

func TestOnlyProvenNamesRaiseTheAlarm(t *testing.T) {
	w := newWorld(t)
	fail := func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }
	for _, tt := range []struct {
		name   string
		before func(*provider.Delivery) // of a delivery while the certificate is there; nil for none
		proven bool
	}{
		{"never named", nil, false},
		{"named by a forger", func(d *provider.Delivery) { d.Body = []byte("{}") }, false},
		{"with which a delivery was verified", func(*provider.Delivery) {}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := w.paypal()
			if tt.before != nil {
				d := w.delivery(t, "payment")
				tt.before(&d)
				w.serve(certURL, pemText(w.leaf, w.intermediate))
				_ = p.Verify(t.Context(), d, []string{webhookID})
			}
			w.responses[certURL] = fail
			for _, after := range []time.Duration{0, failureLifetime / 2, 2 * failureLifetime} {
				at := now.Add(keyLifetime + time.Second + after)
				d := w.delivery(t, "payment")
				d.Header, d.ReceivedAt = sign(t, w.leaf.key, webhookID, at, d.Body), at
				err := p.Verify(t.Context(), d, []string{webhookID})
				if !errors.Is(err, provider.ErrUnavailable) || errors.Is(err, provider.ErrUnproven) == tt.proven {
					t.Errorf("%v later: %v; proven: %v", after, err, tt.proven)
				}
			}
		})
	}
}

// A sender may write anything into the name of a certificate, and the error is logged.
func TestErrorsNameNoCertificate(t *testing.T) {
	const digits = "4111111111111111"
	address := "https://api.paypal.com/v1/notifications/certs/" + digits
	w := newWorld(t)
	for name, respond := range map[string]http.HandlerFunc{
		"absent":       http.NotFound,
		"an error":     func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) },
		"a page":       func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "<html>Sorry</html>") },
		"too large":    func(rw http.ResponseWriter, _ *http.Request) { rw.Write(make([]byte, maxDownloadBytes+1)) },
		"broken off":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a redirect":   func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, "/"+digits, http.StatusFound) },
		"another's":    func(rw http.ResponseWriter, _ *http.Request) { rw.Write(pemText(w.root)) },
		"not anyone's": func(rw http.ResponseWriter, _ *http.Request) { rw.Write(pemText(w.leaf)) },
	} {
		t.Run(name, func(t *testing.T) {
			w.responses[address] = respond
			d := w.delivery(t, "payment")
			d.Header.Set("PAYPAL-CERT-URL", address)
			if err := w.paypal().Verify(t.Context(), d, []string{webhookID}); err == nil || strings.Contains(err.Error(), digits) {
				t.Errorf("Verify = %v", err)
			}
		})
	}
}

func TestDownloadThatHangsIsGivenUp(t *testing.T) {
	w := newWorld(t)
	p := w.paypal()
	w.hold(t, certURL)
	p.certificates.timeout = 10 * time.Millisecond
	if err := p.Verify(t.Context(), w.delivery(t, "payment"), []string{webhookID}); !errors.Is(err, provider.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Verify = %v, want %v for the sake of %v", err, provider.ErrUnavailable, context.DeadlineExceeded)
	}
}

func TestClientOfTheCallerIsLeftAlone(t *testing.T) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	c := newCertificates(client, nil)
	if client.CheckRedirect != nil || client.Jar == nil || client.Timeout != 0 {
		t.Errorf("the caller's client was changed: %+v", client)
	}
	if c.client.CheckRedirect == nil || c.client.Jar != nil || c.timeout != downloadTimeout {
		t.Errorf("the client in use follows redirects, keeps cookies or waits: %+v, %v", c.client, c.timeout)
	}
}

// The default client and roots are those of the deployed function: roots in the
// file that SSL_CERT_FILE names, and HTTPS_PROXY where one is set. Both are read
// once per process, hence another process.
func TestDefaultsComeFromTheEnvironment(t *testing.T) {
	if dir := os.Getenv("TEST_DEFAULTS_CHILD"); dir != "" {
		var d provider.Delivery
		text, err := os.ReadFile(filepath.Join(dir, "delivery.json"))
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil {
			t.Fatal(err)
		}
		p := New(Options{})
		p.certificates.timeout = time.Minute
		if err := p.Verify(t.Context(), d, []string{webhookID}); err != nil {
			t.Fatal(err)
		}
		return
	}
	w := newWorld(t)
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "api.paypal.com:443" {
			http.Error(rw, "only CONNECT to PayPal", http.StatusForbidden)
			return
		}
		there, err := net.Dial("tcp", w.address)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadGateway)
			return
		}
		here, _, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(there, here)
			there.Close()
		}()
		_, _ = io.Copy(here, there)
		here.Close()
	}))
	defer proxy.Close()
	delivery, err := json.Marshal(w.delivery(t, "payment"))
	if err != nil {
		t.Fatal(err)
	}
	run := func(roots []byte) error {
		dir := t.TempDir()
		for name, text := range map[string][]byte{"roots.pem": roots, "delivery.json": delivery} {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		command.Env = append(os.Environ(), "TEST_DEFAULTS_CHILD="+dir, "HTTPS_PROXY="+proxy.URL, "NO_PROXY=",
			"SSL_CERT_FILE="+filepath.Join(dir, "roots.pem"), "SSL_CERT_DIR="+filepath.Join(dir, "none"))
		out, err := command.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	if err := run(pemText(w.root)); err != nil {
		t.Errorf("with the root in SSL_CERT_FILE: %v", err)
	}
	if n := w.requests.Load(); n != 1 {
		t.Errorf("%d downloads through the proxy, want 1", n)
	}
	other := issue(t, authorityTemplate("Other"), rsaKey(t, "forger", 2048), nil)
	if err := run(pemText(other)); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("with another root: %v", err)
	}
}
