package paypal

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"payment-webhooks/handlers/internal/provider"
)

const (
	// downloadTimeout bounds a download with all that belongs to it. API
	// Gateway gives the whole request 29 seconds.
	downloadTimeout = 5 * time.Second

	// maxDownloadBytes bounds a downloaded certificate; a chain of three is
	// about 6 KiB.
	maxDownloadBytes = 64 * 1024

	// maxChain bounds the certificates of a download.
	maxChain = 8

	// maxCached bounds how many certificates, and failures to get one, are
	// remembered. PayPal uses one at a time per environment; every other address
	// is a forger's.
	maxCached = 64

	// keyLifetime is how long a key is used without asking for its certificate
	// again, so that one that PayPal withdraws does not live for ever.
	keyLifetime = 12 * time.Hour

	// failureLifetime is how long a failure is remembered: long enough that a
	// burst of deliveries asks once, short enough that a repair helps at once.
	failureLifetime = 15 * time.Second
)

// certHosts serve PayPal's signing certificates: the hosts of its REST API.
// PayPal's SDKs and documentation show api.paypal.com and, for the sandbox,
// api.sandbox.paypal.com; the two with -m are the hosts that
// https://developer.paypal.com/api/rest/requests/ names today.
var certHosts = []string{"api.paypal.com", "api.sandbox.paypal.com", "api-m.paypal.com", "api-m.sandbox.paypal.com"}

const certPath = "/v1/notifications/certs/"

// checkCertURL accepts exactly https://<host>/v1/notifications/certs/<name>, by
// comparing text: no parser's idea of a host can differ from another's. An error
// is provider.ErrSignature.
func checkCertURL(address string) error {
	for _, host := range certHosts {
		name, ok := strings.CutPrefix(address, "https://"+host+certPath)
		if ok && len(name) <= 128 && isWord(name, "-_") {
			return nil
		}
	}
	return fmt.Errorf("%w: the certificate's address is not PayPal's", provider.ErrSignature)
}

// certificates downloads, checks and remembers the keys of signing certificates.
type certificates struct {
	client  *http.Client
	roots   *x509.CertPool
	timeout time.Duration // downloadTimeout

	mu    sync.Mutex
	byURL map[string]*cached // at most maxCached
}

// cached is a key or the reason why there is none. All but ready is written
// before ready is closed, and never after.
type cached struct {
	ready chan struct{}
	key   *rsa.PublicKey
	err   error
	until time.Time
}

// done reports whether the download has ended.
func (c *cached) done() bool {
	select {
	case <-c.ready:
		return true
	default:
		return false
	}
}

func newCertificates(client *http.Client, roots *x509.CertPool) *certificates {
	var c http.Client
	if client != nil {
		c = *client
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Jar = nil
	return &certificates{client: &c, roots: roots, timeout: downloadTimeout, byURL: map[string]*cached{}}
}

// key returns the public key of the certificate at an address that checkCertURL
// accepts. Callers that ask for the same one at the same time share a download.
// An error is provider.ErrSignature when there is a certificate but not one of
// PayPal's, or PayPal knows none by that name, and provider.ErrUnavailable when
// none could be had.
func (c *certificates) key(ctx context.Context, address string, now time.Time) (*rsa.PublicKey, error) {
	c.mu.Lock()
	entry, ok := c.byURL[address]
	if !ok || entry.done() && now.After(entry.until) {
		delete(c.byURL, address)
		if !c.makeRoom(now) {
			c.mu.Unlock()
			return nil, fmt.Errorf("%w: %d certificates are being downloaded", provider.ErrUnavailable, maxCached)
		}
		entry = &cached{ready: make(chan struct{})}
		c.byURL[address] = entry
		// Not with the caller's context: others may wait for the same.
		go c.fill(context.WithoutCancel(ctx), entry, address, now)
	}
	c.mu.Unlock()
	select {
	case <-entry.ready:
		return entry.key, entry.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: waiting for the certificate: %w", provider.ErrUnavailable, context.Cause(ctx))
	}
}

// makeRoom forgets what is over, and if the cache is still full, what is over
// first: a failure, so that forgers cannot push out PayPal's certificates. It
// reports false when every entry is still being downloaded.
func (c *certificates) makeRoom(now time.Time) bool {
	var victim string
	for address, entry := range c.byURL {
		switch {
		case !entry.done():
		case now.After(entry.until):
			delete(c.byURL, address)
		case victim == "" || entry.until.Before(c.byURL[victim].until):
			victim = address
		}
	}
	if len(c.byURL) < maxCached {
		return true
	}
	delete(c.byURL, victim)
	return victim != ""
}

// fill completes an entry.
func (c *certificates) fill(ctx context.Context, entry *cached, address string, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	defer close(entry.ready)
	leaf, notAfter, err := c.load(ctx, address, now)
	if err != nil {
		entry.err, entry.until = err, now.Add(failureLifetime)
		return
	}
	entry.key, entry.until = leaf, now.Add(keyLifetime)
	if notAfter.Before(entry.until) {
		entry.until = notAfter
	}
}

// load downloads a certificate and checks that it is PayPal's. It returns its
// key and when the first certificate of its chain expires.
func (c *certificates) load(ctx context.Context, address string, now time.Time) (*rsa.PublicKey, time.Time, error) {
	body, peers, err := c.download(ctx, address)
	if err != nil {
		return nil, time.Time{}, err
	}
	chain := parseChain(body)
	if len(chain) == 0 {
		// Seen in the wild: PayPal's host answering 200 with something else,
		// https://github.com/paypal/PayPal-Python-SDK/issues/130.
		return nil, time.Time{}, fmt.Errorf("%w: %s holds no certificate", provider.ErrUnavailable, address)
	}
	leaf := chain[0]
	key, err := checkLeaf(leaf)
	if err != nil {
		return nil, time.Time{}, err
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range append(chain[1:], peers...) {
		intermediates.AddCert(certificate)
	}
	// ExtKeyUsageServerAuth, the default: what public authorities certify, and
	// all that the roots are trusted for.
	options := x509.VerifyOptions{Roots: c.roots, Intermediates: intermediates, CurrentTime: now}
	chains, err := leaf.Verify(options)
	if unknown := (x509.UnknownAuthorityError{}); errors.As(err, &unknown) {
		issuer, failure := c.issuer(ctx, leaf)
		if failure != nil {
			return nil, time.Time{}, failure
		}
		if issuer != nil {
			intermediates.AddCert(issuer)
			chains, err = leaf.Verify(options)
		}
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%w: the certificate at %s: %w", provider.ErrSignature, address, err)
	}
	notAfter := leaf.NotAfter
	for _, certificate := range chains[0] {
		if certificate.NotAfter.Before(notAfter) {
			notAfter = certificate.NotAfter
		}
	}
	return key, notAfter, nil
}

// download gets a certificate from PayPal, or from its authority. Peers are the
// certificates of the host itself.
func (c *certificates) download(ctx context.Context, address string) (body []byte, peers []*x509.Certificate, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", provider.ErrUnavailable, err)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", provider.ErrUnavailable, err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		// An invented name must not count as our trouble, nor raise an alarm.
		return nil, nil, fmt.Errorf("%w: PayPal has no certificate at %s", provider.ErrSignature, address)
	default:
		return nil, nil, fmt.Errorf("%w: %s answered %d", provider.ErrUnavailable, address, response.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, maxDownloadBytes+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s: %w", provider.ErrUnavailable, address, err)
	}
	if len(body) > maxDownloadBytes {
		return nil, nil, fmt.Errorf("%w: %s is larger than %d bytes", provider.ErrUnavailable, address, maxDownloadBytes)
	}
	if response.TLS != nil && len(response.TLS.PeerCertificates) > 0 {
		peers = response.TLS.PeerCertificates[1:]
	}
	return body, peers, nil
}

// parseChain reads PEM certificates, the leaf first. It returns none unless all
// of them are good and at most maxChain.
func parseChain(text []byte) []*x509.Certificate {
	var chain []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return chain
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil || len(chain) == maxChain {
			return nil
		}
		chain = append(chain, certificate)
	}
}

// checkLeaf checks what x509 does not: whose certificate it is, and what its key
// is and is for. That PayPal's host serves it is not enough: any certificate
// would chain.
func checkLeaf(leaf *x509.Certificate) (*rsa.PublicKey, error) {
	if !slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".paypal.com") }) {
		return nil, fmt.Errorf("%w: the certificate is not for a name of paypal.com", provider.ErrSignature)
	}
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < minKeyBits || key.N.BitLen() > maxKeyBits {
		return nil, fmt.Errorf("%w: the certificate has no RSA key of %d to %d bits", provider.ErrSignature, minKeyBits, maxKeyBits)
	}
	if leaf.IsCA || leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return nil, fmt.Errorf("%w: the certificate is not for signatures", provider.ErrSignature)
	}
	return key, nil
}

// issuerHost publishes the intermediates of DigiCert, PayPal's authority.
const issuerHost = "cacerts.digicert.com"

// issuer downloads the certificate of a leaf's issuer from where the leaf says
// it is (RFC 5280, section 4.2.2.1), as browsers do. It proves nothing by itself:
// it has to chain, too. It is nil when the leaf does not say so, or names
// another host; an error is provider.ErrUnavailable.
func (c *certificates) issuer(ctx context.Context, leaf *x509.Certificate) (*x509.Certificate, error) {
	for _, text := range leaf.IssuingCertificateURL {
		address, err := url.Parse(text)
		if err != nil || address.Host != issuerHost || address.User != nil {
			continue
		}
		address.Scheme = "https" // written with http, for clients that have no TLS yet
		der, _, err := c.download(ctx, address.String())
		if err != nil {
			return nil, fmt.Errorf("%w: the issuer of PayPal's certificate: %s", provider.ErrUnavailable, err)
		}
		issuer, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("%w: the issuer of PayPal's certificate: %w", provider.ErrUnavailable, err)
		}
		return issuer, nil
	}
	return nil, nil
}
