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

	"payment-webhooks/local/child"
)

// environment is one execution environment: a process and the Runtime API it
// polls. It serves one invocation at a time.
type environment struct {
	config  *Config
	stream  string
	cmd     *exec.Cmd
	server  *http.Server
	output  *output
	started time.Time

	exited   chan struct{} // closed when the process has ended
	exitText string        // set before exited is closed

	events  chan *invocation // to the runtime, which polls /next
	polled  chan struct{}    // a token for each poll of /next
	initErr chan []byte      // body of /init/error

	mu      sync.Mutex
	current *invocation // what the runtime is working on

	initReported bool
	closing      sync.Once
}

type invocation struct {
	requestID string
	request   Request
	deadline  time.Time
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
		stream:  fmt.Sprintf("%s/%s[$LATEST]%s", now.Format("2006/01/02"), config.Name, strings.ReplaceAll(newRequestID(), "-", "")),
		started: now,
		exited:  make(chan struct{}),
		events:  make(chan *invocation),
		polled:  make(chan struct{}, 1),
		initErr: make(chan []byte, 1),
	}
	if config.LogGroup == "/aws/lambda/"+config.Name {
		e.stream = strings.Replace(e.stream, config.Name, "", 1)
	}
	e.server = &http.Server{Handler: e.runtimeAPI(), ReadHeaderTimeout: 10 * time.Second}
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
	if err := errors.Join(child.Tie(e.cmd), e.cmd.Start()); err != nil {
		e.output.close()
		e.server.Close()
		return nil, fmt.Errorf("start environment: %w", err)
	}
	go func() {
		err := e.cmd.Wait()
		child.Kill(e.cmd) // what the handler may have started itself
		e.output.close()
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
		child.Stop(e.cmd, e.exited, shutdownPatience)
		e.server.Close()
	})
	<-e.exited
}

// serve gives one event to the process and sends the answer once. It returns
// when the environment is ready for the next event or has ended.
func (e *environment) serve(requestID string, request Request, answer chan<- Response) {
	e.output.reset()
	respond := func(r result) Response {
		response := Response{RequestID: requestID, Payload: r.payload, LogTail: e.output.tail()}
		if r.failed {
			response.FunctionError = "Unhandled"
		}
		return response
	}
	fail := func(kind, message string) result {
		payload, _ := json.Marshal(struct { // two texts always marshal
			ErrorType    string `json:"errorType"`
			ErrorMessage string `json:"errorMessage"`
		}{kind, "RequestId: " + requestID + " Error: " + message})
		return result{payload, true}
	}

	// Initialisation ends with the first poll of /next.
	limit := time.NewTimer(initLimit)
	defer limit.Stop()
	select {
	case <-e.polled:
	case body := <-e.initErr:
		e.endAfterInit(requestID, result{body, true}, "error")
		answer <- respond(result{body, true})
		return
	case <-e.exited:
		r := fail("Runtime.ExitError", e.exitText)
		e.endAfterInit(requestID, r, "error")
		answer <- respond(r)
		return
	case <-limit.C:
		r := fail("Sandbox.Timedout", fmt.Sprintf("Initialisation timed out after %.2f seconds", initLimit.Seconds()))
		child.Kill(e.cmd)
		e.endAfterInit(requestID, r, "timeout")
		answer <- respond(r)
		return
	}
	initDuration := time.Duration(0)
	if !e.initReported {
		e.initReported = true
		initDuration = time.Since(e.started)
	}

	begin := time.Now()
	work := &invocation{requestID, request, begin.Add(e.config.Timeout), make(chan result, 1)}
	e.logStart(requestID)
	e.mu.Lock()
	e.current = work
	e.mu.Unlock()
	timeout := time.NewTimer(e.config.Timeout)
	defer timeout.Stop()

	var r result
	status := "success"
	answered := false
	select {
	case e.events <- work:
		select {
		case r = <-work.result:
			answered = true
		case <-e.exited:
			// The answer may have come with the runtime's last breath, as an
			// error report followed by an exit does.
			select {
			case r = <-work.result:
			default:
				r = fail("Runtime.ExitError", e.exitText)
			}
		case <-timeout.C:
			child.Kill(e.cmd)
			<-e.exited
			r = fail("Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", e.config.Timeout.Seconds()))
			status = "timeout"
		}
	case <-e.exited:
		r = fail("Runtime.ExitError", e.exitText)
	case <-timeout.C: // the runtime gave up its poll and does not poll again
		child.Kill(e.cmd)
		<-e.exited
		r = fail("Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", e.config.Timeout.Seconds()))
		status = "timeout"
	}
	// The caller has its answer when the runtime gives it; the environment is
	// free when the runtime polls again.
	if answered {
		if !request.Tail {
			answer <- respond(r)
		}
		select {
		case <-e.polled:
			select {
			case e.polled <- struct{}{}: // for the next serve
			default: // it has polled once more
			}
		case <-e.exited:
		case <-timeout.C:
			child.Kill(e.cmd)
			<-e.exited
		}
	}
	e.mu.Lock()
	e.current = nil
	e.mu.Unlock()
	e.output.drain()

	memory := peakMemoryMB(e.cmd.Process.Pid)
	if memory > e.config.MemoryMB {
		child.Kill(e.cmd)
		<-e.exited
		e.config.Notices.Error("function used more memory than it has", "function", e.config.Name, "used_mb", memory, "memory_mb", e.config.MemoryMB)
	}
	if r.failed && status == "success" {
		status = "error"
	}
	if !answered {
		e.logFailure(r, requestID)
	}
	e.logReport(requestID, request.TraceID, time.Since(begin), initDuration, memory, status)
	if !answered || request.Tail {
		answer <- respond(r)
	}
}

func (e *environment) endAfterInit(requestID string, r result, status string) {
	child.Kill(e.cmd)
	<-e.exited
	e.output.drain()
	e.logStart(requestID)
	e.logFailure(r, requestID)
	e.logReport(requestID, "", 0, time.Since(e.started), 0, status)
}

// runtimeAPI is what the process talks to.
func (e *environment) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	const base = "/2018-06-01/runtime"
	mux.HandleFunc("GET "+base+"/invocation/next", e.next)
	mux.HandleFunc("POST "+base+"/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) { e.finish(w, r, false) })
	mux.HandleFunc("POST "+base+"/invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) { e.finish(w, r, true) })
	mux.HandleFunc("POST "+base+"/init/error", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxSyncBytes))
		if err != nil {
			return // the process went away
		}
		select {
		case e.initErr <- body:
		default:
		}
		accepted(w)
	})
	return mux
}

func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	select {
	case e.polled <- struct{}{}:
	default: // a poll that was given up and repeated
	}
	select {
	case work := <-e.events:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", work.requestID)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(work.deadline.UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", e.config.ARN)
		w.Header().Set("Lambda-Runtime-Trace-Id", work.request.TraceID)
		_, _ = w.Write(work.request.Payload) // an exit is seen as one
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
		refused(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	if len(body) > maxSyncBytes {
		refused(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxSyncBytes))
		body, failed = []byte(fmt.Sprintf(`{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (%d bytes)."}`, maxSyncBytes)), true
	} else {
		accepted(w)
	}
	select {
	case work.result <- result{body, failed}:
	default: // a second answer to the same request
	}
}

func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func refused(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errorType": kind, "errorMessage": message})
}

// peakMemoryMB reads the most memory the process ever held (Linux: VmHWM), or
// 0 where that cannot be known.
func peakMemoryMB(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, found := bytes.Cut(status, []byte("VmHWM:"))
	if !found {
		return 0
	}
	fields := bytes.Fields(rest)
	kilobytes, err := strconv.Atoi(string(fields[0]))
	if err != nil {
		return 0
	}
	return (kilobytes + 1023) / 1024
}
