package streams

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/local/eventsource"
	"payment-webhooks/local/faults"
)

// inject injects faults into a mapping that has not started to read.
func inject(t *testing.T, specs ...faults.Spec) *faults.Set {
	t.Helper()
	set := faults.New(1, nil)
	for _, spec := range specs {
		if _, err := set.Add(spec); err != nil {
			t.Fatal(err)
		}
	}
	return set
}

func TestStreamFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault  faults.Fault
		fields string
		want   []string
	}{
		"duplicate delivers a read's batches once more":                      {faults.Duplicate, `,"BatchSize":2`, []string{"1 2", "1 2", "3 4"}},
		"reorder delivers items last first and each item's records in order": {faults.Reorder, ``, []string{"3 2 1 4"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				records := recs(1, 4)
				if c.fault == faults.Reorder {
					records[3] = rec(4, "k1") // a later change of the first item
				}
				f := startWith(t, c.fields, inject(t, faults.Spec{Hop: faults.Stream, Fault: c.fault, Times: 1}), nil, records...)
				if err := f.mapping.Idle(t.Context()); err != nil {
					t.Fatal(err)
				}
				_ = f.stop()
				if diff := cmp.Diff(c.want, f.function.batches); diff != "" {
					t.Errorf("batches (-want +got):\n%s", diff)
				}
			})
		})
	}
	t.Run("a reordered batch that is discarded is named by its lowest and highest record", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			fail := func(int, []string) (eventsource.Result, error) { return functionError, nil }
			f := startWith(t, `,"MaximumRetryAttempts":0`, inject(t, faults.Spec{Hop: faults.Stream, Fault: faults.Reorder}), fail, recs(9, 11)...)
			if err := f.mapping.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			_ = f.stop()
			if len(f.queue.bodies) != 1 || !strings.Contains(f.queue.bodies[0], `"startSequenceNumber":"9","endSequenceNumber":"11"`) {
				t.Errorf("on-failure records %v", f.queue.bodies)
			}
		})
	})
	t.Run("clock-skew shifts the creation time, and not the age", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startWith(t, ``, inject(t, faults.Spec{Hop: faults.Clock, Fault: faults.ClockSkew, Seconds: -86400}), nil, rec(1, "a"))
			if err := f.mapping.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			_ = f.stop()
			if want := "9.465984E8"; !strings.Contains(string(f.function.payload), `"ApproximateCreationDateTime":`+want) {
				t.Errorf("delivered %s, want the creation time %s", f.function.payload, want)
			}
		})
	})
}

func TestEnabled(t *testing.T) {
	t.Run("a disabled mapping lets records wait, and delivers them once enabled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := start(t, `,"Enabled":false`, nil, recs(1, 2)...)
			if state := f.mapping.Configuration().State; state != eventsource.Disabled {
				t.Errorf("state %s", state)
			}
			time.Sleep(time.Hour)
			if len(f.function.batches) != 0 || len(f.stream.limits) != 0 {
				t.Fatalf("while disabled: %d reads, batches %v", len(f.stream.limits), f.function.batches)
			}
			f.mapping.SetEnabled(true)
			if err := f.mapping.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if c := f.mapping.Configuration(); c.State != eventsource.Enabled || c.LastProcessingResult != eventsource.ResultOK {
				t.Errorf("configuration %+v", c)
			}
			_ = f.stop()
			if diff := cmp.Diff([]string{"1 2"}, f.function.batches); diff != "" {
				t.Errorf("batches (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("disabling lets the invocation under way end and begins no other", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			proceed := make(chan struct{})
			f := start(t, ``, func(call int, _ []string) (eventsource.Result, error) {
				if call == 1 {
					<-proceed
					return functionError, nil
				}
				return eventsource.Result{StatusCode: 200}, nil
			}, rec(1, "a"))
			synctest.Wait() // the invocation is under way
			f.mapping.SetEnabled(false)
			if state := f.mapping.Configuration().State; state != eventsource.Disabling {
				t.Errorf("with an invocation under way: %s", state)
			}
			close(proceed)
			time.Sleep(time.Hour)
			if c := f.mapping.Configuration(); c.State != eventsource.Disabled || c.LastProcessingResult != eventsource.ResultCall || len(f.function.batches) != 1 {
				t.Errorf("an hour later: %+v, batches %v", c, f.function.batches)
			}
			f.mapping.SetEnabled(true)
			if err := f.mapping.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			_ = f.stop()
			if diff := cmp.Diff([]string{"1", "1"}, f.function.batches); diff != "" {
				t.Errorf("the failed batch waited (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("a read that fails is what the mapping reports", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := start(t, ``, nil)
			f.stream.mu.Lock()
			f.stream.fail = 3
			f.stream.mu.Unlock()
			time.Sleep(time.Second)
			if c := f.mapping.Configuration(); !strings.HasPrefix(c.LastProcessingResult, eventsource.ResultRead) {
				t.Errorf("reports %q", c.LastProcessingResult)
			}
			_ = f.stop()
		})
	})
}
