package egress

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// ioTimeout bounds each step of a client, so that a client that stalls does not
// hold its connection open.
const ioTimeout = time.Minute

// systemRoots are the files in which Unix systems keep the certificate authorities
// they trust. The first that exists is used, as Go programs do (crypto/x509).
var systemRoots = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Alpine, Arch
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS
	"/etc/ssl/cert.pem",                                 // BSD, macOS
}

// hostPattern matches a lower-case host name of two or more labels.
var hostPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$`)

// Stub is an HTTPS proxy that serves a directory in place of the internet.
type Stub struct {
	root      *os.Root
	authority *authority
	log       *slog.Logger
	now       func() time.Time

	rootsDir string // holds the file of SSL_CERT_FILE
	listener net.Listener
	proxy    *http.Server
	hosts    *http.Server
	tunnels  *tunnels
	serving  sync.WaitGroup
}

// Open starts serving dir and creates it if it does not exist. trusted is a file of
// certificate authorities (PEM) that the functions trust in addition to the stub's own;
// empty means the system's. log receives a line for each host that is rejected.
func Open(dir, trusted string, log *slog.Logger, now func() time.Time) (_ *Stub, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	s := &Stub{log: log, now: now}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.root, err = os.OpenRoot(dir); err != nil {
		return nil, err
	}
	if s.authority, err = openAuthority(dir, now()); err != nil {
		return nil, err
	}
	if err = s.writeRoots(trusted); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	errors := slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	s.tunnels = &tunnels{opened: make(chan net.Conn), closed: make(chan struct{}), address: s.listener.Addr()}
	s.proxy = &http.Server{Handler: http.HandlerFunc(s.connect), ReadHeaderTimeout: ioTimeout, IdleTimeout: ioTimeout, ErrorLog: errors}
	s.hosts = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: ioTimeout, WriteTimeout: ioTimeout, IdleTimeout: ioTimeout, ErrorLog: errors}
	s.serving.Go(func() { _ = s.proxy.Serve(s.listener) }) // ends with Close
	s.serving.Go(func() { _ = s.hosts.Serve(s.tunnels) })
	return s, nil
}

// Environment returns the variables that make a Go program on Linux send its HTTPS
// requests to the stub. Calls to 127.0.0.1 and localhost stay direct.
func (s *Stub) Environment() map[string]string {
	return map[string]string{
		"HTTPS_PROXY":   "http://" + s.listener.Addr().String(),
		"NO_PROXY":      "127.0.0.1,localhost",
		"SSL_CERT_FILE": filepath.Join(s.rootsDir, "roots.pem"),
	}
}

// Close ends every connection.
func (s *Stub) Close() {
	if s.proxy != nil {
		s.proxy.Close()
		s.hosts.Close()
		s.serving.Wait()
	}
	if s.root != nil {
		s.root.Close()
	}
	if s.rootsDir != "" {
		os.RemoveAll(s.rootsDir)
	}
}

// writeRoots writes the certificate authorities that functions trust to a temporary file.
func (s *Stub) writeRoots(trusted string) error {
	var roots []byte
	for _, path := range append([]string{trusted}, systemRoots...) {
		text, err := os.ReadFile(path)
		if err == nil {
			roots = append(text, '\n')
			break
		}
		if path == trusted && trusted != "" {
			return fmt.Errorf("trusted authorities: %w", err)
		}
	}
	dir, err := os.MkdirTemp("", "local-egress-")
	if err != nil {
		return err
	}
	s.rootsDir = dir
	return os.WriteFile(filepath.Join(dir, "roots.pem"), append(roots, s.authority.pem...), 0o600)
}

// connect opens a tunnel to a host that has a directory.
func (s *Stub) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		s.reject(w, r.Host, "only HTTPS is supported")
		return
	}
	host, port, err := net.SplitHostPort(r.Host)
	host = strings.ToLower(host)
	switch {
	case err != nil || port != "443":
		s.reject(w, r.Host, "only port 443 is supported")
		return
	case !hostPattern.MatchString(host):
		s.reject(w, r.Host, "only host names are supported, not addresses")
		return
	}
	if info, err := s.root.Stat(host); err != nil || !info.IsDir() {
		s.reject(w, r.Host, "there is no directory of that name")
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.log.Error("no tunnel", "host", host, "error", err)
		return
	}
	// A client waits for the response before it starts TLS.
	if buffered.Reader.Buffered() > 0 {
		conn.Close()
		return
	}
	if err := errors.Join(conn.SetDeadline(time.Time{}), write(conn, "HTTP/1.1 200 Connection Established\r\n\r\n")); err != nil {
		conn.Close()
		return
	}
	s.tunnels.open(tls.Server(conn, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if !strings.EqualFold(hello.ServerName, host) {
				return nil, fmt.Errorf("the tunnel is to %s, TLS is for %q", host, hello.ServerName)
			}
			return s.authority.of(host, s.now())
		},
	}))
}

func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

func (s *Stub) reject(w http.ResponseWriter, host, why string) {
	s.log.Warn("host rejected", "host", host, "reason", why)
	http.Error(w, fmt.Sprintf("the egress stub has no %s: %s", host, why), http.StatusForbidden)
}

// serve responds to the requests inside a tunnel, in the name of its host.
func (s *Stub) serve(w http.ResponseWriter, r *http.Request) {
	host := strings.ToLower(r.TLS.ServerName)
	if name, _, err := net.SplitHostPort(r.Host); !strings.EqualFold(r.Host, host) && (err != nil || !strings.EqualFold(name, host)) {
		http.Error(w, "this is "+host, http.StatusMisdirectedRequest)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are supported", http.StatusMethodNotAllowed)
		return
	}
	file, info, err := s.open(host, r.URL.Path)
	if err != nil {
		s.log.Warn("file not found", "host", host, "path", r.URL.Path)
		http.NotFound(w, r)
		return
	}
	defer file.Close()
	http.ServeContent(w, r, info.Name(), info.ModTime(), file)
}

// open opens a regular file below the host's directory. os.Root rejects paths and
// symbolic links that leave the root; fs.ValidPath rejects paths that lead to another
// host's directory or to the authority's key.
func (s *Stub) open(host, path string) (*os.File, fs.FileInfo, error) {
	relative := strings.TrimPrefix(path, "/")
	if !fs.ValidPath(relative) || relative == "." {
		return nil, nil, fs.ErrNotExist
	}
	file, err := s.root.Open(host + "/" + relative)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, nil, errors.Join(err, fs.ErrNotExist)
	}
	return file, info, nil
}

// tunnels is the listener of the hosts' server: it yields the proxy's tunnels.
type tunnels struct {
	opened  chan net.Conn
	closed  chan struct{}
	once    sync.Once
	address net.Addr
}

func (t *tunnels) open(c net.Conn) {
	select {
	case t.opened <- c:
	case <-t.closed:
		c.Close()
	case <-time.After(ioTimeout):
		c.Close()
	}
}

// Accept is net.Listener.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-t.opened:
		return c, nil
	case <-t.closed:
		return nil, net.ErrClosed
	}
}

// Close is net.Listener.
func (t *tunnels) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}

// Addr is net.Listener.
func (t *tunnels) Addr() net.Addr { return t.address }
