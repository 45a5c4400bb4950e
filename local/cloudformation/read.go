package cloudformation

import (
	"net/url"
	"slices"
	"strings"
)

type described struct {
	StackId                     string
	StackName                   string
	ChangeSetId                 string      `xml:",omitempty"`
	Description                 string      `xml:",omitempty"`
	Parameters                  []Parameter `xml:"Parameters>member"`
	CreationTime                string
	LastUpdatedTime             string `xml:",omitempty"`
	DeletionTime                string `xml:",omitempty"`
	StackStatus                 string
	StackStatusReason           string `xml:",omitempty"`
	DisableRollback             bool
	Capabilities                []string `xml:"Capabilities>member"`
	Outputs                     []Output `xml:"Outputs>member"`
	RoleARN                     string   `xml:",omitempty"`
	Tags                        []tag    `xml:"Tags>member"`
	EnableTerminationProtection bool
	DriftStatus                 string `xml:"DriftInformation>StackDriftStatus"`
}

func (s *stack) describe() (described, error) {
	d := described{
		StackId: s.id, StackName: s.name, ChangeSetId: s.changeSet, Description: s.description, CreationTime: timestamp(s.created),
		LastUpdatedTime: timestamp(s.updated), DeletionTime: timestamp(s.deleted), StackStatus: s.status, StackStatusReason: s.reason,
		DisableRollback: s.disableRollback, Capabilities: s.capabilities, RoleARN: s.roleARN, Tags: s.tags,
		EnableTerminationProtection: s.protected, DriftStatus: "NOT_CHECKED",
	}
	if s.deployment == nil {
		return d, nil
	}
	d.Parameters = s.deployment.Parameters()
	if !s.completed {
		return d, nil
	}
	var err error
	d.Outputs, err = s.deployment.Outputs()
	return d, err
}

func (s *Service) describeStacks(form url.Values) (any, error) {
	var result struct {
		Stacks    []described `xml:"Stacks>member"`
		NextToken string      `xml:",omitempty"`
	}
	name := form.Get("StackName")
	if name != "" && s.find(name) == nil {
		return nil, noStack(name)
	}
	for _, st := range slices.Backward(s.stacks) {
		if name == "" && !st.gone() || name != "" && st == s.find(name) {
			d, err := st.describe()
			if err != nil {
				return nil, err
			}
			result.Stacks = append(result.Stacks, d)
		}
	}
	var err error
	result.Stacks, result.NextToken, err = page(result.Stacks, form.Get("NextToken"))
	return result, err
}

type summary struct {
	StackId             string
	StackName           string
	TemplateDescription string `xml:",omitempty"`
	CreationTime        string
	LastUpdatedTime     string `xml:",omitempty"`
	DeletionTime        string `xml:",omitempty"`
	StackStatus         string
	StackStatusReason   string `xml:",omitempty"`
	DriftStatus         string `xml:"DriftInformation>StackDriftStatus"`
}

func (s *Service) listStacks(form url.Values) (any, error) {
	var wanted []string
	for _, one := range members(form, "StackStatusFilter", "") {
		wanted = append(wanted, one[""])
	}
	var all []summary
	for _, st := range slices.Backward(s.stacks) {
		if wanted == nil || slices.Contains(wanted, st.status) {
			all = append(all, summary{
				st.id, st.name, st.description, timestamp(st.created), timestamp(st.updated), timestamp(st.deleted), st.status, st.reason, "NOT_CHECKED",
			})
		}
	}
	var result struct {
		Stacks    []summary `xml:"StackSummaries>member"`
		NextToken string    `xml:",omitempty"`
	}
	var err error
	result.Stacks, result.NextToken, err = page(all, form.Get("NextToken"))
	return result, err
}

type describedEvent struct {
	StackId              string
	EventId              string
	StackName            string
	LogicalResourceId    string
	PhysicalResourceId   string
	ResourceType         string
	Timestamp            string
	ResourceStatus       string
	ResourceStatusReason string `xml:",omitempty"`
	ClientRequestToken   string `xml:",omitempty"`
	OperationId          string `xml:",omitempty"`
}

// describeStackEvents returns the latest events first.
func (s *Service) describeStackEvents(form url.Values) (any, error) {
	name := form.Get("StackName")
	st := s.find(name)
	if st == nil {
		return nil, invalid("Stack [%s] does not exist", name)
	}
	var all []describedEvent
	for _, e := range slices.Backward(st.events) {
		all = append(all, describedEvent{st.id, e.id, st.name, e.logicalID, e.physicalID, e.kind, timestamp(e.at), e.status, e.reason, e.token, e.operation})
	}
	var result struct {
		Events    []describedEvent `xml:"StackEvents>member"`
		NextToken string           `xml:",omitempty"`
	}
	var err error
	result.Events, result.NextToken, err = page(all, form.Get("NextToken"))
	return result, err
}

func (s *Service) listStackResources(form url.Values) (any, error) {
	type one struct {
		LogicalResourceId    string
		PhysicalResourceId   string
		ResourceType         string
		LastUpdatedTimestamp string
		ResourceStatus       string
		ResourceStatusReason string `xml:",omitempty"`
		DriftStatus          string `xml:"DriftInformation>StackResourceDriftStatus"`
	}
	name := form.Get("StackName")
	st := s.find(name)
	if st == nil {
		return nil, noStack(name)
	}
	var all []one
	for _, r := range st.existing() {
		all = append(all, one{r.LogicalID, r.PhysicalID, r.Type, timestamp(r.at), r.status, r.reason, "NOT_CHECKED"})
	}
	var result struct {
		Resources []one  `xml:"StackResourceSummaries>member"`
		NextToken string `xml:",omitempty"`
	}
	var err error
	result.Resources, result.NextToken, err = page(all, form.Get("NextToken"))
	return result, err
}

type describedResource struct {
	StackName            string
	StackId              string
	LogicalResourceId    string
	PhysicalResourceId   string
	ResourceType         string
	Timestamp            string
	ResourceStatus       string
	ResourceStatusReason string `xml:",omitempty"`
}

// describeStackResources returns the first hundred resources that have the logical id, or, when
// there is a physical id, all of the stack that it belongs to. An empty id is everybody's.
func (s *Service) describeStackResources(form url.Values) (any, error) {
	name, logical, physical := form.Get("StackName"), form.Get("LogicalResourceId"), form.Get("PhysicalResourceId")
	if (name == "") == (physical == "") {
		return nil, invalid("Either StackName or PhysicalResourceId must be specified")
	}
	st := s.find(name)
	for _, candidate := range s.stacks {
		if physical != "" && !candidate.gone() && slices.ContainsFunc(candidate.existing(), func(r *resource) bool { return r.PhysicalID == physical }) {
			st = candidate
		}
	}
	switch {
	case st == nil && physical != "":
		return nil, invalid("Stack for %s does not exist", physical)
	case st == nil:
		return nil, noStack(name)
	}
	var result struct {
		Resources []describedResource `xml:"StackResources>member"`
	}
	for _, r := range st.existing() {
		if len(result.Resources) < pageSize && (logical == "" || r.LogicalID == logical) {
			result.Resources = append(result.Resources, describedResource{st.name, st.id, r.LogicalID, r.PhysicalID, r.Type, timestamp(r.at), r.status, r.reason})
		}
	}
	if logical != "" && result.Resources == nil {
		return nil, invalid("Resource %s does not exist for stack %s", logical, st.name)
	}
	return result, nil
}

func (s *Service) describeStackResource(form url.Values) (any, error) {
	type detail struct {
		StackName            string
		StackId              string
		LogicalResourceId    string
		PhysicalResourceId   string
		ResourceType         string
		LastUpdatedTimestamp string
		ResourceStatus       string
		ResourceStatusReason string `xml:",omitempty"`
	}
	name, logical := form.Get("StackName"), form.Get("LogicalResourceId")
	st := s.find(name)
	if st == nil {
		return nil, invalid("Stack '%s' does not exist", name)
	}
	r := st.resource(logical)
	if r == nil {
		return nil, invalid("Resource %s does not exist for stack %s", logical, st.name)
	}
	return struct {
		Detail detail `xml:"StackResourceDetail"`
	}{detail{st.name, st.id, r.LogicalID, r.PhysicalID, r.Type, timestamp(r.at), r.status, r.reason}}, nil
}

func (s *Service) getTemplate(form url.Values) (any, error) {
	var result struct {
		TemplateBody    string
		StagesAvailable []string `xml:"StagesAvailable>member"`
	}
	result.StagesAvailable = []string{"Original", "Processed"}
	name := form.Get("StackName")
	if set := form.Get("ChangeSetName"); set != "" {
		_, c, err := s.findChangeSet(name, set)
		if err != nil {
			return nil, err
		}
		result.TemplateBody = string(c.template)
		return result, nil
	}
	st := s.find(name)
	if st == nil {
		return nil, noStack(name)
	}
	if result.TemplateBody = string(st.template); st.template == nil {
		result.TemplateBody = "{}"
	}
	return result, nil
}

// getTemplateSummary responds with the parameters and types of a stack's template, or of one that
// is given.
func (s *Service) getTemplateSummary(form url.Values) (any, error) {
	var d Deployment
	if name := form.Get("StackName"); name != "" {
		st := s.find(name)
		if st == nil || st.deployment == nil {
			return nil, noStack(name)
		}
		d = st.deployment
	} else {
		text, err := s.template(form)
		if err != nil {
			return nil, err
		}
		if d, err = s.config.Read(s.ctx, Request{StackName: "summary", StackID: "summary", Template: text}); err != nil {
			return nil, err
		}
	}
	type declared struct{ ParameterKey, DefaultValue string }
	var result struct {
		Parameters    []declared `xml:"Parameters>member"`
		ResourceTypes []string   `xml:"ResourceTypes>member"`
	}
	for _, p := range d.Parameters() {
		result.Parameters = append(result.Parameters, declared{p.ParameterKey, p.ParameterValue})
	}
	for _, p := range d.Planned() {
		if !slices.Contains(result.ResourceTypes, p.Type) {
			result.ResourceTypes = append(result.ResourceTypes, p.Type)
		}
	}
	slices.SortFunc(result.ResourceTypes, strings.Compare)
	return result, nil
}
