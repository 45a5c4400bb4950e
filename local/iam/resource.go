package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"payment-webhooks/local/assembly"
)

// ResourcePolicies are the policies that let AWS services use a resource: the template's
// queue and topic policies, Lambda permissions and those of log groups.
type ResourcePolicies struct {
	account    string
	statements []resourceStatement
}

type resourceStatement struct {
	allow      bool
	services   []string // principals; "*" is everybody
	actions    []string
	resources  []string
	within     string // pattern of what the policy belongs to; empty for what its resources say
	conditions []condition
}

type condition struct {
	operator string
	key      string // aws:SourceArn, aws:SourceAccount, aws:SecureTransport
	values   []string
}

// operators report whether a condition is met. Each key has one value here.
// ArnEquals and ArnLike behave identically, wildcards included.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
var operators = map[string]func(values []string, actual string, present bool) bool{
	"StringEquals":    func(values []string, actual string, _ bool) bool { return slices.Contains(values, actual) },
	"StringNotEquals": func(values []string, actual string, _ bool) bool { return !slices.Contains(values, actual) },
	"StringLike":      like,
	"ArnEquals":       like,
	"ArnLike":         like,
	"Bool":            func(values []string, actual string, _ bool) bool { return slices.Contains(values, actual) },
	"Null": func(values []string, _ string, present bool) bool {
		return slices.Contains(values, strconv.FormatBool(!present))
	},
}

func like(values []string, actual string, _ bool) bool {
	return slices.ContainsFunc(values, func(pattern string) bool { return wildcard(pattern, actual) })
}

type resourceDocument struct {
	Version   string
	Id        string
	Statement []struct {
		Sid, Effect      string
		Principal        principal
		Action, Resource oneOrMany
		Condition        map[string]map[string]oneOrMany
		// Rejected when present.
		NotAction, NotResource, NotPrincipal json.RawMessage
	}
}

// principal is "*" or {"Service": …} or {"AWS": …}.
type principal struct{ Service, AWS oneOrMany }

func (p *principal) UnmarshalJSON(text []byte) error {
	if string(text) == `"*"` {
		p.AWS = oneOrMany{"*"}
		return nil
	}
	type plain principal
	return json.Unmarshal(text, (*plain)(p))
}

// NewResourcePolicies reads the stack's resource policies. The error lists everything
// unsupported.
func NewResourcePolicies(stack *assembly.Stack, resolver *assembly.Resolver, account string) (*ResourcePolicies, error) {
	r := &ResourcePolicies{account: account}
	var problems []error
	for _, resource := range stack.ByType("AWS::SQS::QueuePolicy") {
		var p queuePolicy
		problems = append(problems, resolver.Into(resource, &p), r.add(resource.LogicalID, p.PolicyDocument))
	}
	for _, resource := range stack.ByType("AWS::SNS::TopicPolicy") {
		var p topicPolicy
		problems = append(problems, resolver.Into(resource, &p), r.add(resource.LogicalID, p.PolicyDocument))
	}
	for _, resource := range stack.ByType("AWS::Logs::LogGroup") {
		problems = append(problems, r.addLogGroup(resolver, resource))
	}
	for _, resource := range stack.ByType("AWS::Lambda::Permission") {
		var p permission
		if err := resolver.Into(resource, &p); err != nil {
			problems = append(problems, err)
			continue
		}
		function := p.FunctionName
		if !strings.HasPrefix(function, "arn:") {
			function = "arn:aws:lambda:*:" + account + ":function:" + function
		}
		s := resourceStatement{allow: true, services: []string{p.Principal}, actions: []string{p.Action}, resources: []string{function}}
		if p.SourceArn != "" {
			s.conditions = append(s.conditions, condition{"ArnLike", "aws:SourceArn", []string{p.SourceArn}})
		}
		if p.SourceAccount != "" {
			s.conditions = append(s.conditions, condition{"StringEquals", "aws:SourceAccount", []string{p.SourceAccount}})
		}
		r.statements = append(r.statements, s)
	}
	return r, errors.Join(problems...)
}

// addLogGroup adds the policy of a log group, if it has one. Whatever resources it names, it
// says nothing of other log groups. Package provision supports the other properties.
func (r *ResourcePolicies) addLogGroup(resolver *assembly.Resolver, resource assembly.Resource) error {
	properties, err := resolver.Properties(resource)
	if err != nil {
		return err
	}
	members, _ := properties.(map[string]any)
	policy, given := members["ResourcePolicyDocument"]
	if !given {
		return nil
	}
	name, err := resolver.Ref(resource.LogicalID)
	if err != nil {
		return err
	}
	var document resourceDocument
	problems := []error{assembly.Decode(resource.LogicalID, resource.Type, policy, &document)}
	before := len(r.statements)
	problems = append(problems, r.add(resource.LogicalID, document))
	for i := before; i < len(r.statements); i++ {
		r.statements[i].within = "arn:*:log-group:" + name + ":*"
	}
	return errors.Join(problems...)
}

func (r *ResourcePolicies) add(logicalID string, document resourceDocument) error {
	var problems []error
	for i, s := range document.Statement {
		if s.NotAction != nil || s.NotResource != nil || s.NotPrincipal != nil {
			problems = append(problems, fmt.Errorf("%s: Statement[%d]: NotAction, NotResource and NotPrincipal are not supported", logicalID, i))
		}
		statement := resourceStatement{allow: s.Effect == "Allow", services: s.Principal.Service, actions: s.Action, resources: s.Resource}
		if slices.Contains(s.Principal.AWS, "*") {
			statement.services = append(statement.services, "*")
		}
		for operator, keys := range s.Condition {
			for key, values := range keys {
				if operators[operator] == nil || !slices.Contains([]string{"aws:SourceArn", "aws:SourceAccount", "aws:SecureTransport"}, key) {
					problems = append(problems, fmt.Errorf("%s: Statement[%d]: condition %s on %s is not supported", logicalID, i, operator, key))
					continue
				}
				statement.conditions = append(statement.conditions, condition{operator, key, values})
			}
		}
		r.statements = append(r.statements, statement)
	}
	return errors.Join(problems...)
}

// Check returns nil when a service ("events.amazonaws.com") may perform an action on a
// resource on behalf of source, the ARN of a rule or an API method. Services are assumed
// to use TLS. Otherwise the error wraps [ErrDenied].
func (r *ResourcePolicies) Check(service, action, resource, source string) error {
	context := map[string]string{"aws:SourceArn": source, "aws:SourceAccount": r.account, "aws:SecureTransport": "true"}
	allowed := false
	for _, s := range r.statements {
		if !slices.Contains(s.services, service) && !slices.Contains(s.services, "*") || !matchAny(s.actions, action, true) || !matchAny(s.resources, resource, false) ||
			s.within != "" && !wildcard(s.within, resource) || !s.holds(context) {
			continue
		}
		if !s.allow {
			return fmt.Errorf("%w: an explicit deny in the policy of %s keeps %s from %s", ErrDenied, resource, service, action)
		}
		allowed = true
	}
	if !allowed {
		return fmt.Errorf("%w: no resource policy allows %s to %s on %s for %s", ErrDenied, service, action, resource, source)
	}
	return nil
}

func (s resourceStatement) holds(context map[string]string) bool {
	for _, c := range s.conditions {
		actual, present := context[c.key]
		met := operators[c.operator](c.values, actual, present)
		if !met {
			return false
		}
	}
	return true
}
