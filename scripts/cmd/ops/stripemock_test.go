package main

import (
	"bufio"
	"context"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"payment-webhooks/handlers/operations/reconcile"
)

// stripeMock starts Stripe's own mock of its API, which checks requests against Stripe's
// OpenAPI description, and returns its address. Its version is pinned in scripts/tools.mod.
func stripeMock(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "stripe-mock")
	build := exec.CommandContext(t.Context(), "go", "build", "-modfile=scripts/tools.mod", "-o", binary, "github.com/stripe/stripe-mock")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	mock := exec.CommandContext(ctx, binary, "-http-addr", "127.0.0.1:0")
	stdout, err := mock.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := mock.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = mock.Wait() }) // it was killed
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "Listening for HTTP at address: "); ok {
			go func() {
				for lines.Scan() { // so that it can go on writing its log
				}
			}()
			return "http://" + address
		}
	}
	t.Fatalf("stripe-mock ended: %v", lines.Err())
	return ""
}

func TestStripeMock(t *testing.T) {
	address := stripeMock(t)
	t.Run("accepts the requests when events are listed", func(t *testing.T) {
		source, err := reconcile.Open("stripe", reconcile.Access{Credentials: "rk_test_0123456789abcdefMADEUP", URL: address})
		if err != nil {
			t.Fatal(err)
		}
		// Its one event has no transaction, so no ledger is asked, and it may be of any time.
		report, err := reconcile.Run(t.Context(), reconcile.Config{Source: source, From: time.Unix(1, 0), To: time.Now(), Now: time.Now})
		if err != nil || report.Listed != 1 || report.Pages != 1 {
			t.Errorf("%+v, %v", report, err)
		}
	})
	t.Run("rejects a request when it has another parameter", func(t *testing.T) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/v1/events?page_size=100", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer rk_test_0123456789abcdefMADEUP")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("%d", response.StatusCode)
		}
	})
}
