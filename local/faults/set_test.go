package faults

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

var functions = Functions{"webhook-validator-dev": "webhook-validator", "event-relay-dev": "event-relay"}

func ptr[T any](v T) *T { return &v }

func add(t *testing.T, s *Set, spec Spec) Injected {
	t.Helper()
	injected, err := s.Add(spec)
	if err != nil {
		t.Fatal(err)
	}
	return injected
}

// strikes are the numbers of the calls that are struck, of n.
func strikes(s *Set, hop, caller string, n int) []int {
	var struck []int
	for i := range n {
		if s.Strike(hop, caller).Fault != "" {
			struck = append(struck, i)
		}
	}
	return struck
}

func TestStrike(t *testing.T) {
	spec := Spec{Hop: "dynamodb:PutItem", Fault: Throttle, Probability: ptr(0.3)}
	t.Run("chooses the same calls with the same seed", func(t *testing.T) {
		first, second := New(7, functions), New(7, functions)
		// What is injected at other hops, and struck there in between, changes nothing.
		add(t, second, Spec{Hop: "sqs:SendMessage", Fault: Error, Probability: ptr(0.5)})
		add(t, first, spec)
		add(t, second, spec)
		strikes(second, "sqs:SendMessage", User, 17)
		want, got := strikes(first, spec.Hop, User, 200), strikes(second, spec.Hop, User, 200)
		if !slices.Equal(got, want) {
			t.Errorf("struck %v and %v", want, got)
		}
		if n := len(want); n < 30 || n > 90 {
			t.Errorf("%d of 200 calls were struck with probability 0.3", n)
		}
	})
	t.Run("chooses others with another seed, and for an equal fault", func(t *testing.T) {
		first, second := New(7, functions), New(8, functions)
		add(t, first, spec)
		add(t, second, spec)
		want := strikes(first, spec.Hop, User, 200)
		if slices.Equal(strikes(second, spec.Hop, User, 200), want) {
			t.Error("two seeds struck the same calls")
		}
		twice := New(7, functions)
		add(t, twice, spec)
		add(t, twice, spec)
		if got := strikes(twice, spec.Hop, User, 200); len(got) <= len(want) {
			t.Errorf("two equal faults struck %d calls, one of them %d", len(got), len(want))
		}
	})
	t.Run("stops after the given times", func(t *testing.T) {
		s := New(1, functions)
		add(t, s, Spec{Hop: "dynamodb:PutItem", Fault: Throttle, Times: 2})
		if got := strikes(s, "dynamodb:PutItem", User, 10); !slices.Equal(got, []int{0, 1}) {
			t.Errorf("struck %v, want the first two", got)
		}
	})
	t.Run("filters by caller, which may be named as its function", func(t *testing.T) {
		for _, name := range []string{"webhook-validator", "webhook-validator-dev"} {
			s := New(1, functions)
			add(t, s, Spec{Hop: "dynamodb:PutItem", Fault: Throttle, Where: Where{Caller: name}})
			if strikes(s, "dynamodb:PutItem", User, 3) != nil || strikes(s, "dynamodb:PutItem", "event-relay", 3) != nil || strikes(s, "dynamodb:UpdateItem", "webhook-validator", 3) != nil {
				t.Errorf("%s: another caller or call was struck", name)
			}
			if got := strikes(s, "dynamodb:PutItem", "webhook-validator", 3); len(got) != 3 {
				t.Errorf("%s: %d of 3 calls were struck", name, len(got))
			}
			if listed := s.List()[0]; listed.Calls != 3 || listed.Struck != 3 {
				t.Errorf("counted %d calls and %d strikes, want 3", listed.Calls, listed.Struck)
			}
		}
	})
	t.Run("strikes nothing after removal, nor in no set", func(t *testing.T) {
		s := New(1, functions)
		kept := add(t, s, Spec{Hop: "stream", Fault: Duplicate})
		gone := add(t, s, Spec{Hop: "dynamodb:PutItem", Fault: Cut})
		strikes(s, "dynamodb:PutItem", User, 2)
		if removed := s.Remove(gone.ID); len(removed) != 1 || removed[0].Struck != 2 {
			t.Errorf("removed %+v, want the fault with its two strikes", removed)
		}
		if strikes(s, "dynamodb:PutItem", User, 2) != nil || len(s.List()) != 1 || s.List()[0].ID != kept.ID {
			t.Errorf("left %+v", s.List())
		}
		var none *Set
		if none.Strike("stream", "") != (Strike{}) || none.Skew() != 0 {
			t.Error("a nil set has faults")
		}
	})
}

func TestFailing(t *testing.T) {
	t.Run("leaves at least one entry failed, by the seed", func(t *testing.T) {
		some := false
		for choice := range uint64(50) {
			failing := Strike{choice: choice}.Failing(10)
			if !slices.Contains(failing, true) {
				t.Fatalf("no entry fails with %d", choice)
			}
			some = some || slices.Contains(failing, false)
			if !slices.Equal(failing, Strike{choice: choice}.Failing(10)) {
				t.Fatalf("choice %d is not repeated", choice)
			}
		}
		if !some {
			t.Error("every entry of every batch fails")
		}
		if got := (Strike{}).Failing(1); !got[0] {
			t.Error("the one entry does not fail")
		}
	})
}

func TestAdd(t *testing.T) {
	t.Run("accepts each hop's faults", func(t *testing.T) {
		for hop, all := range map[string][]Fault{
			"dynamodb:PutItem": {Throttle, Error, Timeout, Cut, Denied}, "events:PutEvents": {Throttle, Error, Timeout, Cut, Denied, Partial},
			"sqs:SendMessageBatch": {Partial}, "dynamodb:BatchWriteItem": {Partial}, "dynamodb:BatchGetItem": {Partial}, "sqs:DeleteMessageBatch": {Partial},
			"function:event-relay": {Throttle, CrashBefore, CrashAfter, SlowStart, Pending}, "function:event-relay-dev": {CrashAfter},
			Stream: {Duplicate, Reorder},
		} {
			for _, fault := range all {
				if _, err := New(1, functions).Add(Spec{Hop: hop, Fault: fault}); err != nil {
					t.Errorf("%s %s: %v", hop, fault, err)
				}
			}
		}
		if got := add(t, New(1, functions), Spec{Hop: "function:event-relay-dev", Fault: SlowStart}); got.Hop != "function:event-relay" || got.Seconds != defaultSlowStart {
			t.Errorf("got %+v, want the handler's name and the default time", got)
		}
	})
	t.Run("rejects what is not supported and says what is", func(t *testing.T) {
		for name, c := range map[string]struct {
			spec Spec
			want string
		}{
			"unknown hop":        {Spec{Hop: "api", Fault: Duplicate}, "an AWS call such as dynamodb:PutItem"},
			"unknown service":    {Spec{Hop: "ec2:RunInstances", Fault: Error}, "services: cloudformation, cloudwatch, dynamodb"},
			"unknown function":   {Spec{Hop: "function:nobody", Fault: Pending}, "function:event-relay, function:webhook-validator"},
			"fault of another":   {Spec{Hop: "dynamodb:PutItem", Fault: CrashAfter}, "it has throttle, error, timeout, cut, denied"},
			"no batch":           {Spec{Hop: "sqs:SendMessage", Fault: Partial}, "partial failures have dynamodb:BatchGetItem"},
			"stream":             {Spec{Hop: Stream, Fault: Throttle}, "it has duplicate, reorder"},
			"probability 0":      {Spec{Hop: Stream, Fault: Reorder, Probability: ptr(0.0)}, "above 0"},
			"probability 2":      {Spec{Hop: Stream, Fault: Reorder, Probability: ptr(2.0)}, "up to 1"},
			"times":              {Spec{Hop: Stream, Fault: Reorder, Times: -1}, "negative"},
			"clock without time": {Spec{Hop: Clock, Fault: ClockSkew}, "-86400 to 86400"},
			"slow start":         {Spec{Hop: "function:event-relay", Fault: SlowStart, Seconds: 61}, "up to 60"},
			"seconds":            {Spec{Hop: Stream, Fault: Reorder, Seconds: 1}, "has no seconds"},
			"caller":             {Spec{Hop: "sqs:SendMessage", Fault: Cut, Where: Where{"nobody"}}, "event-relay, webhook-validator, apigateway, events, lambda, states"},
			"caller of a stream": {Spec{Hop: Stream, Fault: Reorder, Where: Where{Events}}, "has no callers"},
		} {
			if _, err := New(1, functions).Add(c.spec); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	})
}

func TestSkew(t *testing.T) {
	t.Run("is how far the clock is off", func(t *testing.T) {
		s := New(1, functions)
		add(t, s, Spec{Hop: Clock, Fault: ClockSkew, Seconds: -90})
		if got := s.Skew().Seconds(); got != -90 {
			t.Errorf("%v s, want -90", got)
		}
	})
}

func TestHold(t *testing.T) {
	t.Run("lasts until the caller gives up or the run ends", func(t *testing.T) {
		s := New(1, functions)
		ctx, cancel := context.WithCancel(t.Context())
		held := make(chan error)
		go func() { held <- s.Hold(ctx) }()
		cancel()
		if err := <-held; !errors.Is(err, context.Canceled) {
			t.Errorf("after the caller gave up: %v", err)
		}
		go func() { held <- s.Hold(t.Context()) }()
		s.Close()
		s.Close()
		if err := <-held; err != nil {
			t.Errorf("after the run: %v", err)
		}
	})
}

func TestHandler(t *testing.T) {
	s := New(1, functions)
	call := func(method, path, body string) (int, string) {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w.Code, w.Body.String()
	}
	t.Run("injects, lists and removes faults", func(t *testing.T) {
		status, body := call(http.MethodPost, "/_local/faults", `{"hop":"dynamodb:PutItem","fault":"throttle","probability":0.3,"times":5,"where":{"caller":"webhook-validator"}}`)
		var injected Injected
		if err := json.Unmarshal([]byte(body), &injected); err != nil || status != 201 || injected.ID == "" || injected.Times != 5 {
			t.Fatalf("%d %s %v", status, body, err)
		}
		var list []Injected
		if status, body := call(http.MethodGet, "/_local/faults", ""); json.Unmarshal([]byte(body), &list) != nil || status != 200 || len(list) != 1 || list[0].Where.Caller != "webhook-validator" {
			t.Errorf("%d %s", status, body)
		}
		if status, body := call(http.MethodDelete, "/_local/faults/"+injected.ID, ""); status != 200 || !strings.Contains(body, `"struck":0`) {
			t.Errorf("%d %s", status, body)
		}
		if status, _ := call(http.MethodDelete, "/_local/faults/"+injected.ID, ""); status != 404 {
			t.Errorf("removed twice: %d", status)
		}
		call(http.MethodPost, "/_local/faults", `{"hop":"stream","fault":"reorder"}`)
		if status, body := call(http.MethodDelete, "/_local/faults", ""); status != 200 || !strings.Contains(body, "reorder") || len(s.List()) != 0 {
			t.Errorf("%d %s, left %v", status, body, s.List())
		}
	})
	t.Run("rejects what is not supported with status 400", func(t *testing.T) {
		for _, body := range []string{`{"hop":"api","fault":"duplicate"}`, `{"hop":"stream","fault":"duplicate","when":"now"}`, `x`} {
			if status, text := call(http.MethodPost, "/_local/faults", body); status != 400 || !strings.Contains(text, `"error"`) {
				t.Errorf("%s: %d %s", body, status, text)
			}
		}
	})
}
