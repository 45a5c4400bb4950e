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
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"payment-webhooks/handlers/internal/provider"
)

const (
	// downloadTimeout bounds the download of a certificate and, if needed, of its
	// issuer's. API Gateway gives the whole request 29 seconds.
	downloadTimeout = 5 * time.Second

	// maxDownloadBytes bounds a downloaded certificate; a chain of three is
	// about 6 KiB.
	maxDownloadBytes = 64 * 1024

	// maxChain bounds the certificates of a download.
	maxChain = 8

	// maxCached bounds the number of cached certificates and failures. PayPal uses
	// one certificate at a time per environment; other addresses are forged.
	maxCached = 64

	// maxUnproven and unprovenRefill bound the downloads for addresses with which no
	// delivery has been verified yet, because anyone can invent addresses: at most
	// maxUnproven at once, and then one per unprovenRefill. PayPal needs one when the
	// function starts, one more per environment (live and sandbox), and one each time
	// that it changes its certificate, so five are never too few, and an execution
	// environment of the function can be made to send PayPal at most 5 requests and
	// then 360 an hour.
	maxUnproven    = 5
	unprovenRefill = 10 * time.Second

	// keyLifetime is how long a key is used before its certificate is downloaded
	// again, so that a certificate that PayPal withdraws is not used for ever.
	keyLifetime = 12 * time.Hour

	// failureLifetime is how long a failure is cached: long enough for one download
	// per burst of deliveries, short enough to recover quickly.
	failureLifetime = 15 * time.Second
)

// certHosts are the hosts that serve PayPal's signing certificates, which are those of
// its REST API.
// PayPal's SDKs and documentation show api.paypal.com and, for the sandbox,
// api.sandbox.paypal.com; the two with -m are the hosts that
// https://developer.paypal.com/api/rest/requests/ names today.
var certHosts = []string{"api.paypal.com", "api.sandbox.paypal.com", "api-m.paypal.com", "api-m.sandbox.paypal.com"}

const certPath = "/v1/notifications/certs/"

// checkCertURL accepts exactly https://<host>/v1/notifications/certs/<name>. It compares
// text, because URL parsers may disagree about the host. An error is
// provider.ErrSignature.
func checkCertURL(address string) error {
	for _, host := range certHosts {
		name, ok := strings.CutPrefix(address, "https://"+host+certPath)
		if ok && len(name) <= 128 && isWord(name, "-_") {
			return nil
		}
	}
	return fmt.Errorf("%w: the certificate's address is not PayPal's", provider.ErrSignature)
}

// certificates downloads and checks signing certificates and caches their keys.
//
// An address is proven once a delivery has been verified with its key, for which
// PayPal must have signed a delivery to one of our webhooks. A proven address is
// downloaded again whenever its key expires, and is never forgotten for an unproven
// one. The others share a small budget. While invented addresses use it up, a new
// genuine one competes with them for one download per unprovenRefill. The deliveries
// that name it are rejected with provider.ErrUnproven, and PayPal repeats them for three
// days. Once the flood ends, it is downloaded after unprovenRefill at most.
type certificates struct {
	client  *http.Client
	roots   *x509.CertPool
	timeout time.Duration // downloadTimeout

	mu     sync.Mutex
	byURL  map[string]*cached // at most maxCached
	budget *rate.Limiter      // of unproven addresses
}

// cached is a key, or the error of the attempt to get it. The fields other than ready
// and proven are written before ready is closed and read after that.
type cached struct {
	ready  chan struct{}
	proven atomic.Bool // whether a delivery has been verified with a key from this address
	key    *rsa.PublicKey
	err    error
	until  time.Time
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
	return &certificates{
		client: &c, roots: roots, timeout: downloadTimeout, byURL: map[string]*cached{},
		// Of golang.org/x: a token bucket whose clock is an argument.
		budget: rate.NewLimiter(rate.Every(unprovenRefill), maxUnproven),
	}
}

// get returns the entry of an address that checkCertURL accepts, with its key.
// Concurrent callers with the same address share a download. The error is
// provider.ErrSignature if the certificate is not PayPal's or PayPal has none at the
// address, and otherwise provider.ErrUnavailable if the address is proven, or
// provider.ErrUnproven.
func (c *certificates) get(ctx context.Context, address string, now time.Time) (*cached, error) {
	entry, err := c.find(ctx, address, now)
	if err != nil {
		return nil, err
	}
	select {
	case <-entry.ready:
		err = entry.err
	case <-ctx.Done():
		err = fmt.Errorf("%w: waiting for the certificate: %w", provider.ErrUnavailable, context.Cause(ctx))
	}
	if errors.Is(err, provider.ErrUnavailable) && !entry.proven.Load() {
		err = fmt.Errorf("%w: %w", provider.ErrUnproven, err)
	}
	return entry, err
}

// find returns the cached entry of an address, or starts a download. The error is
// provider.ErrUnproven.
func (c *certificates) find(ctx context.Context, address string, now time.Time) (*cached, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.byURL[address]
	if ok && (!entry.done() || !now.After(entry.until)) {
		return entry, nil
	}
	next := &cached{ready: make(chan struct{})}
	if ok && entry.proven.Load() {
		next.proven.Store(true)
	} else if !c.budget.AllowN(now, 1) {
		return nil, fmt.Errorf("%w: too many unknown certificates are named", provider.ErrUnproven)
	} else if !c.makeRoom(now, address) {
		return nil, fmt.Errorf("%w: %d certificates are being downloaded", provider.ErrUnproven, maxCached)
	}
	c.byURL[address] = next
	// Not with the caller's context, because others may wait for the download too.
	go c.fill(context.WithoutCancel(ctx), next, address, now)
	return next, nil
}

// makeRoom makes room for an address by removing the unproven entries that have expired
// and, if the cache is still full, another entry: of the unproven ones, else of the
// proven ones, that which expires first. A failure expires before a certificate, so
// forged addresses cannot evict PayPal's certificates. It reports false if every entry is
// still being downloaded.
func (c *certificates) makeRoom(now time.Time, address string) bool {
	delete(c.byURL, address)
	var victim string
	for address, entry := range c.byURL {
		switch {
		case !entry.done():
		case now.After(entry.until) && !entry.proven.Load():
			delete(c.byURL, address)
		case victim == "" || entry.before(c.byURL[victim]):
			victim = address
		}
	}
	if len(c.byURL) < maxCached {
		return true
	}
	delete(c.byURL, victim)
	return victim != ""
}

// before reports whether the entry is forgotten before another one.
func (c *cached) before(other *cached) bool {
	if proven := c.proven.Load(); proven != other.proven.Load() {
		return !proven
	}
	return c.until.Before(other.until)
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

// load downloads a certificate and checks that it is PayPal's. It returns the
// certificate's key, and the time at which the first certificate of its chain expires.
func (c *certificates) load(ctx context.Context, address string, now time.Time) (*rsa.PublicKey, time.Time, error) {
	body, peers, err := c.download(ctx, address)
	if errors.Is(err, errAbsent) {
		// A forged address must not count as a failure of ours, nor raise an alarm.
		return nil, time.Time{}, fmt.Errorf("%w: PayPal has no such certificate", provider.ErrSignature)
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%w: %w", provider.ErrUnavailable, err)
	}
	chain := parseChain(body)
	if len(chain) == 0 {
		// PayPal's host has been seen to respond with 200 and something else:
		// https://github.com/paypal/PayPal-Python-SDK/issues/130.
		return nil, time.Time{}, fmt.Errorf("%w: PayPal's response holds no certificate", provider.ErrUnavailable)
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
	// The default key usage, ExtKeyUsageServerAuth, is the one that public
	// authorities certify and that the roots are trusted for.
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
		return nil, time.Time{}, fmt.Errorf("%w: the certificate: %w", provider.ErrSignature, err)
	}
	notAfter := leaf.NotAfter
	for _, certificate := range chains[0] {
		if certificate.NotAfter.Before(notAfter) {
			notAfter = certificate.NotAfter
		}
	}
	return key, notAfter, nil
}

// errAbsent is the error of a download from an address that does not exist.
var errAbsent = errors.New("there is no certificate")

// download downloads a certificate from PayPal or from its authority. Peers are the
// intermediate certificates of the TLS connection. The error is errAbsent if the host
// responds that there is no such certificate. No error repeats the address, because it
// is logged, and a sender may write a card number there.
func (c *certificates) download(ctx context.Context, address string) (body []byte, peers []*x509.Certificate, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, errors.New("the certificate's address is not valid")
	}
	response, err := c.client.Do(request)
	if failure := (*url.Error)(nil); errors.As(err, &failure) {
		return nil, nil, fmt.Errorf("%s: %w", request.URL.Host, failure.Err)
	}
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, nil, fmt.Errorf("%w at %s", errAbsent, request.URL.Host)
	default:
		return nil, nil, fmt.Errorf("%s responded with %d", request.URL.Host, response.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, maxDownloadBytes+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", request.URL.Host, err)
	}
	if len(body) > maxDownloadBytes {
		return nil, nil, fmt.Errorf("the response of %s is larger than %d bytes", request.URL.Host, maxDownloadBytes)
	}
	if response.TLS != nil && len(response.TLS.PeerCertificates) > 0 {
		peers = response.TLS.PeerCertificates[1:]
	}
	return body, peers, nil
}

// parseChain reads PEM certificates, the leaf first. It returns nil if one of them is
// invalid or there are more than maxChain.
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

// checkLeaf checks what x509 does not: the owner of the certificate, and the type and
// usage of its key. It is not enough that the certificate chains to a root, because
// anyone's does.
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

// issuer downloads the certificate of a leaf's issuer from the address in the leaf (RFC
// 5280, section 4.2.2.1), as browsers do. It need not be trusted, because it has to
// chain to a root, too. It is nil if the leaf has no address or one with another host;
// an error is provider.ErrUnavailable.
func (c *certificates) issuer(ctx context.Context, leaf *x509.Certificate) (*x509.Certificate, error) {
	for _, text := range leaf.IssuingCertificateURL {
		address, err := url.Parse(text)
		if err != nil || address.Host != issuerHost || address.User != nil {
			continue
		}
		address.Scheme = "https" // certificates name it with http
		der, _, err := c.download(ctx, address.String())
		if err != nil {
			return nil, fmt.Errorf("%w: the issuer of PayPal's certificate: %w", provider.ErrUnavailable, err)
		}
		issuer, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("%w: the issuer of PayPal's certificate: %w", provider.ErrUnavailable, err)
		}
		return issuer, nil
	}
	return nil, nil
}
