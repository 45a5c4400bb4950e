package lambda

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"payment-webhooks/local/faults"
	"payment-webhooks/local/subprocess"
)

// environment is one execution environment: a process and the Runtime API that it polls. It
// processes one invocation at a time.
type environment struct {
	config  *Config
	stream  string
	cmd     *exec.Cmd
	server  *http.Server
	output  *output
	memory  *memory
	started time.Time

	exited   chan struct{} // closed when the process has ended
	exitText string        // set before exited is closed

	events  chan *invocation // to the runtime, which polls /next
	polled  chan struct{}    // a token for each poll of /next
	initErr chan []byte      // body of /init/error

	mu      sync.Mutex
	current *invocation // being processed by the runtime

	initReported bool
	closing      sync.Once
}

type invocation struct {
	requestID string
	request   Request
	deadline  time.Time
	fault     faults.Fault
	result    chan result
}

type result struct {
	payload []byte
	failed  bool
}

func newEnvironment(config *Config) (*environment, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	e := &environment{
		config: config,
		// A function with its own log group has its name in the stream's.
		// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
		stream:  fmt.Sprintf("%s/%s[$LATEST]%s", now.Format("2006/01/02"), config.Name, strings.ReplaceAll(uuid.NewString(), "-", "")),
		started: now,
		exited:  make(chan struct{}),
		events:  make(chan *invocation),
		polled:  make(chan struct{}, 1),
		initErr: make(chan []byte, 1),
	}
	if config.LogGroup == "/aws/lambda/"+config.Name {
		e.stream = strings.Replace(e.stream, config.Name, "", 1)
	}
	e.server = &http.Server{Handler: e.runtimeAPI(), ReadHeaderTimeout: time.Minute}
	go func() { _ = e.server.Serve(listener) }() // ends with ErrServerClosed

	e.output, err = newOutput(func(line string) { config.Log(config.LogGroup, e.stream, time.Now(), line) })
	if err != nil {
		e.server.Close()
		return nil, err
	}
	e.cmd = exec.Command(config.Binary)
	e.cmd.Dir = filepath.Dir(config.Binary)
	e.cmd.Env = e.environ(listener.Addr().String())
	e.cmd.Stdout, e.cmd.Stderr = e.output.file, e.output.file
	if err := errors.Join(subprocess.KillWithParent(e.cmd), e.cmd.Start()); err != nil {
		e.output.close()
		e.server.Close()
		return nil, fmt.Errorf("start environment: %w", err)
	}
	e.memory = newMemory(e.cmd.Process.Pid)
	go func() {
		err := e.cmd.Wait()
		subprocess.Kill(e.cmd) // and what the handler may have started
		e.output.close()
		e.memory.close()
		e.exitText = "Runtime exited without providing a reason"
		if err != nil {
			e.exitText = "Runtime exited with error: " + err.Error()
		}
		close(e.exited)
	}()
	return e, nil
}

// environ lists the variables that Lambda defines and the function's own.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
func (e *environment) environ(api string) []string {
	variables := map[string]string{
		"AWS_EXECUTION_ENV":               "",
		"AWS_LAMBDA_FUNCTION_NAME":        e.config.Name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(e.config.MemoryMB),
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       e.config.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME":      e.stream,
		"AWS_LAMBDA_LOG_FORMAT":           "Text",
		"AWS_LAMBDA_RUNTIME_API":          api,
		"LAMBDA_TASK_ROOT":                filepath.Dir(e.config.Binary),
		"LANG":                            "en_US.UTF-8",
		"PATH":                            "/usr/local/bin:/usr/bin:/bin",
		"TZ":                              ":UTC",
	}
	delete(variables, "AWS_EXECUTION_ENV") // not defined for container images
	if e.config.JSONLogs {
		variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
	}
	for name, value := range e.config.Environment {
		variables[name] = value
	}
	var list []string
	for name, value := range variables {
		list = append(list, name+"="+value)
	}
	return list
}

func (e *environment) alive() bool {
	select {
	case <-e.exited:
		return false
	default:
		return true
	}
}

// close ends the process and the Runtime API. It may be called more than once.
func (e *environment) close() {
	e.closing.Do(func() {
		subprocess.Stop(e.cmd, e.exited, shutdownTimeout)
		e.server.Close()
	})
	<-e.exited
}

// serve passes one event to the process. It returns the response when the environment is ready
// for the next event or has ended. Lambda responds to the caller a moment earlier, when the
// runtime posts its response; here the next event then finds this environment free.
func (e *environment) serve(requestID string, request Request, strike faults.Strike) Response {
	e.output.reset()
	r, status, begin, initDuration := e.work(requestID, request, strike)
	e.output.drain()

	memory := e.memory.peakMB()
	if memory > e.config.MemoryMB {
		e.kill()
		e.config.Notices.Error("function used more memory than it has", "function", e.config.Name, "used_mb", memory, "memory_mb", e.config.MemoryMB)
		r, status = e.failure(requestID, "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"), "error"
	}
	if r.failed {
		e.logFailure(r, requestID)
	}
	e.logReport(requestID, request.TraceID, time.Since(begin), initDuration, memory, status)
	response := Response{RequestID: requestID, Payload: r.payload, LogTail: e.output.tail()}
	if r.failed {
		response.FunctionError = "Unhandled"
	}
	return response
}

// work waits for the process's initialisation, if it is not done yet, and runs the invocation.
// status is that of platform.report.
func (e *environment) work(requestID string, request Request, strike faults.Strike) (r result, status string, begin time.Time, initDuration time.Duration) {
	// Initialisation ends with the first poll of /next.
	limit := time.NewTimer(initLimit)
	defer limit.Stop()
	select {
	case <-e.polled:
	case body := <-e.initErr:
		r, status = result{body, true}, "error"
	case <-e.exited:
		select {
		case body := <-e.initErr: // reported before it exited
			r, status = result{body, true}, "error"
		default:
			r, status = e.failure(requestID, "Runtime.ExitError", e.exitText), "error"
		}
	case <-limit.C:
		r, status = e.failure(requestID, "Sandbox.Timedout", fmt.Sprintf("Initialisation timed out after %.2f seconds", initLimit.Seconds())), "timeout"
	}
	if strike.Fault == faults.SlowStart && !r.failed {
		slow := time.NewTimer(strike.Duration())
		defer slow.Stop()
		select {
		case <-slow.C:
		case <-e.exited: // noticed below
		}
	}
	if !e.initReported {
		e.initReported = true
		initDuration = time.Since(e.started)
	}
	begin = time.Now()
	if r.failed {
		e.kill()
		e.output.drain()
		e.logStart(requestID)
		return r, status, begin, initDuration
	}

	e.logStart(requestID)
	work := &invocation{requestID, request, begin.Add(e.config.Timeout), strike.Fault, make(chan result, 1)}
	e.mu.Lock()
	e.current = work
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.current = nil
		e.mu.Unlock()
	}()
	timeout := time.NewTimer(e.config.Timeout)
	defer timeout.Stop()
	timedOut := func() (result, string) {
		e.kill()
		return e.failure(requestID, "Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", e.config.Timeout.Seconds())), "timeout"
	}

	select {
	case e.events <- work:
	case <-e.exited: // while it was idle
		return e.failure(requestID, "Runtime.ExitError", e.exitText), "error", begin, initDuration
	case <-timeout.C: // the runtime aborted its poll and does not poll again
		r, status = timedOut()
		return r, status, begin, initDuration
	}
	select {
	case r = <-work.result:
	case <-e.exited:
		select {
		case r = <-work.result: // reported just before it exited, as panics are
		default:
			r = e.failure(requestID, "Runtime.ExitError", e.exitText)
		}
	case <-timeout.C:
		r, status = timedOut()
		return r, status, begin, initDuration
	}
	select {
	case <-e.polled:
		select {
		case e.polled <- struct{}{}: // for the next event
		default: // it has polled once more
		}
	case <-e.exited:
	case <-timeout.C: // it responded but did not poll again
		e.kill()
	}
	status = "success"
	if r.failed {
		status = "error"
	}
	return r, status, begin, initDuration
}

func (e *environment) kill() {
	subprocess.Kill(e.cmd)
	<-e.exited
}

func (e *environment) failure(requestID, errorType, message string) result {
	payload, _ := json.Marshal(struct { // strings always marshal
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}{errorType, "RequestId: " + requestID + " Error: " + message})
	return result{payload, true}
}

// runtimeAPI is the Runtime API of the environment.
func (e *environment) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	const base = "/2018-06-01/runtime"
	mux.HandleFunc("GET "+base+"/invocation/next", e.next)
	mux.HandleFunc("POST "+base+"/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) { e.finish(w, r, false) })
	mux.HandleFunc("POST "+base+"/invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) { e.finish(w, r, true) })
	mux.HandleFunc("POST "+base+"/init/error", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxSyncBytes))
		if err != nil {
			return // the process ended
		}
		select {
		case e.initErr <- body:
		default:
		}
		respondAccepted(w)
	})
	return mux
}

func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	select {
	case e.polled <- struct{}{}:
	default: // the runtime repeated an aborted poll
	}
	select {
	case work := <-e.events:
		if work.fault == faults.CrashBefore {
			e.kill()
			panic(http.ErrAbortHandler) // there is nobody to respond to
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", work.requestID)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(work.deadline.UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", e.config.ARN)
		w.Header().Set("Lambda-Runtime-Trace-Id", work.request.TraceID)
		_, _ = w.Write(work.request.Payload) // a failed write means that the process exited
	case <-r.Context().Done():
	}
}

func (e *environment) finish(w http.ResponseWriter, r *http.Request, failed bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxSyncBytes+1))
	if err != nil {
		return
	}
	e.mu.Lock()
	work := e.current
	e.mu.Unlock()
	if work == nil || work.requestID != r.PathValue("id") {
		respondError(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	if work.fault == faults.CrashAfter {
		e.kill()
		panic(http.ErrAbortHandler) // there is nobody to respond to
	}
	tooLarge := len(body) > maxSyncBytes
	if tooLarge {
		body, failed = []byte(fmt.Sprintf(`{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (%d bytes)."}`, maxSyncBytes)), true
	}
	// The result is recorded before the response: the process may exit once it has the
	// response, and an exit without a result is an error.
	select {
	case work.result <- result{body, failed}:
	default: // a second response to the same request
	}
	if tooLarge {
		respondError(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxSyncBytes))
		return
	}
	respondAccepted(w)
}

func respondAccepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func respondError(w http.ResponseWriter, status int, errorType, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errorType": errorType, "errorMessage": message})
}

// memory reads the peak memory of a process. The file stays open: opening it for each
// invocation costs more than the rest of an idle handler's invocation.
type memory struct {
	status *os.File // Linux: /proc/PID/status; nil elsewhere
	text   [4096]byte
}

func newMemory(pid int) *memory {
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return &memory{} // another system, or the process has ended
	}
	return &memory{status: status}
}

// peakMB returns the process's peak memory (VmHWM), or 0 where it is unknown.
func (m *memory) peakMB() int {
	if m.status == nil {
		return 0
	}
	n, err := m.status.ReadAt(m.text[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0 // the process has ended
	}
	_, rest, found := bytes.Cut(m.text[:n], []byte("VmHWM:"))
	number, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	kilobytes, err := strconv.Atoi(string(number))
	if !found || err != nil {
		return 0
	}
	return (kilobytes + 1023) / 1024
}

func (m *memory) close() {
	if m.status != nil {
		m.status.Close()
	}
}
