package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// inFlight bounds the concurrent deliveries, for a --rate that the endpoint
	// does not keep up with.
	inFlight = 64

	// responseTimeout is longer than API Gateway's integration timeout, 29 s.
	responseTimeout = 35 * time.Second

	// shown bounds how many bytes of a response are read and printed.
	shown = 4096
)

// outcome is the result of one delivery.
type outcome struct {
	status int // 0 when there was no response
	took   time.Duration
}

// response is what --json prints of a delivery, a line for each.
type response struct {
	Delivery     int     `json:"delivery"`             // its number, from 1
	Status       int     `json:"status,omitempty"`     // 0: there was no response
	Body         string  `json:"body"`                 // up to 4096 bytes
	RequestID    string  `json:"request_id,omitempty"` // API Gateway's
	Error        string  `json:"error,omitempty"`      // why there was no response
	Milliseconds float64 `json:"ms"`                   // from the start of the request to the end of the response
}

// String returns the status and the body on one line.
func (r response) String() string {
	if r.Error != "" {
		return "no response: " + r.Error
	}
	return fmt.Sprintf("%d %s", r.Status, strings.ReplaceAll(r.Body, "\n", " "))
}

// printResponse writes a line about a response.
func (o options) printResponse(out io.Writer, r response) {
	if !o.json {
		fmt.Fprintf(out, "%s (%.1f ms)\n", r, r.Milliseconds)
		return
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(r) // whoever reads the output is gone
}

// deliver posts the deliveries, one after another or at a rate, and prints a line
// for each response when it arrives.
func deliver(ctx context.Context, out io.Writer, o options, next func(n int) (*http.Request, error)) ([]outcome, error) {
	client := newClient()
	defer client.CloseIdleConnections()

	var mu sync.Mutex
	var outcomes []outcome
	var group errgroup.Group
	group.SetLimit(1)
	var pace <-chan time.Time
	if o.rate > 0 {
		group.SetLimit(inFlight)
		ticker := time.NewTicker(time.Duration(float64(time.Second) / o.rate))
		defer ticker.Stop()
		pace = ticker.C
	}
	for n := range o.repeat {
		if n > 0 && pace != nil {
			select {
			case <-pace:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			break
		}
		request, err := next(n + 1)
		if err != nil {
			err = errors.Join(err, group.Wait())
			return outcomes, err
		}
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil // interrupted while it waited
			}
			start := time.Now()
			r := exchange(client, request.WithContext(ctx))
			took := time.Since(start)
			r.Delivery, r.Milliseconds = n+1, milliseconds(took)
			mu.Lock()
			defer mu.Unlock()
			outcomes = append(outcomes, outcome{status: r.Status, took: took})
			o.printResponse(out, r)
			return nil
		})
	}
	err := group.Wait()
	return outcomes, errors.Join(err, context.Cause(ctx))
}

// newClient returns a client that follows no redirect.
func newClient() *http.Client {
	return &http.Client{
		Timeout:       responseTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: inFlight},
	}
}

// exchange sends a request.
func exchange(client *http.Client, request *http.Request) response {
	received, err := client.Do(request)
	if err != nil {
		return response{Error: err.Error()}
	}
	defer received.Body.Close()
	body, err := io.ReadAll(io.LimitReader(received.Body, shown))
	if err != nil {
		return response{Error: err.Error()}
	}
	return response{Status: received.StatusCode, Body: string(bytes.TrimSpace(body)), RequestID: received.Header.Get("X-Amzn-Requestid")}
}

// summarize prints the number of responses and their times by status.
func summarize(out io.Writer, outcomes []outcome, elapsed time.Duration) {
	byStatus := map[int][]time.Duration{}
	for _, o := range outcomes {
		byStatus[o.status] = append(byStatus[o.status], o.took)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\nstatus\tresponses\tmedian ms\t99 % ms\tmax ms\t")
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		took := byStatus[status]
		slices.Sort(took)
		name := fmt.Sprint(status)
		if status == 0 {
			name = "none"
		}
		fmt.Fprintf(table, "%s\t%d\t%.1f\t%.1f\t%.1f\t\n", name, len(took),
			milliseconds(took[len(took)/2]), milliseconds(took[len(took)*99/100]), milliseconds(took[len(took)-1]))
	}
	table.Flush()
	fmt.Fprintf(out, "%d deliveries in %s, %.1f a second\n", len(outcomes), elapsed.Round(time.Millisecond),
		float64(len(outcomes))/elapsed.Seconds())
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// good reports whether every delivery got 2xx.
func good(outcomes []outcome, want int) bool {
	return len(outcomes) == want && !slices.ContainsFunc(outcomes, func(o outcome) bool { return o.status/100 != 2 })
}

// known returns the address that the endpoint verifies when none is configured: https,
// since API Gateway supports nothing else, and the host and path of the request.
func known(url string) string { return "https://" + url[strings.Index(url, "://")+3:] }
