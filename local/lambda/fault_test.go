package lambda

import (
	"errors"
	"strings"
	"testing"
	"time"

	"payment-webhooks/local/faults"
)

// struck returns a function whose invocations meet these faults in turn, and then none.
func struck(t *testing.T, strikes ...faults.Strike) (*Function, *logLines) {
	t.Helper()
	next := make(chan faults.Strike, len(strikes))
	for _, s := range strikes {
		next <- s
	}
	return newProbe(t, func(c *Config) {
		c.Fault = func() faults.Strike {
			select {
			case s := <-next:
				return s
			default:
				return faults.Strike{}
			}
		}
	})
}

func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault faults.Fault
		began bool // the handler saw the event
	}{
		"crash-before kills the process before the handler has the event":       {faults.CrashBefore, false},
		"crash-after kills the process when it responds, and the event is lost": {faults.CrashAfter, true},
	} {
		t.Run(name, func(t *testing.T) {
			f, lines := struck(t, faults.Strike{Fault: c.fault})
			response := invoke(t, f, `{"do":"tell"}`)
			if response.FunctionError != "Unhandled" || response.ErrorType() != "Runtime.ExitError" || !strings.Contains(string(response.Payload), "signal: killed") {
				t.Errorf("%s %s", response.FunctionError, response.Payload)
			}
			if began := strings.Contains(lines.all(), "asks for"); began != c.began {
				t.Errorf("the handler saw the event: %t, want %t\n%s", began, c.began, lines.all())
			}
			if got := invokeSeen(t, f); got.Served != 1 {
				t.Errorf("the next event was number %d of its process, want a new process", got.Served)
			}
		})
	}
	t.Run("slow-start replaces an idle environment and takes longer", func(t *testing.T) {
		const slow = 300 * time.Millisecond
		f, _ := struck(t, faults.Strike{}, faults.Strike{Fault: faults.SlowStart, Seconds: slow.Seconds()})
		first := invokeSeen(t, f)
		begin := time.Now()
		second := invokeSeen(t, f)
		if took := time.Since(begin); took < slow || second.PID == first.PID || second.Served != 1 {
			t.Errorf("took %s in process %d (%d before), its event %d", took, second.PID, first.PID, second.Served)
		}
		if n := f.Environments(); n != 1 {
			t.Errorf("%d environments, want the new one", n)
		}
	})
	t.Run("throttle and pending are errors of the service", func(t *testing.T) {
		f, lines := struck(t, faults.Strike{Fault: faults.Throttle}, faults.Strike{Fault: faults.Pending})
		throttles := 0.0
		f.config.Metric = func(name string, value float64, _ time.Time) {
			if name == "Throttles" {
				throttles += value
			}
		}
		for _, want := range []error{ErrThrottled, ErrPending} {
			if _, err := f.Invoke(t.Context(), Request{}); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
		if throttles != 1 {
			t.Errorf("%v throttled invocations in the metric, want 1", throttles)
		}
		if lines.all() != "" {
			t.Errorf("the handler ran: %s", lines.all())
		}
	})
	t.Run("pending is retried for asynchronous events", func(t *testing.T) {
		f, lines := struck(t, faults.Strike{Fault: faults.Pending}, faults.Strike{Fault: faults.Pending})
		f.config.TimeScale = 1000
		if _, err := f.InvokeAsync(Request{Payload: []byte(`{"do":"tell"}`)}); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return strings.Contains(lines.all(), "asks for") })
	})
}
