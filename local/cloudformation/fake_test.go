package cloudformation

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// region is where fake deployments create their resources.
type region struct {
	resources map[string]map[string]any // by physical id
	active    *fake                     // nil: nothing is in service
}

// fake is a deployment of templates such as {"A": {"Name": "a", "Size": 1, "Needs": ["B"]}}.
type fake struct {
	region    *region
	tree      map[string]map[string]any
	resources []Planned
}

func (r *region) read(_ context.Context, q Request) (Deployment, error) {
	f := &fake{region: r, tree: map[string]map[string]any{}}
	if err := json.Unmarshal(q.Template, &f.tree); err != nil {
		return nil, err
	}
	added := map[string]bool{}
	var add func(id string)
	add = func(id string) {
		if added[id] {
			return
		}
		added[id] = true
		properties := f.tree[id]
		p := Planned{LogicalID: id, PhysicalID: "generated-" + id, Type: "AWS::SQS::Queue", NameProperty: "QueueName", Properties: properties}
		if name, named := properties["QueueName"].(string); named {
			p.PhysicalID = name
		}
		if needs, _ := properties["Needs"].(string); needs != "" {
			add(needs)
			p.Needs = []string{needs}
		}
		p.DeletionPolicy, _ = properties["DeletionPolicy"].(string)
		if properties["Bad"] != nil {
			p.Err = errors.New("this is bad")
		}
		f.resources = append(f.resources, p)
	}
	for _, id := range slices.Sorted(maps.Keys(f.tree)) {
		add(id)
	}
	return f, nil
}

func (f *fake) Planned() []Planned { return f.resources }
func (f *fake) Outputs() ([]Output, error) {
	return []Output{{OutputKey: "Count", OutputValue: strconv.Itoa(len(f.tree))}}, nil
}
func (f *fake) Parameters() []Parameter { return nil }
func (f *fake) Tree() any               { return f.tree }

func (f *fake) plan(id string) Planned {
	return f.resources[slices.IndexFunc(f.resources, func(p Planned) bool { return p.LogicalID == id })]
}

func (f *fake) Create(_ context.Context, id string) error {
	p := f.plan(id)
	if f.region.resources[p.PhysicalID] != nil {
		return fmt.Errorf("%s already exists", p.PhysicalID)
	}
	f.region.resources[p.PhysicalID] = p.Properties
	return nil
}

func (f *fake) Update(_ context.Context, id string, _ Deployment) error {
	p := f.plan(id)
	if f.region.resources[p.PhysicalID] == nil {
		return fmt.Errorf("%s does not exist", p.PhysicalID)
	}
	f.region.resources[p.PhysicalID] = p.Properties
	return nil
}

func (f *fake) Delete(_ context.Context, id string) error {
	p := f.plan(id)
	if f.region.resources[p.PhysicalID]["Stuck"] != nil {
		return errors.New("it is stuck")
	}
	delete(f.region.resources, p.PhysicalID)
	return nil
}

func (f *fake) Activate(context.Context, Deployment) error {
	for id, properties := range f.tree {
		if properties["Inactive"] != nil {
			return fmt.Errorf("%s cannot be put into service", id)
		}
	}
	f.region.active = f
	return nil
}

func (f *fake) Deactivate(context.Context) error {
	f.region.active = nil
	return nil
}

// fixture is a service with a region.
type fixture struct {
	*testing.T
	*Service
	region    *region
	announced []string
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{T: t, region: &region{resources: map[string]map[string]any{}}}
	var ids atomic.Int64
	f.Service = New(Config{
		Account: "123456789012", Region: "eu-west-1", Read: f.region.read, Now: func() time.Time { return time.Unix(1, 0) },
		Object: func(_ context.Context, bucket, key string) ([]byte, error) {
			if bucket != "assets" || key != "template.json" {
				return nil, errors.New("AccessDenied")
			}
			return []byte(`{"Stored": {}}`), nil
		},
		Announce: func(_, status, _ string) { f.announced = append(f.announced, status) },
		NewID:    func() string { return "id-" + strconv.FormatInt(ids.Add(1), 10) },
	})
	t.Cleanup(f.Service.Close)
	return f
}

// call performs an operation, waits until what it began has ended, and decodes the result into a
// value, unless that is nil.
func (f *fixture) call(into any, action string, form ...string) {
	f.Helper()
	body, status := f.try(action, form...)
	if status != 200 {
		f.Fatalf("%s %v: %d %s", action, form, status, body)
	}
	if into != nil {
		if err := xml.Unmarshal([]byte(body), into); err != nil {
			f.Fatal(err)
		}
	}
}

// fails expects an error, "CODE: MESSAGE".
func (f *fixture) fails(want, action string, form ...string) {
	f.Helper()
	body, _ := f.try(action, form...)
	var e struct {
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}
	_ = xml.Unmarshal([]byte(body), &e) // leaves it empty
	if got := e.Code + ": " + e.Message; !strings.HasPrefix(got, want) {
		f.Errorf("%s %v: %s, want %s", action, form, got, want)
	}
}

func (f *fixture) try(action string, form ...string) (body string, status int) {
	values := url.Values{"Action": {action}}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeQuery(w, values)
	f.running.Wait()
	return w.Body.String(), w.Code
}

// status returns a stack's status, "" when there is none.
func (f *fixture) status(name string) string {
	var out struct {
		Status string `xml:"DescribeStacksResult>Stacks>member>StackStatus"`
	}
	body, _ := f.try("DescribeStacks", "StackName", name)
	_ = xml.Unmarshal([]byte(body), &out) // leaves it empty
	return out.Status
}

// events returns the events since the n-th, as "LOGICALID STATUS REASON".
func (f *fixture) events(since int) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []string
	for _, e := range f.stacks[len(f.stacks)-1].events[since:] {
		list = append(list, strings.TrimSpace(e.logicalID+" "+e.status+" "+e.reason))
	}
	return list
}

// deploy creates or updates the stack S by a change set, as the CDK CLI does.
func (f *fixture) deploy(template string, form ...string) {
	f.Helper()
	kind := "UPDATE"
	if f.status("S") == "" {
		kind = "CREATE"
	}
	f.call(nil, "CreateChangeSet", "StackName", "S", "ChangeSetName", "c", "ChangeSetType", kind, "TemplateBody", template)
	f.call(nil, "ExecuteChangeSet", append([]string{"StackName", "S", "ChangeSetName", "c"}, form...)...)
}

func (f *fixture) has(physical ...string) {
	f.Helper()
	if got := slices.Sorted(maps.Keys(f.region.resources)); !slices.Equal(got, physical) {
		f.Errorf("there are %v, want %v", got, physical)
	}
}
