// Package awsclienttest checks that clients of the AWS SDK are configured by package awsclient.
package awsclienttest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Client is the SDK's aws.HTTPClient.
type Client interface {
	Do(*http.Request) (*http.Response, error)
}

// Run checks that a call succeeds whose response begins before net/http is done with the request's body,
// which it has sent whole. listTables calls ListTables of DynamoDB, in one attempt, at an endpoint and
// with a client.
func Run(t *testing.T, listTables func(endpoint string, client Client) (names []string, err error)) {
	t.Helper()
	want := []string{strings.Repeat("a", 64<<10), strings.Repeat("b", 64<<10)}
	response, err := json.Marshal(map[string][]string{"TableNames": want})
	if err != nil {
		t.Fatal(err)
	}
	c := &client{resume: make(chan struct{}), wrote: make(chan error, 1), closed: make(chan struct{}), read: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a request that is not read whole fails the call
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		half := len(response) / 2
		_, _ = w.Write(response[:half])
		_ = http.NewResponseController(w).Flush()
		<-c.read
		_, _ = w.Write(response[half:]) // a response that is not written whole fails the call
	}))
	defer server.Close()
	defer c.abandon()
	c.next.Transport = &http.Transport{DialContext: c.dial, DisableKeepAlives: true}

	got, err := listTables(server.URL, c)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d tables, %v", len(got), err)
	}
}

// client sends one request, and looks at the end of its body only once the caller reads the response.
type client struct {
	next   http.Client
	resume chan struct{} // closed when what has sent the body may go on
	wrote  chan error    // the request has been written, or that failed
	closed chan struct{} // closed with the connection
	read   chan struct{} // closed when the rest of the response may be sent

	settled, closing sync.Once
}

// Do implements Client.
func (c *client) Do(r *http.Request) (*http.Response, error) {
	trace := &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) { c.wrote <- info.Err }}
	response, err := c.next.Do(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err == nil {
		response.Body = body{response.Body, c}
	}
	return response, err
}

// settle lets net/http finish with the request, and waits for what it then does.
func (c *client) settle() {
	c.settled.Do(func() {
		defer close(c.read)
		close(c.resume)
		if err := <-c.wrote; err != nil {
			<-c.closed
		}
	})
}

// abandon ends what still waits, after a call that failed before its response.
func (c *client) abandon() {
	c.settled.Do(func() {
		close(c.resume)
		close(c.read)
	})
}

type body struct {
	io.ReadCloser

	client *client
}

// Read implements io.Reader. The SDK has closed the request's body before it reads the response's.
func (b body) Read(p []byte) (int, error) {
	b.client.settle()
	return b.ReadCloser.Read(p)
}

func (c *client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	to, err := dialer.DialContext(ctx, network, address)
	return conn{to, c}, err
}

type conn struct {
	net.Conn

	client *client
}

// Write implements net.Conn. It returns late once the end of the body is sent.
func (c conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if bytes.HasSuffix(p, []byte("}")) {
		<-c.client.resume
	}
	return n, err
}

// Close implements net.Conn.
func (c conn) Close() error {
	c.client.closing.Do(func() { close(c.client.closed) })
	return c.Conn.Close()
}
