package cloudformation

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

// changeSet is a change set, until it is deleted or executed.
type changeSet struct {
	id, name, kind, description string
	created                     time.Time
	status, reason, execution   string
	template                    []byte
	deployment                  Deployment
	changes                     []change
	tags                        []tag
	capabilities                []string
	roleARN                     string
	parameters                  []Parameter
}

// input is what CreateChangeSet, CreateStack and UpdateStack have in common.
type input struct {
	template     []byte
	tags         []tag
	hasTags      bool
	capabilities []string
	roleARN      string
	parameters   map[string]string
}

// template returns the template of a call.
func (s *Service) template(form url.Values) ([]byte, error) {
	body, location := form.Get("TemplateBody"), form.Get("TemplateURL")
	switch {
	case (body == "") == (location == ""):
		return nil, invalid("Either Template URL or Template Body must be specified.")
	case body != "":
		return []byte(body), nil
	}
	bucket, key, err := object(location)
	if err != nil {
		return nil, err
	}
	text, err := s.config.Object(s.ctx, bucket, key)
	if err != nil {
		return nil, invalid("S3 error: %s", err)
	}
	return text, nil
}

// object returns bucket and key of a URL: the path, or the bucket in the host name.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
func object(location string) (bucket, key string, err error) {
	u, err := url.Parse(location)
	if err != nil {
		return "", "", invalid("TemplateURL must be a supported URL.")
	}
	path := strings.TrimPrefix(u.Path, "/")
	if before, _, virtual := strings.Cut(u.Host, ".s3."); virtual {
		return before, path, nil
	}
	bucket, key, found := strings.Cut(path, "/")
	if !found {
		return "", "", invalid("TemplateURL must be a supported URL.")
	}
	return bucket, key, nil
}

// read reads what a call asks for, for a stack that is before.
func (s *Service) read(form url.Values, st *stack) (input, Deployment, error) {
	in := input{roleARN: form.Get("RoleARN"), parameters: map[string]string{}}
	if form.Get("UsePreviousTemplate") == "true" {
		in.template = st.template
	} else {
		var err error
		if in.template, err = s.template(form); err != nil {
			return in, nil, err
		}
	}
	for _, one := range members(form, "Tags", "Key", "Value") {
		in.tags, in.hasTags = append(in.tags, tag{one["Key"], one["Value"]}), true
	}
	for _, one := range members(form, "Capabilities", "") {
		in.capabilities = append(in.capabilities, one[""])
	}
	for _, one := range members(form, "Parameters", "ParameterKey", "ParameterValue", "UsePreviousValue") {
		if one["UsePreviousValue"] != "true" {
			in.parameters[one["ParameterKey"]] = one["ParameterValue"]
			continue
		}
		if st.deployment != nil {
			for _, p := range st.deployment.Parameters() {
				if p.ParameterKey == one["ParameterKey"] {
					in.parameters[p.ParameterKey] = p.ParameterValue
				}
			}
		}
	}
	d, err := s.config.Read(s.ctx, Request{StackName: st.name, StackID: st.id, Template: in.template, Parameters: in.parameters, Before: st.deployment})
	if err != nil {
		return in, nil, err
	}
	return in, d, allowed(d.Planned(), in.capabilities)
}

// allowed returns an error unless the caller acknowledges that the template may grant permissions.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
func allowed(resources []Planned, capabilities []string) error {
	needed := ""
	for _, p := range resources {
		switch p.Type {
		case "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy":
			if _, named := p.Properties[p.NameProperty]; named && p.Type != "AWS::IAM::Policy" {
				needed = "CAPABILITY_NAMED_IAM"
			} else if needed == "" {
				needed = "CAPABILITY_IAM"
			}
		}
	}
	if needed == "" || slices.Contains(capabilities, needed) || slices.Contains(capabilities, "CAPABILITY_NAMED_IAM") {
		return nil
	}
	return &Failure{Code: "InsufficientCapabilitiesException", Message: "Requires capabilities : [" + needed + "]"}
}

// newStack adds a stack.
func (s *Service) newStack(name string) *stack {
	st := &stack{
		id:   fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/%s", s.config.Region, s.config.Account, name, s.config.NewID()),
		name: name, created: s.config.Now(),
	}
	s.stacks = append(s.stacks, st)
	return st
}

func (s *Service) forget(st *stack) {
	s.stacks = slices.DeleteFunc(s.stacks, func(one *stack) bool { return one == st })
}

func (s *Service) createChangeSet(form url.Values) (any, error) {
	name, set, kind := form.Get("StackName"), form.Get("ChangeSetName"), form.Get("ChangeSetType")
	st := s.find(name)
	isNew := false
	switch {
	case kind == "CREATE" && st == nil:
		st, isNew = s.newStack(name), true
		s.record(st, event{logicalID: name, physicalID: st.id, kind: stackType, status: reviewInProgress, reason: userInitiated})
	case kind == "CREATE" && st.status != reviewInProgress:
		return nil, invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", st.name, set)
	case kind == "CREATE":
	case kind != "" && kind != "UPDATE":
		return nil, invalid("the local run does not support change sets of type %s", kind)
	case st == nil:
		return nil, invalid("Stack [%s] does not exist", name)
	case !st.updatable():
		return nil, invalid("Stack:%s is in %s state and can not be updated.", st.id, st.status)
	}
	if slices.ContainsFunc(st.changeSets, func(c *changeSet) bool { return c.name == set }) {
		return nil, &Failure{Code: "AlreadyExistsException", Message: "ChangeSet " + set + " cannot be created due to a mismatch with existing attribute Name"}
	}
	in, d, err := s.read(form, st)
	if err != nil {
		if isNew {
			s.forget(st)
		}
		return nil, err
	}
	c := &changeSet{
		id:   fmt.Sprintf("arn:aws:cloudformation:%s:%s:changeSet/%s/%s", s.config.Region, s.config.Account, set, s.config.NewID()),
		name: set, kind: kind, description: form.Get("Description"), created: s.config.Now(), status: changeSetStatusComplete, execution: changeSetAvailable,
		template: in.template, deployment: d, tags: in.tags, capabilities: in.capabilities, roleARN: in.roleARN, parameters: d.Parameters(),
	}
	if !in.hasTags && st.deployment != nil {
		c.tags = st.tags
	}
	c.changes = compare(st.has(planned(st.deployment)), d.Planned())
	if st.deployment != nil && !differs(st, c) {
		c.status, c.reason, c.execution = changeSetStatusFailed, noChanges, changeSetUnavailable
	}
	st.changeSets = append(st.changeSets, c)
	return struct{ Id, StackId string }{c.id, st.id}, nil
}

func planned(d Deployment) []Planned {
	if d == nil {
		return nil
	}
	return d.Planned()
}

// differs reports whether there is anything to do.
func differs(st *stack, c *changeSet) bool {
	return len(c.changes) > 0 || !reflect.DeepEqual(st.deployment.Tree(), c.deployment.Tree()) ||
		!reflect.DeepEqual(st.deployment.Parameters(), c.parameters) || !slices.Equal(st.tags, c.tags)
}

func (s *Service) findChangeSet(stackName, set string) (*stack, *changeSet, error) {
	for _, st := range slices.Backward(s.stacks) {
		if stackName != "" && st != s.find(stackName) {
			continue
		}
		for _, c := range st.changeSets {
			if c.id == set || c.name == set && stackName != "" {
				return st, c, nil
			}
		}
	}
	return nil, nil, &Failure{Code: "ChangeSetNotFound", Message: "ChangeSet [" + set + "] does not exist", Status: http.StatusNotFound}
}

type describedChange struct {
	Type           string
	ResourceChange resourceChange
}

type resourceChange struct {
	PolicyAction       string `xml:",omitempty"`
	Action             string
	LogicalResourceId  string
	PhysicalResourceId string `xml:",omitempty"`
	ResourceType       string
	Replacement        string   `xml:",omitempty"`
	Scope              []string `xml:"Scope>member"`
	Details            []detail `xml:"Details>member"`
}

type detail struct {
	Attribute          string `xml:"Target>Attribute"`
	Name               string `xml:"Target>Name"`
	RequiresRecreation string `xml:"Target>RequiresRecreation"`
	Evaluation         string
	ChangeSource       string
}

// describe is the change as a change set shows it.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
func (c change) describe() describedChange {
	r := c.resource()
	d := describedChange{Type: "Resource", ResourceChange: resourceChange{Action: c.action, LogicalResourceId: r.LogicalID, ResourceType: r.Type}}
	switch c.action {
	case actionRemove:
		d.ResourceChange.PhysicalResourceId = c.before.PhysicalID
		d.ResourceChange.PolicyAction = policyAction("", c.before.DeletionPolicy)
	case actionModify:
		d.ResourceChange.PhysicalResourceId, d.ResourceChange.Replacement, d.ResourceChange.Scope = c.before.PhysicalID, "False", []string{"Properties"}
		if len(c.replaced) > 0 {
			d.ResourceChange.Replacement = "True"
			d.ResourceChange.PolicyAction = policyAction("ReplaceAnd", c.before.UpdateReplacePolicy)
		}
		for _, name := range c.properties {
			recreation := "Never"
			if slices.Contains(c.replaced, name) {
				recreation = "Always"
			}
			d.ResourceChange.Details = append(d.ResourceChange.Details, detail{"Properties", name, recreation, "Static", "DirectModification"})
		}
	}
	return d
}

func policyAction(prefix, policy string) string {
	switch policy {
	case retainPolicy, retainExceptOnCreate:
		return prefix + "Retain"
	case snapshotPolicy:
		return prefix + "Snapshot"
	}
	return prefix + "Delete"
}

func (s *Service) describeChangeSet(form url.Values) (any, error) {
	st, c, err := s.findChangeSet(form.Get("StackName"), form.Get("ChangeSetName"))
	if err != nil {
		return nil, err
	}
	var result struct {
		ChangeSetName, ChangeSetId, StackId, StackName string
		Description                                    string      `xml:",omitempty"`
		Parameters                                     []Parameter `xml:"Parameters>member"`
		CreationTime, ExecutionStatus, Status          string
		StatusReason                                   string            `xml:",omitempty"`
		Capabilities                                   []string          `xml:"Capabilities>member"`
		Tags                                           []tag             `xml:"Tags>member"`
		Changes                                        []describedChange `xml:"Changes>member"`
		IncludeNestedStacks                            bool
	}
	result.ChangeSetName, result.ChangeSetId, result.StackId, result.StackName = c.name, c.id, st.id, st.name
	result.Description, result.Parameters, result.CreationTime = c.description, c.parameters, timestamp(c.created)
	result.ExecutionStatus, result.Status, result.StatusReason = c.execution, c.status, c.reason
	result.Capabilities, result.Tags = c.capabilities, c.tags
	for _, one := range c.changes {
		result.Changes = append(result.Changes, one.describe())
	}
	return result, nil
}

func (s *Service) listChangeSets(form url.Values) (any, error) {
	type one struct {
		StackId, StackName, ChangeSetId, ChangeSetName, ExecutionStatus, Status string
		StatusReason                                                            string `xml:",omitempty"`
		CreationTime                                                            string
		Description                                                             string `xml:",omitempty"`
	}
	name := form.Get("StackName")
	st := s.find(name)
	if st == nil {
		return nil, invalid("Stack [%s] does not exist", name)
	}
	var result struct {
		Summaries []one  `xml:"Summaries>member"`
		NextToken string `xml:",omitempty"`
	}
	for _, c := range st.changeSets {
		result.Summaries = append(result.Summaries, one{st.id, st.name, c.id, c.name, c.execution, c.status, c.reason, timestamp(c.created), c.description})
	}
	var err error
	result.Summaries, result.NextToken, err = page(result.Summaries, form.Get("NextToken"))
	return result, err
}

// deleteChangeSet succeeds also when there is no change set of the name.
func (s *Service) deleteChangeSet(form url.Values) (any, error) {
	name, set := form.Get("StackName"), form.Get("ChangeSetName")
	if name != "" && s.find(name) == nil {
		return nil, invalid("Stack [%s] does not exist", name)
	}
	if st, found, err := s.findChangeSet(name, set); err == nil {
		if found.execution == changeSetExecuting {
			return nil, &Failure{Code: "InvalidChangeSetStatus", Message: "ChangeSet [" + found.id + "] cannot be deleted in its current execution status of [" + found.execution + "]"}
		}
		st.changeSets = slices.DeleteFunc(st.changeSets, func(c *changeSet) bool { return c == found })
	}
	return struct{}{}, nil
}

func (s *Service) executeChangeSet(form url.Values) (any, error) {
	st, c, err := s.findChangeSet(form.Get("StackName"), form.Get("ChangeSetName"))
	if err != nil {
		return nil, err
	}
	if c.execution != changeSetAvailable {
		return nil, &Failure{Code: "InvalidChangeSetStatus", Message: "ChangeSet [" + c.id + "] cannot be executed in its current status of [" + c.status + "]"}
	}
	if st.status != reviewInProgress && !st.updatable() {
		return nil, invalid("Stack:%s is in %s state and can not be updated.", st.id, st.status)
	}
	// All change sets of a stack end with the execution of one.
	// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html
	st.changeSets, st.changeSet, c.execution = []*changeSet{c}, c.id, changeSetExecuting
	in := input{template: c.template, tags: c.tags, capabilities: c.capabilities, roleARN: c.roleARN}
	s.deploy(st, c.deployment, in, form.Get("ClientRequestToken"), form.Get("DisableRollback") == "true", func() { st.changeSets = nil })
	return struct{}{}, nil
}

// createStack creates a stack without a change set.
func (s *Service) createStack(form url.Values) (any, error) {
	name := form.Get("StackName")
	if st := s.find(name); st != nil {
		return nil, &Failure{Code: "AlreadyExistsException", Message: "Stack [" + name + "] already exists"}
	}
	st := s.newStack(name)
	in, d, err := s.read(form, st)
	if err != nil {
		s.forget(st)
		return nil, err
	}
	st.protected = form.Get("EnableTerminationProtection") == "true"
	disable := form.Get("DisableRollback") == "true" || form.Get("OnFailure") == "DO_NOTHING"
	s.deploy(st, d, in, form.Get("ClientRequestToken"), disable, func() {})
	return struct{ StackId string }{st.id}, nil
}

// updateStack updates a stack without a change set.
func (s *Service) updateStack(form url.Values) (any, error) {
	name := form.Get("StackName")
	st := s.find(name)
	switch {
	case st == nil:
		return nil, invalid("Stack [%s] does not exist", name)
	case !st.updatable():
		return nil, invalid("Stack:%s is in %s state and can not be updated.", st.id, st.status)
	}
	in, d, err := s.read(form, st)
	if err != nil {
		return nil, err
	}
	if !in.hasTags {
		in.tags = st.tags
	}
	if !differs(st, &changeSet{deployment: d, changes: compare(st.has(planned(st.deployment)), d.Planned()), parameters: d.Parameters(), tags: in.tags}) {
		return nil, invalid("No updates are to be performed.")
	}
	s.deploy(st, d, in, form.Get("ClientRequestToken"), form.Get("DisableRollback") == "true", func() {})
	return struct{ StackId string }{st.id}, nil
}
