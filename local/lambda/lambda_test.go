package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var probe string // the built testdata handler

// waitTimeout is generous: it only elapses when something is wrong.
const waitTimeout = 5 * time.Minute

func TestMain(m *testing.M) {
	cache, err := os.MkdirTemp("", "lambda-test-")
	if err != nil {
		panic(err)
	}
	directory, err := filepath.Abs("testdata/module")
	if err != nil {
		panic(err)
	}
	probe, err = Build(context.Background(), cache, "hash", directory, map[string]string{"HANDLER": "probe"})
	if err != nil {
		panic(err)
	}
	status := m.Run()
	os.RemoveAll(cache)
	os.Exit(status)
}

// logLines collects what environments log.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) log(_, _ string, _ time.Time, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *logLines) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func newProbe(t *testing.T, change func(*Config)) (*Function, *logLines) {
	t.Helper()
	lines := &logLines{}
	config := Config{
		Name: "probe-dev", ARN: "arn:aws:lambda:eu-west-1:123456789012:function:probe-dev", Binary: probe,
		MemoryMB: 512, Timeout: waitTimeout, JSONLogs: true, Concurrency: 4,
		Environment: map[string]string{"TABLE_NAME": "t", "AWS_REGION": "eu-west-1"}, LogGroup: "/aws/lambda/probe-dev",
		Async: DefaultAsync, Log: lines.log, Notices: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&config)
	}
	f := New(config)
	t.Cleanup(f.Close)
	return f, lines
}

type seen struct {
	Served         int
	PID            int
	Event, Environ string
	Headers        map[string][]string
}

func invoke(t *testing.T, f *Function, payload string) Response {
	t.Helper()
	response, err := f.Invoke(t.Context(), Request{Payload: []byte(payload)})
	if err != nil {
		t.Fatalf("Invoke: %v", err)
	}
	return response
}

func invokeSeen(t *testing.T, f *Function) seen {
	t.Helper()
	response := invoke(t, f, `{"do":"tell"}`)
	if response.FunctionError != "" {
		t.Fatalf("function error: %s", response.Payload)
	}
	var s seen
	if err := json.Unmarshal(response.Payload, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestInvoke(t *testing.T) {
	// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-next
	t.Run("passes the headers of the Runtime API", func(t *testing.T) {
		f, _ := newProbe(t, nil)
		before := time.Now()
		response, err := f.Invoke(t.Context(), Request{Payload: []byte(`{"do":"tell"}`), TraceID: "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"})
		if err != nil {
			t.Fatal(err)
		}
		var s seen
		if err := json.Unmarshal(response.Payload, &s); err != nil {
			t.Fatal(err)
		}
		for header, want := range map[string]string{
			"Lambda-Runtime-Aws-Request-Id":       response.RequestID,
			"Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:probe-dev",
			"Lambda-Runtime-Trace-Id":             "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
		} {
			if got := s.Headers[header]; len(got) != 1 || got[0] != want {
				t.Errorf("%s = %q, want %q", header, got, want)
			}
		}
		var deadline int64
		if _, err := fmt.Sscan(s.Headers["Lambda-Runtime-Deadline-Ms"][0], &deadline); err != nil {
			t.Fatal(err)
		}
		if at := time.UnixMilli(deadline); at.Before(before.Add(waitTimeout-time.Second)) || at.After(time.Now().Add(waitTimeout+time.Second)) {
			t.Errorf("deadline %s is not the timeout after the invocation", at)
		}
	})
	// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
	t.Run("sets Lambda's variables and no others", func(t *testing.T) {
		t.Setenv("SECRET_OF_THE_USER", "must not reach the function")
		f, _ := newProbe(t, nil)
		environ := "\n" + invokeSeen(t, f).Environ + "\n"
		for _, want := range []string{
			"AWS_LAMBDA_FUNCTION_NAME=probe-dev", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
			"AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/probe-dev", "AWS_REGION=eu-west-1", "TABLE_NAME=t", "TZ=:UTC",
		} {
			if !strings.Contains(environ, "\n"+want+"\n") {
				t.Errorf("%s is missing in%s", want, environ)
			}
		}
		if strings.Contains(environ, "SECRET_OF_THE_USER") {
			t.Error("the user's environment reached the function")
		}
	})
	t.Run("reuses a free environment", func(t *testing.T) {
		f, _ := newProbe(t, nil)
		first, second := invokeSeen(t, f), invokeSeen(t, f)
		if first.PID != second.PID || second.Served != 2 {
			t.Errorf("the second event went to process %d as its event %d, want process %d, event 2", second.PID, second.Served, first.PID)
		}
	})
	t.Run("starts an environment per concurrent event up to the limit", func(t *testing.T) {
		f, _ := newProbe(t, func(c *Config) { c.Concurrency = 2 })
		hanging := make(chan error, 2)
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			go func() {
				_, err := f.Invoke(ctx, Request{Payload: []byte(`{"do":"hang"}`)})
				hanging <- err
			}()
		}
		waitFor(t, func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.busy == 2 })
		if _, err := f.Invoke(t.Context(), Request{}); !errors.Is(err, ErrThrottled) {
			t.Errorf("third event: %v, want ErrThrottled", err)
		}
		cancel()
		for range 2 {
			if err := <-hanging; !errors.Is(err, context.Canceled) {
				t.Errorf("abandoned invocation: %v", err)
			}
		}
	})
	t.Run("limits payloads", func(t *testing.T) {
		f, _ := newProbe(t, nil)
		if _, err := f.Invoke(t.Context(), Request{Payload: make([]byte, maxSyncBytes+1)}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("synchronous: %v", err)
		}
		if _, err := f.InvokeAsync(Request{Payload: make([]byte, maxAsyncBytes+1)}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("asynchronous: %v", err)
		}
	})
}

func TestInvoke_failures(t *testing.T) {
	t.Run("are reported as by Lambda, and the next event is processed", func(t *testing.T) {
		cases := map[string]struct {
			do           string
			errorType    string
			message      string // part of it
			sameProcess  bool   // whether the environment survives
			reportStatus string
		}{
			"reported error":               {"error", "MyError", "refused", true, "error"},
			"panic, reported before death": {"panic", "errorString", "boom", false, "error"},
			"exit":                         {"exit", "Runtime.ExitError", "Error: Runtime exited with error: exit status 7", false, "error"},
			// The function's 1 s timeout.
			"hang":               {"hang", "Sandbox.Timedout", "Error: Task timed out after 1.00 seconds", false, "timeout"},
			"response too large": {"large", "Function.ResponseSizeTooLarge", "6291556 bytes", true, "error"},
		}
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				f, lines := newProbe(t, func(config *Config) {
					config.SystemWarnings = true // which failures are
					if c.do == "hang" {
						config.Timeout = time.Second
					}
				})
				before := 0
				if c.do != "hang" { // whose short timeout a loaded machine could miss
					before = invokeSeen(t, f).PID
				}
				response := invoke(t, f, `{"do":"`+c.do+`"}`)
				if response.FunctionError != "Unhandled" || response.ErrorType() != c.errorType || !strings.Contains(string(response.Payload), c.message) {
					t.Errorf("response %q %s, want %s with %q", response.FunctionError, response.Payload, c.errorType, c.message)
				}
				if c.do != "hang" {
					if after := invokeSeen(t, f); (after.PID == before) != c.sameProcess {
						t.Errorf("same process afterwards: %v, want %v", after.PID == before, c.sameProcess)
					}
				}
				f.Close() // also waits for the report of the invocation
				want := `"requestId":"` + response.RequestID + `","status":"` + c.reportStatus + `"`
				if !strings.Contains(lines.all(), want) {
					t.Errorf("no platform.report with %s in\n%s", want, lines.all())
				}
			})
		}
	})
	t.Run("end a hanging process after its timeout", func(t *testing.T) {
		f, _ := newProbe(t, func(c *Config) { c.Timeout = time.Second })
		invoke(t, f, `{"do":"hang"}`)
		if n := f.Environments(); n > 0 {
			// The environment leaves the list right after the response.
			waitFor(t, func() bool { return f.Environments() == 0 })
		}
	})
	t.Run("of the initialisation reach the caller", func(t *testing.T) {
		for name, c := range map[string]struct{ init, errorType string }{
			"reported": {"error", "Probe.Init"},
			"exit":     {"exit", "Runtime.ExitError"},
		} {
			t.Run(name, func(t *testing.T) {
				f, _ := newProbe(t, func(config *Config) { config.Environment["INIT"] = c.init })
				response := invoke(t, f, `{}`)
				if response.FunctionError != "Unhandled" || response.ErrorType() != c.errorType {
					t.Errorf("response %q %s, want %s", response.FunctionError, response.Payload, c.errorType)
				}
			})
		}
	})
	t.Run("reject the response to another request", func(t *testing.T) {
		f, _ := newProbe(t, nil)
		if got := string(invoke(t, f, `{"do":"wrong-id"}`).Payload); got != `"own"` {
			t.Errorf("response %s, want the one under the request's own id", got)
		}
	})
	t.Run("end an environment that uses more than MemorySize", func(t *testing.T) {
		if newMemory(os.Getpid()).peakMB() == 0 {
			t.Skip("this system does not tell a process's peak memory")
		}
		f, _ := newProbe(t, func(c *Config) { c.MemoryMB = 1 })
		if got := invoke(t, f, `{}`).ErrorType(); got != "Runtime.OutOfMemory" {
			t.Errorf("error type %q", got)
		}
	})
}

func TestClose(t *testing.T) {
	t.Run("ends busy environments", func(t *testing.T) {
		f, _ := newProbe(t, nil)
		pid := invokeSeen(t, f).PID
		go func() { _, _ = f.Invoke(context.Background(), Request{Payload: []byte(`{"do":"hang"}`)}) }()
		waitFor(t, func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.busy == 1 })
		f.Close()
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d after Close: %v, want it gone", pid, err)
		}
		if _, err := f.Invoke(t.Context(), Request{}); !errors.Is(err, ErrClosed) {
			t.Errorf("Invoke after Close: %v", err)
		}
	})
}

func TestLog(t *testing.T) {
	t.Run("has the invocation's lines in order", func(t *testing.T) {
		f, _ := newProbe(t, nil)
		invokeSeen(t, f)
		response, err := f.Invoke(t.Context(), Request{Payload: []byte(`{"do":"error"}`)})
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(response.LogTail)), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "platform.start") || lines[1] != `event 2 asks for "error"` || !strings.Contains(lines[2], "platform.report") {
			t.Errorf("log tail:\n%s", response.LogTail)
		}
	})
	// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
	t.Run("has the platform's lines about failures alone, if its level is WARN", func(t *testing.T) {
		f, lines := newProbe(t, func(c *Config) { c.SystemWarnings = true })
		invokeSeen(t, f)
		failed := invoke(t, f, `{"do":"error"}`)
		f.Close() // also waits for the report of the invocation
		if n := strings.Count(lines.all(), `"platform.`); n != 1 || !strings.Contains(lines.all(), failed.RequestID) {
			t.Errorf("%d lines of the platform, want the failure's report:\n%s", n, lines.all())
		}
		if !strings.Contains(lines.all(), `event 2 asks for "error"`) {
			t.Errorf("the function's own line is missing:\n%s", lines.all())
		}
	})
	// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
	t.Run("has START, END and REPORT in text format", func(t *testing.T) {
		f, lines := newProbe(t, func(c *Config) { c.JSONLogs = false })
		response := invoke(t, f, `{}`)
		f.Close()
		for _, want := range []string{
			"START RequestId: " + response.RequestID + " Version: $LATEST", "END RequestId: " + response.RequestID,
			"REPORT RequestId: " + response.RequestID + "\tDuration: ", "Memory Size: 512 MB", "Init Duration: ",
		} {
			if !strings.Contains(lines.all(), want) {
				t.Errorf("%q is missing in\n%s", want, lines.all())
			}
		}
	})
}

func TestInvokeAsync(t *testing.T) {
	// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
	t.Run("retries an event, then sends it to the destination", func(t *testing.T) {
		records := make(chan []byte, 1)
		f, lines := newProbe(t, func(c *Config) {
			c.TimeScale = 1e6
			c.Async.OnFailure = "arn:aws:sqs:eu-west-1:123456789012:failures"
			c.Async.Send = func(_ context.Context, arn string, record []byte) error {
				if arn != c.Async.OnFailure {
					t.Errorf("destination %s", arn)
				}
				records <- record
				return nil
			}
		})
		id, err := f.InvokeAsync(Request{Payload: []byte(`{"do":"error"}`)})
		if err != nil {
			t.Fatal(err)
		}
		var record struct {
			Version        string
			Timestamp      time.Time
			RequestContext struct {
				RequestID, FunctionArn, Condition string
				ApproximateInvokeCount            int
			}
			RequestPayload  struct{ Do string }
			ResponseContext struct {
				StatusCode                     int
				ExecutedVersion, FunctionError string
			}
			ResponsePayload struct{ ErrorType string }
		}
		if err := json.Unmarshal(receive(t, records), &record); err != nil {
			t.Fatal(err)
		}
		c := record.RequestContext
		if record.Version != "1.0" || c.RequestID != id || c.FunctionArn != f.config.ARN+":$LATEST" || c.Condition != "RetriesExhausted" || c.ApproximateInvokeCount != 3 {
			t.Errorf("record %+v", record)
		}
		if record.RequestPayload.Do != "error" || record.ResponseContext.FunctionError != "Unhandled" || record.ResponsePayload.ErrorType != "MyError" {
			t.Errorf("record %+v", record)
		}
		if n := strings.Count(lines.all(), `asks for "error"`); n != 3 {
			t.Errorf("%d attempts, want 3", n)
		}
	})
	t.Run("does not retry an event that is too old", func(t *testing.T) {
		records := make(chan []byte, 1)
		f, _ := newProbe(t, func(c *Config) {
			c.TimeScale = 1e6
			// One minute's wait fits, with as long again for the attempts themselves; two more do not.
			c.Async.MaximumEventAge = 2 * time.Minute
			c.Async.OnFailure = "arn:aws:sqs:eu-west-1:123456789012:failures"
			c.Async.Send = func(_ context.Context, _ string, record []byte) error { records <- record; return nil }
		})
		if _, err := f.InvokeAsync(Request{Payload: []byte(`{"do":"error"}`)}); err != nil {
			t.Fatal(err)
		}
		record := string(receive(t, records))
		if !strings.Contains(record, `"condition":"EventAgeExceeded"`) || !strings.Contains(record, `"approximateInvokeCount":2`) {
			t.Errorf("record %s", record)
		}
	})
}

func TestBuild(t *testing.T) {
	t.Run("rejects what is not supported", func(t *testing.T) {
		for name, args := range map[string]map[string]string{
			"no handler":       {},
			"path as handler":  {"HANDLER": "../probe"},
			"another argument": {"HANDLER": "probe", "VERSION": "1"},
			"unknown handler":  {"HANDLER": "absent"},
		} {
			if _, err := Build(t.Context(), t.TempDir(), "h", "testdata/module", args); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
	})
}

func receive(t *testing.T, records <-chan []byte) []byte {
	t.Helper()
	select {
	case record := <-records:
		return record
	case <-time.After(waitTimeout):
		t.Fatal("no record arrived")
		return nil
	}
}

// waitFor waits for a condition with a generous deadline.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(waitTimeout)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatal("condition not reached")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
