package moto

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return Start(ctx, path, "123456789012")
}

func answers(url string) bool {
	response, err := http.Get(url + "/moto-api/data.json")
	if err == nil {
		response.Body.Close()
	}
	return err == nil
}

func TestServerRunsUntilStop(t *testing.T) {
	server, err := start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(server.URL, "http://127.0.0.1:") || !answers(server.URL) || server.Err() != nil {
		t.Errorf("%s does not answer: %v", server.URL, server.Err())
	}
	server.Stop()
	if answers(server.URL) {
		t.Error("the server answers after Stop")
	}
}

func TestServerThatEndsIsReportedWithItsReason(t *testing.T) {
	server, err := start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := server.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-server.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("the end is not noticed")
	}
	if err := server.Err(); err == nil || !strings.Contains(err.Error(), "killed") || strings.Contains(err.Error(), "GET /") {
		t.Errorf("error %v", err)
	}
}

func TestServerEndsWhenItsParentIsKilled(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "MOTO_TEST_PARENT=1")
	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	url := strings.TrimSpace(line)
	if err != nil || !strings.HasPrefix(url, "http://") || !answers(url) {
		t.Fatalf("the parent's server: %q, %v", line, err)
	}
	if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
	deadline := time.Now().Add(30 * time.Second)
	for answers(url) {
		if time.Now().After(deadline) {
			t.Fatal("the server outlives its parent")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestProgramThatIsNoServerIsReported(t *testing.T) {
	if _, err := Start(t.Context(), "/bin/false", "1"); err == nil {
		t.Error("no error")
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := Find(t.TempDir(), func(string) string { return "" }); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("Find: %v", err)
	}
}
