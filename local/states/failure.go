package states

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Failure is an error of the States language: what Retry and Catch match, and what a failed
// execution reports.
type Failure struct {
	Error, Cause string

	// terminal marks a States.DataLimitExceeded that only its name catches: of a state's input or
	// output.
	terminal bool
	// reason is the end of the Cause of a States.Runtime: entered puts the beginning before it.
	reason string
}

// The supported error names of the States language (developer guide, "Handling errors in Step
// Functions workflows"). Errors of paths, intrinsic functions and choices without a match are
// reported as States.Runtime, because AWS reserves their own names for future use.
const (
	errAll         = "States.ALL"
	errTaskFailed  = "States.TaskFailed"
	errTimeout     = "States.Timeout"
	errDataLimit   = "States.DataLimitExceeded"
	errPermissions = "States.Permissions"
	errRuntime     = "States.Runtime"
)

// matches reports whether ErrorEquals names the failure. States.Runtime always fails the execution.
// The developer guide says that States.ALL does not match States.DataLimitExceeded; it does when a
// task's result is too large: recorded on AWS in localstack/localstack,
// test_service_task_lambada_catch_state_all_data_limit_exceeded_on_large_utf8_response.
// States.TaskFailed matches what States.ALL matches, but for States.Timeout.
func (f *Failure) matches(names []string) bool {
	if f.Error == errRuntime {
		return false
	}
	return slices.ContainsFunc(names, func(name string) bool {
		switch name {
		case errAll:
			return !f.terminal
		case errTaskFailed:
			return !f.terminal && f.Error != errTimeout
		default:
			return name == f.Error
		}
	})
}

func runtimeFailure(err error) *Failure { return &Failure{Error: errRuntime, reason: err.Error()} }

// entered completes the Cause of a States.Runtime, in AWS's words, with the event by which the
// state was entered.
func (f *Failure) entered(state string, event int) {
	if f != nil && f.reason != "" && f.Cause == "" {
		f.Cause = fmt.Sprintf("An error occurred while executing the state '%s' (entered at the event id #%d). %s", state, event, f.reason)
	}
}

// ended is the failure of an execution or branch whose ctx has ended. No Catch handles it.
func ended(ctx context.Context) *Failure {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Failure{Error: errTimeout}
	}
	return &Failure{Error: errRuntime, Cause: "the execution was stopped"}
}

// checkSize fails with States.DataLimitExceeded when a value is larger than AWS allows. of is a
// state's name or, for the result of a task, its service. The Cause is AWS's, recorded in
// localstack/localstack, test_states_errors.
func checkSize(of string, value any) *Failure {
	if len(encode(value)) <= maxData {
		return nil
	}
	return &Failure{Error: errDataLimit, Cause: fmt.Sprintf("The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", of)}
}

// checkState is checkSize for the input or output of a state.
func checkState(state string, value any) *Failure {
	failure := checkSize(state, value)
	if failure != nil {
		failure.terminal = true
	}
	return failure
}
