package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
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

// used counts the uses of grants in all sessions of the suite.
var used usedGrants

type usedGrants struct {
	mu       sync.Mutex
	template []iam.Grant // of the shared session
	sessions [][]iam.Grant
}

// add adds the uses in a session that is about to end. One that has ended, or does not respond, is left out.
func (u *usedGrants) add(ctx context.Context, s *session.Session) {
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
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sessions = append(u.sessions, p.Grants)
	if s == shared {
		u.template = p.Grants
	}
}

// total returns the grants of the shared session's template, with their uses in all sessions. Others may have
// edited templates, whose grants have the same ids.
func (u *usedGrants) total() []iam.Grant {
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
// although used, after the whole suite has passed. E2E_GRANTS names a file that receives the uses of each
// grant, also of a part of the suite.
func (u *usedGrants) review(passed bool) error {
	if file := os.Getenv("E2E_GRANTS"); file != "" {
		text, err := json.MarshalIndent(u.total(), "", " ")
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			return err
		}
	}
	skipped := flag.Lookup("test.skip").Value.String() // scripts/test runs this test beside the others
	whole := flag.Lookup("test.run").Value.String() == "" && (skipped == "" || skipped == "^TestDeploy$")
	if !passed || !whole || removedGrant() != nil {
		return nil
	}
	if problems := grants.Review(u.total(), grants.Explanations); len(problems) > 0 {
		return fmt.Errorf("grants that the suite did not use:\n%s", strings.Join(problems, "\n"))
	}
	return nil
}
