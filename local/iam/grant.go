package iam

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Grant is the smallest part of an Allow statement that can be taken out of it: one action
// on one resource for one principal.
type Grant struct {
	// ID is the policy's logical id, the statement's index and the action, with a number
	// where the statement has several principals or resources.
	ID        string `json:"id"`
	Policy    string `json:"policy"`    // logical id
	Statement int    `json:"statement"` // index in the policy, from 0
	Principal string `json:"principal"` // the role's name, or the principal as the policy has it
	Action    string `json:"action"`    // as the policy has it; "all but …" for NotAction
	Resource  string `json:"resource"`  // as the policy has it; "all but …" for NotResource
	Condition string `json:"condition,omitempty"`
	// Uses counts the calls that the grant allowed. Where several grants allow a call, the
	// first of them counts: a grant that others make unnecessary has no uses.
	Uses    int64 `json:"uses"`
	Removed bool  `json:"removed"` // by SetRemoved: it allows nothing
}

type grant struct {
	Grant
	principal, action, resource int  // positions in the statement's lists
	whole                       bool // the grant is the whole statement
	uses                        atomic.Int64
	removed                     atomic.Bool
}

// addGrants adds the grants of a statement. role is the name of an identity policy's role.
func (s *statement) addGrants(role string) {
	if !s.allow {
		return
	}
	names := func(list []string, exceptions bool) []string {
		if exceptions {
			return []string{"all but " + strings.Join(list, ", ")}
		}
		return list
	}
	principals := s.principals
	if s.role != "" {
		principals = []string{role}
	}
	resources := names(s.resources, s.notResources)
	for a, action := range names(s.actions, s.notActions) {
		n := 0
		for p, principal := range principals {
			for r, resource := range resources {
				n++
				id := fmt.Sprintf("%s.%d.%s", s.policy, s.index, action)
				if len(principals)*len(resources) > 1 {
					id += fmt.Sprintf(".%d", n)
				}
				s.grants = append(s.grants, &grant{
					Grant:     Grant{ID: id, Policy: s.policy, Statement: s.index, Principal: principal, Action: action, Resource: resource, Condition: s.conditionText},
					principal: p, action: a, resource: r,
				})
			}
		}
	}
}

// granting returns the first grant that is not removed and has one of the positions each.
func (s *statement) granting(principals, actions, resources []int) *grant {
	for _, g := range s.grants {
		if !g.removed.Load() && (g.whole || slices.Contains(principals, g.principal) && slices.Contains(actions, g.action) && slices.Contains(resources, g.resource)) {
			return g
		}
	}
	return nil
}

// Grants returns every grant of the stack, sorted by policy, statement and id.
func (p *Policies) Grants() []Grant {
	list := []Grant{}
	for _, s := range p.statements {
		for _, g := range s.grants {
			one := g.Grant
			one.Uses, one.Removed = g.uses.Load(), g.removed.Load()
			list = append(list, one)
		}
	}
	slices.SortStableFunc(list, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Statement, b.Statement), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// ErrNoGrant is wrapped by the error for a grant that does not exist.
var ErrNoGrant = errors.New("no such grant")

// SetRemoved takes a grant out of its policy, or puts it back.
func (p *Policies) SetRemoved(id string, removed bool) error {
	found := false
	for _, s := range p.statements {
		for _, g := range s.grants {
			if g.ID == id { // several, if the policy has several roles
				g.removed.Store(removed)
				found = true
			}
		}
	}
	if !found {
		return fmt.Errorf("%w: %s", ErrNoGrant, id)
	}
	return nil
}

// Denial is a call that was denied, with how often it was.
type Denial struct {
	Caller   string `json:"caller"`
	Action   string `json:"action"`
	Resource string `json:"resource"`
	Reason   string `json:"reason"`
	Count    int    `json:"count"`
}

// denials counts denied calls. It is safe for concurrent use.
type denials struct {
	mu   sync.Mutex
	list []*Denial
}

// maxDenials bounds the different denials that are kept.
const maxDenials = 1000

// add counts a denial and reports whether it is the first of its kind.
func (d *denials) add(denied *DeniedError) (first bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, known := range d.list {
		if known.Caller == denied.Caller && known.Action == denied.Action && known.Resource == denied.Resource {
			known.Count++
			return false
		}
	}
	if len(d.list) < maxDenials {
		d.list = append(d.list, &Denial{denied.Caller, denied.Action, denied.Resource, denied.Reason, 1})
	}
	return true
}

// Denials returns the calls that were denied, in the order of their first denial.
func (p *Policies) Denials() []Denial {
	p.denied.mu.Lock()
	defer p.denied.mu.Unlock()
	list := []Denial{}
	for _, d := range p.denied.list {
		list = append(list, *d)
	}
	return list
}
