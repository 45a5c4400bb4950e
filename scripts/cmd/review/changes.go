package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// action is what an update does to a resource.
type action string

// The actions.
const (
	added    action = "added"
	removed  action = "deleted"
	replaced action = "replaced"
	updated  action = "changed"
)

// change is a resource that differs.
type change struct {
	before, after *resource // nil if there is none
	action        action
	how           replacement // of replaced: yes, maybe or unknown
	properties    []string    // that differ, sorted
	reasons       []string    // of replaced
}

// resource returns the resource, as it is after the change if there is one.
func (c *change) resource() *resource {
	if c.after != nil {
		return c.after
	}
	return c.before
}

// diff returns the resources that differ, by logical id.
func diff(s *schema, before, after *template) map[string]*change {
	all := map[string]*change{}
	for id, r := range before.Resources {
		if after.Resources[id] == nil {
			all[id] = &change{before: r, action: removed}
		}
	}
	for id, r := range after.Resources {
		old := before.Resources[id]
		if old == nil {
			all[id] = &change{after: r, action: added}
			continue
		}
		if c := diffResource(s, old, r); c != nil {
			all[id] = c
		}
	}
	propagate(s, before, after, all)
	return all
}

func diffResource(s *schema, before, after *resource) *change {
	c := &change{before: before, after: after, action: updated}
	if before.Type != after.Type {
		// CloudFormation refuses to change the type under a logical id.
		c.action, c.how = replaced, replaces
		c.reasons = []string{"its type was " + before.Type}
		return c
	}
	for _, name := range union(before.Properties, after.Properties) {
		if same(before.Properties[name], after.Properties[name]) {
			continue
		}
		c.properties = append(c.properties, name)
		if how := s.change(after.Type, name, before.Properties[name], after.Properties[name]); how != keeps {
			c.action, c.how = replaced, worse(c.how, how)
			c.reasons = append(c.reasons, name+" changes")
		}
	}
	if len(c.properties) == 0 && before.Condition == after.Condition &&
		before.DeletionPolicy == after.DeletionPolicy && before.UpdateReplacePolicy == after.UpdateReplacePolicy {
		return nil
	}
	return c
}

// propagate finds what is replaced because a property that cannot change refers to a resource
// that is replaced: its id is another one then.
func propagate(s *schema, before, after *template, all map[string]*change) {
	for again := true; again; {
		again = false
		ids := map[string]bool{}
		for id, c := range all {
			if c.action == replaced {
				ids[id] = true
			}
		}
		for id, r := range after.Resources {
			old := before.Resources[id]
			if old == nil || ids[id] {
				continue
			}
			s.fixed(r, func(path string, value any, how replacement) {
				which := refersTo(value, ids)
				if which == "" {
					return
				}
				c := all[id]
				if c == nil {
					c = &change{before: old, after: r}
					all[id] = c
				}
				if how == replaces { // as sure as that what it refers to is replaced
					how = all[which].how
				}
				c.action, c.how = replaced, worse(c.how, how)
				c.reasons = append(c.reasons, fmt.Sprintf("%s refers to %s, which is replaced", path, which))
				again = true
			})
			if c := all[id]; c != nil {
				slices.Sort(c.reasons)
			}
		}
	}
}

// union returns the keys of both maps, sorted.
func union(a, b map[string]any) []string {
	keys := map[string]bool{}
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	return slices.Sorted(maps.Keys(keys))
}

// resources reports replaced and deleted resources that hold data or that users know.
func (c *comparison) resources() {
	for _, id := range slices.Sorted(maps.Keys(c.changes)) {
		ch := c.changes[id]
		r := ch.resource()
		_, known := c.schema.types[r.Type]
		loss := c.loss(ch.before)
		switch {
		case ch.action == added:
			continue
		case isCustom(r.Type):
			c.add(unsure, worsens, r, string(ch.action)+": a custom resource, whose provider decides what that does", ch.values(true), ch.values(false))
		case !known && loss == "":
			c.add(destroyed, worsens, r, string(ch.action)+": the type is unknown here, so it may hold data", ch.values(true), ch.values(false))
		case loss == "":
			continue
		case ch.action == removed:
			c.add(destroyed, worsens, r, removal(ch.before, loss), r.name(), "")
		case ch.action == replaced:
			c.add(destroyed, worsens, r, c.replacement(ch, loss), ch.values(true), ch.values(false))
		}
	}
}

// removal says what the deletion of a resource does. The policy is that of the template
// before: the one after does not have the resource.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
func removal(r *resource, loss string) string {
	switch r.DeletionPolicy {
	case "Retain", "RetainExceptOnCreate":
		return "DELETED from the stack; DeletionPolicy Retain keeps the resource, but nothing uses it: " + loss
	case "Snapshot":
		return "DELETED after a last snapshot (DeletionPolicy): " + loss
	}
	return "DELETED: " + loss
}

func (c *comparison) replacement(ch *change, loss string) string {
	what := "REPLACED"
	switch ch.how {
	case maybe:
		what = "MAY BE REPLACED"
	case unknown:
		what = "REPLACED OR NOT, unknown here (a type or property that the database of types does not have)"
	}
	what += " (" + strings.Join(ch.reasons, ", ") + "): "
	switch ch.before.UpdateReplacePolicy {
	case "Retain", "RetainExceptOnCreate":
		what += "UpdateReplacePolicy Retain keeps the old one, but nothing uses it: "
	case "Snapshot":
		what += "after a last snapshot (UpdateReplacePolicy): "
	}
	what += loss
	if ch.before.Type != ch.after.Type {
		return what + ". CloudFormation refuses another type under the same logical id"
	}
	if name := c.schema.ownName(ch.before, ch.after); name != "" {
		what += ". CloudFormation refuses to replace a resource that keeps its own name, here " + name
	}
	return what
}

// values shows the changed properties before or after a change.
func (c *change) values(old bool) string {
	r := c.after
	if old {
		r = c.before
	}
	if r == nil {
		return ""
	}
	var all []string
	for _, name := range c.properties {
		if value := r.Properties[name]; value != nil {
			all = append(all, name+": "+show(value))
		}
	}
	return strings.Join(all, "; ")
}

// stateful says what is lost with a resource of a type, beyond the types that the database
// marks as stateful: what users know by a name or an address, what others must set up again,
// and what is in flight.
var stateful = map[string]string{
	"AWS::DynamoDB::Table":                 "its items, their backups by point-in-time recovery and unread records of its stream are lost",
	"AWS::DynamoDB::GlobalTable":           "its items and their backups by point-in-time recovery are lost",
	"AWS::S3::Bucket":                      "its objects are lost, or the deletion fails because there are some",
	"AWS::KMS::Key":                        "everything that is encrypted under it becomes unreadable",
	"AWS::SQS::Queue":                      "its messages are lost",
	"AWS::SNS::Topic":                      "its subscriptions are lost, and people must confirm theirs again",
	"AWS::Logs::LogGroup":                  "its log events are lost",
	"AWS::Events::EventBus":                "what others send to it or archived of it is lost, and its address changes",
	"AWS::Events::Archive":                 "its events cannot be replayed any more",
	"AWS::SecretsManager::Secret":          "its value is lost",
	"AWS::SSM::Parameter":                  "its value is lost",
	"AWS::StepFunctions::StateMachine":     "its running executions end",
	"AWS::StepFunctions::Activity":         "its waiting tasks are lost",
	"AWS::Lambda::EventSourceMapping":      "its position in the source is lost: records are processed again or never",
	"AWS::Pipes::Pipe":                     "its position in the source is lost: records are processed again or never",
	"AWS::ApiGateway::RestApi":             "the API's id is part of the webhook URL: providers post to a URL that is gone",
	"AWS::ApiGateway::Stage":               "the stage's name is part of the webhook URL: providers post to a URL that is gone",
	"AWS::ApiGateway::Resource":            "the path is part of the webhook URL: providers post to a URL that is gone",
	"AWS::ApiGateway::Method":              "requests of this method are no longer accepted",
	"AWS::ApiGateway::DomainName":          "requests to the domain are no longer accepted",
	"AWS::ApiGateway::DomainNameV2":        "requests to the domain are no longer accepted",
	"AWS::ApiGateway::BasePathMapping":     "requests to the domain are no longer accepted",
	"AWS::ApiGateway::BasePathMappingV2":   "requests to the domain are no longer accepted",
	"AWS::ApiGateway::ApiKey":              "clients that send the key are refused",
	"AWS::ApiGatewayV2::Api":               "the API's id is part of its URL",
	"AWS::ApiGatewayV2::Stage":             "the stage's name is part of its URL",
	"AWS::ApiGatewayV2::Route":             "requests of this route are no longer accepted",
	"AWS::ApiGatewayV2::DomainName":        "requests to the domain are no longer accepted",
	"AWS::ApiGatewayV2::ApiMapping":        "requests to the domain are no longer accepted",
	"AWS::Lambda::Url":                     "the URL is gone",
	"AWS::CloudFront::Distribution":        "its domain name is gone",
	"AWS::Route53::HostedZone":             "its records are lost, and its name servers change",
	"AWS::Route53::RecordSet":              "its name no longer resolves",
	"AWS::ECR::Repository":                 "its images are lost",
	"AWS::Backup::BackupVault":             "its recovery points are lost",
	"AWS::Backup::BackupPlan":              "no further recovery points are made by it",
	"AWS::Backup::BackupSelection":         "no further recovery points are made of what it selects",
	"AWS::CloudTrail::Trail":               "calls are no longer recorded",
	"AWS::Kinesis::Stream":                 "its records are lost",
	"AWS::KinesisFirehose::DeliveryStream": "what it has buffered is lost",
	"AWS::Scheduler::Schedule":             "what it starts is no longer started",
	"AWS::IAM::AccessKey":                  "who uses the key is refused",
	"AWS::CertificateManager::Certificate": "what is served with it must be given another one",
}

// loss says what is lost with a resource, nothing if it holds nothing.
func (c *comparison) loss(r *resource) string {
	if r == nil {
		return ""
	}
	if text := stateful[r.Type]; text != "" {
		return text
	}
	if t := c.schema.types[r.Type]; t != nil && t.Stateful {
		return "its data is lost"
	}
	if keptBy(r.DeletionPolicy) || keptBy(r.UpdateReplacePolicy) {
		return "its policies say that it is to be kept"
	}
	return ""
}

// keptBy reports whether a policy keeps a resource or its data.
func keptBy(policy string) bool {
	return policy == "Retain" || policy == "RetainExceptOnCreate" || policy == "Snapshot"
}

// sections reports what the other sections of the template change that resources depend on.
func (c *comparison) sections() {
	for _, s := range []struct {
		name          string
		before, after map[string]any
	}{
		{"parameter", c.before.Parameters, c.after.Parameters},
		{"mapping", c.before.Mappings, c.after.Mappings},
		{"condition", c.before.Conditions, c.after.Conditions},
	} {
		for _, name := range union(s.before, s.after) {
			before, after := s.before[name], s.after[name]
			if before != nil && after != nil && !same(before, after) {
				c.add(unsure, worsens, nil, s.name+" "+name+" of the template changes: what refers to it may change with it", show(before), show(after))
			}
		}
	}
	for _, name := range union(c.before.Outputs, c.after.Outputs) {
		before, after := c.before.Outputs[name], c.after.Outputs[name]
		switch {
		case after == nil:
			c.add(protections, worsens, nil, "output "+name+" is removed: users read it, and other stacks may import it", show(get(before, "Value")), "")
		case before != nil && !same(get(before, "Export"), get(after, "Export")):
			c.add(protections, worsens, nil, "output "+name+" is exported under another name", show(get(before, "Export", "Name")), show(get(after, "Export", "Name")))
		case before != nil && !same(get(before, "Value"), get(after, "Value")):
			c.add(protections, changes, nil, "output "+name+" has another value", show(get(before, "Value")), show(get(after, "Value")))
		}
	}
	if c.before.terminationProtection == "true" && c.after.terminationProtection == "false" {
		c.add(protections, worsens, nil, "termination protection of the stack is switched off", "true", "false")
	}
}
