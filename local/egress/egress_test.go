package egress

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain lets a test start this binary again as a client: it requests the URL in CLIENT_GET with
// Go's default client, as a function would, and prints status and body.
func TestMain(m *testing.M) {
	if address := os.Getenv("CLIENT_GET"); address != "" {
		response, err := http.Get(address)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		fmt.Println(response.StatusCode, string(body))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// logLines is a log that a test reads.
type logLines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// open writes files below a directory and opens it.
func open(t *testing.T, dir string, files map[string]string) (*Stub, *logLines) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	lines := &logLines{}
	i, err := Open(dir, "", slog.New(slog.NewTextHandler(lines, nil)), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i, lines
}

// client uses the proxy and trusts what the environment says, and nothing else.
func client(t *testing.T, i *Stub) *http.Client {
	t.Helper()
	text, err := os.ReadFile(i.Environment()["SSL_CERT_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	proxy, err := url.Parse(i.Environment()["HTTPS_PROXY"])
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 5 * time.Minute}
}

func get(t *testing.T, c *http.Client, address string) (int, string) {
	t.Helper()
	response, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestStub(t *testing.T) {
	t.Run("serves files to a process with its environment", func(t *testing.T) {
		i, lines := open(t, t.TempDir(), map[string]string{"api.example.com/v1/certs/CERT-1": "certificate"})
		run := func(address string) string {
			command := exec.CommandContext(t.Context(), os.Args[0])
			command.Env = []string{"CLIENT_GET=" + address}
			for name, value := range i.Environment() {
				command.Env = append(command.Env, name+"="+value)
			}
			output, _ := command.CombinedOutput() // the text says what happened
			return strings.TrimSpace(string(output))
		}
		if got := run("https://api.example.com/v1/certs/CERT-1"); got != "200 certificate" {
			t.Errorf("got %q", got)
		}
		if got := run("https://other.example.com/"); !strings.Contains(got, "Forbidden") {
			t.Errorf("another host: %q", got)
		}
		if text := lines.String(); !strings.Contains(text, "other.example.com") {
			t.Errorf("the log does not name the rejected host: %s", text)
		}
	})
	t.Run("reads a file at each request", func(t *testing.T) {
		dir := t.TempDir()
		i, _ := open(t, dir, map[string]string{"api.example.com/one": "1"})
		c := client(t, i)
		if status, body := get(t, c, "https://api.example.com/one"); status != 200 || body != "1" {
			t.Errorf("%d %s", status, body)
		}
		if err := os.WriteFile(filepath.Join(dir, "api.example.com/one"), []byte("two"), 0o644); err != nil {
			t.Fatal(err)
		}
		if status, body := get(t, c, "https://api.example.com/one?query=is+ignored"); status != 200 || body != "two" {
			t.Errorf("%d %s", status, body)
		}
		// A host that comes later is there at once.
		if err := os.MkdirAll(filepath.Join(dir, "later.example.com"), 0o755); err != nil {
			t.Fatal(err)
		}
		if status, _ := get(t, c, "https://later.example.com/absent"); status != 404 {
			t.Errorf("absent file: %d", status)
		}
	})
	t.Run("serves only files below the host's directory", func(t *testing.T) {
		dir := t.TempDir()
		i, _ := open(t, dir, map[string]string{"api.example.com/dir/file": "1", "other.example.com/file": "2"})
		if err := os.Symlink("/etc", filepath.Join(dir, "api.example.com/out")); err != nil {
			t.Fatal(err)
		}
		c := client(t, i)
		for name, path := range map[string]string{
			"the directory":      "/dir",
			"the host":           "/",
			"parent":             "/../ca-key.pem",
			"escaped parent":     "/%2e%2e/ca-key.pem",
			"escaped slash":      "/..%2fca-key.pem",
			"another host":       "/../other.example.com/file",
			"link that leads":    "/out/passwd",
			"empty step":         "//dir/file",
			"step that is a dot": "/./dir/file",
		} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example.com/", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.URL.Opaque = "//api.example.com" + path // sent as it is
			response, err := c.Do(request)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			response.Body.Close()
			if response.StatusCode != 404 {
				t.Errorf("%s: %s", name, response.Status)
			}
		}
	})
	t.Run("supports only GET and HEAD", func(t *testing.T) {
		i, _ := open(t, t.TempDir(), map[string]string{"api.example.com/file": "1"})
		response, err := client(t, i).Post("https://api.example.com/file", "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 405 || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s, %v", response.Status, response.Header)
		}
	})
	t.Run("rejects and logs everything else", func(t *testing.T) {
		i, lines := open(t, t.TempDir(), map[string]string{"api.example.com/file": "1", "127.0.0.1/file": "1", "localhost/file": "1"})
		for name, c := range map[string]struct{ request, host string }{
			"host without directory":  {"CONNECT api.example.org:443", "api.example.org"},
			"the host's subdomain":    {"CONNECT x.api.example.com:443", "x.api.example.com"},
			"another port":            {"CONNECT api.example.com:8443", "api.example.com:8443"},
			"no port":                 {"CONNECT api.example.com", "api.example.com"},
			"address":                 {"CONNECT 127.0.0.1:443", "127.0.0.1"},
			"name of one label":       {"CONNECT localhost:443", "localhost"},
			"file of the authority":   {"CONNECT ca.pem:443", "ca.pem"},
			"directory that leads up": {"CONNECT ..:443", ".."},
			"plain http":              {"GET http://api.example.com/file", "api.example.com"},
		} {
			t.Run(name, func(t *testing.T) {
				conn, err := net.Dial("tcp", i.listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if err := conn.SetDeadline(time.Now().Add(5 * time.Minute)); err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: %s\r\n\r\n", c.request, c.host)
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				if response.StatusCode != http.StatusForbidden {
					t.Errorf("got %s", response.Status)
				}
				if !strings.Contains(lines.String(), c.host) {
					t.Errorf("the log does not name %s", c.host)
				}
			})
		}
	})
	t.Run("keeps a tunnel to its host", func(t *testing.T) {
		i, _ := open(t, t.TempDir(), map[string]string{"api.example.com/file": "1", "other.example.com/file": "2"})
		c := client(t, i)
		c.Transport.(*http.Transport).TLSClientConfig.ServerName = "other.example.com"
		c.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true // the proxy must reject it, not only the client
		if response, err := c.Get("https://api.example.com/file"); err == nil {
			response.Body.Close()
			t.Error("TLS with another host through the tunnel")
		}
		c = client(t, i)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example.com/file", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "other.example.com"
		response, err := c.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("got %s", response.Status)
		}
	})
	t.Run("listens on the loopback address only", func(t *testing.T) {
		i, _ := open(t, t.TempDir(), nil)
		if address := i.listener.Addr().(*net.TCPAddr); !address.IP.IsLoopback() {
			t.Errorf("listens on %s", address)
		}
		if proxy := i.Environment()["HTTPS_PROXY"]; !strings.HasPrefix(proxy, "http://127.0.0.1:") {
			t.Errorf("proxy %s", proxy)
		}
	})
	t.Run("ends open tunnels on Close", func(t *testing.T) {
		i, _ := open(t, t.TempDir(), map[string]string{"api.example.com/file": "1"})
		c := client(t, i)
		get(t, c, "https://api.example.com/file")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		done := make(chan struct{})
		go func() { i.Close(); close(done) }()
		select {
		case <-done:
		case <-ctx.Done():
			t.Fatal("does not end")
		}
		if response, err := c.Get("https://api.example.com/file"); err == nil {
			response.Body.Close()
			t.Error("still responds")
		}
	})
}

func TestAuthority(t *testing.T) {
	t.Run("has to be trusted by the client", func(t *testing.T) {
		i, _ := open(t, t.TempDir(), map[string]string{"api.example.com/file": "1"})
		c := client(t, i)
		c.Transport.(*http.Transport).TLSClientConfig.RootCAs = x509.NewCertPool()
		var unknown x509.UnknownAuthorityError
		if response, err := c.Get("https://api.example.com/file"); !errors.As(err, &unknown) {
			if err == nil {
				response.Body.Close()
			}
			t.Errorf("got %v", err)
		}
	})
	t.Run("is kept, with a private key", func(t *testing.T) {
		dir := t.TempDir()
		first, _ := open(t, dir, nil)
		info, err := os.Stat(filepath.Join(dir, KeyFile))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		second, _ := open(t, dir, nil)
		if !first.authority.certificate.Equal(second.authority.certificate) {
			t.Error("another authority the second time")
		}
		if _, err := tls.LoadX509KeyPair(filepath.Join(dir, CertificateFile), filepath.Join(dir, KeyFile)); err != nil {
			t.Error(err)
		}
	})
	t.Run("that is incomplete or expired is rejected", func(t *testing.T) {
		for name, edit := range map[string]func(dir string) error{
			"key missing":         func(dir string) error { return os.Remove(filepath.Join(dir, KeyFile)) },
			"certificate missing": func(dir string) error { return os.Remove(filepath.Join(dir, CertificateFile)) },
			"no key":              func(dir string) error { return os.WriteFile(filepath.Join(dir, KeyFile), []byte("x"), 0o600) },
		} {
			dir := t.TempDir()
			i, _ := open(t, dir, nil)
			i.Close()
			if err := edit(dir); err != nil {
				t.Fatal(err)
			}
			if other, err := Open(dir, "", slog.New(slog.DiscardHandler), time.Now); err == nil || !strings.Contains(err.Error(), "certificate authority") {
				t.Errorf("%s: %v", name, err)
				if err == nil {
					other.Close()
				}
			}
		}
		dir := t.TempDir()
		open(t, dir, nil)
		later := func() time.Time { return time.Now().AddDate(authorityYears, 0, 1) }
		if other, err := Open(dir, "", slog.New(slog.DiscardHandler), later); err == nil || !strings.Contains(err.Error(), "currently valid") {
			t.Errorf("expired: %v", err)
			if err == nil {
				other.Close()
			}
		}
	})
	t.Run("renews certificates before they expire", func(t *testing.T) {
		i, _ := open(t, t.TempDir(), nil)
		begin := time.Now()
		of := func(at time.Time) *x509.Certificate {
			c, err := i.authority.of("api.example.com", at)
			if err != nil {
				t.Fatal(err)
			}
			if at.Before(c.Leaf.NotBefore) || at.After(c.Leaf.NotAfter) {
				t.Errorf("at %v: valid from %v to %v", at, c.Leaf.NotBefore, c.Leaf.NotAfter)
			}
			return c.Leaf
		}
		first := of(begin)
		if !first.Equal(of(begin.AddDate(0, 0, hostDays-1))) {
			t.Error("another certificate while the first is fresh")
		}
		if first.Equal(of(begin.AddDate(0, 0, hostDays+1))) {
			t.Error("the same certificate after its end")
		}
	})
	t.Run("leaves the system's authorities trusted", func(t *testing.T) {
		dir, trusted := t.TempDir(), filepath.Join(t.TempDir(), "roots.pem")
		if err := os.WriteFile(trusted, []byte("the system's"), 0o600); err != nil {
			t.Fatal(err)
		}
		i, err := Open(dir, trusted, slog.New(slog.DiscardHandler), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		path := i.Environment()["SSL_CERT_FILE"]
		text, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(text, []byte("the system's\n")) || !bytes.Contains(text, i.authority.pem) {
			t.Errorf("%q, %v", text, err)
		}
		i.Close()
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Error("the file stays after Close")
		}
		if _, err := Open(dir, filepath.Join(dir, "absent"), slog.New(slog.DiscardHandler), time.Now); err == nil {
			t.Error("a file that is not there is taken")
		}
	})
}
