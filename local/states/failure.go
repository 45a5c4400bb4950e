package states

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Failure is an error of the States language: what Retry and Catch match, and what a failed
// execution reports.
type Failure struct{ Error, Cause string }

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

// matches reports whether ErrorEquals names the failure. States.Runtime always fails the
// execution. States.ALL does not match States.DataLimitExceeded either. States.TaskFailed
// matches every error but States.Timeout.
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

// ended is the failure of an execution or branch whose ctx has ended. No Catch handles it.
func ended(ctx context.Context) *Failure {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Failure{errTimeout, "the execution timed out"}
	}
	return &Failure{errRuntime, "the execution was stopped"}
}

// checkSize fails with States.DataLimitExceeded when a value is larger than AWS allows.
func checkSize(state, what string, value any) *Failure {
	if n := len(encode(value)); n > maxData {
		return &Failure{errDataLimit, fmt.Sprintf("The %s of the state '%s' has %d bytes, %d are allowed.", what, state, n, maxData)}
	}
	return nil
}
