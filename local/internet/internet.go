package internet

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

// patience bounds each step of a client, so that one that stops halfway does
// not hold a connection.
const patience = time.Minute

// systemRoots are where Unix systems keep the authorities they trust; the first
// one that is there counts, as it does for Go programs (crypto/x509).
var systemRoots = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Alpine, Arch
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS
	"/etc/ssl/cert.pem",                                 // BSD, macOS
}

// hostPattern is a name of two or more labels.
var hostPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$`)

// Internet serves a directory as if it were the internet.
type Internet struct {
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

// Open starts serving dir, which is made if it is not there. trusted is a file
// of authorities that the functions trust beside the local one; empty takes the
// system's. Log gets a line for each host that is refused.
func Open(dir, trusted string, log *slog.Logger, now func() time.Time) (_ *Internet, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	i := &Internet{log: log, now: now}
	defer func() {
		if err != nil {
			i.Close()
		}
	}()
	if i.root, err = os.OpenRoot(dir); err != nil {
		return nil, err
	}
	if i.authority, err = openAuthority(dir, now()); err != nil {
		return nil, err
	}
	if err = i.writeRoots(trusted); err != nil {
		return nil, err
	}
	if i.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	errors := slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	i.tunnels = &tunnels{opened: make(chan net.Conn), closed: make(chan struct{}), address: i.listener.Addr()}
	i.proxy = &http.Server{Handler: http.HandlerFunc(i.connect), ReadHeaderTimeout: patience, IdleTimeout: patience, ErrorLog: errors}
	i.hosts = &http.Server{Handler: http.HandlerFunc(i.answer), ReadHeaderTimeout: patience, WriteTimeout: patience, IdleTimeout: patience, ErrorLog: errors}
	i.serving.Go(func() { _ = i.proxy.Serve(i.listener) }) // ends with Close
	i.serving.Go(func() { _ = i.hosts.Serve(i.tunnels) })
	return i, nil
}

// Environment are the variables with which a Go program on Linux reaches this
// internet and no other. Calls to 127.0.0.1 and localhost stay direct.
func (i *Internet) Environment() map[string]string {
	return map[string]string{
		"HTTPS_PROXY":   "http://" + i.listener.Addr().String(),
		"NO_PROXY":      "127.0.0.1,localhost",
		"SSL_CERT_FILE": filepath.Join(i.rootsDir, "roots.pem"),
	}
}

// Close ends every connection.
func (i *Internet) Close() {
	if i.proxy != nil {
		i.proxy.Close()
		i.hosts.Close()
		i.serving.Wait()
	}
	if i.root != nil {
		i.root.Close()
	}
	if i.rootsDir != "" {
		os.RemoveAll(i.rootsDir)
	}
}

// writeRoots writes the authorities that functions trust to a file of this run.
func (i *Internet) writeRoots(trusted string) error {
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
	dir, err := os.MkdirTemp("", "local-internet-")
	if err != nil {
		return err
	}
	i.rootsDir = dir
	return os.WriteFile(filepath.Join(dir, "roots.pem"), append(roots, i.authority.pem...), 0o600)
}

// connect opens a tunnel to a host that is in the directory.
func (i *Internet) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		i.refuse(w, r.Host, "only https is played")
		return
	}
	host, port, err := net.SplitHostPort(r.Host)
	host = strings.ToLower(host)
	switch {
	case err != nil || port != "443":
		i.refuse(w, r.Host, "only port 443 is played")
		return
	case !hostPattern.MatchString(host):
		i.refuse(w, r.Host, "only names are played")
		return
	}
	if info, err := i.root.Stat(host); err != nil || !info.IsDir() {
		i.refuse(w, r.Host, "there is no directory of that name")
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		i.log.Error("no tunnel", "host", host, "error", err)
		return
	}
	// A client waits for the answer before it speaks TLS.
	if buffered.Reader.Buffered() > 0 {
		conn.Close()
		return
	}
	if err := errors.Join(conn.SetDeadline(time.Time{}), write(conn, "HTTP/1.1 200 Connection Established\r\n\r\n")); err != nil {
		conn.Close()
		return
	}
	i.tunnels.open(tls.Server(conn, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if !strings.EqualFold(hello.ServerName, host) {
				return nil, fmt.Errorf("the tunnel is to %s, TLS is for %q", host, hello.ServerName)
			}
			return i.authority.of(host, i.now())
		},
	}))
}

func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

func (i *Internet) refuse(w http.ResponseWriter, host, why string) {
	i.log.Warn("host refused", "host", host, "reason", why)
	http.Error(w, fmt.Sprintf("the local run's internet does not have %s: %s", host, why), http.StatusForbidden)
}

// answer is a host's server.
func (i *Internet) answer(w http.ResponseWriter, r *http.Request) {
	host := strings.ToLower(r.TLS.ServerName)
	if name, _, err := net.SplitHostPort(r.Host); !strings.EqualFold(r.Host, host) && (err != nil || !strings.EqualFold(name, host)) {
		http.Error(w, "this is "+host, http.StatusMisdirectedRequest)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are played", http.StatusMethodNotAllowed)
		return
	}
	file, info, err := i.open(host, r.URL.Path)
	if err != nil {
		i.log.Warn("file not found", "host", host, "path", r.URL.Path)
		http.NotFound(w, r)
		return
	}
	defer file.Close()
	http.ServeContent(w, r, info.Name(), info.ModTime(), file)
}

// open finds a regular file below the host's directory. os.Root lets neither
// ".." nor a symbolic link lead out of the directory; fs.ValidPath keeps the
// path from leading to another host's, or to the authority's key.
func (i *Internet) open(host, path string) (*os.File, fs.FileInfo, error) {
	relative := strings.TrimPrefix(path, "/")
	if !fs.ValidPath(relative) || relative == "." {
		return nil, nil, fs.ErrNotExist
	}
	file, err := i.root.Open(host + "/" + relative)
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

// tunnels hands the proxy's connections to the hosts' server.
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
	case <-time.After(patience):
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
