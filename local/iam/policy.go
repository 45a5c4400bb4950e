package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"payment-webhooks/local/assembly"
)

// ErrDenied is wrapped by the error of every call that is not allowed.
var ErrDenied = errors.New("not authorized")

// Call is one API call: an action on one or more resources, all of which must be allowed.
type Call struct {
	Action    string // "dynamodb:PutItem"
	Resources []string
}

type statement struct {
	allow     bool
	actions   []string
	resources []string
}

// role is a role, or a user with one managed policy.
type role struct {
	name       string
	arn        string
	user       bool // calls of all services are checked
	statements []statement
}

// Policies are the roles of a stack with their statements.
type Policies struct {
	byARN map[string]*role
	byKey map[string]*role
}

var checkedServices = []string{"dynamodb", "s3", "events", "sqs", "sns", "lambda", "states", "secretsmanager"}

// Checked reports whether calls of a service are checked.
func Checked(service string) bool { return slices.Contains(checkedServices, service) }

// managedPolicies are the AWS managed policies that allow no action of a checked
// service. Any other one is rejected, because its content is not known here.
var managedPolicies = []string{
	"service-role/AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess", "AWSXrayWriteOnlyAccess",
	"service-role/AmazonAPIGatewayPushToCloudWatchLogs",
}

type policyDocument struct {
	Version   string
	Statement []struct {
		Sid       string
		Effect    string
		Action    oneOrMany
		NotAction oneOrMany
		Resource  oneOrMany
		// Rejected in statements about checked services.
		NotResource, Condition json.RawMessage
	}
}

// oneOrMany is a string or a list of strings.
type oneOrMany []string

func (o *oneOrMany) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*o = []string{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(o))
}

// New reads the roles and policies of the stack. The error lists everything unsupported.
func New(stack *assembly.Stack, resolver *assembly.Resolver) (*Policies, error) {
	p := &Policies{byARN: map[string]*role{}, byKey: map[string]*role{}}
	byName := map[string]*role{}
	var problems []error
	for i, resource := range stack.ByType("AWS::IAM::Role") {
		var properties roleProperties
		if err := resolver.Into(resource, &properties); err != nil {
			problems = append(problems, err)
			continue
		}
		name, err := resolver.Ref(resource.LogicalID)
		arn, errARN := resolver.Att(resource.LogicalID, "Arn")
		if err := errors.Join(err, errARN); err != nil {
			problems = append(problems, err)
			continue
		}
		r := &role{name: name, arn: arn}
		for _, managed := range properties.ManagedPolicyArns {
			if !slices.Contains(managedPolicies, strings.TrimPrefix(managed, "arn:aws:iam::aws:policy/")) {
				problems = append(problems, fmt.Errorf("%s: managed policy %s is not supported", resource.LogicalID, managed))
			}
		}
		for _, policy := range properties.Policies {
			problems = append(problems, r.add(resource.LogicalID, policy.PolicyDocument))
		}
		byName[name] = r
		p.byARN[arn] = r
		p.byKey[fmt.Sprintf("ASIALOCALROLE%07d", i)] = r
	}
	for _, resource := range stack.ByType("AWS::IAM::Policy") {
		var policy namedPolicy
		if err := resolver.Into(resource, &policy); err != nil {
			problems = append(problems, err)
			continue
		}
		if policy.Users != nil || policy.Groups != nil {
			problems = append(problems, fmt.Errorf("%s: Users and Groups are not supported", resource.LogicalID))
		}
		for _, name := range policy.Roles {
			if byName[name] == nil {
				problems = append(problems, fmt.Errorf("%s: role %s is not in the template", resource.LogicalID, name))
				continue
			}
			problems = append(problems, byName[name].add(resource.LogicalID, policy.PolicyDocument))
		}
	}
	for _, resource := range stack.ByType("AWS::IAM::ManagedPolicy") {
		problems = append(problems, p.addUser(resource, resolver))
	}
	return p, errors.Join(problems...)
}

// addUser adds the user of a managed policy, whose access key id is the policy's name.
func (p *Policies) addUser(resource assembly.Resource, resolver *assembly.Resolver) error {
	var properties managedPolicy
	name, err := resolver.Ref(resource.LogicalID)
	if err := errors.Join(err, resolver.Into(resource, &properties)); err != nil {
		return err
	}
	if properties.Users != nil || properties.Groups != nil || properties.Roles != nil {
		return fmt.Errorf("%s: Users, Groups and Roles are not supported", resource.LogicalID)
	}
	account, policyName, _ := strings.Cut(strings.TrimPrefix(name, "arn:aws:iam::"), ":policy/")
	u := &role{name: policyName, arn: "arn:aws:iam::" + account + ":user/" + policyName, user: true}
	p.byARN[u.arn], p.byKey[policyName] = u, u
	return u.add(resource.LogicalID, properties.PolicyDocument)
}

// Checks reports whether calls of a service with an access key are checked, and for whom.
func (p *Policies) Checks(accessKey, service string) (arn string, checked bool) {
	r := p.byKey[accessKey]
	if r == nil {
		return "", false
	}
	return r.arn, r.user || Checked(service)
}

func (r *role) add(logicalID string, document policyDocument) error {
	var problems []error
	for i, s := range document.Statement {
		checked := r.user || len(s.Action) == 0 // NotAction applies to every service
		for _, action := range s.Action {
			service, _, _ := strings.Cut(strings.ToLower(action), ":")
			if action == "*" || Checked(service) || strings.ContainsAny(service, "*?") {
				checked = true
			}
		}
		if !checked {
			continue
		}
		if s.NotAction != nil || s.NotResource != nil || s.Condition != nil {
			problems = append(problems, fmt.Errorf("%s: Statement[%d]: NotAction, NotResource and Condition are not supported", logicalID, i))
			continue
		}
		if s.Effect != "Allow" && s.Effect != "Deny" {
			problems = append(problems, fmt.Errorf("%s: Statement[%d]: Effect %q", logicalID, i, s.Effect))
		}
		r.statements = append(r.statements, statement{s.Effect == "Allow", s.Action, s.Resource})
	}
	return errors.Join(problems...)
}

// AccessKey returns the access key id of a role's credentials.
func (p *Policies) AccessKey(roleARN string) (string, error) {
	for key, r := range p.byKey {
		if r.arn == roleARN {
			return key, nil
		}
	}
	return "", fmt.Errorf("role %s is not in the template", roleARN)
}

// Check returns nil when the role may make the call. Otherwise the error wraps
// [ErrDenied] and is worded like IAM's.
func (p *Policies) Check(roleARN string, call Call) error {
	r := p.byARN[roleARN]
	if r == nil {
		return fmt.Errorf("%w: role %s is not in the template", ErrDenied, roleARN)
	}
	for _, resource := range call.Resources {
		allowed := false
		for _, s := range r.statements {
			if !matchAny(s.actions, call.Action, true) || !matchAny(s.resources, resource, false) {
				continue
			}
			if !s.allow {
				return fmt.Errorf("%w: %s is not authorized to perform: %s on resource: %s with an explicit deny in an identity-based policy", ErrDenied, r.arn, call.Action, resource)
			}
			allowed = true
		}
		if !allowed {
			return fmt.Errorf("%w: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action", ErrDenied, r.arn, call.Action, resource, call.Action)
		}
	}
	return nil
}

func matchAny(patterns []string, text string, foldCase bool) bool {
	if foldCase { // service prefix and action name are not case-sensitive
		text = strings.ToLower(text)
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if foldCase {
			pattern = strings.ToLower(pattern)
		}
		return wildcard(pattern, text)
	})
}

// wildcard matches * (any run of characters, also across ':' and '/') and ?
// (any one character).
func wildcard(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
