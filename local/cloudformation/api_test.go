package cloudformation

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The codes and texts of errors are those that the CDK CLI compares with.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html
func TestErrors(t *testing.T) {
	f := newFixture(t)
	f.fails("ValidationError: Stack with id S does not exist", "DescribeStacks", "StackName", "S")
	f.fails("ValidationError: Stack [S] does not exist", "DescribeStackEvents", "StackName", "S")
	f.fails("ValidationError: Stack with id S does not exist", "GetTemplate", "StackName", "S")
	f.fails("ValidationError: Stack with id S does not exist", "ListStackResources", "StackName", "S")
	f.fails("ValidationError: Stack [S] does not exist", "DeleteChangeSet", "StackName", "S", "ChangeSetName", "c")
	f.fails("ValidationError: Stack [S] does not exist", "CreateChangeSet", "StackName", "S", "ChangeSetName", "c", "TemplateBody", "{}")
	f.fails("ChangeSetNotFound: ChangeSet [c] does not exist", "DescribeChangeSet", "StackName", "S", "ChangeSetName", "c")
	f.fails("ValidationError: Stack [S] does not exist", "UpdateStack", "StackName", "S", "TemplateBody", "{}")
	f.fails("InvalidAction: ", "DetectStackDrift", "StackName", "S")
	f.fails("ValidationError: Either Template URL or Template Body must be specified.", "CreateStack", "StackName", "S")
	f.fails("ValidationError: S3 error: AccessDenied", "CreateStack", "StackName", "S", "TemplateURL", "https://s3.eu-west-1.amazonaws.com/other/template.json")
	if status := f.status("S"); status != "" {
		t.Errorf("a rejected call leaves a stack that is %s", status)
	}
	f.call(nil, "CreateStack", "StackName", "S", "TemplateBody", `{"A": {}}`)
	f.fails("AlreadyExistsException: Stack [S] already exists", "CreateStack", "StackName", "S", "TemplateBody", `{"A": {}}`)
	f.fails("ValidationError: Stack [S] already exists and cannot be created again with the changeSet [c].", "CreateChangeSet", "StackName", "S", "ChangeSetName", "c", "ChangeSetType", "CREATE", "TemplateBody", "{}")
	f.fails("ValidationError: No updates are to be performed.", "UpdateStack", "StackName", "S", "TemplateBody", `{"A": {}}`)
}

func TestTemplateURL(t *testing.T) {
	for _, location := range []string{"https://s3.eu-west-1.amazonaws.com/assets/template.json", "https://assets.s3.eu-west-1.amazonaws.com/template.json"} {
		f := newFixture(t)
		f.call(nil, "CreateStack", "StackName", "S", "TemplateURL", location)
		f.has("generated-Stored")
		var got struct {
			Body string `xml:"GetTemplateResult>TemplateBody"`
		}
		if f.call(&got, "GetTemplate", "StackName", "S"); got.Body != `{"Stored": {}}` {
			t.Errorf("template %s", got.Body)
		}
	}
}

type shownChange struct {
	Action      string `xml:"ResourceChange>Action"`
	ID          string `xml:"ResourceChange>LogicalResourceId"`
	Replacement string `xml:"ResourceChange>Replacement"`
	Property    string `xml:"ResourceChange>Details>member>Target>Name"`
	Policy      string `xml:"ResourceChange>PolicyAction"`
}

type shownChangeSet struct {
	Status  string        `xml:"DescribeChangeSetResult>Status"`
	Reason  string        `xml:"DescribeChangeSetResult>StatusReason"`
	Changes []shownChange `xml:"DescribeChangeSetResult>Changes>member"`
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
func TestChangeSet(t *testing.T) {
	f := newFixture(t)
	f.deploy(`{"A": {"QueueName": "a", "Size": 1}, "B": {}, "C": {"QueueName": "c"}}`)
	show := func(template string) shownChangeSet {
		t.Helper()
		var shown shownChangeSet
		f.call(nil, "CreateChangeSet", "StackName", "S", "ChangeSetName", "c", "ChangeSetType", "UPDATE", "TemplateBody", template)
		f.call(&shown, "DescribeChangeSet", "StackName", "S", "ChangeSetName", "c")
		return shown
	}
	t.Run("shows what would change, and changes nothing", func(t *testing.T) {
		got := show(`{"A": {"QueueName": "a", "Size": 2}, "C": {"QueueName": "d"}, "D": {}}`)
		want := shownChangeSet{Status: "CREATE_COMPLETE", Changes: []shownChange{
			{"Modify", "A", "False", "Size", ""}, {"Modify", "C", "True", "QueueName", "ReplaceAndDelete"}, {"Add", "D", "", "", ""}, {"Remove", "B", "", "", "Delete"},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		f.has("a", "c", "generated-B")
	})
	t.Run("is listed until it is deleted", func(t *testing.T) {
		var listed struct {
			Names []string `xml:"ListChangeSetsResult>Summaries>member>ChangeSetName"`
		}
		if f.call(&listed, "ListChangeSets", "StackName", "S"); len(listed.Names) != 1 {
			t.Errorf("change sets %v", listed.Names)
		}
		f.fails("AlreadyExistsException: ", "CreateChangeSet", "StackName", "S", "ChangeSetName", "c", "ChangeSetType", "UPDATE", "TemplateBody", "{}")
		f.call(nil, "DeleteChangeSet", "StackName", "S", "ChangeSetName", "c")
		f.call(nil, "DeleteChangeSet", "StackName", "S", "ChangeSetName", "c")
		f.fails("ChangeSetNotFound: ", "ExecuteChangeSet", "StackName", "S", "ChangeSetName", "c")
	})
	t.Run("fails when there is nothing to change", func(t *testing.T) {
		got := show(`{"A": {"QueueName": "a", "Size": 1}, "B": {}, "C": {"QueueName": "c"}}`)
		if got.Status != "FAILED" || !strings.HasPrefix(got.Reason, "The submitted information didn't contain changes.") {
			t.Errorf("%+v", got)
		}
		f.fails("InvalidChangeSetStatus: ", "ExecuteChangeSet", "StackName", "S", "ChangeSetName", "c")
		f.call(nil, "DeleteChangeSet", "StackName", "S", "ChangeSetName", "c")
	})
	t.Run("changes tags alone", func(t *testing.T) {
		f.call(nil, "CreateChangeSet", "StackName", "S", "ChangeSetName", "c", "TemplateBody", `{"A": {"QueueName": "a", "Size": 1}, "B": {}, "C": {"QueueName": "c"}}`,
			"Tags.member.1.Key", "team", "Tags.member.1.Value", "payments")
		f.call(nil, "ExecuteChangeSet", "StackName", "S", "ChangeSetName", "c")
		var got struct {
			Key    string `xml:"DescribeStacksResult>Stacks>member>Tags>member>Key"`
			Status string `xml:"DescribeStacksResult>Stacks>member>StackStatus"`
		}
		if f.call(&got, "DescribeStacks", "StackName", "S"); got.Key != "team" || got.Status != "UPDATE_COMPLETE" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("leaves a new stack in review", func(t *testing.T) {
		f := newFixture(t)
		f.call(nil, "CreateChangeSet", "StackName", "S", "ChangeSetName", "c", "ChangeSetType", "CREATE", "TemplateBody", `{"A": {}}`)
		if status := f.status("S"); status != "REVIEW_IN_PROGRESS" {
			t.Errorf("status %s", status)
		}
		f.has()
		f.call(nil, "DeleteStack", "StackName", "S")
		if status := f.status("S"); status != "" {
			t.Errorf("status %s", status)
		}
	})
}

// many returns a template with n resources.
func many(t *testing.T, n int) string {
	t.Helper()
	template := map[string]any{}
	for i := range n {
		template[fmt.Sprintf("R%03d", i)] = map[string]any{}
	}
	text, err := json.Marshal(template)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPages(t *testing.T) {
	f := newFixture(t)
	f.deploy(many(t, 230))
	for action, c := range map[string]struct {
		list, member string
		want         int
	}{
		"ListStackResources":  {"StackResourceSummaries", "LogicalResourceId", 230},
		"DescribeStackEvents": {"StackEvents", "EventId", 3 + 3*230},
	} {
		t.Run(action, func(t *testing.T) {
			ids := map[string]bool{}
			pages := 0
			for token, more := "", true; more; more = token != "" {
				form := []string{"StackName", "S"}
				if token != "" {
					form = append(form, "NextToken", token)
				}
				body, status := f.try(action, form...)
				if status != 200 {
					t.Fatalf("%d %s", status, body)
				}
				for _, part := range strings.Split(body, "<"+c.member+">")[1:] {
					id, _, _ := strings.Cut(part, "<")
					ids[id] = true
				}
				_, rest, _ := strings.Cut(body, "<NextToken>")
				token, _, _ = strings.Cut(rest, "<")
				pages++
			}
			if len(ids) != c.want || pages != (c.want+99)/100 {
				t.Errorf("%d of %d in %d pages", len(ids), c.want, pages)
			}
			f.fails("ValidationError: The specified NextToken is not valid", action, "StackName", "S", "NextToken", "99999")
		})
	}
}

func TestDescribeStackResources(t *testing.T) {
	f := newFixture(t)
	f.deploy(many(t, 130))
	for name, c := range map[string]struct {
		form []string
		want int // resources; 0: an error
	}{
		"of a stack, up to a hundred":   {[]string{"StackName", "S"}, 100},
		"by logical id":                 {[]string{"StackName", "S", "LogicalResourceId", "R120"}, 1},
		"of the stack of a physical id": {[]string{"PhysicalResourceId", "generated-R120"}, 100},
		"unknown logical id":            {[]string{"StackName", "S", "LogicalResourceId", "None"}, 0},
		"unknown physical id":           {[]string{"PhysicalResourceId", "none"}, 0},
		"another stack":                 {[]string{"StackName", "Other"}, 0},
		"neither":                       {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want == 0 {
				f.fails("ValidationError: ", "DescribeStackResources", c.form...)
				return
			}
			var got struct {
				IDs []string `xml:"DescribeStackResourcesResult>StackResources>member>LogicalResourceId"`
			}
			if f.call(&got, "DescribeStackResources", c.form...); len(got.IDs) != c.want {
				t.Errorf("%d resources, want %d", len(got.IDs), c.want)
			}
		})
	}
}

func TestListStacks(t *testing.T) {
	f := newFixture(t)
	f.deploy(`{"A": {}}`)
	f.call(nil, "DeleteStack", "StackName", "S")
	f.deploy(`{"A": {}}`)
	list := func(form ...string) []string {
		var got struct {
			Statuses []string `xml:"ListStacksResult>StackSummaries>member>StackStatus"`
		}
		f.call(&got, "ListStacks", form...)
		return got.Statuses
	}
	if diff := cmp.Diff([]string{"CREATE_COMPLETE", "DELETE_COMPLETE"}, list()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"DELETE_COMPLETE"}, list("StackStatusFilter.member.1", "DELETE_COMPLETE")); diff != "" {
		t.Errorf("filtered (-want +got)\n%s", diff)
	}
}

func TestCapabilities(t *testing.T) {
	named := []Planned{{Type: "AWS::IAM::Role", NameProperty: "RoleName", Properties: map[string]any{"RoleName": "r"}}}
	generated := []Planned{{Type: "AWS::IAM::Policy", NameProperty: "PolicyName", Properties: map[string]any{"PolicyName": "p"}}}
	for name, c := range map[string]struct {
		resources    []Planned
		capabilities []string
		want         string
	}{
		"none are needed":              {nil, nil, ""},
		"named needs the stronger one": {named, []string{"CAPABILITY_IAM"}, "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_NAMED_IAM]"},
		"named has it":                 {named, []string{"CAPABILITY_NAMED_IAM"}, ""},
		"generated needs one":          {generated, nil, "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_IAM]"},
		"generated has the stronger":   {generated, []string{"CAPABILITY_NAMED_IAM"}, ""},
	} {
		got := ""
		if err := allowed(c.resources, c.capabilities); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
