package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"payment-webhooks/local/assembly"
)

// ErrDenied is what the error of every call that is not allowed is.
var ErrDenied = errors.New("not authorized")

// DeniedError says why a call is not allowed.
type DeniedError struct {
	Caller   string // ARN of a role or user, or a service's name
	Action   string
	Resource string
	Reason   string // as IAM words it
	Key      bool   // the call itself is allowed, but not the one to KMS that it needs
}

// Error returns the message of the service's response.
func (d *DeniedError) Error() string {
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s", d.Caller, d.Action, d.Resource, d.Reason)
}

// Is reports whether target is ErrDenied.
func (d *DeniedError) Is(target error) bool { return target == ErrDenied }

// Call is one API call: an action on one or more resources, all of which must be allowed.
type Call struct {
	Action    string // "dynamodb:PutItem"
	Resources []string
	// Context holds the condition keys that the request sets. Those that follow from the caller,
	// the resource and the time are added to them.
	Context Context
	// Key are the calls that the service makes to KMS if a resource is under a key: see keyCalls.
	Key []string
}

// NewCall returns a call on one resource, with what its service asks of KMS.
func NewCall(action, resource string) Call {
	return Call{Action: action, Resources: []string{resource}, Key: keyCalls[strings.ToLower(action)]}
}

// Caller makes calls: a role, the user of a managed policy, or a service of AWS.
type Caller struct {
	arn     string // of a role or user
	service string // "events.amazonaws.com"
	source  string // aws:SourceArn of a service's call
}

// Role is the caller with a role's or user's ARN.
func Role(arn string) Caller { return Caller{arn: arn} }

// Service is the caller that acts as a service for a resource of this account: "events.amazonaws.com" for
// a rule's ARN.
func Service(name, sourceARN string) Caller { return Caller{service: name, source: sourceARN} }

// String returns what messages name the caller by.
func (c Caller) String() string {
	if c.service != "" {
		return c.service
	}
	return c.arn
}

// role is a role, or a user with one managed policy.
type role struct {
	name string
	arn  string
	user bool
}

// Policies are the policies of a stack: those of its roles, and those of its resources.
type Policies struct {
	scope      Scope
	byARN      map[string]*role
	byKey      map[string]*role
	statements []*statement // identity policies first
	encryption map[string]encryption
	now        func() time.Time
	denied     denials
	observe    func(*DeniedError)
}

// managedPolicies are the AWS managed policies whose content is known here. Any other one is
// rejected.
// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
var managedPolicies = map[string][]string{
	"service-role/AWSLambdaBasicExecutionRole": {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"},
	"AWSXRayDaemonWriteAccess":                 {"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:GetSamplingStatisticSummaries"},
	"AWSXrayWriteOnlyAccess":                   {"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:GetSamplingStatisticSummaries"},
	"service-role/AmazonAPIGatewayPushToCloudWatchLogs": {
		"logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams",
		"logs:PutLogEvents", "logs:GetLogEvents", "logs:FilterLogEvents",
	},
}

// New reads the roles and policies of the stack. The error lists everything unsupported.
// Observe, unless nil, receives each denied call.
func New(stack *assembly.Stack, resolver *assembly.Resolver, scope Scope, observe func(*DeniedError)) (*Policies, error) {
	p := &Policies{scope: scope, byARN: map[string]*role{}, byKey: map[string]*role{}, now: time.Now, observe: observe}
	var problems []error
	add := func(s source, document policyDocument) {
		parsed, err := s.parse(document)
		p.statements = append(p.statements, parsed...)
		problems = append(problems, err)
	}
	byName := map[string]*role{}
	for i, resource := range stack.ByType("AWS::IAM::Role") {
		var properties roleProperties
		name, err := resolver.Ref(resource.LogicalID)
		arn, errARN := resolver.Att(resource.LogicalID, "Arn")
		if err := errors.Join(err, errARN, resolver.Into(resource, &properties)); err != nil {
			problems = append(problems, err)
			continue
		}
		r := &role{name: name, arn: arn}
		byName[name], p.byARN[arn] = r, r
		p.byKey[fmt.Sprintf("ASIALOCALROLE%07d", i)] = r
		for _, managed := range properties.ManagedPolicyArns {
			known := strings.TrimPrefix(managed, "arn:aws:iam::aws:policy/")
			actions, isKnown := managedPolicies[known]
			if !isKnown {
				problems = append(problems, fmt.Errorf("%s: managed policy %s is not supported", resource.LogicalID, managed))
				continue
			}
			add(source{policy: resource.LogicalID + "." + known[strings.LastIndex(known, "/")+1:], whole: true, role: arn, name: name},
				policyDocument{Statement: statementList{{Effect: "Allow", Action: actions, Resource: oneOrMany{"*"}}}})
		}
		for _, policy := range properties.Policies {
			add(source{policy: resource.LogicalID, role: arn, name: name}, policy.PolicyDocument)
		}
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
			add(source{policy: resource.LogicalID, role: byName[name].arn, name: name}, policy.PolicyDocument)
		}
	}
	for _, resource := range stack.ByType("AWS::IAM::ManagedPolicy") {
		var properties managedPolicy
		name, err := resolver.Ref(resource.LogicalID)
		if err := errors.Join(err, resolver.Into(resource, &properties)); err != nil {
			problems = append(problems, err)
			continue
		}
		if properties.Users != nil || properties.Groups != nil || properties.Roles != nil {
			problems = append(problems, fmt.Errorf("%s: Users, Groups and Roles are not supported", resource.LogicalID))
		}
		// The user of a managed policy: the policy's name is the access key id.
		account, policyName, _ := strings.Cut(strings.TrimPrefix(name, "arn:aws:iam::"), ":policy/")
		u := &role{name: policyName, arn: "arn:aws:iam::" + account + ":user/" + policyName, user: true}
		p.byARN[u.arn], p.byKey[policyName] = u, u
		add(source{policy: resource.LogicalID, role: u.arn, name: policyName}, properties.PolicyDocument)
	}
	problems = append(problems, p.readResourcePolicies(stack, resolver, add), p.readEncryption(stack, resolver))
	return p, errors.Join(problems...)
}

// readResourcePolicies reads the policies of resources. Each counts for the resources that it
// is attached to, whatever its statements name.
func (p *Policies) readResourcePolicies(stack *assembly.Stack, resolver *assembly.Resolver, add func(source, policyDocument)) error {
	var problems []error
	read := func(typeName string, into func(assembly.Resource) (policyDocument, []string, error)) {
		for _, resource := range stack.ByType(typeName) {
			document, attached, err := into(resource)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			add(source{policy: resource.LogicalID, attached: attached}, document)
		}
	}
	read("AWS::SQS::QueuePolicy", func(r assembly.Resource) (policyDocument, []string, error) {
		var q queuePolicy
		err := resolver.Into(r, &q)
		arns := []string{}
		for _, url := range q.Queues {
			arns = append(arns, p.scope.arn("sqs", url[strings.LastIndex(url, "/")+1:]))
		}
		return q.PolicyDocument, arns, err
	})
	read("AWS::SNS::TopicPolicy", func(r assembly.Resource) (policyDocument, []string, error) {
		t := topicPolicy{Topics: []string{}}
		err := resolver.Into(r, &t)
		return t.PolicyDocument, t.Topics, err
	})
	read("AWS::S3::BucketPolicy", func(r assembly.Resource) (policyDocument, []string, error) {
		var b bucketPolicy
		err := resolver.Into(r, &b)
		return b.PolicyDocument, []string{"arn:aws:s3:::" + b.Bucket}, err
	})
	read("AWS::KMS::Key", func(r assembly.Resource) (policyDocument, []string, error) {
		var k keyProperties
		arn, errARN := resolver.Att(r.LogicalID, "Arn")
		return k.KeyPolicy, []string{arn}, errors.Join(errARN, resolver.Into(r, &k))
	})
	read("AWS::Logs::ResourcePolicy", func(r assembly.Resource) (policyDocument, []string, error) {
		var l logPolicy
		var document policyDocument
		err := resolver.Into(r, &l)
		if err == nil {
			err = json.Unmarshal([]byte(l.PolicyDocument), &document)
		}
		return document, []string{"arn:aws:logs:" + p.scope.Region + ":" + p.scope.Account}, err
	})
	for _, resource := range stack.ByType("AWS::Logs::LogGroup") { // package provision supports the other properties
		properties, err := resolver.Properties(resource)
		members, _ := properties.(map[string]any)
		policy, given := members["ResourcePolicyDocument"]
		if err != nil || !given {
			problems = append(problems, err)
			continue
		}
		var document policyDocument
		arn, err := resolver.Att(resource.LogicalID, "Arn")
		if err := errors.Join(err, assembly.Decode(resource.LogicalID, resource.Type, policy, &document)); err != nil {
			problems = append(problems, err)
			continue
		}
		add(source{policy: resource.LogicalID, attached: []string{base(arn)}}, document)
	}
	read("AWS::Events::EventBusPolicy", func(r assembly.Resource) (policyDocument, []string, error) {
		var b eventBusPolicy
		err := resolver.Into(r, &b)
		if err == nil && len(b.Statement) == 0 {
			err = fmt.Errorf("%s: only the property Statement is supported", r.LogicalID)
		}
		name := b.EventBusName
		if name == "" {
			name = "default"
		}
		return policyDocument{Statement: b.Statement}, []string{p.scope.arn("events", "event-bus/"+name)}, err
	})
	read("AWS::Lambda::Permission", func(r assembly.Resource) (policyDocument, []string, error) {
		var l permission
		err := resolver.Into(r, &l)
		function := l.FunctionName
		if !strings.HasPrefix(function, "arn:") {
			function = p.scope.arn("lambda", "function:"+function)
		}
		s := statementDocument{Effect: "Allow", Action: oneOrMany{l.Action}, Resource: oneOrMany{function}, Condition: map[string]map[string]values{}}
		if strings.HasSuffix(l.Principal, ".amazonaws.com") {
			s.Principal = &principals{Service: oneOrMany{l.Principal}}
		} else {
			s.Principal = &principals{AWS: oneOrMany{l.Principal}}
		}
		if l.SourceArn != "" {
			s.Condition["ArnLike"] = map[string]values{"aws:SourceArn": {l.SourceArn}}
		}
		if l.SourceAccount != "" {
			s.Condition["StringEquals"] = map[string]values{"aws:SourceAccount": {l.SourceAccount}}
		}
		return policyDocument{Statement: statementList{s}}, []string{function}, err
	})
	return errors.Join(problems...)
}

// Checks reports whether the calls that an access key signs are checked, and for whom.
func (p *Policies) Checks(accessKey string) (caller Caller, checked bool) {
	r := p.byKey[accessKey]
	if r == nil {
		return Caller{}, false
	}
	return Role(r.arn), true
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

// Check returns nil when the caller may make the call, and the service may use the keys that
// the resources are under. Otherwise the error is a *DeniedError.
func (p *Policies) Check(caller Caller, call Call) error {
	for _, resource := range call.Resources {
		context := Context{}
		for key, actual := range call.Context {
			context.set(key, actual...)
		}
		if err := p.decide(caller, call.Action, resource, context); err != nil {
			return err
		}
		if err := p.checkKey(caller, call, resource); err != nil {
			return err
		}
	}
	return nil
}

// decide checks one action on one resource.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
func (p *Policies) decide(caller Caller, action, resource string, context Context) error {
	if caller.service == "" && p.byARN[caller.arn] == nil {
		return p.deny(caller, action, resource, "because the role is not in the template")
	}
	p.complete(context, caller, resource)
	isKey := strings.HasPrefix(strings.ToLower(action), "kms:")
	var identity, direct, delegated *grant
	for _, s := range p.statements {
		principals, delegates := []int{0}, false
		if s.role == "" {
			principals, delegates = p.matchesPrincipal(s, caller)
		} else if s.role != caller.arn {
			continue
		}
		if len(principals) == 0 {
			continue
		}
		actions, resources := s.matchesAction(action), s.matchesResource(resource)
		if len(actions) == 0 || len(resources) == 0 || !s.holds(context) {
			continue
		}
		if !s.allow {
			kind := "a resource-based policy"
			if s.role != "" {
				kind = "an identity-based policy"
			}
			return p.deny(caller, action, resource, "with an explicit deny in "+kind)
		}
		g := s.granting(principals, actions, resources)
		switch {
		case g == nil:
		case s.role != "" && identity == nil:
			identity = g
		case s.role == "" && delegates && delegated == nil:
			delegated = g
		case s.role == "" && !delegates && direct == nil:
			direct = g
		}
	}
	var used []*grant
	switch {
	// A key's policy decides alone: identity policies count only where it lets the account decide.
	// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
	case isKey && identity != nil && delegated != nil:
		used = []*grant{identity, delegated}
	case direct != nil && (isKey || identity == nil):
		used = []*grant{direct}
	case !isKey && identity != nil:
		used = []*grant{identity}
	case caller.service != "":
		return p.deny(caller, action, resource, "because no resource-based policy allows the "+action+" action")
	case isKey && identity != nil:
		return p.deny(caller, action, resource, "because no resource-based policy allows the "+action+" action")
	default:
		return p.deny(caller, action, resource, "because no identity-based policy allows the "+action+" action")
	}
	for _, g := range used {
		g.uses.Add(1)
	}
	return nil
}

func (p *Policies) deny(caller Caller, action, resource, reason string) error {
	denied := &DeniedError{Caller: caller.String(), Action: action, Resource: resource, Reason: reason}
	if first := p.denied.add(denied); p.observe != nil && first {
		p.observe(denied)
	}
	return denied
}

// matchesPrincipal returns the positions of the principals that include the caller. delegates
// is set when only the account as a whole does, which leaves the decision to the caller's
// identity policies.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
func (p *Policies) matchesPrincipal(s *statement, caller Caller) (positions []int, delegates bool) {
	var accounts []int
	for i, principal := range s.principals {
		switch {
		case principal == everybody, caller.service != "" && principal == caller.service, caller.arn != "" && principal == caller.arn:
			positions = append(positions, i)
		case caller.arn != "" && (principal == p.scope.Account || principal == "arn:aws:iam::"+p.scope.Account+":root"):
			accounts = append(accounts, i)
		}
	}
	if len(positions) == 0 {
		return accounts, len(accounts) > 0
	}
	return positions, false
}

// complete adds the condition keys that follow from the caller, the resource and the time.
// Calls are taken as made over TLS 1.3.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
func (p *Policies) complete(context Context, caller Caller, resource string) {
	now := p.now().UTC()
	context.set("aws:CurrentTime", now.Format(time.RFC3339))
	context.set("aws:EpochTime", strconv.FormatInt(now.Unix(), 10))
	context.set("aws:SecureTransport", "true")
	context.set("aws:RequestedRegion", p.scope.Region)
	context.set("aws:ResourceAccount", p.scope.Account)
	context.set("aws:PrincipalIsAWSService", strconv.FormatBool(caller.service != ""))
	if context["aws:viaawsservice"] == nil {
		context.set("aws:ViaAWSService", "false")
	}
	if strings.HasPrefix(resource, "arn:aws:s3:::") {
		context.set("s3:ResourceAccount", p.scope.Account)
		context.set("s3:TlsVersion", "1.3")
		context.set("s3:authType", "REST-HEADER")
		context.set("s3:signatureversion", "AWS4-HMAC-SHA256")
	}
	if caller.service != "" {
		context.set("aws:PrincipalServiceName", caller.service)
		if caller.source != "" {
			context.set("aws:SourceArn", caller.source)
			context.set("aws:SourceAccount", p.scope.Account)
		}
		return
	}
	context.set("aws:PrincipalArn", caller.arn)
	context.set("aws:PrincipalAccount", p.scope.Account)
	kind := "AssumedRole"
	if r := p.byARN[caller.arn]; r != nil && r.user {
		kind = "User"
	}
	context.set("aws:PrincipalType", kind)
}
