package paypal

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"payment-webhooks/handlers/internal/provider"
	"payment-webhooks/handlers/internal/provider/providertest"
)

// now is when deliveries of the tests arrive. TLS connections look at the real
// clock, so that the certificates of the tests are good for a century.
var now = time.Date(2026, 11, 22, 14, 3, 12, 0, time.UTC)

const (
	webhookID  = "1JE4291016473214C"
	previousID = "5GP028458E2496506"
	certName   = "CERT-360caa42-fca2a594-90621735"
	certURL    = "https://api.paypal.com/v1/notifications/certs/" + certName
)

// keyPair is a certificate with its private key.
type keyPair struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// newKey makes RSA keys once per size and name: they are slow to make.
var keys sync.Map

func rsaKey(tb testing.TB, name string, bits int) *rsa.PrivateKey {
	tb.Helper()
	made, _ := keys.LoadOrStore(fmt.Sprintf("%s/%d", name, bits), sync.OnceValues(func() (*rsa.PrivateKey, error) {
		return rsa.GenerateKey(rand.Reader, bits)
	}))
	key, err := made.(func() (*rsa.PrivateKey, error))()
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

var serial atomic.Int64

// issue makes a certificate from a template, by an issuer or by itself.
func issue(tb testing.TB, template x509.Certificate, key crypto.Signer, issuer *keyPair) *keyPair {
	tb.Helper()
	template.SerialNumber = big.NewInt(serial.Add(1))
	if template.NotBefore.IsZero() {
		template.NotBefore = now.AddDate(-50, 0, 0)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = now.AddDate(50, 0, 0)
	}
	template.BasicConstraintsValid = true
	if issuer == nil {
		issuer = &keyPair{&template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, issuer.certificate, key.Public(), issuer.key)
	if err != nil {
		tb.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &keyPair{certificate, key}
}

func authorityTemplate(name string) x509.Certificate {
	return x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
}

// leafTemplate is what PayPal's signing certificate looks like.
func leafTemplate() x509.Certificate {
	return x509.Certificate{
		Subject:     pkix.Name{CommonName: "messageverificationcerts.paypal.com"},
		DNSNames:    []string{"messageverificationcerts.paypal.com"},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func pemText(pairs ...*keyPair) []byte {
	var text []byte
	for _, p := range pairs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.certificate.Raw})...)
	}
	return text
}

// world is a root, an intermediate, PayPal's signing certificate by it, and an
// HTTPS server that is every host: its responses are in responses, by the whole
// address. A download goes all the way through TLS and chain verification.
type world struct {
	root, intermediate, leaf *keyPair
	responses                map[string]http.HandlerFunc
	requests                 atomic.Int64
	address                  string // of the server
	options                  Options
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{responses: map[string]http.HandlerFunc{}}
	w.root = issue(tb, authorityTemplate("Root"), rsaKey(tb, "root", 2048), nil)
	w.intermediate = issue(tb, authorityTemplate("Intermediate"), rsaKey(tb, "intermediate", 2048), w.root)
	w.leaf = issue(tb, leafTemplate(), rsaKey(tb, "leaf", 2048), w.intermediate)
	w.serve(certURL, pemText(w.leaf, w.intermediate))

	host := issue(tb, x509.Certificate{
		DNSNames: append([]string{issuerHost, "evil.example"}, certHosts...), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, rsaKey(tb, "host", 2048), w.root)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.requests.Add(1)
		respond := w.responses["https://"+r.Host+r.URL.Path]
		if respond == nil {
			respond = http.NotFound
		}
		respond(rw, r)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{
		// The intermediate is of no use here: it is what PayPal's hosts may send along.
		Certificate: [][]byte{host.certificate.Raw}, PrivateKey: host.key,
	}}}
	server.StartTLS()
	tb.Cleanup(server.Close)
	w.address = server.Listener.Addr().String()

	roots := x509.NewCertPool()
	roots.AddCert(w.root.certificate)
	var dialer net.Dialer
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, w.address)
		},
	}
	tb.Cleanup(transport.CloseIdleConnections)
	w.options = Options{Client: &http.Client{Transport: transport}, Roots: roots}
	return w
}

// paypal is as deployed, but for its timeout: a download may take as long as a
// busy machine needs.
func (w *world) paypal() *PayPal {
	p := New(w.options)
	p.certificates.timeout = time.Minute
	return p
}

// hold delays the responses of the addresses until release is called.
func (w *world) hold(tb testing.TB, addresses ...string) (release func()) {
	tb.Helper()
	released, body := make(chan struct{}), pemText(w.leaf, w.intermediate)
	release = sync.OnceFunc(func() { close(released) })
	tb.Cleanup(release) // the server waits for its responses
	for _, address := range addresses {
		w.responses[address] = func(rw http.ResponseWriter, _ *http.Request) { <-released; rw.Write(body) }
	}
	return release
}

func (w *world) serve(address string, body []byte) {
	w.responses[address] = func(rw http.ResponseWriter, _ *http.Request) { rw.Write(body) }
}

// sign makes the headers of a delivery as PayPal does.
func sign(tb testing.TB, key crypto.Signer, id string, at time.Time, body []byte) http.Header {
	tb.Helper()
	h := http.Header{}
	h.Set("PAYPAL-TRANSMISSION-ID", "69cd13f0-d67a-11e5-baa3-778b53f4ae55")
	h.Set("PAYPAL-TRANSMISSION-TIME", at.UTC().Format(time.RFC3339))
	h.Set("PAYPAL-CERT-URL", certURL)
	h.Set("PAYPAL-AUTH-ALGO", "SHA256withRSA")
	text := fmt.Sprintf("%s|%s|%s|%d", h.Get("PAYPAL-TRANSMISSION-ID"), h.Get("PAYPAL-TRANSMISSION-TIME"), id, crc32.ChecksumIEEE(body))
	sum := sha256.Sum256([]byte(text))
	signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	h.Set("PAYPAL-TRANSMISSION-SIG", base64.StdEncoding.EncodeToString(signature))
	return h
}

// delivery is a fixture, signed now.
func (w *world) delivery(tb testing.TB, name string) provider.Delivery {
	tb.Helper()
	body := fixture(tb, name)
	return provider.Delivery{Header: sign(tb, w.leaf.key, webhookID, now, body), Body: body, ReceivedAt: now}
}

var fixture = providertest.Fixture
