package states

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
)

const parallelFields = "Next End InputPath OutputPath Parameters ResultSelector ResultPath Retry Catch Branches"

// parallel is a Parallel state.
type parallel struct{ branches []*subMachine }

func readParallel(l *loader, s *state, text json.RawMessage) work {
	var fields struct{ Branches []json.RawMessage }
	l.fields(s.name, text, &fields)
	if len(fields.Branches) == 0 {
		l.problem(s.name, "needs Branches")
	}
	var p parallel
	for i, text := range fields.Branches {
		var branch machineFields
		if err := strict(text, &branch); err != nil {
			l.problem(s.name, "branch %d: %w", i, err)
			continue
		}
		if branch.TimeoutSeconds != nil || branch.Version != "" || branch.QueryLanguage != "" {
			l.problem(s.name, "branch %d has fields that only a machine has", i)
		}
		p.branches = append(p.branches, l.subMachine(fmt.Sprintf("state %s: branch %d", s.name, i), branch))
	}
	return p
}

// do executes the branches concurrently. The first that fails stops the others, and its
// failure is the state's. The result is an array of the branches' outputs.
func (p parallel) do(ctx context.Context, x *execution, s *state, input, _ any) (any, string, *Failure) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	x.history.add("ParallelStateStarted", details{})
	results := make([]any, len(p.branches))
	var first *Failure
	var once sync.Once
	var wg sync.WaitGroup
	for i, branch := range p.branches {
		wg.Go(func() {
			result, failure := x.execute(ctx, branch, input)
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
		x.history.add("ParallelStateFailed", details{"error": first.Error, "cause": first.Cause})
		return nil, "", first
	}
	x.history.add("ParallelStateSucceeded", details{})
	return results, s.next, nil
}
