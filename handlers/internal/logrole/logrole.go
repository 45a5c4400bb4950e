package logrole

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// pause is between two attempts: API Gateway accepts one change of the setting in 20 seconds.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
const pause = 21 * time.Second

var (
	// ErrNotYet is the error of a call that may succeed later: another deployment changes the
	// setting or the role, or API Gateway does not know a new role yet.
	ErrNotYet = errors.New("not possible yet")

	// ErrExists is the error of creating a role that exists.
	ErrExists = errors.New("the role exists")
)

// Setting is the account's setting of the role with which API Gateway writes logs, in one region.
type Setting interface {
	// Role returns the ARN of the role, or "" if none is set. The role may be deleted.
	Role(ctx context.Context) (arn string, err error)

	// SetRole replaces the role. The error is ErrNotYet if it may succeed later.
	SetRole(ctx context.Context, arn string) error
}

// Roles are the account's roles. Errors of all methods are ErrNotYet if they may succeed later.
type Roles interface {
	// Exists reports whether there is a role of that name.
	Exists(ctx context.Context, name string) (bool, error)

	// Create creates a role that API Gateway may assume, without rights. The error is ErrExists
	// if there is one of that name.
	Create(ctx context.Context, name string) error

	// AllowLogs gives a role the rights of a managed policy, by its ARN, except that of creating
	// the log groups that a pattern of ARNs matches. It may be called again.
	AllowLogs(ctx context.Context, name, policyARN, logGroups string) error
}

// Shared describes the role that the account gets if it has none.
type Shared struct {
	Name      string
	ARN       string // that a role of this name has
	PolicyARN string // managed policy with the rights to write logs

	// StackLogGroups is a pattern of the ARNs of the log groups that stacks create. The role
	// may not create them: a line that comes after a stack was deleted would bring its log group
	// back, and the next deployment of that stack would fail because it exists.
	StackLogGroups string

	// LeavingPrefix is what the names of the roles begin with that the stack itself created or
	// will delete. None of them is kept.
	LeavingPrefix string
}

// Account is the setting of an account in a region, and the account's roles.
type Account struct {
	setting Setting
	roles   Roles
	log     *slog.Logger
}

// New returns the account of a setting and roles.
func New(setting Setting, roles Roles, log *slog.Logger) *Account {
	return &Account{setting, roles, log}
}

// Ensure sets the shared role, and creates it if necessary, unless a role is set that exists and
// stays. While the error is ErrNotYet it repeats all of it, because another deployment may have
// set a role meanwhile; not beyond the context's deadline, or for 15 minutes if it has none. The
// error is then that of the last attempt.
func (a *Account) Ensure(ctx context.Context, shared Shared) error {
	options := []backoff.RetryOption{
		backoff.WithBackOff(backoff.NewConstantBackOff(pause)),
		backoff.WithNotify(func(err error, _ time.Duration) { a.log.WarnContext(ctx, "attempt failed", "error", err) }),
	}
	if deadline, ok := ctx.Deadline(); ok {
		options = append(options, backoff.WithMaxElapsedTime(time.Until(deadline)))
	}
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := a.attempt(ctx, shared)
		if err != nil && !errors.Is(err, ErrNotYet) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, options...)
	return err
}

// attempt does all of Ensure once.
func (a *Account) attempt(ctx context.Context, shared Shared) error {
	current, err := a.setting.Role(ctx)
	if err != nil {
		return err
	}
	usable, err := a.usable(ctx, current, shared.LeavingPrefix)
	if err != nil || usable {
		return err
	}
	if err := a.roles.Create(ctx, shared.Name); err != nil && !errors.Is(err, ErrExists) {
		return err
	}
	// The role that exists may be incomplete: another deployment is creating it, or failed.
	if err := a.roles.AllowLogs(ctx, shared.Name, shared.PolicyARN, shared.StackLogGroups); err != nil {
		return err
	}
	if err := a.setting.SetRole(ctx, shared.ARN); err != nil {
		return err
	}
	a.log.InfoContext(ctx, "role set", "role", shared.ARN, "replaced", current)
	return nil
}

// usable reports whether a role is set that exists and stays.
func (a *Account) usable(ctx context.Context, arn, leavingPrefix string) (bool, error) {
	if arn == "" {
		return false, nil
	}
	name := arn[strings.LastIndexByte(arn, '/')+1:] // after the path
	if strings.HasPrefix(name, leavingPrefix) {
		return false, nil
	}
	exists, err := a.roles.Exists(ctx, name)
	if err != nil {
		return false, fmt.Errorf("role %s, which is set: %w", name, err)
	}
	return exists, nil
}
