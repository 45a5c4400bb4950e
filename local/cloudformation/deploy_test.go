package cloudformation

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func (f *fixture) wantEvents(since int, want ...string) {
	f.Helper()
	if diff := cmp.Diff(want, f.events(since)); diff != "" {
		f.Errorf("events (-want +got)\n%s", diff)
	}
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
func TestCreate(t *testing.T) {
	t.Run("creates each resource after those that it needs", func(t *testing.T) {
		f := newFixture(t)
		f.deploy(`{"A": {"Needs": "B"}, "B": {"QueueName": "b"}}`)
		f.wantEvents(0,
			"S REVIEW_IN_PROGRESS User Initiated", "S CREATE_IN_PROGRESS User Initiated",
			"B CREATE_IN_PROGRESS", "B CREATE_IN_PROGRESS Resource creation Initiated", "B CREATE_COMPLETE",
			"A CREATE_IN_PROGRESS", "A CREATE_IN_PROGRESS Resource creation Initiated", "A CREATE_COMPLETE",
			"S CREATE_COMPLETE")
		f.has("b", "generated-A")
		if f.region.active == nil || !slices.Equal(f.announced, []string{"CREATE_IN_PROGRESS", "CREATE_COMPLETE"}) {
			t.Errorf("active %v, announced %v", f.region.active, f.announced)
		}
	})
	t.Run("deletes what was created when a resource fails", func(t *testing.T) {
		f := newFixture(t)
		f.deploy(`{"A": {}, "B": {"Bad": true}, "C": {}}`)
		f.wantEvents(5, "B CREATE_IN_PROGRESS", "B CREATE_FAILED this is bad",
			"S ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [B]. Rollback requested by user.",
			"A DELETE_IN_PROGRESS", "A DELETE_COMPLETE", "S ROLLBACK_COMPLETE")
		f.has()
		f.fails("ValidationError: Stack:arn:aws:cloudformation:eu-west-1:123456789012:stack/S/id-2 is in ROLLBACK_COMPLETE state and can not be updated.",
			"CreateChangeSet", "StackName", "S", "ChangeSetName", "c", "ChangeSetType", "UPDATE", "TemplateBody", "{}")
		f.call(nil, "DeleteStack", "StackName", "S")
		f.deploy(`{"A": {}}`)
		f.has("generated-A")
	})
	t.Run("keeps what exists already when it is in the way", func(t *testing.T) {
		f := newFixture(t)
		f.region.resources["b"] = map[string]any{"Data": true}
		f.deploy(`{"B": {"QueueName": "b"}}`)
		f.has("b")
		if status := f.status("S"); status != "ROLLBACK_COMPLETE" {
			t.Errorf("status %s", status)
		}
	})
	t.Run("rolls back when it cannot be put into service", func(t *testing.T) {
		f := newFixture(t)
		f.deploy(`{"A": {"Inactive": true}}`)
		f.has()
		if events := strings.Join(f.events(0), "\n"); !strings.Contains(events, "A cannot be put into service") {
			t.Errorf("events\n%s", events)
		}
	})
	t.Run("stops where it fails without rollback", func(t *testing.T) {
		f := newFixture(t)
		f.deploy(`{"A": {}, "B": {"Bad": true}}`, "DisableRollback", "true")
		f.has("generated-A")
		if status := f.status("S"); status != "CREATE_FAILED" {
			t.Errorf("status %s", status)
		}
		t.Run("and goes on with a better template", func(t *testing.T) {
			f.deploy(`{"A": {}, "B": {}}`)
			f.has("generated-A", "generated-B")
			if status := f.status("S"); status != "UPDATE_COMPLETE" {
				t.Errorf("status %s", status)
			}
		})
	})
	t.Run("is rolled back later", func(t *testing.T) {
		f := newFixture(t)
		f.deploy(`{"A": {}, "B": {"Bad": true}}`, "DisableRollback", "true")
		f.call(nil, "RollbackStack", "StackName", "S")
		f.has()
		if status := f.status("S"); status != "ROLLBACK_COMPLETE" {
			t.Errorf("status %s", status)
		}
		f.fails("ValidationError: Stack:", "RollbackStack", "StackName", "S")
	})
}

func TestUpdate(t *testing.T) {
	before := `{"A": {"QueueName": "a", "Size": 1}, "B": {}, "C": {"Needs": "A"}}`
	deployed := func(t *testing.T) (*fixture, int) {
		f := newFixture(t)
		f.deploy(before)
		return f, len(f.events(0))
	}
	t.Run("changes what differs, then deletes what is gone", func(t *testing.T) {
		f, since := deployed(t)
		f.deploy(`{"A": {"QueueName": "a", "Size": 2}, "B": {}, "D": {}}`)
		f.wantEvents(since, "S UPDATE_IN_PROGRESS User Initiated", "A UPDATE_IN_PROGRESS", "A UPDATE_COMPLETE",
			"D CREATE_IN_PROGRESS", "D CREATE_IN_PROGRESS Resource creation Initiated", "D CREATE_COMPLETE",
			"S UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "C DELETE_IN_PROGRESS", "C DELETE_COMPLETE", "S UPDATE_COMPLETE")
		f.has("a", "generated-B", "generated-D")
		if f.region.resources["a"]["Size"] != 2.0 {
			t.Errorf("a is %v", f.region.resources["a"])
		}
	})
	t.Run("undoes everything when a resource fails", func(t *testing.T) {
		f, since := deployed(t)
		active := f.region.active
		f.deploy(`{"A": {"QueueName": "a", "Size": 2}, "AA": {}, "B": {"Bad": true}, "C": {"Needs": "A"}}`)
		f.wantEvents(since, "S UPDATE_IN_PROGRESS User Initiated", "A UPDATE_IN_PROGRESS", "A UPDATE_COMPLETE",
			"AA CREATE_IN_PROGRESS", "AA CREATE_IN_PROGRESS Resource creation Initiated", "AA CREATE_COMPLETE",
			"B UPDATE_IN_PROGRESS", "B UPDATE_FAILED this is bad",
			"S UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [B].",
			"B UPDATE_IN_PROGRESS", "B UPDATE_COMPLETE", "A UPDATE_IN_PROGRESS", "A UPDATE_COMPLETE",
			"S UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "AA DELETE_IN_PROGRESS", "AA DELETE_COMPLETE", "S UPDATE_ROLLBACK_COMPLETE")
		f.has("a", "generated-B", "generated-C")
		if f.region.resources["a"]["Size"] != 1.0 || f.region.active != active {
			t.Errorf("a is %v", f.region.resources["a"])
		}
		f.deploy(`{"A": {"QueueName": "a", "Size": 3}}`)
		f.has("a")
	})
	t.Run("replaces what is renamed", func(t *testing.T) {
		f, since := deployed(t)
		f.deploy(strings.Replace(before, `"QueueName": "a"`, `"QueueName": "new"`, 1))
		f.wantEvents(since, "S UPDATE_IN_PROGRESS User Initiated",
			"A UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource; hence creating one.", "A UPDATE_COMPLETE",
			"S UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "A DELETE_IN_PROGRESS", "A DELETE_COMPLETE", "S UPDATE_COMPLETE")
		f.has("generated-B", "generated-C", "new")
		if r := f.stacks[0].resource("A"); r.PhysicalID != "new" || r.gone {
			t.Errorf("resource %+v", r)
		}
	})
	t.Run("refuses to replace what keeps its name", func(t *testing.T) {
		f, _ := deployed(t)
		f.deploy(strings.Replace(before, `"Size": 1`, `"FifoQueue": true`, 1))
		want := "A UPDATE_FAILED CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename a and update the stack again."
		if events := f.events(0); !slices.Contains(events, want) {
			t.Errorf("events %v", events)
		}
		if status := f.status("S"); status != "UPDATE_ROLLBACK_COMPLETE" || f.region.resources["a"]["Size"] != 1.0 {
			t.Errorf("status %s, a is %v", status, f.region.resources["a"])
		}
	})
	t.Run("leaves behind what cannot be deleted", func(t *testing.T) {
		f, _ := deployed(t)
		f.region.resources["generated-B"]["Stuck"] = true
		f.deploy(`{"A": {"QueueName": "a", "Size": 1}, "C": {"Needs": "A"}}`)
		f.has("a", "generated-B", "generated-C")
		if status := f.status("S"); status != "UPDATE_COMPLETE" {
			t.Errorf("status %s", status)
		}
	})
	t.Run("stops where it fails without rollback, and is rolled back later", func(t *testing.T) {
		f, _ := deployed(t)
		f.deploy(`{"A": {"QueueName": "a", "Size": 2}, "AA": {}, "B": {"Bad": true}, "C": {"Needs": "A"}}`, "DisableRollback", "true")
		if status := f.status("S"); status != "UPDATE_FAILED" {
			t.Fatalf("status %s, events %v", status, f.events(0))
		}
		f.call(nil, "RollbackStack", "StackName", "S")
		f.has("a", "generated-B", "generated-C")
		if status := f.status("S"); status != "UPDATE_ROLLBACK_COMPLETE" {
			t.Errorf("status %s", status)
		}
	})
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
func TestDelete(t *testing.T) {
	t.Run("deletes each resource before those that it needs", func(t *testing.T) {
		f := newFixture(t)
		f.deploy(`{"A": {}, "B": {"Needs": "A"}, "C": {"DeletionPolicy": "Retain"}}`)
		since := len(f.events(0))
		arn := f.stacks[0].id
		f.call(nil, "DeleteStack", "StackName", arn)
		f.wantEvents(since, "S DELETE_IN_PROGRESS User Initiated", "C DELETE_SKIPPED", "B DELETE_IN_PROGRESS", "B DELETE_COMPLETE",
			"A DELETE_IN_PROGRESS", "A DELETE_COMPLETE", "S DELETE_COMPLETE")
		f.has("generated-C")
		if f.region.active != nil {
			t.Error("in service still")
		}
		f.fails("ValidationError: Stack with id S does not exist", "DescribeStacks", "StackName", "S")
		if status := f.status(arn); status != "DELETE_COMPLETE" {
			t.Errorf("by ARN: %s", status)
		}
		f.call(nil, "DeleteStack", "StackName", "S")
	})
	t.Run("keeps what a resource needs that cannot be deleted", func(t *testing.T) {
		f := newFixture(t)
		f.deploy(`{"A": {}, "B": {"Needs": "A", "Stuck": true}, "C": {}}`)
		f.call(nil, "DeleteStack", "StackName", "S")
		f.has("generated-A", "generated-B")
		if st := f.stacks[0]; st.status != "DELETE_FAILED" || st.reason != "The following resource(s) failed to delete: [B]. " {
			t.Errorf("%s: %s", st.status, st.reason)
		}
		delete(f.region.resources["generated-B"], "Stuck")
		f.call(nil, "DeleteStack", "StackName", "S")
		f.has()
	})
	t.Run("refuses while termination protection is enabled", func(t *testing.T) {
		f := newFixture(t)
		f.deploy(`{"A": {}}`)
		f.call(nil, "UpdateTerminationProtection", "StackName", "S", "EnableTerminationProtection", "true")
		f.fails("ValidationError: Stack [S] cannot be deleted while TerminationProtection is enabled", "DeleteStack", "StackName", "S")
		f.has("generated-A")
		f.call(nil, "UpdateTerminationProtection", "StackName", "S", "EnableTerminationProtection", "false")
		f.call(nil, "DeleteStack", "StackName", "S")
		f.has()
	})
}
