package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// operation creates, updates or deletes a stack.
type operation struct {
	*Service
	stack *stack
	in    input
	token string // the caller's, in every event
	id    string // in every event
}

func (s *Service) operation(st *stack, in input, token string) *operation {
	return &operation{s, st, in, token, s.config.NewID()}
}

// rollback begins a rollback, which is an operation of its own.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html
func (o *operation) rollback() { o.id = o.config.NewID() }

// record appends an event and sets the status of the resource, or of the stack. The caller holds
// mu.
func (s *Service) record(st *stack, e event) {
	e.id, e.at = s.config.NewID(), s.config.Now()
	// Clients sort events by time, which has milliseconds.
	if n := len(st.events); n > 0 && e.at.Sub(st.events[n-1].at) < time.Millisecond {
		e.at = st.events[n-1].at.Add(time.Millisecond)
	}
	st.events = append(st.events, e)
	if e.logicalID == st.name && e.kind == stackType {
		st.status, st.reason = e.status, e.reason
		return
	}
	r := st.resource(e.logicalID)
	if r == nil {
		r = &resource{LogicalID: e.logicalID, Type: e.kind}
		st.resources = append(st.resources, r)
	}
	r.PhysicalID, r.Type, r.status, r.reason, r.at = e.physicalID, e.kind, e.status, e.reason, e.at
	r.gone = e.status == deleteComplete || e.status == deleteSkipped
}

func (o *operation) stackIs(status, reason string) {
	o.mu.Lock()
	o.record(o.stack, event{logicalID: o.stack.name, physicalID: o.stack.id, kind: stackType, status: status, reason: reason, token: o.token, operation: o.id})
	o.mu.Unlock()
	o.config.Announce(o.stack.id, status, reason)
}

func (o *operation) resourceIs(p Planned, status, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.record(o.stack, event{logicalID: p.LogicalID, physicalID: p.PhysicalID, kind: p.Type, status: status, reason: reason, token: o.token, operation: o.id})
}

// deploy begins to create or update a stack. The caller holds mu.
func (s *Service) deploy(st *stack, d Deployment, in input, token string, disableRollback bool, done func()) {
	o := s.operation(st, in, token)
	st.disableRollback, st.capabilities, st.roleARN = disableRollback, in.capabilities, in.roleARN
	run := func() {
		if st.deployment == nil {
			_ = o.create(s.ctx, d) // its error is in the events
		} else {
			_ = o.update(s.ctx, d)
		}
		s.mu.Lock()
		done()
		s.mu.Unlock()
	}
	status := updateInProgress
	if st.deployment == nil {
		status = createInProgress
	}
	// In progress already when the call returns: a caller that polls must not see the old status.
	st.status, st.reason = status, userInitiated
	s.background(run)
}

// background runs an operation after those under way.
func (s *Service) background(run func()) {
	s.running.Go(func() {
		s.operating.Lock()
		defer s.operating.Unlock()
		run()
	})
}

// create creates every resource, or, when one fails, deletes those created before.
func (o *operation) create(ctx context.Context, d Deployment) error {
	o.stackIs(createInProgress, userInitiated)
	done, failed, err := o.provision(ctx, nil, d)
	if err == nil {
		if err = d.Activate(ctx, nil); err == nil {
			o.become(d)
			o.stackIs(createComplete, "")
			return nil
		}
	}
	o.mu.Lock()
	o.stack.template, o.stack.tags, o.stack.deployment = o.in.template, o.in.tags, d
	disabled := o.stack.disableRollback
	o.mu.Unlock()
	rollBack := func() {
		var left []string
		for _, c := range slices.Backward(done) {
			if err := o.delete(ctx, d, c.after, c.after.DeletionPolicy, true); err != nil {
				left = append(left, c.after.LogicalID)
			}
		}
		if left != nil {
			o.stackIs(rollbackFailed, "The following resource(s) failed to delete: ["+strings.Join(left, ", ")+"]. ")
			return
		}
		o.stackIs(rollbackComplete, "")
	}
	reason := why(failed, err)
	if disabled {
		o.mu.Lock()
		o.stack.rollBack = func() { o.rollback(); o.stackIs(rollbackInProgress, userInitiated); rollBack() }
		o.mu.Unlock()
		o.stackIs(createFailed, reason)
		return err
	}
	o.rollback()
	o.stackIs(rollbackInProgress, reason+"Rollback requested by user.")
	rollBack()
	return err
}

// why is the reason of a stack's failure.
func why(failed *change, err error) string {
	switch {
	case failed == nil:
		return "The resources could not be put into service: " + err.Error() + ". "
	case failed.action == actionAdd:
		return "The following resource(s) failed to create: [" + failed.after.LogicalID + "]. "
	default:
		return "The following resource(s) failed to update: [" + failed.after.LogicalID + "]. "
	}
}

// become makes d what the stack is.
func (o *operation) become(d Deployment) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stack.deployment, o.stack.template, o.stack.tags, o.stack.rollBack = d, o.in.template, o.in.tags, nil
	o.stack.completed = true
	o.stack.description = ""
	if tree, is := d.Tree().(map[string]any); is && tree["Description"] != nil {
		o.stack.description = fmt.Sprint(tree["Description"])
	}
}

// provision performs the additions and modifications that lead from before to after, and returns
// those done, and the one that failed.
func (o *operation) provision(ctx context.Context, before, after Deployment) (done []change, failed *change, err error) {
	for _, c := range compare(o.existing(before), after.Planned()) {
		if c.action == actionRemove {
			continue
		}
		if err := o.one(ctx, c, before, after); err != nil {
			status := updateFailed
			if c.action == actionAdd {
				status = createFailed
			}
			p := c.after
			if c.action == actionModify {
				p.PhysicalID = c.before.PhysicalID
			}
			o.resourceIs(p, status, err.Error())
			return done, &c, fmt.Errorf("%s: %w", p.LogicalID, err)
		}
		done = append(done, c)
	}
	return done, nil, nil
}

// existing returns the resources of a deployment that the stack has: not all of them after a
// creation that failed.
func (o *operation) existing(d Deployment) []Planned {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stack.has(planned(d))
}

func (o *operation) one(ctx context.Context, c change, before, after Deployment) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p := c.after
	if c.action == actionAdd {
		unborn := p
		unborn.PhysicalID = ""
		o.resourceIs(unborn, createInProgress, "")
		if p.Err != nil {
			return p.Err
		}
		if err := after.Create(ctx, p.LogicalID); err != nil {
			return err
		}
		o.resourceIs(p, createInProgress, creationInitiated)
		o.resourceIs(p, createComplete, "")
		return nil
	}
	if len(c.replaced) == 0 {
		o.resourceIs(p, updateInProgress, "")
		if p.Err != nil {
			return p.Err
		}
		if err := after.Update(ctx, p.LogicalID, before); err != nil {
			return err
		}
		o.resourceIs(p, updateComplete, "")
		return nil
	}
	if _, named := p.Properties[p.NameProperty]; named && p.PhysicalID == c.before.PhysicalID {
		o.resourceIs(c.before, updateInProgress, "")
		return customNamed(fmt.Sprint(p.Properties[p.NameProperty]))
	}
	o.resourceIs(c.before, updateInProgress, needsNewPhysicalID)
	if p.Err != nil {
		return p.Err
	}
	if err := after.Create(ctx, p.LogicalID); err != nil {
		return err
	}
	o.resourceIs(p, updateComplete, "")
	return nil
}

// customNamed is the error of a resource that cannot be replaced because of its name.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html
type customNamed string

func (name customNamed) Error() string {
	return "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename " + string(name) + " and update the stack again."
}

// update changes what differs. When something fails, it is changed back.
func (o *operation) update(ctx context.Context, d Deployment) error {
	st := o.stack
	o.mu.Lock()
	before, disabled := st.deployment, st.disableRollback
	st.updated = o.config.Now()
	o.mu.Unlock()
	o.stackIs(updateInProgress, userInitiated)
	removals := slices.DeleteFunc(compare(o.existing(before), d.Planned()), func(c change) bool { return c.action != actionRemove })
	done, failed, err := o.provision(ctx, before, d)
	if err == nil {
		if err = d.Activate(ctx, before); err == nil {
			o.become(d)
			o.stackIs(updateCleanup, "")
			// A resource that cannot be deleted now is left behind, as on AWS.
			for _, c := range slices.Backward(done) {
				if c.action == actionModify && len(c.replaced) > 0 {
					_ = o.discard(ctx, before, c.before, c.before.UpdateReplacePolicy, c.after)
				}
			}
			for _, c := range removals {
				_ = o.delete(ctx, before, c.before, c.before.DeletionPolicy, false)
			}
			o.stackIs(updateComplete, "")
			return nil
		}
	}
	rollBack := func() { o.undo(ctx, before, d, done, failed) }
	if disabled {
		o.mu.Lock()
		st.rollBack = func() { o.rollback(); o.stackIs(updateRollback, userInitiated); rollBack() }
		o.mu.Unlock()
		o.stackIs(updateFailed, why(failed, err))
		return err
	}
	o.rollback()
	o.stackIs(updateRollback, why(failed, err))
	rollBack()
	return err
}

// undo changes back what an update has done.
func (o *operation) undo(ctx context.Context, before, after Deployment, done []change, failed *change) {
	var problems []string
	modified := slices.DeleteFunc(slices.Clone(done), func(c change) bool { return c.action != actionModify })
	if failed != nil && failed.action == actionModify {
		o.resourceIs(failed.before, updateInProgress, "")
		o.resourceIs(failed.before, updateComplete, "")
	}
	for _, c := range slices.Backward(modified) {
		o.resourceIs(c.before, updateInProgress, "")
		if len(c.replaced) == 0 {
			if err := before.Update(ctx, c.before.LogicalID, after); err != nil {
				o.resourceIs(c.before, updateFailed, err.Error())
				problems = append(problems, c.before.LogicalID)
				continue
			}
		}
		o.resourceIs(c.before, updateComplete, "")
	}
	if problems != nil {
		o.stackIs(updateRollbackFailed, "The following resource(s) failed to update: ["+strings.Join(problems, ", ")+"]. ")
		return
	}
	o.stackIs(updateRollbackCleanup, "")
	for _, c := range slices.Backward(done) {
		switch {
		case c.action == actionAdd:
			_ = o.delete(ctx, after, c.after, c.after.DeletionPolicy, true)
		case len(c.replaced) > 0:
			_ = o.discard(ctx, after, c.after, defaultPolicy, c.before)
		}
	}
	if failed != nil && failed.action == actionAdd {
		o.resourceIs(failed.after, deleteComplete, "")
	}
	o.stackIs(updateRollbackComplete, "")
}

// delete deletes a resource, unless its policy retains it. created says that this operation has
// created it.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
func (o *operation) delete(ctx context.Context, d Deployment, p Planned, policy string, created bool) error {
	if policy == retainPolicy || policy == retainExceptOnCreate && !created {
		o.resourceIs(p, deleteSkipped, "")
		return nil
	}
	o.resourceIs(p, deleteInProgress, "")
	if err := d.Delete(ctx, p.LogicalID); err != nil {
		o.resourceIs(p, deleteFailed, err.Error())
		return err
	}
	o.resourceIs(p, deleteComplete, "")
	return nil
}

// discard deletes one of the two physical resources that a replacement has, and leaves the other.
func (o *operation) discard(ctx context.Context, d Deployment, p Planned, policy string, other Planned) error {
	err := o.delete(ctx, d, p, policy, false)
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.stack.resource(other.LogicalID)
	r.PhysicalID, r.status, r.reason, r.gone = other.PhysicalID, updateComplete, "", false
	return err
}

func (s *Service) deleteStack(form url.Values) (any, error) {
	st := s.find(form.Get("StackName"))
	switch {
	case st == nil || st.gone():
		return struct{}{}, nil // as on AWS
	case st.protected:
		return nil, invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", st.name)
	case st.busy():
		return nil, invalid("Stack [%s] cannot be deleted while in status %s", st.id, st.status)
	}
	o := s.operation(st, input{}, form.Get("ClientRequestToken"))
	st.status, st.reason, st.changeSets = deleteInProgress, userInitiated, nil
	s.background(func() { o.deleteAll(s.ctx) })
	return struct{}{}, nil
}

// deleteAll deletes every resource, each before those that it needs.
func (o *operation) deleteAll(ctx context.Context) {
	st := o.stack
	o.stackIs(deleteInProgress, userInitiated)
	needed := map[string]bool{} // by a resource that is left
	var left []string
	if st.deployment != nil {
		if err := st.deployment.Deactivate(ctx); err != nil {
			o.stackIs(deleteFailed, err.Error())
			return
		}
		for _, p := range slices.Backward(o.existing(st.deployment)) {
			if !needed[p.LogicalID] {
				if o.delete(ctx, st.deployment, p, p.DeletionPolicy, false) == nil {
					continue
				}
				left = append(left, p.LogicalID)
			}
			for _, id := range p.Needs {
				needed[id] = true
			}
		}
	}
	if left != nil {
		o.stackIs(deleteFailed, "The following resource(s) failed to delete: ["+strings.Join(left, ", ")+"]. ")
		return
	}
	o.mu.Lock()
	st.deleted = o.config.Now()
	o.mu.Unlock()
	o.stackIs(deleteComplete, "")
}

// rollbackStack undoes an operation that failed with rollbacks disabled.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackStack.html
func (s *Service) rollbackStack(form url.Values) (any, error) {
	name := form.Get("StackName")
	st := s.find(name)
	switch {
	case st == nil:
		return nil, noStack(name)
	case st.rollBack == nil:
		return nil, invalid("Stack:%s is in %s state and can not be rolled back.", st.id, st.status)
	}
	run := st.rollBack
	st.rollBack = nil
	st.status = updateRollback
	if !st.completed {
		st.status = rollbackInProgress
	}
	s.background(run)
	return struct{ StackId string }{st.id}, nil
}

func (s *Service) updateTerminationProtection(form url.Values) (any, error) {
	name := form.Get("StackName")
	st := s.find(name)
	if st == nil || st.gone() {
		return nil, invalid("Stack [%s] does not exist", name)
	}
	st.protected = form.Get("EnableTerminationProtection") == "true"
	return struct{ StackId string }{st.id}, nil
}

// Create creates a stack and waits until it is complete. When it fails, its error is the reason,
// and what was created before is deleted.
func (s *Service) Create(ctx context.Context, stackID, name string, template []byte, d Deployment) error {
	s.operating.Lock()
	defer s.operating.Unlock()
	s.mu.Lock()
	if s.find(name) != nil {
		s.mu.Unlock()
		return errors.New("stack " + name + " exists already")
	}
	st := s.newStack(name)
	st.id = stackID
	s.mu.Unlock()
	o := s.operation(st, input{template: template}, "")
	return o.create(ctx, d)
}
