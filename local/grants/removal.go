package grants

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"payment-webhooks/local/iam"
)

// Elsewhere are the grants that no exercise uses, with the end-to-end test that does.
var Elsewhere = []struct{ Policy, Action, Test string }{
	{"OperatorPolicy*", "*", "TestOperatorsTool"},
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

// Result is what became of one removal.
type Result struct {
	Grant   iam.Grant
	Noticed bool
	How     string // what failed, or why the removal went unnoticed
	Took    time.Duration
}

// Removal takes out grants one by one.
type Removal struct {
	// Open starts a local run with grants removed, and returns an exercise of it.
	Open func(ctx context.Context, removed []string) (e *Exercise, end func(), err error)
	// Test runs an end-to-end test with a grant removed, and returns how it failed, nil if it did not.
	Test func(ctx context.Context, test, grantID string) (failure, err error)
	// Chosen says which grants to take out.
	Chosen func(iam.Grant) bool
	Report func(Result)
}

// cloudWatch publishes an alarm once: see Run.
const cloudWatch = "cloudwatch.amazonaws.com"

// Run takes each chosen grant out in turn. The explained ones, which nothing uses, are out all the
// time: an exercise without them must succeed. unnoticed counts the removals after which everything still works.
//
// Most removals are tried in one long run. Those of CloudWatch's grants each need a run of
// their own, since an alarm is published once, and those of [Elsewhere] an end-to-end test.
func (r Removal) Run(ctx context.Context) (unnoticed int, err error) {
	e, end, err := r.Open(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { end() }()
	p, err := Permissions(ctx, e.Session)
	if err != nil {
		return 0, err
	}
	var explained []string
	for _, g := range p.Grants {
		if Explain(g, unexercised(Explanations)) != "" {
			explained = append(explained, g.ID)
			if err := SetRemoved(ctx, e.Session, g.ID, true); err != nil {
				return 0, err
			}
		}
	}
	if err := e.Run(ctx); err != nil {
		return 0, fmt.Errorf("with all grants but the %d explained ones: %w", len(explained), err)
	}
	for _, g := range p.Grants {
		if Explain(g, unexercised(Explanations)) != "" || !r.Chosen(g) {
			continue
		}
		begin := time.Now()
		failure, err := r.try(ctx, e, g, explained)
		for attempt := 1; errors.Is(err, errUnrelated) && attempt < attempts; attempt++ {
			failure, err = r.try(ctx, e, g, explained)
		}
		if err != nil {
			return unnoticed, fmt.Errorf("%s: %w", g.ID, err)
		}
		result := Result{Grant: g, Noticed: failure != nil, How: "everything still works", Took: time.Since(begin)}
		if failure != nil {
			result.How = failure.Error()
		} else {
			unnoticed++
		}
		r.Report(result)
	}
	return unnoticed, nil
}

// try takes one grant out.
func (r Removal) try(ctx context.Context, e *Exercise, g iam.Grant, explained []string) (failure, err error) {
	switch test := TestOf(g); {
	case test != "":
		return r.Test(ctx, test, g.ID)
	case g.Principal == cloudWatch:
		return r.alone(ctx, append(slices.Clone(explained), g.ID))
	default:
		return r.within(ctx, e, g.ID)
	}
}

// errUnrelated is wrapped by the error of an exercise that failed for another reason than a denied call, such as
// a slow machine.
var errUnrelated = errors.New("no call was denied, but it failed")

// attempts bounds how often a removal is tried, if exercises fail for other reasons.
const attempts = 3

// within takes a grant out of the long run, and puts it back.
func (r Removal) within(ctx context.Context, e *Exercise, id string) (failure, err error) {
	if err := SetRemoved(ctx, e.Session, id, true); err != nil {
		return nil, err
	}
	failure, err = e.missing(ctx)
	if err := errors.Join(err, SetRemoved(ctx, e.Session, id, false)); err != nil {
		return nil, err
	}
	return failure, e.settle(ctx)
}

// missing makes an exercise without a grant. An exercise that fails although no call was denied
// says nothing about the grant.
func (e *Exercise) missing(ctx context.Context) (failure, err error) {
	failure = e.Run(ctx)
	if failure == nil {
		return nil, nil
	}
	switch denied := e.calm(ctx); {
	case denied == nil:
		return nil, fmt.Errorf("%w: %w", errUnrelated, failure)
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
func (r Removal) alone(ctx context.Context, removed []string) (failure, err error) {
	e, end, err := r.Open(ctx, removed)
	if err != nil {
		return nil, err
	}
	defer end()
	return e.missing(ctx)
}
