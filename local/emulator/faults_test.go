package emulator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"payment-webhooks/local/events"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/lambda"
	"payment-webhooks/local/logs"
)

func newFaulty(t *testing.T, specs ...faults.Spec) *Emulator {
	t.Helper()
	e := &Emulator{shared: &shared{faults: faults.New(1, nil)}}
	t.Cleanup(e.faults.Close)
	for _, spec := range specs {
		if _, err := e.faults.Add(spec); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// Calls between services of this process meet the faults of AWS calls.
func TestCall(t *testing.T) {
	for fault, c := range map[faults.Fault]struct {
		acted bool
		is    func(error) bool
	}{
		faults.Throttle: {false, hasCode("TooManyRequestsException")},
		faults.Error:    {false, hasCode("ServiceException")},
		faults.Denied:   {false, hasCode("AccessDeniedException")},
		faults.Timeout:  {false, func(err error) bool { return errors.Is(err, errNoResponse) && errors.Is(err, context.Canceled) }},
		faults.Cut:      {true, func(err error) bool { return errors.Is(err, errCut) }},
		"":              {true, func(err error) bool { return err == nil }},
	} {
		t.Run("meets "+string(fault), func(t *testing.T) {
			e := newFaulty(t)
			if fault != "" {
				e = newFaulty(t, faults.Spec{Hop: "lambda:Invoke", Fault: fault, Where: faults.Where{Caller: faults.States}})
			}
			ctx, cancel := context.WithCancel(t.Context())
			if fault == faults.Timeout {
				cancel() // the caller gives up
			}
			defer cancel()
			acted := false
			act := func() error { acted = true; return nil }
			if err := e.call(ctx, "lambda:Invoke", faults.States, act); !c.is(err) || acted != c.acted {
				t.Errorf("%v, acted %t", err, acted)
			}
			if err := e.call(t.Context(), "lambda:Invoke", faults.APIGateway, act); err != nil || !acted {
				t.Errorf("another caller: %v", err)
			}
		})
	}
}

func hasCode(code string) func(error) bool {
	return func(err error) bool {
		failure, ok := errors.AsType[*faults.APIError](err)
		return ok && failure.Code == code
	}
}

// EventBridge names what a target responds, and retries what can be fixed.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
func TestClassify(t *testing.T) {
	for name, c := range map[string]struct {
		err       error
		code      string
		permanent bool
	}{
		"throttled":             {faults.ErrorAt("logs:PutLogEvents", faults.Throttle), events.CodeThrottling, false},
		"throttled by Lambda":   {faults.ErrorAt("lambda:Invoke", faults.Throttle), events.CodeThrottling, false},
		"failing":               {faults.ErrorAt("sns:Publish", faults.Error), events.CodeErrorFromTarget, false},
		"denied":                {faults.ErrorAt("logs:PutLogEvents", faults.Denied), events.CodeNoPermissions, true},
		"denied by SNS":         {faults.ErrorAt("sns:Publish", faults.Denied), events.CodeNoPermissions, true},
		"no response":           {fmt.Errorf("put: %w", context.DeadlineExceeded), events.CodeTimeout, false},
		"a target that is gone": {&faults.APIError{Status: 400, Code: "ResourceNotFoundException"}, events.CodeNoResource, true},
		"a log event too old":   {fmt.Errorf("%w: too old", logs.ErrRejected), events.CodeInvalidParam, true},
		"classified before":     {permanent(events.CodeInvalidJSON, errors.New("no")), events.CodeInvalidJSON, true},
	} {
		t.Run(name, func(t *testing.T) {
			failure, ok := errors.AsType[*events.DeliveryError](classify(c.err))
			if !ok || failure.Code != c.code || failure.Permanent != c.permanent {
				t.Errorf("%+v, want %s, permanent %t", failure, c.code, c.permanent)
			}
		})
	}
	if err := classify(nil); err != nil {
		t.Errorf("accepted: %v", err)
	}
	if err := classify(errCut); !errors.Is(err, errCut) {
		t.Errorf("cut: %v", err)
	}
}

func TestStamped(t *testing.T) {
	t.Run("responses are dated by the skewed clock", func(t *testing.T) {
		e := newFaulty(t, faults.Spec{Hop: faults.Clock, Fault: faults.ClockSkew, Seconds: 3600})
		for name, handler := range map[string]http.HandlerFunc{
			"with a status":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
			"with a date":      func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", "x"); _, _ = w.Write([]byte("a")) },
			"of empty content": func(http.ResponseWriter, *http.Request) {},
		} {
			server := httptest.NewServer(e.stamped(handler))
			response, err := http.Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			server.Close()
			at, err := http.ParseTime(response.Header.Get("Date"))
			if ahead := time.Until(at); err != nil || ahead < 50*time.Minute || len(response.Header["Date"]) != 1 {
				t.Errorf("%s: %v, %s ahead, %v", name, response.Header["Date"], ahead, err)
			}
		}
	})
}

func TestInvoke(t *testing.T) {
	t.Run("names a function that does not exist", func(t *testing.T) {
		if _, err := newFaulty(t).invoke(t.Context(), faults.States, "none", lambda.Request{}); err == nil {
			t.Error("invoked")
		}
	})
}
