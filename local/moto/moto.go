package moto

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"payment-webhooks/local/subprocess"
)

// ErrNotInstalled is returned when no moto_server is found.
var ErrNotInstalled = errors.New("moto_server not found")

// Server is a running moto_server.
type Server struct {
	URL string // "http://127.0.0.1:PORT"

	cmd    *exec.Cmd
	done   chan struct{}
	output *tail
	err    error // set before done is closed
}

// Find returns the path of the moto_server to start: the environment variable MOTO_SERVER,
// else the one that scripts/setup installed in root/build/venv, else the one on the PATH.
func Find(root string, getenv func(string) string) (string, error) {
	if path := getenv("MOTO_SERVER"); path != "" {
		return path, nil
	}
	if path := filepath.Join(root, "build", "venv", "bin", "moto_server"); exists(path) {
		return path, nil
	}
	path, err := exec.LookPath("moto_server")
	if err != nil {
		return "", fmt.Errorf("%w: pip install 'moto[server]==5.2.1', or set MOTO_SERVER to its path", ErrNotInstalled)
	}
	return path, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// startup is what the server's Python imports first.
//
//go:embed startup/sitecustomize.py
var startup []byte

// Start runs moto_server and returns once it responds. When ctx ends before that, the error
// has what the server printed. The server binds port 0 and prints the port that it got: a
// free port chosen here could be another process's by then, even another moto's.
func Start(ctx context.Context, path, account string) (*Server, error) {
	dir, err := os.MkdirTemp("", "payment-webhooks-moto-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // it is imported before the server responds
	if err := os.WriteFile(filepath.Join(dir, "sitecustomize.py"), startup, 0o600); err != nil {
		return nil, err
	}
	s := &Server{done: make(chan struct{}), output: newTail()}
	s.cmd = exec.Command(path, "-H", "127.0.0.1", "-p", "0")
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.Env = append(os.Environ(), "MOTO_ACCOUNT_ID="+account, "PYTHONPATH="+strings.TrimSuffix(dir+string(os.PathListSeparator)+os.Getenv("PYTHONPATH"), string(os.PathListSeparator)))
	if err := subprocess.KillWithParent(s.cmd); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	go func() {
		_ = s.cmd.Wait() // its error is the process's state
		s.err = fmt.Errorf("moto_server ended: %s\n%s", s.cmd.ProcessState, s.output)
		close(s.done)
	}()
	if err := s.await(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Server) await(ctx context.Context) error {
	select {
	case s.URL = <-s.output.address:
	case <-ctx.Done():
		return fmt.Errorf("moto_server did not print its address: %w\n%s", ctx.Err(), s.output)
	case <-s.done:
		return s.err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/moto-api/data.json", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("moto_server does not respond on %s: %w\n%s", s.URL, ctx.Err(), s.output)
		case <-s.done:
			return s.err
		case <-tick.C:
		}
	}
}

// Done is closed when the server has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err returns how the server ended, or nil while it runs.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Stop ends the server and waits for it.
func (s *Server) Stop() { subprocess.Stop(s.cmd, s.done, 2*time.Second) }

// tail keeps the end of the server's output, which has the reason when it exits. The access
// log, a line for each request, is left out.
type tail struct {
	address chan string // receives the server's address

	mu   sync.Mutex
	line []byte // not complete yet
	text []byte
}

// tailBytes bounds what is kept.
const tailBytes = 4096

// listening matches the line that moto_server prints once it listens.
var listening = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

func newTail() *tail { return &tail{address: make(chan string, 1)} }

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for part := range bytes.Lines(p) {
		t.line = append(t.line, part...)
		if t.line[len(t.line)-1] == '\n' {
			t.add(t.line)
			t.line = t.line[:0]
		}
	}
	return len(p), nil
}

func (t *tail) add(line []byte) {
	if match := listening.FindSubmatch(line); match != nil {
		select {
		case t.address <- string(match[1]):
		default: // it was printed before
		}
	}
	if bytes.Contains(line, []byte(` HTTP/1.1" `)) {
		return
	}
	t.text = append(t.text, line...)
	if extra := len(t.text) - tailBytes; extra > 0 {
		t.text = bytes.Clone(t.text[extra:])
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text) + string(t.line))
}
