package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"payment-webhooks/local/grants"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/session"
)

// removedGrant returns the flags of local runs that lack the grant in E2E_REMOVE_GRANT, with which
// scripts/test grants expects tests to fail.
func removedGrant() []string {
	if id := os.Getenv("E2E_REMOVE_GRANT"); id != "" {
		return []string{"--remove-grant", id}
	}
	return nil
}

// removeGrants takes the grants of an action on resources out of their policies, in a session that runs.
func removeGrants(t *testing.T, s *session.Session, action, resource string) {
	t.Helper()
	p, err := grants.Permissions(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, g := range p.Grants {
		if g.Action == action && strings.Contains(g.Resource, resource) {
			found = true
			if err := grants.SetRemoved(t.Context(), s, g.ID, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !found {
		t.Fatalf("the stack has no grant of %s on %s", action, resource)
	}
}

// used is what all sessions of the suite have used of what the template has.
var used usage

type usage struct {
	mu       sync.Mutex
	template []iam.Grant // of the shared session
	sessions [][]iam.Grant
	recorded []string        // AWS's metrics that widgets and alarms name and the local run records
	written  map[string]bool // metrics that had a value
}

// unwritten are metrics of AWS that the suite has no values of, and why.
var unwritten = map[string]string{
	"AWS/States ExecutionsTimedOut": "an execution would take its minutes; package states tests it in a moment",
}

// add adds the uses in a session that is about to end. One that has ended, or does not respond, is left out.
func (u *usage) add(ctx context.Context, s *session.Session) {
	select {
	case <-s.Exited():
		return
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	p, err := grants.Permissions(ctx, s)
	if err != nil {
		return
	}
	var metrics struct{ Recorded, Written []string }
	if err := s.Control(ctx, http.MethodGet, "/_local/page/metrics", nil, &metrics); err != nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sessions = append(u.sessions, p.Grants)
	if s == shared {
		u.template, u.recorded = p.Grants, metrics.Recorded
	}
	if u.written == nil {
		u.written = map[string]bool{}
	}
	for _, name := range metrics.Written {
		u.written[name] = true
	}
}

// total returns the grants of the shared session's template, with their uses in all sessions. Others may have
// edited templates, whose grants have the same ids.
func (u *usage) total() []iam.Grant {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := slices.Clone(u.template)
	for i := range all {
		all[i].Uses = 0
	}
	for _, one := range u.sessions {
		grants.Merge(all, one)
	}
	return all
}

// review returns an error that lists the grants of the template that are neither used nor explained, or explained
// although used, and the metrics of AWS of which nothing has written a value, after the whole suite has passed.
// E2E_BESIDE is what scripts/test skips, since it runs at the same time. E2E_GRANTS names a file that receives the uses of each
// grant, also of a part of the suite.
func (u *usage) review(passed bool) error {
	if file := os.Getenv("E2E_GRANTS"); file != "" {
		text, err := json.MarshalIndent(u.total(), "", " ")
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			return err
		}
	}
	skipped := flag.Lookup("test.skip").Value.String()
	whole := flag.Lookup("test.run").Value.String() == "" && (skipped == "" || skipped == os.Getenv("E2E_BESIDE"))
	if !passed || !whole || removedGrant() != nil {
		return nil
	}
	if problems := grants.Review(u.total(), grants.Explanations); len(problems) > 0 {
		return fmt.Errorf("grants that the suite did not use:\n%s", strings.Join(problems, "\n"))
	}
	var problems []string
	for _, name := range u.recorded {
		if (unwritten[name] != "") == u.written[name] {
			problems = append(problems, fmt.Sprintf("%s: had a value: %t, explained: %q", name, u.written[name], unwritten[name]))
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("metrics of AWS that widgets or alarms name:\n%s", strings.Join(problems, "\n"))
	}
	return nil
}
