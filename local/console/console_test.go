package console_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"payment-webhooks/local/console"
)

// counter is a view that shows a number.
type counter struct{ n atomic.Uint64 }

func (c *counter) Name() string { return "counter" }

func (c *counter) Serve(mux *http.ServeMux) {
	mux.HandleFunc("GET /_local/page/counter", func(w http.ResponseWriter, _ *http.Request) { console.Respond(w, http.StatusOK, c.n.Load()) })
}

func (c *counter) Changes(since uint64) (any, uint64) {
	if n := c.n.Load(); n != since {
		return n, n
	}
	return nil, since
}

func TestHandler(t *testing.T) {
	server := httptest.NewServer(console.Handler(nil, &counter{}))
	defer server.Close()
	for path, want := range map[string]struct {
		status    int
		mediaType string
	}{
		"/_local/":                            {200, "text/html; charset=utf-8"},
		"/_local/page/assets/app.js":          {200, "text/javascript; charset=utf-8"},
		"/_local/page/assets/style.css":       {200, "text/css; charset=utf-8"},
		"/_local/page/assets/icon.svg":        {200, "image/svg+xml"},
		"/_local/page/assets/none.js":         {404, "application/problem+json"},
		"/_local/page/assets/..%2Fconsole.go": {404, "application/problem+json"},
		"/_local/page/counter":                {200, "application/json"},
	} {
		res, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want.status || res.Header.Get("Content-Type") != want.mediaType {
			t.Errorf("%s: %d %s, want %v", path, res.StatusCode, res.Header.Get("Content-Type"), want)
		}
		if policy := res.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
}

func TestUpdates(t *testing.T) {
	closed := make(chan struct{})
	view := &counter{}
	server := httptest.NewServer(console.Handler(closed, view))
	defer server.Close()
	view.n.Store(1)
	res, err := http.Get(server.URL + "/_local/page/updates")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	next := func() string {
		for lines.Scan() {
			if data, is := strings.CutPrefix(lines.Text(), "data: "); is {
				return data
			}
		}
		return "end"
	}
	if got := next(); got != "1" {
		t.Errorf("when a page opens, it is sent what there is: got %s", got)
	}
	view.n.Store(2)
	if got := next(); got != "2" {
		t.Errorf("when something changes, it is sent: got %s", got)
	}
	close(closed)
	if got := next(); got != "end" {
		t.Errorf("when the local run ends, the stream does: got %s", got)
	}
}

// stalled is a client that reads nothing: a write takes until its deadline.
type stalled struct {
	httptest.ResponseRecorder
	deadline time.Time
}

func (s *stalled) SetWriteDeadline(deadline time.Time) error {
	s.deadline = deadline
	return nil
}

func (s *stalled) Write([]byte) (int, error) {
	if s.deadline.IsZero() {
		select {} // as on a connection without a deadline
	}
	time.Sleep(time.Until(s.deadline))
	return 0, os.ErrDeadlineExceeded
}

func TestUpdates_stalledClient(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		view := &counter{}
		view.n.Store(1)
		console.Handler(make(chan struct{}), view).ServeHTTP(&stalled{}, httptest.NewRequest(http.MethodGet, "/_local/page/updates", nil))
	})
}
