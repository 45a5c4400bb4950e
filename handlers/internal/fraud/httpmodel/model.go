package httpmodel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/fraud"
)

const (
	// Headroom is how long before the caller's deadline an exchange ends. It leaves
	// time to record the result, which takes at most 4 s (dynamodbledger), and for a
	// fallback.
	Headroom = 5 * time.Second

	// MaxTimeout is the longest Config.Timeout.
	MaxTimeout = contract.FraudTimeoutSeconds*time.Second - Headroom

	// DefaultTimeout applies when Config.Timeout is zero.
	DefaultTimeout = 2 * time.Second

	// MaxResponse bounds the body of a response, in bytes.
	MaxResponse = 64 * 1024
)

// Config configures a Model.
type Config struct {
	// URL of the endpoint: https, or http on the loopback interface. It has no
	// user and password: authorization belongs to Transport.
	URL string

	// Timeout bounds the whole exchange, from connecting to the last byte. Zero means
	// DefaultTimeout; the maximum is MaxTimeout. An exchange ends earlier, Headroom
	// before the deadline of its context, if that deadline is near.
	Timeout time.Duration

	// Transport sends the request; wrap it to add a token or a signature. When nil,
	// one with HTTP's usual settings and bounded headers is used.
	Transport http.RoundTripper
}

// ErrConfig is the error of New for an invalid Config.
var ErrConfig = errors.New("fraud model configuration rejected")

// Model is a fraud.Model. It is safe for concurrent use.
type Model struct {
	url     string
	timeout time.Duration
	client  *http.Client
}

var _ fraud.Model = (*Model)(nil)

// New returns the model at an endpoint. The error is ErrConfig; the endpoint is
// not called.
func New(c Config) (*Model, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: the URL cannot be parsed", ErrConfig) // err quotes it
	}
	if u.Hostname() == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, fmt.Errorf("%w: the URL must be https with a host and without a user; http is accepted on loopback only", ErrConfig)
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Timeout < 0 || c.Timeout > MaxTimeout {
		return nil, fmt.Errorf("%w: a timeout of %v is not between 0 and %v", ErrConfig, c.Timeout, MaxTimeout)
	}
	if c.Transport == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxResponseHeaderBytes = 16 * 1024
		c.Transport = transport
	}
	return &Model{u.String(), c.Timeout, &http.Client{
		Transport: c.Transport,
		// A redirect could lead to plain HTTP or to a host that is not configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Score implements fraud.Model. The error is fraud.ErrTimeout, fraud.ErrUnavailable
// or fraud.ErrMalformed, and repeats nothing of the response except its status.
func (m *Model) Score(ctx context.Context, p fraud.Payment) (fraud.Assessment, error) {
	body, err := encode(p)
	if err != nil {
		return fraud.Assessment{}, fmt.Errorf("encode features: %w", err)
	}
	ctx, cancel := context.WithDeadline(ctx, m.deadline(ctx))
	defer cancel()
	response, err := m.post(ctx, body)
	if err != nil {
		return fraud.Assessment{}, err
	}
	return decode(response)
}

// deadline returns the time Timeout from now or, if that is earlier, Headroom before the
// deadline of ctx.
func (m *Model) deadline(ctx context.Context) time.Time {
	own := time.Now().Add(m.timeout)
	if callers, ok := ctx.Deadline(); ok && callers.Add(-Headroom).Before(own) {
		return callers.Add(-Headroom)
	}
	return own
}

func (m *Model) post(ctx context.Context, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(body))
	if err != nil {
		return nil, failed(ctx, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	response, err := m.client.Do(request)
	if err != nil {
		return nil, failed(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: status %d", fraud.ErrUnavailable, response.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, MaxResponse+1))
	switch {
	case err != nil:
		return nil, failed(ctx, err)
	case len(text) > MaxResponse:
		return nil, fmt.Errorf("%w: more than %d bytes", fraud.ErrMalformed, MaxResponse)
	}
	return text, nil
}

// failed wraps an error of the exchange in an error of package fraud. It leaves out the
// address, whose query may contain a key.
func failed(ctx context.Context, err error) error {
	if wrapper, ok := errors.AsType[*url.Error](err); ok {
		err = wrapper.Err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", fraud.ErrTimeout, err)
	}
	return fmt.Errorf("%w: %w", fraud.ErrUnavailable, err)
}
