package eventbridgebus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/handlers/internal/relay"
	"payment-webhooks/handlers/internal/relay/eventbridgebus"
)

// fakeBus accepts entries as PutEvents does: it rejects calls beyond the limits as
// a whole, and single entries as told.
type fakeBus struct {
	calls   [][]string                         // the details of each call
	reject  func(call int, detail string) bool // single entries
	fail    func(call int) error               // whole calls
	code    string                             // of a rejected entry; "" is ThrottlingException
	shorten bool                               // returns one result too few
	last    types.PutEventsRequestEntry
}

func (f *fakeBus) PutEvents(_ context.Context, in *sdk.PutEventsInput, _ ...func(*sdk.Options)) (*sdk.PutEventsOutput, error) {
	call, total := len(f.calls), 0
	var details []string
	for _, entry := range in.Entries {
		details = append(details, *entry.Detail)
		total += eventbridgebus.Size(entry)
		f.last = entry
	}
	f.calls = append(f.calls, details)
	if len(in.Entries) < 1 || len(in.Entries) > 10 || total >= 256*1024 {
		return nil, fmt.Errorf("ValidationException: %d entries of %d bytes", len(in.Entries), total)
	}
	if f.fail != nil && f.fail(call) != nil {
		return nil, f.fail(call)
	}
	out := &sdk.PutEventsOutput{}
	for i, detail := range details {
		result := types.PutEventsResultEntry{EventId: aws.String(fmt.Sprintf("event-%d-%d", call, i))}
		if f.reject != nil && f.reject(call, detail) {
			code := "ThrottlingException"
			if f.code != "" {
				code = f.code
			}
			result = types.PutEventsResultEntry{ErrorCode: &code, ErrorMessage: aws.String("Rate exceeded")}
			out.FailedEntryCount++
		}
		out.Entries = append(out.Entries, result)
	}
	if f.shorten {
		out.Entries = out.Entries[:len(out.Entries)-1]
	}
	return out, nil
}

type pauses struct{ taken []time.Duration }

func (p *pauses) pause(_ context.Context, d time.Duration) { p.taken = append(p.taken, d) }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func events(details ...string) []relay.Event {
	var all []relay.Event
	for _, d := range details {
		all = append(all, relay.Event{Time: noon, Detail: []byte(d)})
	}
	return all
}

func letters(n int) []string {
	var all []string
	for i := range n {
		all = append(all, string(rune('a'+i)))
	}
	return all
}

func TestEntryHasTheContractsNames(t *testing.T) {
	bus := &fakeBus{}
	if errs := eventbridgebus.New(bus, "payment-events-dev", nil).Publish(t.Context(), events(`{"a":1}`)); errs[0] != nil {
		t.Fatal(errs)
	}
	got := []string{*bus.last.EventBusName, *bus.last.Source, *bus.last.DetailType, *bus.last.Detail, bus.last.Time.String()}
	want := []string{"payment-events-dev", contract.EventSource, contract.DetailTypeTransactionReceived, `{"a":1}`, noon.String()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if bus.last.TraceHeader != nil {
		t.Errorf("trace header %q without a trace", *bus.last.TraceHeader)
	}
}

func TestCallsAreWithinLimits(t *testing.T) {
	overhead := len(contract.EventSource) + len(contract.DetailTypeTransactionReceived) + 14
	sized := func(sizes ...int) []relay.Event {
		var all []string
		for i, size := range sizes {
			all = append(all, strings.Repeat(letters(26)[i], size-overhead))
		}
		return events(all...)
	}
	const limit = 256 * 1024
	cases := map[string]struct {
		events []relay.Event
		calls  []int // entries in each
	}{
		"none":                           {nil, nil},
		"ten":                            {events(letters(10)...), []int{10}},
		"eleven":                         {events(letters(11)...), []int{10, 1}},
		"twenty-five":                    {events(letters(25)...), []int{10, 10, 5}},
		"two that just fit together":     {sized(limit/2, limit/2-1), []int{2}},
		"two that just do not":           {sized(limit/2, limit/2), []int{1, 1}},
		"the largest details there are":  {sized(contract.MaxDetailBytes+overhead, contract.MaxDetailBytes+overhead, 100), []int{1, 2}},
		"large ones do not starve small": {sized(100, 200_000, 200_000, 100), []int{2, 2}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bus := &fakeBus{}
			for i, err := range eventbridgebus.New(bus, "bus", nil).Publish(t.Context(), c.events) {
				if err != nil {
					t.Errorf("entry %d: %v", i, err)
				}
			}
			var calls []int
			var sent []string
			for _, call := range bus.calls {
				calls = append(calls, len(call))
				sent = append(sent, call...)
			}
			if diff := cmp.Diff(c.calls, calls); diff != "" {
				t.Error(diff)
			}
			for i, e := range c.events {
				if sent[i] != string(e.Detail) {
					t.Fatalf("entry %d is not the %d-th sent", i, i)
				}
			}
		})
	}
}

func TestRejectedEntriesAreRetried(t *testing.T) {
	bus := &fakeBus{reject: func(call int, detail string) bool {
		return detail == "b" && call < 2 || detail == "d" && call < 1
	}}
	p := &pauses{}
	for i, err := range eventbridgebus.New(bus, "bus", p.pause).Publish(t.Context(), events("a", "b", "c", "d")) {
		if err != nil {
			t.Errorf("entry %d: %v", i, err)
		}
	}
	if diff := cmp.Diff([][]string{{"a", "b", "c", "d"}, {"b", "d"}, {"b"}}, bus.calls); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]time.Duration{100 * time.Millisecond, 200 * time.Millisecond}, p.taken); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsOfEntries(t *testing.T) {
	errDown := errors.New("connection refused")
	cases := map[string]struct {
		bus    *fakeBus
		events []relay.Event
		failed []int
		err    error
		says   string
	}{
		"rejected in every attempt": {
			&fakeBus{reject: func(_ int, d string) bool { return d == "b" }},
			events("a", "b", "c"),
			[]int{1},
			eventbridgebus.ErrRejected, "ThrottlingException: Rate exceeded",
		},
		"a whole call fails": {
			&fakeBus{fail: func(call int) error { return map[int]error{1: errDown}[call] }},
			events(letters(21)...),
			[]int{10, 11, 12, 13, 14, 15, 16, 17, 18, 19},
			errDown, "put events",
		},
		"the second try fails as a whole": {
			&fakeBus{
				reject: func(_ int, d string) bool { return d == "c" },
				fail:   func(call int) error { return map[int]error{1: errDown}[call] },
			},
			events("a", "b", "c"),
			[]int{2},
			errDown, "put events",
		},
		"a result is missing": {
			&fakeBus{shorten: true}, events("a", "b"), []int{1}, eventbridgebus.ErrRejected, "no result",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			errs := eventbridgebus.New(c.bus, "bus", (&pauses{}).pause).Publish(t.Context(), c.events)
			if len(errs) != len(c.events) {
				t.Fatalf("%d errors for %d events", len(errs), len(c.events))
			}
			for i, err := range errs {
				if slices.Contains(c.failed, i) {
					if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) {
						t.Errorf("entry %d: %v", i, err)
					}
				} else if err != nil {
					t.Errorf("entry %d failed with another: %v", i, err)
				}
			}
		})
	}
}

func TestPoisonEntries(t *testing.T) {
	for code, want := range map[string]struct {
		calls  int
		poison bool
	}{
		"MalformedDetail":     {1, true},
		"InvalidArgument":     {3, false},
		"InternalFailure":     {3, false},
		"ThrottlingException": {3, false},
	} {
		t.Run("when the code is "+code, func(t *testing.T) {
			bus := &fakeBus{code: code, reject: func(_ int, d string) bool { return d == "b" }}
			errs := eventbridgebus.New(bus, "bus", (&pauses{}).pause).Publish(t.Context(), events("a", "b"))
			if errs[0] != nil || !errors.Is(errs[1], eventbridgebus.ErrRejected) || errors.Is(errs[1], relay.ErrPoison) != want.poison {
				t.Errorf("%v", errs)
			}
			if len(bus.calls) != want.calls {
				t.Errorf("%d calls, want %d", len(bus.calls), want.calls)
			}
		})
	}
}

func TestPauseEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan struct{})
	go func() {
		eventbridgebus.Pause(ctx, time.Hour)
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Error("still pausing")
	}
}
