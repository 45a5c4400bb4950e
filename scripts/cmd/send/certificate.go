package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"payment-webhooks/handlers/providers"
)

// keyFile is the name of the file in the directory of --egress that holds the key of a
// provider's certificate. It is not in the folder of a host, so it is not served.
const keyFile = "%s-signing-key.pem"

// signingKey returns the key that a provider signs with. It publishes a certificate for
// the key, issued by the directory's authority, where the local run serves it.
func signingKey(egressDir, provider string, c providers.Certificate) (crypto.Signer, error) {
	if egressDir == "" {
		return nil, errors.New("needs --egress DIR, where the signing certificate is published: the directory that `go run ./local --egress DIR` has")
	}
	authority, authorityKey, err := loadAuthority(egressDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: start `go run ./local --egress %s` first, which creates it", err, egressDir)
	}
	if err != nil {
		return nil, err
	}
	key, err := storedKey(filepath.Join(egressDir, fmt.Sprintf(keyFile, provider)))
	if err != nil {
		return nil, err
	}
	path := filepath.Join(egressDir, filepath.FromSlash(strings.TrimPrefix(c.URL, "https://")))
	if published(path, authority, key) {
		return key, nil
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: c.DNSName, Organization: []string{"Made up for the local run"}},
		DNSNames:     []string{c.DNSName},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     authority.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, authority, &key.PublicKey, authorityKey)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return key, replaceFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644, os.Rename)
}

func loadAuthority(dir string) (*x509.Certificate, any, error) {
	certificate, err := readPEM(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return nil, nil, err
	}
	authority, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, nil, err
	}
	der, err := readPEM(filepath.Join(dir, "ca-key.pem"))
	if err != nil {
		return nil, nil, err
	}
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return authority, key, nil
	}
	key, err := x509.ParseECPrivateKey(der)
	return authority, key, err
}

// storedKey reads a key, or creates it. If several senders create it at the same time,
// all use the first one's.
func storedKey(path string) (*rsa.PrivateKey, error) {
	der, err := readPEM(path)
	if errors.Is(err, fs.ErrNotExist) {
		made, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(made)}
		if err := replaceFile(path, pem.EncodeToMemory(block), 0o600, os.Link); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		return storedKey(path)
	}
	if err != nil {
		return nil, err
	}
	return x509.ParsePKCS1PrivateKey(der)
}

// published reports whether a certificate is published that is valid now, for the key,
// and issued by the authority.
func published(path string, authority *x509.Certificate, key *rsa.PrivateKey) bool {
	der, err := readPEM(path)
	if err != nil {
		return false
	}
	certificate, err := x509.ParseCertificate(der)
	return err == nil && key.PublicKey.Equal(certificate.PublicKey) &&
		certificate.CheckSignatureFrom(authority) == nil && time.Now().Before(certificate.NotAfter)
}

func readPEM(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(bytes.TrimSpace(content))
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", path)
	}
	return block.Bytes, nil
}

// replaceFile writes a file aside and then puts it in its place, so that nobody reads half of it.
func replaceFile(path string, content []byte, mode fs.FileMode, place func(from, to string) error) error {
	aside, err := os.CreateTemp(filepath.Dir(path), ".send-*")
	if err != nil {
		return err
	}
	defer os.Remove(aside.Name())
	_, err = aside.Write(content)
	if err := errors.Join(err, aside.Chmod(mode), aside.Close()); err != nil {
		return err
	}
	return place(aside.Name(), path)
}
