package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	mathrand "math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Waits between attempts when the response does not say how long to wait: they
// double from the first to the longest. A Retry-After beyond the longest ends
// Send: the caller should keep the payload and send it later.
const (
	firstWait   = time.Second
	longestWait = time.Minute
)

// maxResponseBytes bounds what is read of a response; a problem document with
// fifty field errors is smaller.
const maxResponseBytes = 64 << 10

// ErrRejected is wrapped by the error of a payload that will be rejected again if it is
// sent again: any status but 2xx, 429 and 5xx.
var ErrRejected = errors.New("rejected")

// ErrUnavailable is wrapped by the error of a payload that no attempt delivered. It may
// or may not be stored; send it again later.
var ErrUnavailable = errors.New("unavailable")

// Sender posts payloads to one address, signed with one secret.
type Sender struct {
	Client   *http.Client // its Timeout bounds an attempt
	Attempts int          // maximum number of attempts, at least 1
	Report   func(string) // receives a line for each attempt that failed

	url     string
	webhook *standardwebhooks.Webhook
	now     func() time.Time
	newID   func() string
	wait    func(context.Context, time.Duration) error
}

// NewSender returns a sender that makes at most five attempts of ten seconds each. The
// secret has the specification's form: whsec_ and base64 of 24 to 64 bytes.
func NewSender(url, secret string) (*Sender, error) {
	webhook, err := standardwebhooks.NewWebhook(secret)
	if secret == "" || err != nil {
		return nil, errors.New("the signing secret must be whsec_ and base64") // without its value
	}
	return &Sender{
		Client: &http.Client{Timeout: 10 * time.Second}, Attempts: 5, Report: func(string) {},
		url: url, webhook: webhook, now: time.Now, newID: func() string { return "msg_" + rand.Text() }, wait: wait,
	}, nil
}

// Send posts a payload until it is stored and returns the body of the response.
// Its error wraps [ErrRejected], [ErrUnavailable] or the context's.
func (s *Sender) Send(ctx context.Context, payload []byte) ([]byte, error) {
	// The id identifies the message, so it is the same in every attempt.
	id := s.newID()
	for attempt := 1; ; attempt++ {
		r, err := s.post(ctx, id, payload)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err == nil && r.status/100 == 2:
			return r.body, nil
		case err == nil && !r.passes():
			return nil, fmt.Errorf("%w: %s", ErrRejected, r)
		case err == nil:
			err = errors.New(r.String())
		}
		pause := r.retryAfter(s.now())
		if pause == 0 {
			pause = backoff(attempt)
		}
		if attempt >= s.Attempts || pause > longestWait {
			return nil, fmt.Errorf("%w after %d of %d attempts: %w", ErrUnavailable, attempt, s.Attempts, err)
		}
		s.Report(fmt.Sprintf("attempt %d: %v; next in %s", attempt, err, pause.Round(time.Millisecond)))
		if err := s.wait(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// post is one attempt. It signs anew, since the time is part of what is signed
// and may be five minutes old at most.
func (s *Sender) post(ctx context.Context, id string, payload []byte) (response, error) {
	now := s.now()
	signature, err := s.webhook.Sign(id, now, payload)
	if err != nil {
		return response{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(payload))
	if err != nil {
		return response{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(standardwebhooks.HeaderWebhookID, id)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	res, err := s.Client.Do(request)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	// The status says what became of the payload, even if the rest is lost.
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxResponseBytes))
	return response{status: res.StatusCode, after: res.Header.Get("Retry-After"), body: bytes.TrimSpace(body)}, nil
}

// response is the response to an attempt; the zero value is none.
type response struct {
	status int
	after  string // Retry-After
	body   []byte
}

func (r response) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", r.status, http.StatusText(r.status), r.body))
}

// passes reports whether the same payload may be accepted later.
func (r response) passes() bool { return r.status == http.StatusTooManyRequests || r.status/100 == 5 }

// retryAfter is the wait that the response asks for, in seconds or as a date
// (RFC 9110, section 10.2.3), and 0 if it asks for none.
func (r response) retryAfter(now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(r.after, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(r.after); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

// backoff is the wait after an attempt that failed, with jitter: senders that
// failed together do not come back together.
func backoff(attempt int) time.Duration {
	full := min(float64(longestWait), float64(firstWait)*math.Exp2(float64(attempt-1)))
	return time.Duration(full * (0.5 + mathrand.Float64()/2))
}

// wait returns early, with the cause, when the context ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
