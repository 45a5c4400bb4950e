package main

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

var (
	secret  = "whsec_" + base64.StdEncoding.EncodeToString([]byte("a key of twenty-four byte"))
	payload = []byte(`{"transaction_id": "txn_1001", "amount": 1}`)
)

// endpoint verifies every request with the specification's own library and
// responds with each status in turn, the last one for ever.
type endpoint struct {
	*httptest.Server
	ids    []string // of the messages, as they came
	bodies []string
	errs   []error // what the library says of each signature
}

func newEndpoint(t *testing.T, retryAfter string, statuses ...int) *endpoint {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	e := &endpoint{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = verifier.Verify(body, r.Header)
		}
		if got := r.Header.Get("Content-Type"); err == nil && got != "application/json" {
			err = errors.New("Content-Type " + got)
		}
		e.errs = append(e.errs, err)
		e.bodies = append(e.bodies, string(body))
		e.ids = append(e.ids, r.Header.Get("webhook-id"))
		status := statuses[min(len(e.ids), len(statuses))-1]
		if status/100 != 2 && retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
		io.WriteString(w, `{"detail":"said by the endpoint"}`)
	}))
	t.Cleanup(e.Close)
	return e
}

// newSender notes the waits instead of waiting.
func newSender(t *testing.T, url string) (s *Sender, waits *[]time.Duration) {
	t.Helper()
	s, err := NewSender(url, secret)
	if err != nil {
		t.Fatal(err)
	}
	waits = &[]time.Duration{}
	s.wait = func(_ context.Context, d time.Duration) error {
		*waits = append(*waits, d)
		return nil
	}
	return s, waits
}

func TestSend(t *testing.T) {
	for name, c := range map[string]struct {
		retryAfter string
		statuses   []int
		requests   int
		waits      []time.Duration // nil: not compared
		err        error
	}{
		"stored at once":                    {"", []int{202}, 1, []time.Duration{}, nil},
		"known already":                     {"", []int{200}, 1, []time.Duration{}, nil},
		"throttled, then stored":            {"2", []int{429, 429, 202}, 3, []time.Duration{2 * time.Second, 2 * time.Second}, nil},
		"unavailable, then stored":          {"5", []int{503, 202}, 2, []time.Duration{5 * time.Second}, nil},
		"unavailable without Retry-After":   {"", []int{503, 504, 202}, 3, nil, nil},
		"unavailable for ever":              {"1", []int{503}, 5, slices.Repeat([]time.Duration{time.Second}, 4), ErrUnavailable},
		"Retry-After beyond what is waited": {"3600", []int{503}, 1, []time.Duration{}, ErrUnavailable},
		"invalid":                           {"1", []int{400}, 1, []time.Duration{}, ErrRejected},
		"wrong secret":                      {"1", []int{401}, 1, []time.Duration{}, ErrRejected},
		"id used for something else":        {"1", []int{409}, 1, []time.Duration{}, ErrRejected},
	} {
		t.Run("when "+name, func(t *testing.T) {
			e := newEndpoint(t, c.retryAfter, c.statuses...)
			s, waits := newSender(t, e.URL)
			response, err := s.Send(t.Context(), payload)
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			said := string(response)
			if err != nil {
				said = err.Error()
			}
			if !strings.Contains(said, "said by the endpoint") {
				t.Errorf("%q does not hold what the endpoint said", said)
			}
			if len(e.ids) != c.requests {
				t.Errorf("%d requests, want %d", len(e.ids), c.requests)
			}
			for i := range e.ids {
				if e.errs[i] != nil || e.bodies[i] != string(payload) || e.ids[i] != e.ids[0] {
					t.Errorf("request %d has the id %q, the body %q and the signature: %v", i+1, e.ids[i], e.bodies[i], e.errs[i])
				}
			}
			if c.waits != nil && !slices.Equal(*waits, c.waits) {
				t.Errorf("waited %v, want %v", *waits, c.waits)
			}
			for i, d := range *waits {
				if d < firstWait/2 || d > longestWait {
					t.Errorf("wait %d is %s", i+1, d)
				}
			}
		})
	}
}

func TestSendSignsAnew(t *testing.T) {
	e := newEndpoint(t, "", 503, 202)
	s, _ := newSender(t, e.URL)
	// The first signature is too old for the verifier, the second is not.
	skew := -10 * time.Minute
	s.now = func() time.Time { return time.Now().Add(skew) }
	s.wait = func(context.Context, time.Duration) error { skew = 0; return nil }
	if _, err := s.Send(t.Context(), payload); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(e.errs[0], standardwebhooks.ErrMessageTooOld) || e.errs[1] != nil {
		t.Errorf("the signatures are judged %v, want the first one alone too old", e.errs)
	}
}

// silent is an endpoint that does not respond.
func silent(t *testing.T) *httptest.Server {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(func() { close(release); server.Close() })
	return server
}

func TestSendEnds(t *testing.T) {
	t.Run("when there is no response in time", func(t *testing.T) {
		s, waits := newSender(t, silent(t).URL)
		s.Client.Timeout, s.Attempts = 20*time.Millisecond, 2
		if _, err := s.Send(t.Context(), payload); !errors.Is(err, ErrUnavailable) || len(*waits) != 1 {
			t.Errorf("got %v after the waits %v, want %v after one", err, *waits, ErrUnavailable)
		}
	})
	t.Run("when the caller gives up", func(t *testing.T) {
		e := newEndpoint(t, "60", 503)
		s, _ := newSender(t, e.URL)
		s.wait = wait
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("enough")
		s.Report = func(string) { cancel(enough) }
		start := time.Now()
		if _, err := s.Send(ctx, payload); !errors.Is(err, enough) || time.Since(start) > time.Minute {
			t.Errorf("got %v after %s, want %v at once", err, time.Since(start), enough)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"":                              0,
		"5":                             5 * time.Second,
		"-5":                            0,
		"soon":                          0,
		"99999999999999999999":          0,
		"Sun, 22 Nov 2026 15:00:07 GMT": 7 * time.Second,
		"Sun, 22 Nov 2026 14:00:00 GMT": 0,
	} {
		if got := (response{after: text}).retryAfter(now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestUsage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "payload.json")
	if err := os.WriteFile(file, payload, 0o600); err != nil {
		t.Fatal(err)
	}
	const address = "http://127.0.0.1:1/webhook"
	for name, c := range map[string]struct {
		args   []string
		secret string
		says   string
	}{
		"there is no address":         {[]string{file}, secret, "-url"},
		"the address has no scheme":   {[]string{"-url", "example.com/webhook", file}, secret, `"example.com/webhook"`},
		"the address has no host":     {[]string{"-url", "http:///webhook", file}, secret, `"http:///webhook"`},
		"there is no file":            {[]string{"-url", address}, secret, "0 files"},
		"there are two files":         {[]string{"-url", address, file, file}, secret, "2 files"},
		"the file is missing":         {[]string{"-url", address, file + "x"}, secret, "payload.jsonx"},
		"there is no secret":          {[]string{"-url", address, file}, "", secretVariable},
		"the secret is not base64":    {[]string{"-url", address, file}, "whsec_?secret?", secretVariable},
		"the flag is unknown":         {[]string{"-uri", address}, secret, "-uri"},
		"there are to be no attempts": {[]string{"-url", address, "-attempts", "0", file}, secret, "-attempts 0"},
	} {
		t.Run("is said when "+name, func(t *testing.T) {
			err := run(t.Context(), c.args, func(string) string { return c.secret }, strings.NewReader(""), io.Discard, io.Discard)
			if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want a usage error that names %s", err, c.says)
			}
			if err != nil && strings.Contains(err.Error(), "?secret?") {
				t.Error("the error holds the secret")
			}
		})
	}
	t.Run("is shown when asked for", func(t *testing.T) {
		var shown strings.Builder
		err := run(t.Context(), []string{"-help"}, nil, nil, nil, &shown)
		if !errors.Is(err, flag.ErrHelp) || !strings.Contains(shown.String(), "-timeout") {
			t.Errorf("got %v and %q", err, shown.String())
		}
	})
}

// The payloads beside this command are what it is shown with.
func TestRun(t *testing.T) {
	payloads, err := filepath.Glob("../payloads/*.json")
	if err != nil || len(payloads) == 0 {
		t.Fatalf("payloads %q, %v", payloads, err)
	}
	e := newEndpoint(t, "", 202)
	for _, file := range payloads {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name  string
			stdin io.Reader
		}{{file, nil}, {"-", strings.NewReader(string(content))}} {
			var out strings.Builder
			err := run(t.Context(), []string{"-url", e.URL, c.name}, func(string) string { return secret }, c.stdin, &out, io.Discard)
			last := len(e.bodies) - 1
			if err != nil || e.errs[last] != nil || e.bodies[last] != string(content) || !strings.Contains(out.String(), "said by the endpoint") {
				t.Errorf("%s as %s: got %v, signature %v, body %q, output %q", file, c.name, err, e.errs[last], e.bodies[last], out.String())
			}
		}
	}
}

func TestRunTimeout(t *testing.T) {
	file := filepath.Join(t.TempDir(), "payload.json")
	if err := os.WriteFile(file, payload, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-url", silent(t).URL, "-timeout", "20ms", "-attempts", "1", file}
	err := run(t.Context(), args, func(string) string { return secret }, nil, io.Discard, io.Discard)
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "1 of 1 attempts") {
		t.Errorf("got %v, want %v after 1 of 1 attempts", err, ErrUnavailable)
	}
}
