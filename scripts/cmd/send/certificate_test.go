package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"payment-webhooks/handlers/providers"
)

// authority writes a certificate authority as the local run does.
func authority(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "local"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, content := range map[string][]byte{
		"ca.pem": certificate, "ca-key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return pool
}

// signsWithThePublishedCertificate signs as PayPal and verifies as its reader must.
func signsWithThePublishedCertificate(t *testing.T, dir string, roots *x509.CertPool) {
	t.Helper()
	d := declared(t, "paypal")
	key, err := signingKey(dir, d.Name, *d.Sender.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	header, _, err := d.Sender.Sign(providers.Attempt{
		Secret: "WH-1", Key: key, Body: []byte(`{"id":"WH-EVENT"}`), At: time.Date(2016, 2, 18, 20, 1, 35, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	der, err := readPEM(filepath.Join(dir, strings.TrimPrefix(header.Get("PAYPAL-CERT-URL"), "https://")))
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: "messageverificationcerts.paypal.com"}); err != nil {
		t.Error(err)
	}
	signature, err := base64.StdEncoding.DecodeString(header.Get("PAYPAL-TRANSMISSION-SIG"))
	if err != nil {
		t.Fatal(err)
	}
	// CRC-32 by zlib: python3 -c 'import zlib; print(zlib.crc32(b"{\"id\":\"WH-EVENT\"}"))'
	digest := sha256.Sum256([]byte(header.Get("PAYPAL-TRANSMISSION-ID") + "|2016-02-18T20:01:35Z|WH-1|1136787166"))
	if err := rsa.VerifyPKCS1v15(certificate.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], signature); err != nil {
		t.Error(err)
	}
}

func TestPublishedCertificate(t *testing.T) {
	dir, certificate := t.TempDir(), declared(t, "paypal").Sender.Certificate
	roots := authority(t, dir)
	var wg sync.WaitGroup
	for range 4 { // senders that start at once agree on one key
		wg.Go(func() {
			if _, err := signingKey(dir, "paypal", *certificate); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	path := filepath.Join(dir, strings.TrimPrefix(certificate.URL, "https://"))
	signsWithThePublishedCertificate(t, dir, roots)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	signsWithThePublishedCertificate(t, dir, roots)
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("another certificate was made (%v)", err)
	}
	// The local run made another authority.
	signsWithThePublishedCertificate(t, dir, authority(t, dir))
}

func TestMissingAuthorityIsExplained(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		if _, err := signingKey(dir, "paypal", *declared(t, "paypal").Sender.Certificate); err == nil || !strings.Contains(err.Error(), "go run ./local --egress") {
			t.Errorf("%v, want a hint", err)
		}
	}
}
