package states

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Failure is an error as workflows see it: what a Retry and a Catch name, and what the
// execution ends with.
type Failure struct{ Error, Cause string }

// Error names of the States language that are played (developer guide, "Handling errors in
// Step Functions workflows"). Errors of paths, intrinsic functions and choices without a match
// are reported as States.Runtime: their own names are reserved for future use.
const (
	errAll         = "States.ALL"
	errTaskFailed  = "States.TaskFailed"
	errTimeout     = "States.Timeout"
	errDataLimit   = "States.DataLimitExceeded"
	errPermissions = "States.Permissions"
	errRuntime     = "States.Runtime"
)

// matches reports whether a Retry's or Catch's ErrorEquals names the failure. States.Runtime
// always fails the execution; States.ALL does not match States.DataLimitExceeded either;
// States.TaskFailed matches every error but States.Timeout.
func (f *Failure) matches(names []string) bool {
	if f.Error == errRuntime {
		return false
	}
	return slices.ContainsFunc(names, func(name string) bool {
		switch name {
		case errAll:
			return f.Error != errDataLimit
		case errTaskFailed:
			return f.Error != errDataLimit && f.Error != errTimeout
		default:
			return name == f.Error
		}
	})
}

func runtimeFailure(state string, err error) *Failure {
	return &Failure{errRuntime, fmt.Sprintf("An error occurred while executing the state '%s': %v", state, err)}
}

// ended is the failure of an execution or branch whose ctx has ended. Nothing catches it.
func ended(ctx context.Context) *Failure {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Failure{errTimeout, "the execution timed out"}
	}
	return &Failure{errRuntime, "the execution was stopped"}
}

// flow runs from the start to a state without a next one.
func (x *execution) flow(ctx context.Context, f *flow, input any) (any, *Failure) {
	name := f.startAt
	for {
		if ctx.Err() != nil {
			return nil, ended(ctx)
		}
		s := f.states[name]
		output, next, failure := x.state(ctx, s, input)
		if failure != nil {
			return nil, failure
		}
		if next == "" {
			return output, nil
		}
		name, input = next, output
	}
}

// entered is the context object of a state.
func (x *execution) entered(s *state, retries int) map[string]any {
	c := maps.Clone(x.context)
	c["State"] = map[string]any{
		"Name": s.name, "EnteredTime": x.machine.config.Now().UTC().Format(contextTime), "RetryCount": number(retries),
	}
	return c
}

// state runs one state with its retries and catchers, and returns its output and the
// state to go on with.
func (x *execution) state(ctx context.Context, s *state, input any) (output any, next string, failure *Failure) {
	x.journal.write(s.kind+"StateEntered", details{"name": s.name, "input": input})
	attempts := make([]int, len(s.retry))
	for retries := 0; ; retries++ {
		output, next, failure = x.attempt(ctx, s, input, x.entered(s, retries))
		if failure == nil {
			break
		}
		// A branch that is cancelled, or a machine out of time, retries and catches nothing.
		if ctx.Err() != nil {
			return nil, "", failure
		}
		delay, again := x.retryDelay(s, failure, attempts)
		if !again {
			output, next, failure = caught(s, input, failure)
			break
		}
		if !sleep(ctx, delay) {
			return nil, "", ended(ctx)
		}
	}
	if failure != nil {
		return nil, "", failure
	}
	if s.kind != "Fail" {
		x.journal.write(s.kind+"StateExited", details{"name": s.name, "output": output})
	}
	return output, next, nil
}

// retryDelay finds the retrier of a failure and reports how long to wait, or that there are
// no more attempts. Each retrier counts its own attempts.
func (x *execution) retryDelay(s *state, failure *Failure, attempts []int) (time.Duration, bool) {
	for i, r := range s.retry {
		if !failure.matches(r.errors) {
			continue
		}
		if attempts[i] >= r.maxAttempts {
			return 0, false
		}
		delay := float64(r.interval)
		for range attempts[i] {
			delay = min(delay*r.backoff, float64(maxDuration)) // longer than the execution is long enough
		}
		attempts[i]++
		if r.maxDelay > 0 {
			delay = min(delay, float64(r.maxDelay))
		}
		if r.fullJitter {
			return x.machine.config.Jitter(time.Duration(delay)), true
		}
		return time.Duration(delay), true
	}
	return 0, false
}

// caught puts the error into the state's raw input, as the catcher's ResultPath says.
func caught(s *state, input any, failure *Failure) (any, string, *Failure) {
	for _, c := range s.catch {
		if !failure.matches(c.errors) {
			continue
		}
		output := input
		if c.resultPath != nil {
			var err error
			output, err = c.resultPath.put(input, map[string]any{"Error": failure.Error, "Cause": failure.Cause})
			if err != nil {
				return nil, "", runtimeFailure(s.name, fmt.Errorf("the ResultPath of Catch: %w", err))
			}
		}
		return output, c.next, nil
	}
	return nil, "", failure
}

// attempt runs a state once: input path, parameters, work, result selector, result path,
// output path, in this order (developer guide, "Processing input and output").
func (x *execution) attempt(ctx context.Context, s *state, raw any, c map[string]any) (any, string, *Failure) {
	input, err := selectPath(s.inputPath, raw)
	if err != nil {
		return nil, "", runtimeFailure(s.name, fmt.Errorf("InputPath: %w", err))
	}
	effective := input
	if s.parameters != nil {
		if effective, err = s.parameters(input, c); err != nil {
			return nil, "", runtimeFailure(s.name, fmt.Errorf("its Parameters: %w", err))
		}
		if failure := limited(s.name, "input", effective); failure != nil {
			return nil, "", failure
		}
	}
	result, next, failure := x.work(ctx, s, effective, c)
	if failure != nil {
		return nil, "", failure
	}
	if s.resultSelector != nil {
		if result, err = s.resultSelector(result, c); err != nil {
			return nil, "", runtimeFailure(s.name, fmt.Errorf("ResultSelector: %w", err))
		}
	}
	output := raw
	if s.resultPath != nil {
		// Only states with a ResultPath make a result; the others pass their input on.
		if output, err = s.resultPath.put(raw, result); err != nil {
			return nil, "", runtimeFailure(s.name, fmt.Errorf("ResultPath: %w", err))
		}
	}
	if output, err = selectPath(s.outputPath, output); err != nil {
		return nil, "", runtimeFailure(s.name, fmt.Errorf("OutputPath: %w", err))
	}
	return output, next, limited(s.name, "output", output)
}

// selectPath applies InputPath or OutputPath; nil, written as null, gives {}.
func selectPath(p path, value any) (any, error) {
	if p == nil {
		return map[string]any{}, nil
	}
	node, ok := p.find(value)
	if !ok {
		return nil, fmt.Errorf("%s could not be found", p)
	}
	return node, nil
}

func limited(state, what string, value any) *Failure {
	if n := len(encode(value)); n > maxData {
		return &Failure{errDataLimit, fmt.Sprintf("The %s of the state '%s' has %d bytes, %d are allowed.", what, state, n, maxData)}
	}
	return nil
}

// work does what the type of state is for and returns the result and the next state.
func (x *execution) work(ctx context.Context, s *state, input any, c map[string]any) (any, string, *Failure) {
	switch s.kind {
	case "Task":
		result, failure := x.task(ctx, s, input)
		return result, s.next, failure
	case "Parallel":
		result, failure := x.parallel(ctx, s, input)
		return result, s.next, failure
	case "Pass":
		if s.hasResult {
			return s.result, s.next, nil
		}
		return input, s.next, nil
	case "Choice":
		next, failure := choose(s, input, c)
		return input, next, failure
	case "Wait":
		d, err := s.wait(input, c, x.machine.config.Now())
		if err != nil {
			return nil, "", runtimeFailure(s.name, err)
		}
		if !sleep(ctx, d) {
			return nil, "", ended(ctx)
		}
		return input, s.next, nil
	case "Fail":
		return nil, "", fail(s, input, c)
	default: // Succeed
		return input, "", nil
	}
}

func choose(s *state, input any, c map[string]any) (string, *Failure) {
	for _, choice := range s.choices {
		holds, err := choice.condition(input, c)
		if err != nil {
			return "", runtimeFailure(s.name, fmt.Errorf("invalid path: %w", err))
		}
		if holds {
			return choice.next, nil
		}
	}
	if s.fallback == "" {
		return "", runtimeFailure(s.name, errors.New("no choice matches and there is no Default"))
	}
	return s.fallback, nil
}

func fail(s *state, input any, c map[string]any) *Failure {
	f := &Failure{}
	for _, part := range []struct {
		from expression
		to   *string
	}{{s.errorName, &f.Error}, {s.cause, &f.Cause}} {
		if part.from == nil {
			continue
		}
		value, err := part.from(input, c)
		if err != nil {
			return runtimeFailure(s.name, err)
		}
		*part.to = text(value)
	}
	return f
}

// task calls the service within the state's timeout.
func (x *execution) task(ctx context.Context, s *state, parameters any) (any, *Failure) {
	callCtx, cancel := ctx, context.CancelFunc(func() {})
	if s.timeout > 0 {
		callCtx, cancel = context.WithTimeout(ctx, s.timeout)
	}
	defer cancel()
	x.journal.scheduled(s.task, parameters)
	result, failure := s.task.call(callCtx, x.machine.config.Services, x.machine.role, parameters)
	switch {
	case ctx.Err() != nil:
		failure = ended(ctx)
	case callCtx.Err() != nil && failure != nil:
		failure = &Failure{errTimeout, fmt.Sprintf("the task did not end within %s", s.timeout)}
	case failure == nil:
		failure = limited(s.name, "task result", result)
	}
	x.journal.ended(s.task, result, failure)
	if failure != nil {
		return nil, failure
	}
	return result, nil
}

// parallel runs the branches at the same time. The first that fails stops the others, and
// its error is the state's.
func (x *execution) parallel(ctx context.Context, s *state, input any) (any, *Failure) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	x.journal.write("ParallelStateStarted", details{})
	results := make([]any, len(s.branches))
	var first *Failure
	var once sync.Once
	var wg sync.WaitGroup
	for i, branch := range s.branches {
		wg.Go(func() {
			result, failure := x.flow(ctx, branch, input)
			if failure != nil {
				once.Do(func() { first = failure })
				cancel()
				return
			}
			results[i] = result
		})
	}
	wg.Wait()
	if first != nil {
		x.journal.write("ParallelStateFailed", details{"error": first.Error, "cause": first.Cause})
		return nil, first
	}
	x.journal.write("ParallelStateSucceeded", details{})
	return results, nil
}

// sleep waits and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func randomUpTo(d time.Duration) time.Duration { return rand.N(d + 1) }
