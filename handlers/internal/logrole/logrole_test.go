package logrole_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/internal/logrole"
)

var shared = logrole.Shared{
	Name: "shared", ARN: "arn:aws:iam::1:role/shared", PolicyARN: "policy", StackLogGroups: "groups", LeavingPrefix: "TapStackdev-",
}

// fakeAccount is an account in memory, with the changes that were made to it.
type fakeAccount struct {
	role    string   // that is set
	roles   []string // by name
	fail    map[string][]error
	changes []string
	busy    string // the role that another deployment sets while SetRole fails
}

// failure returns the error of a call: the first of those that are left.
func (a *fakeAccount) failure(call string) error {
	if len(a.fail[call]) == 0 {
		return nil
	}
	err := a.fail[call][0]
	a.fail[call] = a.fail[call][1:]
	return err
}

func (a *fakeAccount) Role(context.Context) (string, error) { return a.role, a.failure("Role") }

func (a *fakeAccount) SetRole(_ context.Context, arn string) error {
	if err := a.failure("SetRole"); err != nil {
		if a.busy != "" {
			a.role = a.busy
		}
		return err
	}
	a.role = arn
	a.changes = append(a.changes, "set "+arn)
	return nil
}

func (a *fakeAccount) Exists(_ context.Context, name string) (bool, error) {
	if name == "" {
		return false, errors.New("a role without a name") // IAM rejects it
	}
	return slices.Contains(a.roles, name), a.failure("Exists")
}

func (a *fakeAccount) Create(_ context.Context, name string) error {
	if err := a.failure("Create"); err != nil {
		return err
	}
	if slices.Contains(a.roles, name) {
		return fmt.Errorf("create %s: %w", name, logrole.ErrExists)
	}
	a.roles = append(a.roles, name)
	a.changes = append(a.changes, "create "+name)
	return nil
}

func (a *fakeAccount) AllowLogs(_ context.Context, name, policyARN, logGroups string) error {
	if err := a.failure("AllowLogs"); err != nil {
		return err
	}
	a.changes = append(a.changes, fmt.Sprintf("allow %s %s without %s", name, policyARN, logGroups))
	return nil
}

var (
	allowed  = "allow shared policy without groups"
	set      = "set " + shared.ARN
	created  = []string{"create shared", allowed, set}
	complete = []string{allowed, set}
	errBusy  = fmt.Errorf("busy: %w", logrole.ErrNotYet)
	errOther = errors.New("denied")
)

func TestEnsure(t *testing.T) {
	for name, c := range map[string]struct {
		account fakeAccount
		role    string // set afterwards
		changes []string
		took    time.Duration
		err     error
	}{
		"when none is set, it is created and set": {account: fakeAccount{}, role: shared.ARN, changes: created},
		"when a neighbour's is set and exists, it is kept": {
			account: fakeAccount{role: "arn:aws:iam::1:role/service/theirs", roles: []string{"theirs"}}, role: "arn:aws:iam::1:role/service/theirs",
		},
		"when the shared one is set and exists, it is kept": {
			account: fakeAccount{role: shared.ARN, roles: []string{"shared"}}, role: shared.ARN,
		},
		"when the one that is set was deleted, it is replaced": {
			account: fakeAccount{role: "arn:aws:iam::1:role/gone"}, role: shared.ARN, changes: created,
		},
		"when the one that is set leaves with the stack, it is replaced": {
			account: fakeAccount{role: "arn:aws:iam::1:role/TapStackdev-CloudWatchRole9E-X", roles: []string{"TapStackdev-CloudWatchRole9E-X"}},
			role:    shared.ARN, changes: created,
		},
		"when the shared one exists and is not set, it is completed and set": {
			account: fakeAccount{roles: []string{"shared"}}, role: shared.ARN, changes: complete,
		},
		"when API Gateway does not know the new role yet, it tries again": {
			account: fakeAccount{fail: map[string][]error{"SetRole": {errBusy}}},
			role:    shared.ARN, changes: append([]string{"create shared", allowed}, complete...), took: 21 * time.Second,
		},
		"when the setting or the role is being changed, each call is tried again": {
			account: fakeAccount{
				role: "arn:aws:iam::1:role/gone",
				fail: map[string][]error{"Role": {errBusy}, "Exists": {errBusy}, "Create": {errBusy}, "AllowLogs": {errBusy}},
			},
			role: shared.ARN, changes: created, took: 4 * 21 * time.Second,
		},
		"when it may not read the setting, it fails at once":   {account: fakeAccount{fail: map[string][]error{"Role": {errOther}}}, err: errOther},
		"when it may not create the role, it fails at once":    {account: fakeAccount{fail: map[string][]error{"Create": {errOther}}}, err: errOther},
		"when it may not complete the role, it fails at once":  {account: fakeAccount{roles: []string{"shared"}, fail: map[string][]error{"AllowLogs": {errOther}}}, err: errOther},
		"when it may not change the setting, it fails at once": {account: fakeAccount{roles: []string{"shared"}, fail: map[string][]error{"SetRole": {errOther}}}, changes: complete[:1], err: errOther},
		"when it may not look for the role that is set, it keeps that and fails": {
			account: fakeAccount{role: "arn:aws:iam::1:role/theirs", fail: map[string][]error{"Exists": {errOther}}}, role: "arn:aws:iam::1:role/theirs", err: errOther,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := logrole.New(&c.account, &c.account, slog.New(slog.DiscardHandler)).Ensure(t.Context(), shared)
				if !errors.Is(err, c.err) {
					t.Errorf("error %v, want %v", err, c.err)
				}
				if c.account.role != c.role || time.Since(start) != c.took {
					t.Errorf("%q is set after %s, want %q after %s", c.account.role, time.Since(start), c.role, c.took)
				}
				if diff := cmp.Diff(c.changes, c.account.changes); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestEnsureWaits(t *testing.T) {
	t.Run("when another deployment sets a role meanwhile, that is kept", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			account := fakeAccount{roles: []string{"shared", "theirs"}, fail: map[string][]error{"SetRole": {errBusy}}, busy: "arn:aws:iam::1:role/theirs"}
			err := logrole.New(&account, &account, slog.New(slog.DiscardHandler)).Ensure(t.Context(), shared)
			if err != nil || account.role != "arn:aws:iam::1:role/theirs" {
				t.Errorf("%q, %v", account.role, err)
			}
		})
	})
	for name, c := range map[string]struct {
		deadline time.Duration
		tries    int
	}{
		"when it is refused until the deadline, it gives up with the last error": {70 * time.Second, 4},
		"when no time is left for a second attempt, it tries once":               {20 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var failures []error
				for try := range 100 {
					failures = append(failures, fmt.Errorf("try %d: %w", try+1, logrole.ErrNotYet))
				}
				account := fakeAccount{roles: []string{"shared"}, fail: map[string][]error{"SetRole": failures}}
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				start := time.Now()
				err := logrole.New(&account, &account, slog.New(slog.DiscardHandler)).Ensure(ctx, shared)
				if tried := 100 - len(account.fail["SetRole"]); tried != c.tries || time.Since(start) > c.deadline {
					t.Errorf("%d tries in %s", tried, time.Since(start))
				}
				if !errors.Is(err, failures[c.tries-1]) {
					t.Errorf("error %v, want the last", err)
				}
			})
		})
	}
}
