package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"payment-webhooks/local/subprocess"
)

// Names of the tools.
const (
	Ops  = "ops"
	Send = "send"
)

// ErrMissing is returned when a tool cannot be built here. The error says what is missing.
var ErrMissing = errors.New("the tool is missing")

// buildTimeout bounds the build of a tool. It is generous, for a machine that compiles the AWS SDK
// for the first time.
const buildTimeout = 10 * time.Minute

// grace is how long a tool may go on once its context has ended, before it is killed.
const grace = 2 * time.Second

// Tools builds and runs the tools. It is safe for concurrent use.
type Tools struct {
	dir, endpointURL, region string
	log                      *slog.Logger
	builds                   map[string]*build // by tool
}

// build is the build of a tool, one at a time.
type build struct {
	mu   sync.Mutex
	path string // of the binary; "": not built yet
}

// New returns the tools of the repository in dir, for the AWS endpoint at endpointURL.
func New(dir, endpointURL, region string, log *slog.Logger) *Tools {
	return &Tools{dir, endpointURL, region, log, map[string]*build{Ops: {}, Send: {}}}
}

// Command returns the command that runs a tool, as scripts/NAME does, against the endpoint: nothing
// of the user's AWS configuration applies. The tool is built first, once in this process. The command
// ends when ctx does, and is killed with this process. The error wraps [ErrMissing] when there is no
// Go or no source to build from.
func (t *Tools) Command(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	path, err := t.build(ctx, name)
	if err != nil {
		return nil, err
	}
	cmd := command(ctx, path, args...)
	cmd.Dir = t.dir
	cmd.Env = slices.DeleteFunc(cmd.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "AWS_") })
	cmd.Env = append(cmd.Env,
		"AWS_ENDPOINT_URL="+t.endpointURL, "AWS_REGION="+t.region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	return cmd, subprocess.KillWithParent(cmd)
}

// Result is what a tool printed, and how it ended.
type Result struct {
	Stdout, Stderr []byte
	Status         int // the exit status; -1 if a signal ended the tool
}

// Run runs a tool to its end. An exit status other than 0 is no error; a tool that could not run, or
// that ctx ended, is one.
func (t *Tools) Run(ctx context.Context, name string, args ...string) (Result, error) {
	cmd, err := t.Command(ctx, name, args...)
	if err != nil {
		return Result{}, err
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if ctx.Err() != nil {
		return Result{}, fmt.Errorf("scripts/%s: %w", name, context.Cause(ctx))
	}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return Result{}, fmt.Errorf("scripts/%s: %w", name, err)
	}
	return Result{stdout.Bytes(), stderr.Bytes(), cmd.ProcessState.ExitCode()}, nil
}

// build builds a tool, unless this process has built it, and returns the path of the binary.
func (t *Tools) build(ctx context.Context, name string) (string, error) {
	b, known := t.builds[name]
	if !known {
		return "", fmt.Errorf("%w: there is no scripts/%s", ErrMissing, name)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.path != "" {
		return b.path, nil
	}
	dir, err := filepath.Abs(t.dir)
	if err != nil {
		return "", err
	}
	source := filepath.Join("scripts", "cmd", name)
	if _, err := os.Stat(filepath.Join(dir, source)); err != nil {
		return "", fmt.Errorf("%w: the local run was started in %s, which has no %s to build scripts/%s from; start it in the repository", ErrMissing, dir, source, name)
	}
	if _, err := exec.LookPath("go"); err != nil {
		return "", fmt.Errorf("%w: Go, which builds scripts/%s, is not on the PATH of the local run; see https://go.dev/doc/install", ErrMissing, name)
	}
	// Whoever asked may go away: the next one needs the tool, too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), buildTimeout)
	defer cancel()
	begin := time.Now()
	path := filepath.Join(dir, "build", name)
	cmd := command(ctx, "go", "build", "-o", path, "./"+filepath.ToSlash(source))
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if err := subprocess.KillWithParent(cmd); err != nil {
		return "", err
	}
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build scripts/%s: %w\n%s", name, err, output)
	}
	t.log.Info("built scripts/"+name, "seconds", time.Since(begin).Round(100*time.Millisecond).Seconds())
	b.path = path
	return path, nil
}

// command returns a command whose whole process group is killed when ctx ends.
func command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Cancel = func() error { subprocess.Kill(cmd); return nil }
	cmd.WaitDelay = grace
	return cmd
}
