package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// attemptTimeout bounds one request with its response. The providers respond within
	// seconds; a page of 100 events has some 500 KB.
	attemptTimeout = 30 * time.Second

	// maxTries bounds the attempts of one request.
	maxTries = 8

	// maxWait bounds the time that all attempts of one request may take. A provider that asks
	// to wait longer is out of order, or has a limit that a repeat will not lift.
	maxWait = 5 * time.Minute

	// maxResponseBytes bounds a response. An event may have 256 KiB to be accepted by the
	// webhook endpoint, so a page of 100 has at most 25 MiB of events that matter.
	maxResponseBytes = 32 << 20
)

// Client sends requests to a provider's API, and to the webhook endpoint.
type Client struct {
	http    *http.Client
	waiting func(reason error, wait time.Duration)
}

// NewClient returns a client with a transport, nil for the default. Waiting, unless it is
// nil, is called before each repeat.
func NewClient(transport http.RoundTripper, waiting func(reason error, wait time.Duration)) *Client {
	return &Client{
		http: &http.Client{
			Transport: transport,
			Timeout:   attemptTimeout,
			// The credentials are for this address and no other.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		waiting: waiting,
	}
}

// StatusError is the error of a response with another status than 2xx.
type StatusError struct {
	Status int    // HTTP status code
	Code   string // the provider's code of the error, such as "rate_limit"; "" if it has none
}

func (e *StatusError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("status %d", e.Status)
	}
	return fmt.Sprintf("status %d, %s", e.Status, e.Code)
}

// Unwrap returns ErrCredentials if these were refused, and otherwise ErrResponse.
func (e *StatusError) Unwrap() error {
	if e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden {
		return ErrCredentials
	}
	return ErrResponse
}

// Read sends a request that changes nothing and decodes its JSON response into a
// pointer. It repeats the request after 408, 429, 5xx, a broken connection and a broken
// response, as long as the provider asks it to wait, else with exponential backoff. NewRequest
// is called for each attempt.
func (c *Client) Read(ctx context.Context, newRequest func(context.Context) (*http.Request, error), into any) error {
	_, err := c.do(ctx, newRequest, into, func(failure error) bool {
		var status *StatusError
		if errors.As(failure, &status) {
			return status.Status == http.StatusRequestTimeout || status.Status == http.StatusTooManyRequests || status.Status >= 500
		}
		return true
	})
	return err
}

// Send sends a request that changes something, and returns the status of the response. It
// repeats the request only if the response says that it was not processed, 429 or 503: what
// may have been processed is not sent twice. The error is a *StatusError unless the status
// is 2xx.
func (c *Client) Send(ctx context.Context, newRequest func(context.Context) (*http.Request, error)) (status int, err error) {
	return c.do(ctx, newRequest, nil, func(failure error) bool {
		var status *StatusError
		return errors.As(failure, &status) && (status.Status == http.StatusTooManyRequests || status.Status == http.StatusServiceUnavailable)
	})
}

// do sends a request until it succeeds or fails for good. Of github.com/cenkalti/backoff,
// which is what the field uses: exponential backoff with jitter that knows Retry-After.
func (c *Client) do(ctx context.Context, newRequest func(context.Context) (*http.Request, error), into any, passes func(error) bool) (int, error) {
	status, err := backoff.Retry(ctx, func() (int, error) {
		request, err := newRequest(ctx)
		if err != nil {
			return 0, backoff.Permanent(err)
		}
		status, asked, err := c.attempt(request, into)
		switch {
		case err == nil || ctx.Err() != nil:
			return status, err
		case asked.refused || !asked.retry && !passes(err):
			return status, backoff.Permanent(err)
		case asked.wait > 0:
			return status, fmt.Errorf("%w: %w", err, &backoff.RetryAfterError{Duration: asked.wait})
		}
		return status, err
	},
		backoff.WithMaxTries(maxTries), backoff.WithMaxElapsedTime(maxWait),
		backoff.WithNotify(func(reason error, wait time.Duration) {
			if c.waiting != nil {
				c.waiting(reason, wait)
			}
		}))
	return status, err
}

// advice is what a response says about a repeat.
type advice struct {
	wait           time.Duration // Retry-After; 0 if the response has none
	retry, refused bool          // Stripe-Should-Retry
}

// attempt sends a request once.
func (c *Client) attempt(request *http.Request, into any) (int, advice, error) {
	response, err := c.http.Do(request)
	if err != nil {
		// Of the address only the host, because a query may hold what nobody should read.
		if failure := (*url.Error)(nil); errors.As(err, &failure) {
			err = failure.Err
		}
		return 0, advice{}, fmt.Errorf("%s: %w", request.URL.Host, err)
	}
	defer response.Body.Close()
	limited := &io.LimitedReader{R: response.Body, N: maxResponseBytes + 1}
	if response.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(limited, 64<<10)) // the status says enough
		return response.StatusCode, adviceOf(response.Header),
			fmt.Errorf("%s: %w", request.URL.Host, &StatusError{Status: response.StatusCode, Code: errorCode(text)})
	}
	if into == nil {
		return response.StatusCode, advice{}, nil
	}
	// Events are passed on as they are, so that one that is malformed spoils no other.
	err = json.UnmarshalRead(limited, into, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	switch {
	case limited.N <= 0:
		return response.StatusCode, advice{refused: true}, fmt.Errorf("%s: %w: larger than %d bytes", request.URL.Host, ErrResponse, maxResponseBytes)
	case err != nil && request.Context().Err() != nil:
		return response.StatusCode, advice{}, fmt.Errorf("%s: %w", request.URL.Host, request.Context().Err())
	case err != nil:
		return response.StatusCode, advice{}, fmt.Errorf("%s: %w: not the JSON that is documented, or cut off", request.URL.Host, ErrResponse)
	}
	return response.StatusCode, advice{}, nil
}

// adviceOf reads the headers that say whether and when to repeat a request. Retry-After is
// seconds or a date (RFC 9110, section 10.2.3); the date is relative to that of the response,
// so that our clock does not matter. Stripe-Should-Retry is Stripe's:
// https://docs.stripe.com/error-low-level#sdk-retries
func adviceOf(h http.Header) advice {
	a := advice{retry: h.Get("Stripe-Should-Retry") == "true", refused: h.Get("Stripe-Should-Retry") == "false"}
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		a.wait = time.Duration(min(seconds, 24*60*60)) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		if sent, err := http.ParseTime(h.Get("Date")); err == nil && at.After(sent) {
			a.wait = at.Sub(sent)
		}
	}
	return a
}

// codePattern is the form of the providers' error codes. Their messages are left out, because
// some repeat a part of the key: "Invalid API Key provided: rk_live_****1234".
var codePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{1,63}$`)

// errorCode returns the code in a provider's description of an error.
//
//	Stripe  {"error": {"type": "invalid_request_error", "code": "…"}}  https://docs.stripe.com/api/errors
//	Square  {"errors": [{"category": "…", "code": "UNAUTHORIZED"}]}     https://developer.squareup.com/docs/build-basics/handling-errors
//	PayPal  {"name": "AUTHENTICATION_FAILURE"}, of a token {"error": "invalid_client"}
func errorCode(body []byte) string {
	var of struct {
		Error  jsontext.Value `json:"error"`
		Errors []struct {
			Code string `json:"code"`
		} `json:"errors"`
		Name string `json:"name"`
	}
	if json.Unmarshal(bytes.TrimSpace(body), &of) != nil {
		return ""
	}
	codes := []string{of.Name}
	for _, e := range of.Errors {
		codes = append(codes, e.Code)
	}
	var text string
	var object struct {
		Code string `json:"code"`
		Type string `json:"type"`
	}
	if json.Unmarshal(of.Error, &text) == nil {
		codes = append(codes, text)
	} else if json.Unmarshal(of.Error, &object) == nil {
		codes = append(codes, object.Code, object.Type)
	}
	for _, code := range codes {
		if codePattern.MatchString(code) {
			return code
		}
	}
	return ""
}
