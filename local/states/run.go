package states

import (
	"context"
	"fmt"
	"maps"

	"payment-webhooks/local/clock"
	"payment-webhooks/local/jsonpath"
)

// execute runs a sub-state-machine from its start to a state without a next one, and returns
// that state's output.
func (x *execution) execute(ctx context.Context, m *subMachine, input any) (any, *Failure) {
	name := m.startAt
	for {
		if ctx.Err() != nil {
			return nil, ended(ctx)
		}
		output, next, failure := x.state(ctx, m.states[name], input)
		if failure != nil {
			return nil, failure
		}
		if next == "" {
			return output, nil
		}
		name, input = next, output
	}
}

// state runs a state with its retriers and catchers, and returns its output and the next
// state.
func (x *execution) state(ctx context.Context, s *state, input any) (output any, next string, failure *Failure) {
	entered := x.history.add(s.kind+"StateEntered", details{"name": s.name, "input": input})
	attempts := make([]int, len(s.retry))
	for retries := 0; ; retries++ {
		output, next, failure = x.attempt(ctx, s, input, x.contextObject(s, retries))
		if failure == nil {
			break
		}
		// In a cancelled branch, or after the machine's timeout, nothing is retried or caught.
		if ctx.Err() != nil {
			return nil, "", failure
		}
		delay, again := x.retryDelay(s, failure, attempts)
		if !again {
			output, next, failure = s.handle(input, failure)
			break
		}
		if !clock.Sleep(ctx, delay) {
			return nil, "", ended(ctx)
		}
	}
	if failure != nil {
		failure.entered(s.name, entered)
		return nil, "", failure
	}
	x.history.add(s.kind+"StateExited", details{"name": s.name, "output": output})
	return output, next, nil
}

// contextObject is the context object of a state.
func (x *execution) contextObject(s *state, retries int) map[string]any {
	c := maps.Clone(x.context)
	c["State"] = map[string]any{
		"Name": s.name, "EnteredTime": x.machine.config.Now().UTC().Format(contextTime), "RetryCount": number(retries),
	}
	return c
}

// attempt runs a state once: InputPath, Parameters, the state's work, ResultSelector, ResultPath
// and OutputPath, in this order (developer guide, "Processing input and output").
func (x *execution) attempt(ctx context.Context, s *state, raw any, c map[string]any) (any, string, *Failure) {
	input, err := selectPath(s.inputPath, raw)
	if err != nil {
		return nil, "", runtimeFailure(fmt.Errorf("InputPath: %w", err))
	}
	effective := input
	if s.parameters != nil {
		if effective, err = s.parameters(input, c); err != nil {
			return nil, "", runtimeFailure(fmt.Errorf("its Parameters: %w", err))
		}
		if failure := checkState(s.name, effective); failure != nil {
			return nil, "", failure
		}
	}
	result, next, failure := s.work.do(ctx, x, s, effective, c)
	if failure != nil {
		return nil, "", failure
	}
	if s.resultSelector != nil {
		if result, err = s.resultSelector(result, c); err != nil {
			return nil, "", runtimeFailure(fmt.Errorf("ResultSelector: %w", err))
		}
	}
	output := raw
	if s.resultPath != nil {
		// States without the field ResultPath return their input as result.
		if output, err = s.resultPath.Put(raw, result); err != nil {
			return nil, "", runtimeFailure(fmt.Errorf("ResultPath: %w", err))
		}
	}
	if output, err = selectPath(s.outputPath, output); err != nil {
		return nil, "", runtimeFailure(fmt.Errorf("OutputPath: %w", err))
	}
	return output, next, checkState(s.name, output)
}

// selectPath applies InputPath or OutputPath. nil, written as null, yields {}.
func selectPath(p jsonpath.Path, value any) (any, error) {
	if p == nil {
		return map[string]any{}, nil
	}
	node, ok := p.Find(value)
	if !ok {
		return nil, fmt.Errorf("%s could not be found", p)
	}
	return node, nil
}
