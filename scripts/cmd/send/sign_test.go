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
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Published by the Standard Webhooks specification's authors:
// https://docs.svix.com/receiving/verifying-payloads/how-manual
func TestStandardWebhooksSignatureIsThePublishedOne(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	signStandardWebhook(header, key, "msg_p5jXN8AQM9LWM0D4loKWxJek",
		delivery{body: []byte(`{"test": 2432232314}`), at: time.Unix(1614265330, 0)})
	if got, want := header.Get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if header.Get("webhook-timestamp") != "1614265330" || header.Get("webhook-id") != "msg_p5jXN8AQM9LWM0D4loKWxJek" {
		t.Errorf("headers %v", header)
	}
}

// Stripe publishes none. This one is OpenSSL's:
//
//	printf '1492774577.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test_secret
func TestStripeSignatureIsOpenSSLs(t *testing.T) {
	sign, err := stripe("whsec_test_secret", "")
	if err != nil {
		t.Fatal(err)
	}
	header, _, err := sign(delivery{body: []byte(`{"id":"evt_1"}`), at: time.Unix(1492774577, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := header.Get("Stripe-Signature"), "t=1492774577,v1=799c4ba7bb339f3c8601adfd112f0e477c930a268be1243d341abb8286501c2f"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// From the tests of Adyen's libraries, such as adyen-java-api-library's HMACValidatorTest.
func TestAdyenSignatureIsThePublishedOne(t *testing.T) {
	const key, want = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056", "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="
	const item = `"pspReference":"7914073381342284","merchantAccountCode":"TestMerchant","merchantReference":"TestPayment-1407325143704",` +
		`"amount":{"value":1130,"currency":"EUR"},"eventCode":"AUTHORISATION","success":"true"`
	sign, err := adyen(key, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"no place for the signature": `{` + item + `}`,
		"null originalReference":     `{"originalReference":null,` + item + `}`,
		"empty additionalData":       `{"additionalData": { },` + item + `}`,
		"other additionalData":       `{"additionalData":{"cardSummary":"1111"},` + item + `}`,
		"old signature":              `{"additionalData":{"hmacSignature":"old","cardSummary":"1111"},` + item + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			batch := `{"live":"false","notificationItems":[{"NotificationRequestItem":{"eventCode":"X"}},{"NotificationRequestItem":` + body + `}]}`
			_, signed, err := sign(delivery{body: []byte(batch)})
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range map[string]string{"0": "", "1": want} {
				got := text(signed, "notificationItems", i, "NotificationRequestItem", "additionalData", "hmacSignature")
				if got == "" || want != "" && got != want {
					t.Errorf("item %s: %q in %s, want %s", i, got, signed, want)
				}
			}
			if strings.Contains(body, "cardSummary") && !strings.Contains(string(signed), `"cardSummary":"1111"`) {
				t.Errorf("%s lost the other data", signed)
			}
		})
	}
}

// From the tests of Square's SDKs, such as square-go-sdk's webhooks_test.go.
func TestSquareSignatureIsThePublishedOne(t *testing.T) {
	const body = `{"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification","event_id":"ac3ac95b-f97d-458c-a6e6-18981597e05f",` +
		`"created_at":"2022-07-13T20:30:59.037Z","data":{"type":"webhooks","id":"bc368e64-01aa-407e-b46e-3231809b1129"}}`
	published := strings.Replace(body, "59.037Z", "59.037339943Z", 1)
	if got := base64.StdEncoding.EncodeToString(mac([]byte("Ibxx_5AKakO-3qeNVR61Dw"),
		[]byte("https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9"), []byte(published))); got != "GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4=" {
		t.Fatalf("HMAC %s", got)
	}

	sign, err := square("signature-key", "")
	if err != nil {
		t.Fatal(err)
	}
	header, _, err := sign(delivery{body: []byte(`{"data":{"type":"webhooks","id":"fake_id"}}`), url: "https://webhook.site/webhooks"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := header.Get("x-square-hmacsha256-signature"), "W3FlCNk5IA3ZQ2LHTWoajvzfaDu/OwY2tNHIHC3IUOA="; got != want {
		t.Errorf("%s, want %s", got, want)
	}

	at := time.Date(2026, 11, 22, 15, 4, 5, 6e6, time.UTC)
	_, signed, err := sign(delivery{body: []byte(body), url: "https://webhook.site/webhooks", at: at})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(signed), strings.Replace(body, "2022-07-13T20:30:59.037Z", "2026-11-22T15:04:05.006Z", 1); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

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
	sign, err := payPal("WH-1", dir)
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"id":"WH-EVENT"}`)
	header, _, err := sign(delivery{body: body, at: time.Date(2016, 2, 18, 20, 1, 35, 0, time.UTC)})
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

func TestPayPalSignatureIsThatOfThePublishedCertificate(t *testing.T) {
	dir := t.TempDir()
	roots := authority(t, dir)
	var wg sync.WaitGroup
	for range 4 { // senders that start at once agree on one key
		wg.Go(func() {
			if _, err := payPal("WH-1", dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	path := filepath.Join(dir, certFile)
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

func TestPayPalWithoutTheLocalRunsAuthoritySaysWhatToDo(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		if _, err := payPal("WH-1", dir); err == nil || !strings.Contains(err.Error(), "go run ./local --internet") {
			t.Errorf("%v, want a hint", err)
		}
	}
}
