package tools_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"payment-webhooks/local/tools"
)

// program prints its environment and arguments, waits if it is told to, and exits with a status.
const program = `package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	fmt.Println(os.Args[1:])
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3"} {
		fmt.Printf("%s=%s\n", name, os.Getenv(name))
	}
	if len(os.Args) > 1 && os.Args[1] == "wait" {
		time.Sleep(time.Hour)
	}
	fmt.Fprintln(os.Stderr, "progress")
	os.Exit(3)
}
`

// repository returns a directory with the source of a tool.
func repository(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example\n\ngo 1.26\n", "scripts/cmd/ops/main.go": source} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTools(t *testing.T) {
	t.Setenv("AWS_PROFILE", "user")
	t.Setenv("AWS_ENDPOINT_URL_S3", "https://example.com")
	open := func(dir string) *tools.Tools {
		return tools.New(dir, "http://127.0.0.1:4566", "eu-central-1", slog.New(slog.DiscardHandler))
	}
	good := open(repository(t, program))

	t.Run("when a tool ends, its output and status are returned", func(t *testing.T) {
		got, err := good.Run(t.Context(), tools.Ops, "find", "a b")
		if err != nil {
			t.Fatal(err)
		}
		const want = "[find a b]\nAWS_ENDPOINT_URL=http://127.0.0.1:4566\nAWS_REGION=eu-central-1\nAWS_PROFILE=\nAWS_ENDPOINT_URL_S3=\n"
		if string(got.Stdout) != want || string(got.Stderr) != "progress\n" || got.Status != 3 {
			t.Errorf("%s%s%d, want %s", got.Stdout, got.Stderr, got.Status, want)
		}
	})
	t.Run("when the time is over, the tool is killed", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cmd, err := good.Command(ctx, tools.Ops, "wait")
		if err != nil {
			t.Fatal(err)
		}
		output, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := output.Read(make([]byte, 1)); err != nil { // it runs
			t.Fatal(err)
		}
		cancel()
		if _, killed := errors.AsType[*exec.ExitError](cmd.Wait()); !killed {
			t.Error("it was not killed")
		}
		ended, cancelEnded := context.WithDeadline(t.Context(), time.Now())
		defer cancelEnded()
		if _, err := good.Run(ended, tools.Ops); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want that the deadline is exceeded", err)
		}
	})
	t.Run("when a tool does not build, the compiler's message is the error", func(t *testing.T) {
		broken := repository(t, "package main\n\nfunc main() { missing() }\n")
		o := open(broken)
		if _, err := o.Run(t.Context(), tools.Ops); err == nil || !strings.Contains(err.Error(), "undefined: missing") {
			t.Errorf("%v", err)
		}
		if err := os.WriteFile(filepath.Join(broken, "scripts/cmd/ops/main.go"), []byte(program), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Run(t.Context(), tools.Ops); err != nil {
			t.Errorf("once it is mended: %v", err)
		}
	})
	t.Run("when the source or Go is missing, the error says so", func(t *testing.T) {
		dir := t.TempDir()
		if _, err := open(dir).Run(t.Context(), tools.Ops); !errors.Is(err, tools.ErrMissing) || !strings.Contains(err.Error(), dir) {
			t.Errorf("no source: %v", err)
		}
		if _, err := good.Run(t.Context(), "other"); !errors.Is(err, tools.ErrMissing) {
			t.Errorf("no such tool: %v", err)
		}
		t.Setenv("PATH", dir)
		if _, err := open(repository(t, program)).Run(t.Context(), tools.Ops); !errors.Is(err, tools.ErrMissing) || !strings.Contains(err.Error(), "Go") {
			t.Errorf("no Go: %v", err)
		}
		if _, err := good.Run(t.Context(), tools.Ops); err != nil {
			t.Errorf("a tool that is built needs no Go: %v", err)
		}
	})
}
