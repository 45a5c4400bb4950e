package sendview

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Bounds of what is kept.
const (
	maxRuns      = 20  // the oldest that has ended is forgotten
	maxActive    = 4   // that send at the same time
	maxResponses = 200 // of a run, the last ones; all are counted
	maxStderr    = 4096
	maxLine      = 1 << 16 // of the output; a response's body is at most 4096 bytes
)

// Response is a response to one delivery, as scripts/send --json prints it.
type Response struct {
	Delivery     int     `json:"delivery"`
	Status       int     `json:"status,omitempty"` // 0: there was none
	Body         string  `json:"body"`
	RequestID    string  `json:"request_id,omitempty"`
	Error        string  `json:"error,omitempty"` // why there was none
	Milliseconds float64 `json:"ms"`

	version uint64
}

// Run is one run of scripts/send.
type Run struct {
	ID      string         `json:"id"`
	Request Request        `json:"request"`
	Command string         `json:"command"` // the command line for the user's shell
	Started time.Time      `json:"started"`
	Ended   bool           `json:"ended"`
	Stopped bool           `json:"stopped"` // by the user
	Error   string         `json:"error,omitempty"`
	Total   int            `json:"total"`
	Counts  map[string]int `json:"counts"` // of the responses, by status; "none": there was no response
	// Responses are the last ones in a complete update, and those that are new in another one.
	Responses []Response `json:"responses"`

	version uint64
	cancel  context.CancelFunc
	done    chan struct{}
}

// Runs are the runs of scripts/send, and outlive an update of the stack. They are safe for concurrent use.
type Runs struct {
	log *slog.Logger

	mu      sync.Mutex
	version uint64
	started int
	closed  bool
	runs    []*Run // oldest first
	listing []listed
}

// NewRuns returns runs, none so far. Close ends those that are started.
func NewRuns(log *slog.Logger) *Runs { return &Runs{log: log, version: 1} }

// Close ends all runs and waits for them.
func (r *Runs) Close() {
	r.mu.Lock()
	r.closed = true
	runs := slices.Clone(r.runs)
	r.mu.Unlock()
	for _, run := range runs {
		run.cancel()
		<-run.done
	}
}

// errBusy is returned when too much is being sent.
var errBusy = fmt.Errorf("%d runs are sending: wait for one, or stop it", maxActive)

// start begins a run of a command, which newCommand makes for a context that ends the run.
func (r *Runs) start(request Request, line string, now time.Time, newCommand func(context.Context) (*exec.Cmd, error)) (string, error) {
	ctx, cancel := context.WithCancel(context.Background())
	cmd, err := newCommand(ctx)
	if err != nil {
		cancel()
		return "", err
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends after the deliveries under way
	r.mu.Lock()
	defer r.mu.Unlock()
	active := 0
	for _, run := range r.runs {
		if !run.Ended {
			active++
		}
	}
	if r.closed || active >= maxActive {
		cancel()
		return "", errBusy
	}
	stdout, err := cmd.StdoutPipe()
	stderr := &bounded{}
	cmd.Stderr = stderr
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return "", err
	}
	r.started++
	r.version++
	run := &Run{
		ID: strconv.Itoa(r.started), Request: request, Command: line, Started: now, Counts: map[string]int{},
		version: r.version, cancel: cancel, done: make(chan struct{}),
	}
	r.runs = append(r.runs, run)
	if i := slices.IndexFunc(r.runs, func(o *Run) bool { return o.Ended }); i >= 0 && len(r.runs) > maxRuns {
		r.runs = slices.Delete(r.runs, i, i+1)
	}
	go r.follow(run, cmd, stdout, stderr)
	return run.ID, nil
}

// follow reads what a run prints until it ends.
func (r *Runs) follow(run *Run, cmd *exec.Cmd, stdout io.Reader, stderr *bounded) {
	defer close(run.done)
	defer run.cancel()
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var response Response
		if err := json.Unmarshal(lines.Bytes(), &response); err != nil {
			r.log.Error("a line of scripts/send is no response", "error", err)
			continue
		}
		r.mu.Lock()
		r.version++
		response.version, run.version = r.version, r.version
		status := "none"
		if response.Status != 0 {
			status = strconv.Itoa(response.Status)
		}
		run.Total++
		run.Counts[status]++
		if run.Responses = append(run.Responses, response); len(run.Responses) > maxResponses {
			run.Responses = slices.Delete(run.Responses, 0, len(run.Responses)-maxResponses)
		}
		r.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, stdout) // after a line that was too long
	err := cmd.Wait()
	text := strings.TrimSpace(stderr.String())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.version++
	run.version, run.Ended = r.version, true
	// The exit status says that a response was not 2xx, which the responses show.
	if _, exited := errors.AsType[*exec.ExitError](err); text != "" {
		run.Error = text
	} else if err != nil && !run.Stopped && (!exited || run.Total == 0) {
		run.Error = err.Error()
	}
}

// stop ends a run, and reports whether there is one.
func (r *Runs) stop(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.runs, func(run *Run) bool { return run.ID == id })
	if i < 0 {
		return false
	}
	if !r.runs[i].Ended {
		r.version++
		r.runs[i].Stopped, r.runs[i].version = true, r.version
		r.runs[i].cancel()
	}
	return true
}

// since returns what is new since a version: the runs that have changed, each with its new responses.
func (r *Runs) since(version uint64) ([]Run, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed := []Run{}
	for _, run := range r.runs {
		if run.version <= version {
			continue
		}
		one := *run
		one.Counts = map[string]int{}
		maps.Copy(one.Counts, run.Counts)
		first := slices.IndexFunc(run.Responses, func(o Response) bool { return o.version > version })
		one.Responses = []Response{}
		if first >= 0 {
			one.Responses = slices.Clone(run.Responses[first:])
		}
		changed = append(changed, one)
	}
	return changed, r.version
}

// bounded keeps the beginning of what is written to it.
type bounded struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), max(0, maxStderr-b.Len()))])
	return len(p), nil
}
