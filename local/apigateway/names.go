package apigateway

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/textproto"
	"regexp"
	"sync"
)

// Listener returns a listener whose connections remember the names of headers as they are sent:
// API Gateway keeps their case, and net/http does not. The server needs [KeepNames].
func Listener(l net.Listener) net.Listener { return listener{l} }

// KeepNames makes a server give the names of a [Listener] to the [API]. Other listeners are not
// affected.
func KeepNames(s *http.Server) {
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, namesKey{}, c) }
	s.ConnState = func(c net.Conn, state http.ConnState) {
		if c, ok := c.(*conn); ok && state == http.StateIdle {
			c.expectHead()
		}
	}
}

type namesKey struct{}

// sentNames returns the names of a request's headers as they were sent, by their canonical form;
// nil if they are not known.
func sentNames(ctx context.Context) map[string]string {
	if c, ok := ctx.Value(namesKey{}).(*conn); ok {
		return c.sent()
	}
	return nil
}

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, inHead: true, names: map[string]string{}}, nil
}

// maxLine bounds what is kept of a line: no name is longer.
const maxLine = 256

// conn reads the names of headers as they pass. A request's head ends with an empty line; the next
// one begins when the server expects it.
type conn struct {
	net.Conn

	mu     sync.Mutex
	inHead bool
	line   []byte
	names  map[string]string
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.scan(p[:n])
	return n, err
}

// headerName is the name in a header's line. A request's line has none: its target has no colon
// right after a token.
var headerName = regexp.MustCompile("^([!#$%&'*+.^_`|~0-9A-Za-z-]+):")

func (c *conn) scan(text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range text {
		if !c.inHead {
			return
		}
		if b != '\n' {
			if len(c.line) < maxLine {
				c.line = append(c.line, b)
			}
			continue
		}
		line := bytes.TrimSuffix(c.line, []byte("\r"))
		if name := headerName.FindSubmatch(line); name != nil {
			c.names[textproto.CanonicalMIMEHeaderKey(string(name[1]))] = string(name[1])
		}
		// An empty line before the request's line belongs to no head (RFC 9112, section 2.2).
		c.inHead = len(line) > 0 || len(c.names) == 0
		c.line = c.line[:0]
	}
}

func (c *conn) expectHead() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inHead, c.line, c.names = true, c.line[:0], map[string]string{}
}

func (c *conn) sent() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.names
}
