package cloudformation

import (
	"strings"
	"time"
)

// Statuses of stacks and resources.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
const (
	reviewInProgress = "REVIEW_IN_PROGRESS"

	createInProgress = "CREATE_IN_PROGRESS"
	createComplete   = "CREATE_COMPLETE"
	createFailed     = "CREATE_FAILED"

	rollbackInProgress = "ROLLBACK_IN_PROGRESS"
	rollbackComplete   = "ROLLBACK_COMPLETE"
	rollbackFailed     = "ROLLBACK_FAILED"

	updateInProgress        = "UPDATE_IN_PROGRESS"
	updateCleanup           = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
	updateComplete          = "UPDATE_COMPLETE"
	updateFailed            = "UPDATE_FAILED"
	updateRollback          = "UPDATE_ROLLBACK_IN_PROGRESS"
	updateRollbackCleanup   = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
	updateRollbackComplete  = "UPDATE_ROLLBACK_COMPLETE"
	updateRollbackFailed    = "UPDATE_ROLLBACK_FAILED"
	deleteInProgress        = "DELETE_IN_PROGRESS"
	deleteComplete          = "DELETE_COMPLETE"
	deleteFailed            = "DELETE_FAILED"
	deleteSkipped           = "DELETE_SKIPPED"
	stackType               = "AWS::CloudFormation::Stack"
	userInitiated           = "User Initiated"
	needsNewPhysicalID      = "Requested update requires the creation of a new physical resource; hence creating one."
	creationInitiated       = "Resource creation Initiated"
	noChanges               = "The submitted information didn't contain changes. Submit different information to create a change set."
	defaultPolicy           = "Delete"
	retainPolicy            = "Retain"
	retainExceptOnCreate    = "RetainExceptOnCreate"
	snapshotPolicy          = "Snapshot"
	changeSetExecuteDone    = "EXECUTE_COMPLETE"
	changeSetExecuteFailed  = "EXECUTE_FAILED"
	changeSetExecuting      = "EXECUTE_IN_PROGRESS"
	changeSetAvailable      = "AVAILABLE"
	changeSetUnavailable    = "UNAVAILABLE"
	changeSetStatusFailed   = "FAILED"
	changeSetStatusComplete = createComplete
)

// stack is a stack, also after its deletion.
type stack struct {
	id, name, description string
	created               time.Time
	updated, deleted      time.Time // zero: never
	status, reason        string
	roleARN               string
	tags                  []tag
	capabilities          []string
	protected             bool // against deletion
	disableRollback       bool

	template   []byte     // of deployment
	deployment Deployment // nil until the stack has one
	completed  bool       // it was complete once
	resources  []*resource
	events     []event // oldest first
	changeSets []*changeSet
	changeSet  string // ARN of the one executed last

	// rollBack undoes an update or creation that failed without a rollback; nil: there is none.
	rollBack func()
}

type tag struct{ Key, Value string }

// resource is the state of a resource of a stack.
type resource struct {
	LogicalID, PhysicalID, Type string
	status, reason              string
	at                          time.Time
	gone                        bool // it is deleted, or has left the stack
}

// event is an event of a stack.
type event struct {
	id, operation, logicalID, physicalID, kind, status, reason, token string
	at                                                                time.Time
}

func (s *stack) gone() bool { return s.status == deleteComplete }

// busy reports whether an operation is under way.
func (s *stack) busy() bool {
	return strings.HasSuffix(s.status, "_IN_PROGRESS") && s.status != reviewInProgress
}

// updatable reports whether a change set may be created to update the stack.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
func (s *stack) updatable() bool {
	switch s.status {
	case createComplete, updateComplete, updateRollbackComplete:
		return true
	case createFailed:
		return s.rollBack != nil // stopped without rollback
	}
	return false
}

func (s *stack) resource(logicalID string) *resource {
	for _, r := range s.resources {
		if r.LogicalID == logicalID {
			return r
		}
	}
	return nil
}

// has returns those of the resources that the stack has.
func (s *stack) has(all []Planned) []Planned {
	var list []Planned
	for _, p := range all {
		if r := s.resource(p.LogicalID); r != nil && !r.gone && r.status != createFailed {
			list = append(list, p)
		}
	}
	return list
}

// existing are the resources that the stack has.
func (s *stack) existing() []*resource {
	var list []*resource
	for _, r := range s.resources {
		if !r.gone {
			list = append(list, r)
		}
	}
	return list
}
