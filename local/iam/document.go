package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// policyDocument is the document of an identity or resource policy.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
type policyDocument struct {
	Version, Id string
	Statement   statementList
}

// statementList is a list of statements, or one of them.
type statementList []statementDocument

// UnmarshalJSON implements json.Unmarshaler.
func (l *statementList) UnmarshalJSON(text []byte) error {
	if strings.HasPrefix(strings.TrimSpace(string(text)), "{") {
		*l = make([]statementDocument, 1)
		return json.Unmarshal(text, &(*l)[0])
	}
	return json.Unmarshal(text, (*[]statementDocument)(l))
}

type statementDocument struct {
	Sid, Effect           string
	Principal             *principals
	Action, NotAction     oneOrMany
	Resource, NotResource oneOrMany
	Condition             map[string]map[string]values
	NotPrincipal          json.RawMessage // rejected when present
}

// oneOrMany is a string or a list of strings.
type oneOrMany []string

// UnmarshalJSON implements json.Unmarshaler.
func (o *oneOrMany) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*o = []string{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(o))
}

// values are a condition's: a string, a number, a Boolean, or a list of them.
type values []string

// UnmarshalJSON implements json.Unmarshaler.
func (v *values) UnmarshalJSON(text []byte) error {
	var list []json.RawMessage
	if json.Unmarshal(text, &list) != nil {
		list = []json.RawMessage{text}
	}
	*v = values{}
	for _, item := range list {
		var value string
		if json.Unmarshal(item, &value) != nil {
			value = string(item)
			if strings.ContainsAny(value, "{[") || value == "null" {
				return fmt.Errorf("condition value %s", value)
			}
		}
		*v = append(*v, value)
	}
	return nil
}

// principals is "*", {"Service": …} or {"AWS": …}.
type principals struct{ Service, AWS oneOrMany }

// UnmarshalJSON implements json.Unmarshaler.
func (p *principals) UnmarshalJSON(text []byte) error {
	if string(text) == `"*"` {
		p.AWS = oneOrMany{everybody}
		return nil
	}
	var byKind map[string]oneOrMany
	if err := json.Unmarshal(text, &byKind); err != nil {
		return fmt.Errorf("principal: %w", err)
	}
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		switch kind {
		case "Service":
			p.Service = byKind[kind]
		case "AWS":
			p.AWS = byKind[kind]
		default:
			return fmt.Errorf("principals of the kind %s are not supported", kind)
		}
	}
	return nil
}

// everybody is the principal that includes all others.
const everybody = "*"

// list returns all principals of a statement.
func (p *principals) list() []string { return slices.Concat(p.Service, p.AWS) }

// statement is one statement of a policy, with its grants.
type statement struct {
	policy   string // logical id
	index    int    // in the policy
	allow    bool
	role     string   // ARN of an identity policy's role; "" in a resource policy
	attached []string // ARNs of the resources of a resource policy; nil: any

	principals    []string // of a resource policy
	actions       []string
	notActions    bool // actions are exceptions
	resources     []string
	notResources  bool // resources are exceptions
	conditions    []condition
	conditionText string   // for reports
	grants        []*grant // of an Allow
}

// source says where statements come from.
type source struct {
	policy     string // logical id
	whole      bool   // the policy is AWS's: it can be taken out as a whole only
	role, name string // ARN and name of an identity policy's role
	attached   []string
}

// parse returns the statements of a document. The error lists everything unsupported.
func (s source) parse(document policyDocument) ([]*statement, error) {
	var problems []error
	var parsed []*statement
	for i, d := range document.Statement {
		problem := func(format string, args ...any) {
			problems = append(problems, fmt.Errorf("%s: Statement[%d]: %w", s.policy, i, fmt.Errorf(format, args...)))
		}
		st := &statement{policy: s.policy, index: i, role: s.role, attached: s.attached, allow: d.Effect == "Allow"}
		if d.Effect != "Allow" && d.Effect != "Deny" {
			problem("Effect %q", d.Effect)
		}
		switch {
		case d.NotPrincipal != nil:
			problem("NotPrincipal is not supported")
		case s.role != "" && d.Principal != nil:
			problem("an identity policy has no Principal")
		case s.role == "" && d.Principal == nil:
			problem("a resource policy needs a Principal")
		case s.role == "":
			st.principals = d.Principal.list()
		}
		if (len(d.Action) > 0) == (len(d.NotAction) > 0) {
			problem("want either Action or NotAction")
		}
		if (len(d.Resource) > 0) == (len(d.NotResource) > 0) {
			problem("want either Resource or NotResource")
		}
		st.actions, st.notActions = d.Action, false
		if len(d.NotAction) > 0 {
			st.actions, st.notActions = d.NotAction, true
		}
		st.resources = d.Resource
		if len(d.NotResource) > 0 {
			st.resources, st.notResources = d.NotResource, true
		}
		for _, resource := range st.resources {
			if strings.Contains(resource, "${") {
				problem("resource %s: policy variables are not replaced", resource)
			}
		}
		for _, operator := range slices.Sorted(maps.Keys(d.Condition)) {
			for _, key := range slices.Sorted(maps.Keys(d.Condition[operator])) {
				c, err := parseCondition(operator, key, d.Condition[operator][key])
				if err != nil {
					problem("%w", err)
					continue
				}
				st.conditions = append(st.conditions, c)
			}
		}
		if len(d.Condition) > 0 {
			text, _ := json.Marshal(d.Condition) // strings encode
			st.conditionText = string(text)
		}
		st.addGrants(s.name)
		if s.whole && len(st.grants) > 1 {
			st.grants = st.grants[:1]
			st.grants[0].ID, st.grants[0].Action, st.grants[0].whole = s.policy, strings.Join(st.actions, ", "), true
		}
		parsed = append(parsed, st)
	}
	return parsed, errors.Join(problems...)
}

// matched returns the positions of the patterns that match. Of exceptions there is one
// position: that of them all.
func matched(patterns []string, exceptions bool, matches func(pattern string) bool) []int {
	var found []int
	for i, pattern := range patterns {
		if matches(pattern) {
			found = append(found, i)
		}
	}
	switch {
	case !exceptions:
		return found
	case len(found) > 0:
		return nil
	default:
		return []int{0}
	}
}

// matchesAction matches the names of actions, which are not case-sensitive.
func (s *statement) matchesAction(action string) []int {
	action = strings.ToLower(action)
	return matched(s.actions, s.notActions, func(pattern string) bool { return wildcard(strings.ToLower(pattern), action) })
}

func (s *statement) matchesResource(resource string) []int {
	if s.attached != nil && !slices.ContainsFunc(s.attached, func(arn string) bool {
		return resource == arn || strings.HasPrefix(resource, arn+"/") || strings.HasPrefix(resource, arn+":")
	}) {
		return nil
	}
	return matched(s.resources, s.notResources, func(pattern string) bool { return likeARN(pattern, resource) })
}

func (s *statement) holds(context Context) bool {
	return !slices.ContainsFunc(s.conditions, func(c condition) bool { return !c.holds(context) })
}
