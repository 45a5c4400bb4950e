package egress

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Names of the certificate authority's files in the directory.
const (
	CertificateFile = "ca.pem"
	KeyFile         = "ca-key.pem"
)

const (
	authorityYears = 10
	hostDays       = 90
	clockSkew      = time.Hour // certificates are valid from this long before they are issued
)

// authority issues the certificates of hosts.
type authority struct {
	certificate *x509.Certificate
	key         any // crypto.Signer
	pem         []byte

	mu    sync.Mutex
	hosts map[string]*tls.Certificate
}

// openAuthority reads the certificate authority in dir, or creates one.
func openAuthority(dir string, now time.Time) (*authority, error) {
	certificatePath, keyPath := filepath.Join(dir, CertificateFile), filepath.Join(dir, KeyFile)
	certificateText, err := os.ReadFile(certificatePath)
	keyText, errKey := os.ReadFile(keyPath)
	switch {
	case errors.Is(err, fs.ErrNotExist) && errors.Is(errKey, fs.ErrNotExist):
		if certificateText, keyText, err = newAuthority(now); err != nil {
			return nil, err
		}
		// The certificate is written last: whoever waits for it then finds the key.
		if err := os.WriteFile(keyPath, keyText, 0o600); err != nil {
			return nil, err
		}
		if err := os.WriteFile(certificatePath, certificateText, 0o644); err != nil {
			return nil, err
		}
	case errors.Join(err, errKey) != nil:
		return nil, fmt.Errorf("certificate authority: %w (both files are needed; when neither exists, both are created)", errors.Join(err, errKey))
	}
	pair, err := tls.X509KeyPair(certificateText, keyText)
	if err != nil {
		return nil, fmt.Errorf("certificate authority in %s: %w", dir, err)
	}
	if !pair.Leaf.IsCA || now.After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("%s is not a currently valid certificate authority: delete it and %s, and new ones are created", certificatePath, keyPath)
	}
	return &authority{certificate: pair.Leaf, key: pair.PrivateKey, pem: certificateText, hosts: map[string]*tls.Certificate{}}, nil
}

func newAuthority(now time.Time) (certificate, key []byte, err error) {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, nil, err
	}
	serial, err := serialNumber()
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Payment Webhooks local run", Organization: []string{"Only for tests on this machine"}},
		NotBefore:    now.Add(-clockSkew), NotAfter: now.AddDate(authorityYears, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// of returns the host's certificate and issues a new one shortly before it expires.
func (a *authority) of(host string, now time.Time) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.hosts[host]; c != nil && now.Before(c.Leaf.NotAfter.Add(-clockSkew)) {
		return c, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := serialNumber()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: now.Add(-clockSkew), NotAfter: now.AddDate(0, 0, hostDays),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(signed)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key, Leaf: leaf}
	a.hosts[host] = c
	return c, nil
}

func serialNumber() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
}
