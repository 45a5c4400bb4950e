package grants

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"payment-webhooks/local/iam"
)

// Elsewhere are the grants that no exercise uses, with the end-to-end test that does.
var Elsewhere = []struct{ Policy, Action, Test string }{
	{"WorkflowFraudDetectorRole*", "lambda:InvokeFunction", "TestLateFraudResultIsArchived"},
	{"ArchiveArchiverRole*", "s3:GetObject*", "TestLateFraudResultIsArchived"},
}

// TestOf returns the end-to-end test that uses a grant, or "".
func TestOf(g iam.Grant) string {
	for _, e := range Elsewhere {
		policy, _ := path.Match(e.Policy, g.Policy)
		action, _ := path.Match(e.Action, g.Action)
		if policy && action {
			return e.Test
		}
	}
	return ""
}

// Outcome is what a removal showed.
type Outcome string

// The outcomes.
const (
	Noticed   Outcome = "noticed"   // something failed because a call was denied
	Unnoticed Outcome = "unnoticed" // everything still works
	Undecided Outcome = "undecided" // it failed, each time, for another reason than a denied call
	Explained Outcome = "explained" // see [Explanations]: out while everything else is tried
)

// What tries removals, besides the end-to-end tests in [Elsewhere].
const (
	ByExercise = "an exercise"                     // of a long run
	ByOperator = "commands of scripts/ops"         // with the operator policy, on a long run
	ByOwnRun   = "an exercise of a run of its own" // which began without the grant
)

// Result is what became of one removal.
type Result struct {
	Grant   string  `json:"grant"` // its id
	Outcome Outcome `json:"outcome"`
	By      string  `json:"by"`      // one of the above, or the end-to-end test
	How     string  `json:"how"`     // what failed, or the explanation
	Seconds float64 `json:"seconds"` // how long the last attempt took; 0 for an explained grant
}

// Removal takes out grants one by one.
type Removal struct {
	// Open starts a local run with grants removed, and returns an exercise of it.
	Open func(ctx context.Context, removed []string) (e *Exercise, end func(), err error)
	// Test runs an end-to-end test with a grant removed, and returns how it failed, nil if it did not.
	// Its error wraps [ErrUnrelated] if the test failed although no call was denied.
	Test func(ctx context.Context, test, grantID string) (failure, err error)
	// Chosen says which grants to take out.
	Chosen func(iam.Grant) bool
	// Parallel is how many removals are tried at the same time, each in a local run; at least 1.
	Parallel int
	// Report receives each result once, one at a time. It may be nil.
	Report func(Result)

	reporting sync.Mutex
	explained sync.Once
}

const (
	cloudWatch     = "cloudwatch.amazonaws.com" // publishes an alarm once: see Run
	operatorPolicy = "OperatorPolicy"           // begins the logical id of the operators' policy
)

// Run takes each chosen grant out in turn. The explained ones, which nothing uses, are out all the
// time: an exercise without them must succeed.
//
// Most removals are tried in long runs, one for each of the parallel ones: by an exercise, or those of the operators'
// policy by operators' commands. Those of CloudWatch's grants each need a run of their own, since an alarm is published
// once, and those of [Elsewhere] an end-to-end test. An error is about all removals; one that could not be tried
// is [Undecided].
func (r *Removal) Run(ctx context.Context) error {
	first := &worker{Removal: r}
	defer first.close()
	all, err := first.grants(ctx)
	if err != nil {
		return err
	}
	chosen := make(chan iam.Grant, len(all))
	for _, g := range all {
		if Explain(g, unexercised(Explanations)) == "" && r.Chosen(g) {
			chosen <- g
		}
	}
	close(chosen)
	group, ctx := errgroup.WithContext(ctx)
	for n := range r.Parallel {
		w := first
		if n > 0 {
			w = &worker{Removal: r}
		}
		group.Go(func() error {
			defer w.close()
			for g := range chosen {
				result, err := w.remove(ctx, g)
				if err != nil {
					return fmt.Errorf("%s: %w", g.ID, err)
				}
				r.report(result)
			}
			return nil
		})
	}
	return group.Wait()
}

func (r *Removal) report(result Result) {
	r.reporting.Lock()
	defer r.reporting.Unlock()
	if r.Report != nil {
		r.Report(result)
	}
}

// worker tries one removal after the other, most of them in one local run.
type worker struct {
	*Removal
	exercise *Exercise // of the long run; nil before it is needed, and after it ended
	end      func()
	warm     bool // the exercise has succeeded without the explained grants
	without  []string
}

// close ends the long run. It may be called twice.
func (w *worker) close() {
	if w.exercise != nil {
		w.end()
	}
	w.exercise, w.warm = nil, false
}

// grants starts the long run, unless it runs, and returns the grants of its stack.
func (w *worker) grants(ctx context.Context) ([]iam.Grant, error) {
	if w.exercise == nil {
		e, end, err := w.Open(ctx, nil)
		if err != nil {
			return nil, err
		}
		w.exercise, w.end = e, end
	}
	p, err := Permissions(ctx, w.exercise.Session)
	return p.Grants, err
}

// prepare starts the long run, takes the explained grants out of it and makes an exercise, which must succeed.
func (w *worker) prepare(ctx context.Context) error {
	all, err := w.grants(ctx)
	if err != nil || w.warm {
		return err
	}
	w.without = nil
	var results []Result
	for _, g := range all {
		reason := Explain(g, unexercised(Explanations))
		if reason == "" {
			continue
		}
		if err := SetRemoved(ctx, w.exercise.Session, g.ID, true); err != nil {
			return err
		}
		w.without = append(w.without, g.ID)
		results = append(results, Result{Grant: g.ID, Outcome: Explained, By: ByExercise, How: reason})
	}
	err = w.exercise.Run(ctx)
	if err == nil {
		err = w.exercise.Operate(ctx)
	}
	if err != nil {
		return fmt.Errorf("with all grants but the %d explained ones: %w", len(w.without), err)
	}
	w.warm = true
	w.explained.Do(func() {
		for _, result := range results {
			w.report(result)
		}
	})
	return nil
}

// remove takes one grant out, once more if an exercise fails for another reason than a denied call. An error
// is about all removals.
func (w *worker) remove(ctx context.Context, g iam.Grant) (result Result, err error) {
	for range attempts {
		result = Result{Grant: g.ID, Outcome: Undecided, By: by(g)}
		if result.By != TestOf(g) {
			if err = w.prepare(ctx); err != nil {
				w.close()
				continue
			}
		}
		begin := time.Now()
		failure, problem := w.try(ctx, g, result.By)
		result.Seconds = time.Since(begin).Seconds()
		switch {
		case ctx.Err() != nil:
			return result, ctx.Err()
		case problem != nil:
			result.How = problem.Error()
			if result.By == ByExercise || result.By == ByOperator {
				w.close() // in whatever state it is
			}
			continue
		case failure != nil:
			result.Outcome, result.How = Noticed, failure.Error()
		default:
			result.Outcome, result.How = Unnoticed, "everything still works"
		}
		return result, nil
	}
	return result, err
}

// by says what tries a removal.
func by(g iam.Grant) string {
	switch test := TestOf(g); {
	case test != "":
		return test
	case g.Principal == cloudWatch:
		return ByOwnRun
	case strings.HasPrefix(g.Policy, operatorPolicy):
		return ByOperator
	default:
		return ByExercise
	}
}

func (w *worker) try(ctx context.Context, g iam.Grant, by string) (failure, err error) {
	switch by {
	case ByExercise:
		return w.within(ctx, g.ID, (*Exercise).Run)
	case ByOperator:
		return w.within(ctx, g.ID, (*Exercise).Operate)
	case ByOwnRun:
		return w.alone(ctx, append(slices.Clone(w.without), g.ID))
	default:
		return w.Test(ctx, by, g.ID)
	}
}

// ErrUnrelated is wrapped by the error of a removal after which something failed for another reason than a denied
// call, such as a slow machine.
var ErrUnrelated = errors.New("no call was denied, but it failed")

// attempts bounds how often a removal is tried, if it fails for other reasons.
const attempts = 2

// within takes a grant out of the long run, and puts it back.
func (w *worker) within(ctx context.Context, id string, run func(*Exercise, context.Context) error) (failure, err error) {
	e := w.exercise
	if err := SetRemoved(ctx, e.Session, id, true); err != nil {
		return nil, err
	}
	failure, err = e.missing(ctx, run)
	if err := errors.Join(err, SetRemoved(ctx, e.Session, id, false)); err != nil {
		return nil, err
	}
	return failure, e.settle(ctx)
}

// missing makes an exercise without a grant. An exercise that fails although no call was denied
// says nothing about the grant.
func (e *Exercise) missing(ctx context.Context, run func(*Exercise, context.Context) error) (failure, err error) {
	failure = run(e, ctx)
	if failure == nil {
		return nil, nil
	}
	switch denied := e.calm(ctx); {
	case denied == nil:
		return nil, fmt.Errorf("%w: %w", ErrUnrelated, failure)
	case errors.Is(denied, ErrDenied):
		return failure, nil
	default:
		return nil, denied
	}
}

// settle waits until what was retried without the grant is through.
func (e *Exercise) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	return e.Session.Control(ctx, "POST", "/_local/idle", nil, nil)
}

// alone makes an exercise in a run of its own.
func (w *worker) alone(ctx context.Context, removed []string) (failure, err error) {
	e, end, err := w.Open(ctx, removed)
	if err != nil {
		return nil, err
	}
	defer end()
	return e.missing(ctx, (*Exercise).Run)
}
