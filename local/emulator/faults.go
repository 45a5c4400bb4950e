package emulator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"payment-webhooks/local/faults"
	"payment-webhooks/local/lambda"
)

// callTimeout is how long the services of this process wait for the response of a call. AWS
// documents none.
const callTimeout = 10 * time.Second

// Errors of calls that got no response.
var (
	errNoResponse = errors.New("no response within the timeout")
	errCut        = errors.New("the connection was cut before a response arrived")
)

// handlers returns the template's functions, for faults.
func (e *Emulator) handlers() faults.Functions {
	functions := faults.Functions{}
	for _, spec := range e.functionSpecs {
		functions[spec.config.Name] = spec.handler()
	}
	return functions
}

// addFaults adds those that the run starts with, once: the template that names their functions is
// not known before.
func (s *shared) addFaults() error {
	var problems []error
	for _, spec := range s.options.Faults {
		if _, err := s.faults.Add(spec); err != nil {
			problems = append(problems, fmt.Errorf("--fault: %w", err))
		}
	}
	s.options.Faults = nil
	return errors.Join(problems...)
}

// handler is the name of the function's handler: the directory in handlers/.
func (s functionSpec) handler() string { return s.image.BuildArgs["HANDLER"] }

// call performs a call between services of this process at a hop, or the fault that strikes
// it. The error of a fault that a service responds with is a *faults.APIError.
func (e *Emulator) call(ctx context.Context, hop, caller string, act func() error) error {
	strike := e.faults.Strike(hop, caller)
	switch strike.Fault {
	case faults.Throttle, faults.Error, faults.Denied:
		return faults.ErrorAt(hop, strike.Fault)
	case faults.Timeout:
		return errors.Join(errNoResponse, e.faults.Hold(ctx))
	case faults.Cut:
		_ = act() // its result is lost with the connection
		return errCut
	}
	return act()
}

// invoke invokes a function for a service of this process.
func (e *Emulator) invoke(ctx context.Context, caller, nameOrARN string, r lambda.Request) (lambda.Response, error) {
	function, err := e.function(nameOrARN)
	if err != nil {
		return lambda.Response{}, err
	}
	var response lambda.Response
	err = e.call(ctx, "lambda:Invoke", caller, func() (err error) {
		response, err = function.Invoke(ctx, r)
		return err
	})
	if err != nil {
		return lambda.Response{}, err
	}
	return response, nil
}

// stamped sets the Date of responses to the services' time while their clock is skewed.
func (e *shared) stamped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if skew := e.faults.Skew(); skew != 0 {
			stamped := &stampedWriter{w, time.Now().Add(skew).UTC().Format(http.TimeFormat)}
			stamped.Header().Set("Date", stamped.date) // for a response without content
			w = stamped
		}
		next.ServeHTTP(w, r)
	})
}

type stampedWriter struct {
	http.ResponseWriter
	date string
}

// WriteHeader implements http.ResponseWriter.
func (s *stampedWriter) WriteHeader(status int) {
	s.Header().Set("Date", s.date)
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter. The header is sent with the first byte.
func (s *stampedWriter) Write(p []byte) (int, error) {
	s.Header().Set("Date", s.date)
	return s.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the writer's Flush.
func (s *stampedWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
