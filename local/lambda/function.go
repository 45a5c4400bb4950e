package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"payment-webhooks/local/faults"
	"payment-webhooks/local/xray"
)

// Payload limits of Invoke.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	maxSyncBytes    = 6_291_556 // 6 MB and 100 bytes, as the service's own error message says
	maxAsyncBytes   = 1_048_576 // 1 MB
	initLimit       = time.Minute
	maxLogTailBytes = 4096
	shutdownTimeout = 2 * time.Second
)

// Errors of Invoke itself, as opposed to errors of the function.
var (
	// ErrThrottled is Lambda's TooManyRequestsException: every environment is busy.
	ErrThrottled = errors.New("TooManyRequestsException")
	// ErrPending is Lambda's CodeArtifactUserPendingException: the image of a function that was
	// idle for weeks is being prepared.
	// https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-images.html
	ErrPending = errors.New("CodeArtifactUserPendingException")
	// ErrTooLarge is Lambda's RequestTooLargeException.
	ErrTooLarge = errors.New("RequestTooLargeException")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("function is closed")
)

// Config configures a function, from its template and the local run.
type Config struct {
	Name     string
	ARN      string
	Binary   string        // the handler, built for this machine
	MemoryMB int           // MemorySize
	Timeout  time.Duration // Timeout
	JSONLogs bool          // LoggingConfig.LogFormat JSON
	// SystemWarnings is LoggingConfig.SystemLogLevel WARN: of the platform's JSON lines only
	// those about failures and timeouts are written.
	SystemWarnings bool
	// Concurrency bounds the concurrent environments.
	Concurrency int
	// Environment has the process's variables besides those that Lambda reserves: the
	// template's variables, region, credentials, endpoint.
	Environment map[string]string
	LogGroup    string

	Async     AsyncConfig
	TimeScale float64 // divides the waits between asynchronous attempts; 0 means 1

	// Fault decides the fate of an invocation. Nil leaves all alone.
	Fault func() faults.Strike
	// NewTraceID returns the X-Ray header of an invocation that has none; nil: of a
	// xray.Sampler of its own.
	NewTraceID func(time.Time) string

	// Log receives the lines of an environment's log stream.
	Log func(group, stream string, at time.Time, line string)
	// Metric receives the values of AWS/Lambda; nil: they are not recorded (metrics.go).
	Metric func(name string, value float64, at time.Time)
	// Notices logs what belongs to no log group: lost asynchronous events.
	Notices *slog.Logger
}

// Request is one invocation.
type Request struct {
	Payload []byte
	TraceID string // X-Amzn-Trace-Id; a new one when empty
}

// Response is the response of an invocation.
type Response struct {
	RequestID string
	Payload   []byte
	// FunctionError is "Unhandled" when the function failed: Payload is then
	// {"errorMessage": …, "errorType": …}. It is the X-Amz-Function-Error header.
	FunctionError string
	// LogTail is the end of the invocation's log, up to 4 KB.
	LogTail []byte
}

// ErrorType is the errorType of a failed invocation's payload.
func (r Response) ErrorType() string {
	var failure struct{ ErrorType string }
	_ = json.Unmarshal(r.Payload, &failure) // anything but an error object has no type
	return failure.ErrorType
}

// Function runs one function's environments.
type Function struct {
	config Config

	mu     sync.Mutex
	idle   []*environment
	all    map[*environment]bool
	busy   int
	queued int // asynchronous events
	closed bool

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wait   sync.WaitGroup
}

// New returns a function without environments. The first one starts with the first event.
func New(config Config) *Function {
	if config.TimeScale <= 0 {
		config.TimeScale = 1
	}
	if config.NewTraceID == nil {
		config.NewTraceID = new(xray.Sampler).NewTraceID
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Function{config: config, all: map[*environment]bool{}, ctx: ctx, cancel: cancel}
}

// Config returns the function's configuration.
func (f *Function) Config() Config { return f.config }

// Invoke passes the event to an environment and waits for the response. An error of the
// function is in the response. An error that Invoke returns is the service's: [ErrThrottled],
// [ErrTooLarge], [ErrClosed]. As on Lambda, a caller that goes away does not stop the function:
// when ctx ends, Invoke returns its error and the invocation continues.
func (f *Function) Invoke(ctx context.Context, request Request) (Response, error) {
	if len(request.Payload) > maxSyncBytes {
		return Response{}, fmt.Errorf("%w: Request must be smaller than %d bytes for the InvokeFunction operation", ErrTooLarge, maxSyncBytes)
	}
	return f.invoke(ctx, uuid.NewString(), request)
}

func (f *Function) invoke(ctx context.Context, requestID string, request Request) (Response, error) {
	if len(request.Payload) == 0 {
		request.Payload = []byte("{}") // what Lambda passes for no payload
	}
	if request.TraceID == "" {
		request.TraceID = f.config.NewTraceID(time.Now())
	}
	var strike faults.Strike
	if f.config.Fault != nil {
		strike = f.config.Fault()
	}
	switch strike.Fault {
	case faults.Throttle:
		err := fmt.Errorf("%w: Rate Exceeded: an injected fault throttles %s", ErrThrottled, f.config.Name)
		f.recordRejected(err)
		return Response{}, err
	case faults.Pending:
		return Response{}, fmt.Errorf("%w: Lambda is initializing your function. It will be ready to invoke shortly", ErrPending)
	}
	env, err := f.acquire(strike.Fault == faults.SlowStart)
	if err != nil {
		f.recordRejected(err)
		return Response{}, err
	}
	responses := make(chan Response, 1)
	go func() {
		defer f.wait.Done()
		began := time.Now()
		response := env.serve(requestID, request, strike)
		f.recordInvocation(response, began)
		f.release(env)
		responses <- response
	}()
	select {
	case response := <-responses:
		return response, nil
	case <-ctx.Done():
		return Response{}, ctx.Err()
	}
}

// acquire returns the idle environment that was used last, or starts another one. A fresh one
// takes the place of an idle one.
func (f *Function) acquire(fresh bool) (*environment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, ErrClosed
	}
	if fresh && len(f.idle) > 0 {
		env := f.idle[len(f.idle)-1]
		f.idle = f.idle[:len(f.idle)-1]
		delete(f.all, env)
		f.wait.Go(env.close)
	}
	for !fresh && len(f.idle) > 0 {
		env := f.idle[len(f.idle)-1]
		f.idle = f.idle[:len(f.idle)-1]
		if env.alive() {
			f.busy++
			f.wait.Add(1)
			return env, nil
		}
		delete(f.all, env)
	}
	if f.busy >= f.config.Concurrency {
		return nil, fmt.Errorf("%w: Rate Exceeded: %d environments of %s are busy", ErrThrottled, f.busy, f.config.Name)
	}
	env, err := newEnvironment(&f.config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.config.Name, err)
	}
	f.all[env] = true
	f.busy++
	f.wait.Add(1)
	return env, nil
}

func (f *Function) release(env *environment) {
	f.mu.Lock()
	f.busy--
	keep := env.alive() && !f.closed
	if keep {
		f.idle = append(f.idle, env)
	} else {
		delete(f.all, env)
	}
	f.mu.Unlock()
	if !keep {
		env.close()
	}
}

// Environments is the number of running processes.
func (f *Function) Environments() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.all)
}

// Close ends every environment, also busy ones, and waits for them. Queued asynchronous events
// are lost and logged.
func (f *Function) Close() {
	f.mu.Lock()
	f.closed = true
	var all []*environment
	for env := range f.all {
		all = append(all, env)
	}
	f.mu.Unlock()
	f.cancel()
	for _, env := range all {
		env.close()
	}
	f.wait.Wait()
}
