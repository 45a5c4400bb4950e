package moto

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// waitTimeout is generous: it only elapses when something is wrong.
const waitTimeout = 5 * time.Minute

// TestMain lets a test start this binary again as a parent that dies.
func TestMain(m *testing.M) {
	if os.Getenv("MOTO_TEST_PARENT") == "" {
		os.Exit(m.Run())
	}
	server, err := start(context.Background())
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(server.URL)
	select {} // until it is killed
}

func start(ctx context.Context) (*Server, error) {
	path, err := Find("../..", os.Getenv)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	return Start(ctx, path, "123456789012")
}

func responds(url string) bool {
	response, err := http.Get(url + "/moto-api/data.json")
	if err == nil {
		response.Body.Close()
	}
	return err == nil
}

func TestServer(t *testing.T) {
	t.Run("runs until Stop", func(t *testing.T) {
		server, err := start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(server.URL, "http://127.0.0.1:") || !responds(server.URL) || server.Err() != nil {
			t.Errorf("%s does not respond: %v", server.URL, server.Err())
		}
		server.Stop()
		// Asking the port would ask whoever has it now.
		if state := server.cmd.ProcessState; state == nil || server.Err() == nil {
			t.Errorf("after Stop: %v, %v", state, server.Err())
		}
	})
	t.Run("reports why it ended", func(t *testing.T) {
		server, err := start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := server.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-server.Done():
		case <-time.After(waitTimeout):
			t.Fatal("the end is not noticed")
		}
		if err := server.Err(); err == nil || !strings.Contains(err.Error(), "killed") || strings.Contains(err.Error(), "GET /") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("ends when its parent is killed", func(t *testing.T) {
		// The parent has the writing end of a pipe, which the server inherits: the
		// pipe ends when both have. (Twice: outside Linux, package subprocess has another
		// use for the first descriptor.)
		alive, end, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer alive.Close()
		parent := exec.Command(os.Args[0])
		parent.Env = append(os.Environ(), "MOTO_TEST_PARENT=1")
		parent.ExtraFiles = []*os.File{end, end}
		output, err := parent.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		err = parent.Start()
		end.Close()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = parent.Process.Kill() }() // if the test does not get that far
		line, err := bufio.NewReader(output).ReadString('\n')
		url := strings.TrimSpace(line)
		if err != nil || !strings.HasPrefix(url, "http://") || !responds(url) {
			t.Fatalf("the parent's server: %q, %v", line, err)
		}
		if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = parent.Wait() // it was killed
		if err := alive.SetReadDeadline(time.Now().Add(waitTimeout)); err != nil {
			t.Fatal(err)
		}
		if _, err := alive.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Fatalf("the server outlives its parent: %v", err)
		}
	})
}

func TestStart(t *testing.T) {
	if _, err := Start(t.Context(), "/bin/false", "1"); err == nil {
		t.Error("no error")
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := Find(t.TempDir(), func(string) string { return "" }); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("Find: %v", err)
	}
}

func TestTail(t *testing.T) {
	output := newTail()
	for _, part := range []string{"first\n * Running on http://127.", "0.0.1:4711\nPress CTRL+C\n127.0.0.1 - - \"GET /", "moto-api HTTP/1.1\" 200 -\nOSError: no", " memory"} {
		if _, err := output.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case address := <-output.address:
		if address != "http://127.0.0.1:4711" {
			t.Errorf("address %s", address)
		}
	default:
		t.Error("no address")
	}
	if text := output.String(); strings.Contains(text, "GET") || !strings.HasPrefix(text, "first\n") || !strings.HasSuffix(text, "Press CTRL+C\nOSError: no memory") {
		t.Errorf("kept %q", text)
	}
}
