package flow

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/iam"
)

// Kind is what a node is.
type Kind string

// The kinds of nodes.
const (
	API          Kind = "api"
	Function     Kind = "function"
	Table        Kind = "table"
	Queue        Kind = "queue"
	Topic        Kind = "topic"
	Bus          Kind = "bus"
	Rule         Kind = "rule"
	Schedule     Kind = "schedule"
	Machine      Kind = "machine"
	Bucket       Kind = "bucket"
	LogGroup     Kind = "log"
	Archive      Kind = "archive"
	Subscription Kind = "subscription"
	Alarms       Kind = "alarms"
)

// services name a kind as AWS does.
var services = map[Kind]string{
	API: "API Gateway", Function: "Lambda", Table: "DynamoDB", Queue: "SQS", Topic: "SNS", Bus: "EventBridge", Rule: "rule",
	Schedule: "schedule", Machine: "Step Functions", Bucket: "S3", LogGroup: "CloudWatch Logs", Archive: "archive", Subscription: "subscription", Alarms: "CloudWatch",
}

// Node is a resource of the stack, or several that are one thing to a reader.
type Node struct {
	ID      string   `json:"id"` // in the drawing, n1, n2, …
	Kind    Kind     `json:"kind"`
	Service string   `json:"service"` // what AWS calls the kind
	Name    string   `json:"name"`    // short: the physical name without what all names end in
	Lines   []string `json:"lines"`   // routes of an API, bounds of a rule

	Physical  string `json:"physical"`   // name; "" if the resource has none
	LogicalID string `json:"logical_id"` // in the template; "" for a node of no single resource
	Path      string `json:"path"`       // in the CDK app
	// Failures is whether messages in the queue are what failed.
	Failures bool `json:"failures"`

	arn     string
	roleARN string // of a function or state machine
	stage   string // of an API
	source  bool   // is read by an event source mapping, or by a consumer elsewhere
}

// Way is how something passes along an edge.
type Way string

// The ways.
const (
	Normal  Way = "normal"
	Failure Way = "failure" // to where failed events go
	Side    Way = "side"    // reads, and invocations by other functions: not the way of a payment
)

// Edge is an arrow.
type Edge struct {
	ID    string `json:"id"` // in the drawing, e1, e2, …
	From  string `json:"from"`
	To    string `json:"to"`
	Label string `json:"label"` // the action, such as "PutItem"
	Way   Way    `json:"way"`

	// Counts say what is counted, all of it together.
	Counts []Count `json:"-"`
}

// Count names something that is counted.
type Count struct {
	Of Counted
	// LogicalID is that of the function, mapping, rule, bus, queue or topic.
	LogicalID string
	// Detail is a target's id, a grant's id, or a subscription's protocol and endpoint.
	Detail string
}

// Counted is what a Count counts.
type Counted int

// What is counted.
const (
	Requests    Counted = iota // that the API received
	Integration                // invocations of a function by the API
	Granted                    // calls that a grant allowed
	Delivered                  // records or messages that a mapping's function processed
	Accepted                   // events on a bus
	Matched                    // events that a rule's pattern matched
	Invoked                    // events that a rule's target accepted
	DeadLetters                // events of a rule's target that went to its dead-letter queue
	Redriven                   // messages that a queue moved to its dead-letter queue
	Notified                   // notifications to a subscriber
	Alarmed                    // notifications of alarms
)

// Graph is the way of payments through a stack.
type Graph struct {
	Stack string `json:"stack"`
	Nodes []Node `json:"nodes"`
	Edges []Edge `json:"edges"`

	Watches []Watch `json:"-"` // the template's alarms
}

// Node returns a node by its id.
func (g *Graph) Node(id string) *Node {
	for i := range g.Nodes {
		if g.Nodes[i].ID == id {
			return &g.Nodes[i]
		}
	}
	return nil
}

// reader reads a graph.
type reader struct {
	stack    *assembly.Stack
	resolver *assembly.Resolver
	grants   []iam.Grant

	nodes    []*Node
	edges    []*Edge
	problems []error
}

// Read returns the graph of a stack. Resources that nothing of it leads to are left out.
func Read(stack *assembly.Stack, resolver *assembly.Resolver, policies *iam.Policies) (*Graph, error) {
	r := &reader{stack: stack, resolver: resolver, grants: policies.Grants()}
	r.addNodes()
	r.addAPI()
	r.addCalls()
	r.addMappings()
	r.addQueues()
	r.addRules()
	r.addMachines()
	r.addSubscriptions()
	watches := r.watches()
	r.markFailures(watches)
	return r.graph(watches), errors.Join(r.problems...)
}

// properties decodes what is wanted of a resource's properties.
func (r *reader) properties(resource assembly.Resource, into any) {
	properties, err := r.resolver.Properties(resource)
	if err == nil {
		var text []byte
		if text, err = json.Marshal(properties); err == nil {
			err = json.Unmarshal(text, into)
		}
	}
	if err != nil {
		r.problems = append(r.problems, fmt.Errorf("%s (%s): %w", resource.LogicalID, resource.Type, err))
	}
}

func (r *reader) must(text string, err error) string {
	if err != nil {
		r.problems = append(r.problems, err)
	}
	return text
}

// resourceKinds are the types of which each resource is a node.
var resourceKinds = map[string]Kind{
	"AWS::ApiGateway::RestApi": API, "AWS::Lambda::Function": Function, "AWS::DynamoDB::Table": Table, "AWS::SQS::Queue": Queue,
	"AWS::SNS::Topic": Topic, "AWS::Events::EventBus": Bus, "AWS::StepFunctions::StateMachine": Machine, "AWS::S3::Bucket": Bucket,
	"AWS::Logs::LogGroup": LogGroup, "AWS::Events::Archive": Archive,
}

// nameProperties are the properties with a name that the template gives.
var nameProperties = []string{
	"FunctionName", "TableName", "QueueName", "TopicName", "StateMachineName", "BucketName", "LogGroupName", "ArchiveName", "Name",
}

// physical returns the name that a resource has if the template gives none.
func (r *reader) physical(kind Kind, logicalID string) (string, error) {
	switch kind {
	case Queue:
		return r.resolver.Att(logicalID, "QueueName")
	case Topic:
		return r.resolver.Att(logicalID, "TopicName")
	case Machine:
		return r.resolver.Att(logicalID, "Name")
	default:
		return r.resolver.Ref(logicalID)
	}
}

func (r *reader) addNodes() {
	for typeName, kind := range resourceKinds {
		for _, resource := range r.stack.ByType(typeName) {
			var p map[string]any
			r.properties(resource, &p)
			n := &Node{Kind: kind, LogicalID: resource.LogicalID, Path: resource.Path}
			n.Physical = r.must(r.physical(kind, resource.LogicalID))
			for _, property := range nameProperties {
				if name, given := p[property].(string); given {
					n.Physical, n.Name = name, name
					break
				}
			}
			switch kind {
			case API:
				// no ARN is asked for
			case Topic, Machine:
				n.arn = r.must(r.resolver.Ref(resource.LogicalID))
			default:
				n.arn = strings.TrimSuffix(r.must(r.resolver.Att(resource.LogicalID, "Arn")), ":*")
			}
			for _, property := range []string{"Role", "RoleArn"} {
				if role, given := p[property].(string); given {
					n.roleARN = role
				}
			}
			r.nodes = append(r.nodes, n)
		}
	}
}

// byARN returns the node of an ARN, of a queue's URL or of a function's name; nil if there is none.
func (r *reader) byARN(arn string) *Node {
	arn = strings.TrimSuffix(arn, ":*")
	for _, n := range r.nodes {
		switch {
		case n.arn == "" || arn == "":
		case n.arn == arn, n.Kind == Function && (n.Physical == arn || strings.HasPrefix(arn, n.arn+":")),
			n.Kind == Queue && strings.HasPrefix(arn, "http") && n.Physical == arn[strings.LastIndex(arn, "/")+1:],
			n.Kind == Table && strings.HasPrefix(arn, n.arn+"/stream/"):
			return n
		}
	}
	return nil
}

func (r *reader) byID(logicalID string) *Node {
	for _, n := range r.nodes {
		if n.LogicalID == logicalID {
			return n
		}
	}
	return nil
}

// connect adds an edge, or what it counts to the edge that there is.
func (r *reader) connect(from, to *Node, way Way, label string, counts ...Count) {
	if from == nil || to == nil || from == to {
		return
	}
	for _, e := range r.edges {
		if e.From == key(from) && e.To == key(to) {
			if way == Normal || e.Way == Side {
				e.Way = way
			}
			if !slices.Contains(strings.Split(e.Label, ", "), label) {
				e.Label += ", " + label
			}
			for _, c := range counts {
				if !slices.Contains(e.Counts, c) {
					e.Counts = append(e.Counts, c)
				}
			}
			return
		}
	}
	r.edges = append(r.edges, &Edge{From: key(from), To: key(to), Way: way, Label: label, Counts: counts})
}

// key identifies a node until it has an id.
func key(n *Node) string { return string(n.Kind) + "\x00" + n.LogicalID + "\x00" + n.Physical }

var functionInURI = regexp.MustCompile(`/functions/(.+)/invocations$`)

// addAPI connects methods with the functions of their integrations.
func (r *reader) addAPI() {
	parts := map[string][2]string{} // by id: parent, part
	for _, resource := range r.stack.ByType("AWS::ApiGateway::Resource") {
		var p struct{ ParentId, PathPart string }
		r.properties(resource, &p)
		parts[r.must(r.resolver.Ref(resource.LogicalID))] = [2]string{p.ParentId, p.PathPart}
	}
	path := func(id string) string {
		text := ""
		for part, has := parts[id]; has; part, has = parts[id] {
			text, id = "/"+part[1]+text, part[0]
		}
		return cmp.Or(text, "/")
	}
	for _, resource := range r.stack.ByType("AWS::ApiGateway::Method") {
		var p struct {
			RestApiId, ResourceId, HttpMethod string
			Integration                       struct{ Uri string }
		}
		r.properties(resource, &p)
		for _, api := range r.nodes {
			uri := functionInURI.FindStringSubmatch(p.Integration.Uri)
			if api.Kind != API || uri == nil || r.must(r.resolver.Ref(api.LogicalID)) != p.RestApiId {
				continue
			}
			api.Lines = append(api.Lines, p.HttpMethod+" "+path(p.ResourceId))
			if f := r.byARN(uri[1]); f != nil {
				r.connect(api, f, Normal, "invoke", Count{Integration, f.LogicalID, ""})
			}
		}
	}
	for _, resource := range r.stack.ByType("AWS::ApiGateway::Stage") {
		var p struct{ RestApiId, StageName string }
		r.properties(resource, &p)
		for _, api := range r.nodes {
			if api.Kind == API && r.must(r.resolver.Ref(api.LogicalID)) == p.RestApiId {
				api.stage = p.StageName
			}
		}
	}
	for _, n := range r.nodes { // a method is named once for all its paths that follow
		slices.Sort(n.Lines)
		before := ""
		for i, l := range n.Lines {
			if method, path, is := strings.Cut(l, " "); is {
				if method == before {
					n.Lines[i] = path
				}
				before = method
			}
		}
	}
}

// actions are the calls by which something passes from or to a kind of resource.
var actions = map[Kind]struct{ write, read []string }{
	Table: {
		write: []string{"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:TransactWriteItems"},
		read:  []string{"dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:BatchGetItem"},
	},
	Bucket:  {write: []string{"s3:PutObject", "s3:DeleteObject"}, read: []string{"s3:GetObject"}},
	Queue:   {write: []string{"sqs:SendMessage"}},
	Topic:   {write: []string{"sns:Publish"}},
	Bus:     {write: []string{"events:PutEvents"}},
	Machine: {write: []string{"states:StartExecution", "states:StartSyncExecution"}},
}

// invoke is not a way of payments: functions invoke one another to ask something.
const invoke = "lambda:InvokeFunction"

// addCalls connects functions with what their roles may call.
func (r *reader) addCalls() {
	for _, f := range r.nodes {
		if f.Kind != Function || f.roleARN == "" {
			continue
		}
		for _, to := range r.nodes {
			write, writes := r.granted(f, to, actions[to.Kind].write)
			read, reads := r.granted(f, to, actions[to.Kind].read)
			switch {
			case len(write) > 0: // what is written may be read again
				r.connect(f, to, Normal, strings.Join(write, ", "), writes...)
			case len(read) > 0:
				r.connect(to, f, Side, strings.Join(read, ", "), reads...)
			}
			if to.Kind == Function && to != f {
				if calls, counts := r.granted(f, to, []string{invoke}); len(calls) > 0 {
					r.connect(f, to, Side, "invoke", counts...)
				}
			}
		}
	}
}

// granted returns which of the actions a role may perform on a resource, without their service, and
// the grants that allow it.
func (r *reader) granted(caller, resource *Node, actions []string) (names []string, counts []Count) {
	role := caller.roleARN[strings.LastIndex(caller.roleARN, "/")+1:]
	for _, action := range actions {
		for _, g := range r.grants {
			if g.Principal != role || !matches(g.Action, action) || !covers(g.Resource, resource.arn) {
				continue
			}
			if name := action[strings.Index(action, ":")+1:]; !slices.Contains(names, name) {
				names = append(names, name)
			}
			if c := (Count{Granted, "", g.ID}); !slices.Contains(counts, c) {
				counts = append(counts, c)
			}
		}
	}
	return names, counts
}

// covers reports whether a grant's resource is this resource, or part of it as objects and indexes are.
func covers(granted, arn string) bool {
	return arn != "" && (matches(granted, arn) || strings.HasPrefix(granted, arn+"/") || strings.HasPrefix(granted, arn+":"))
}

// matches compares as IAM does: letters of actions in any case, * for any text and ? for any character.
func matches(pattern, text string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return strings.EqualFold(pattern, text)
	}
	expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	matched, err := regexp.MatchString("(?i)^"+expression+"$", text)
	return err == nil && matched
}

// addMappings connects streams and queues with the functions that read them, and these with where
// records go that are given up.
func (r *reader) addMappings() {
	type destination struct {
		OnFailure struct{ Destination string }
	}
	for _, resource := range r.stack.ByType("AWS::Lambda::EventSourceMapping") {
		var p struct {
			EventSourceArn, FunctionName string
			DestinationConfig            destination
		}
		r.properties(resource, &p)
		from, f := r.byARN(p.EventSourceArn), r.byARN(p.FunctionName)
		if from == nil || f == nil {
			continue
		}
		label := "messages"
		if from.Kind == Table {
			label = "stream"
		}
		from.source = true
		r.connect(from, f, Normal, label, Count{Delivered, resource.LogicalID, ""})
		r.fail(f, p.DestinationConfig.OnFailure.Destination)
	}
	for _, resource := range r.stack.ByType("AWS::Lambda::EventInvokeConfig") {
		var p struct {
			FunctionName      string
			DestinationConfig destination
		}
		r.properties(resource, &p)
		r.fail(r.byARN(p.FunctionName), p.DestinationConfig.OnFailure.Destination)
	}
	for _, resource := range r.stack.ByType("AWS::Lambda::Function") {
		var p struct{ DeadLetterConfig struct{ TargetArn string } }
		r.properties(resource, &p)
		r.fail(r.byID(resource.LogicalID), p.DeadLetterConfig.TargetArn)
	}
}

// fail connects a function with the destination of what failed, to which its role sends.
func (r *reader) fail(f *Node, arn string) {
	to := r.byARN(arn)
	if f == nil || to == nil {
		return
	}
	to.Failures = to.Failures || to.Kind == Queue
	_, counts := r.granted(f, to, actions[to.Kind].write)
	r.connect(f, to, Failure, "on failure", counts...)
}

// addQueues connects queues with their dead-letter queues.
func (r *reader) addQueues() {
	for _, resource := range r.stack.ByType("AWS::SQS::Queue") {
		var p struct{ RedrivePolicy json.RawMessage }
		r.properties(resource, &p)
		var text string
		if json.Unmarshal(p.RedrivePolicy, &text) == nil && text != "" { // the API's form
			p.RedrivePolicy = json.RawMessage(text)
		}
		var redrive struct {
			ARN string `json:"deadLetterTargetArn"`
		}
		if p.RedrivePolicy == nil || json.Unmarshal(p.RedrivePolicy, &redrive) != nil {
			continue
		}
		if to := r.byARN(redrive.ARN); to != nil {
			to.Failures = true
			r.connect(r.byID(resource.LogicalID), to, Failure, "redrive", Count{Redriven, resource.LogicalID, ""})
		}
	}
}

// defaultBus is the bus of rules that name none.
const defaultBus = "default"

// bus returns the node of a bus by its name or ARN.
func (r *reader) bus(nameOrARN string) *Node {
	name := cmp.Or(nameOrARN[strings.LastIndex(nameOrARN, "/")+1:], defaultBus)
	for _, n := range r.nodes {
		if n.Kind == Bus && n.Physical == name {
			return n
		}
	}
	n := &Node{Kind: Bus, Physical: name, Name: name + " bus"}
	r.nodes = append(r.nodes, n)
	return n
}

func (r *reader) addRules() {
	for _, resource := range r.stack.ByType("AWS::Events::Archive") {
		var p struct{ SourceArn string }
		r.properties(resource, &p)
		if bus := r.byARN(p.SourceArn); bus != nil {
			n := r.byID(resource.LogicalID)
			n.Lines = append(n.Lines, "for replay")
			r.connect(bus, n, Normal, "archive", Count{Accepted, bus.LogicalID, ""})
		}
	}
	for _, f := range r.nodes { // grants count calls, of which each puts several events
		if f.Kind != Function {
			continue
		}
		for _, e := range r.edges {
			if e.From != key(f) {
				continue
			}
			if to := r.keyed(e.To); to.Kind == Bus && to.LogicalID != "" && r.writers(to) == 1 {
				e.Counts = []Count{{Accepted, to.LogicalID, ""}}
			}
		}
	}
	for _, resource := range r.stack.ByType("AWS::Events::Rule") {
		var p struct {
			Name, EventBusName, ScheduleExpression, State string
			EventPattern                                  map[string]any
			Targets                                       []struct {
				ID               string `json:"Id"`
				Arn              string
				DeadLetterConfig struct{ Arn string }
			}
		}
		r.properties(resource, &p)
		rule := &Node{Kind: Rule, LogicalID: resource.LogicalID, Path: resource.Path, Physical: p.Name, Name: p.Name, arn: r.must(r.resolver.Att(resource.LogicalID, "Arn"))}
		if ref := r.must(r.resolver.Ref(resource.LogicalID)); rule.Physical == "" {
			rule.Physical = ref[strings.LastIndex(ref, "|")+1:]
		}
		if p.ScheduleExpression != "" {
			rule.Kind, rule.Lines = Schedule, []string{p.ScheduleExpression}
		} else {
			rule.Lines = Words(p.EventPattern)
		}
		if p.State == "DISABLED" {
			rule.Lines = append(rule.Lines, "disabled")
		}
		r.nodes = append(r.nodes, rule)
		if rule.Kind == Rule {
			r.connect(r.bus(p.EventBusName), rule, Normal, "match", Count{Matched, resource.LogicalID, ""})
		}
		for _, target := range p.Targets {
			to := r.byARN(target.Arn)
			if to != nil {
				to.source = to.source || to.Kind == Queue // of a consumer, here or elsewhere
			}
			r.connect(rule, to, Normal, "target", Count{Invoked, resource.LogicalID, target.ID})
			if letters := r.byARN(target.DeadLetterConfig.Arn); letters != nil {
				letters.Failures = true
				r.connect(rule, letters, Failure, "dead letters", Count{DeadLetters, resource.LogicalID, target.ID})
			}
		}
	}
}

func (r *reader) keyed(k string) *Node {
	for _, n := range r.nodes {
		if key(n) == k {
			return n
		}
	}
	return nil
}

// writers returns how many edges lead to a node.
func (r *reader) writers(n *Node) (count int) {
	for _, e := range r.edges {
		if e.To == key(n) {
			count++
		}
	}
	return count
}

// addMachines connects state machines with what their tasks call.
func (r *reader) addMachines() {
	for _, resource := range r.stack.ByType("AWS::StepFunctions::StateMachine") {
		var p struct{ DefinitionString string }
		r.properties(resource, &p)
		var definition any
		if err := json.Unmarshal([]byte(p.DefinitionString), &definition); err != nil {
			r.problems = append(r.problems, fmt.Errorf("%s: %w", resource.LogicalID, err))
			continue
		}
		machine := r.byID(resource.LogicalID)
		caught := map[string]bool{}
		tasks := map[string]map[string]any{}
		walkStates(definition, tasks, caught)
		for name, task := range tasks {
			to := r.taskTarget(task)
			if to == nil {
				continue
			}
			way, wanted := Normal, actions[to.Kind].write
			if to.Kind == Function {
				wanted = []string{invoke}
			}
			names, counts := r.granted(machine, to, wanted)
			label := strings.Join(names, ", ")
			if to.Kind == Function || label == "" {
				label = "task"
			}
			if to.Kind == Queue && caught[name] {
				way, label, to.Failures = Failure, "catch", true
			}
			r.connect(machine, to, way, label, counts...)
		}
	}
}

// walkStates collects Task states by name, and the names of states that a Catch leads to.
func walkStates(value any, tasks map[string]map[string]any, caught map[string]bool) {
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			walkStates(one, tasks, caught)
		}
	case map[string]any:
		states, _ := v["States"].(map[string]any)
		for name, state := range states {
			s, _ := state.(map[string]any)
			if s["Type"] == "Task" {
				tasks[name] = s
			}
			catches, _ := s["Catch"].([]any)
			for _, c := range catches {
				if next, is := c.(map[string]any); is {
					caught[fmt.Sprint(next["Next"])] = true
				}
			}
			walkStates(s["Branches"], tasks, caught)
			walkStates(s["Iterator"], tasks, caught)
			walkStates(s["ItemProcessor"], tasks, caught)
		}
	}
}

// taskTarget returns what a task calls.
func (r *reader) taskTarget(task map[string]any) *Node {
	resource := fmt.Sprint(task["Resource"])
	if n := r.byARN(resource); n != nil {
		return n
	}
	for _, fields := range []string{"Parameters", "Arguments"} {
		parameters, _ := task[fields].(map[string]any)
		for _, name := range []string{"FunctionName", "TopicArn", "QueueUrl", "StateMachineArn", "TableName"} {
			text, _ := parameters[name].(string)
			if n := r.byARN(text); n != nil {
				return n
			}
			if name == "TableName" && text != "" {
				for _, n := range r.nodes {
					if n.Kind == Table && n.Physical == text {
						return n
					}
				}
			}
		}
	}
	return nil
}

func (r *reader) addSubscriptions() {
	add := func(topicARN, protocol, endpoint, logicalID, path string) {
		topic := r.byARN(topicARN)
		if topic == nil {
			return
		}
		if to := r.byARN(endpoint); to != nil {
			r.connect(topic, to, Normal, protocol, Count{Notified, topic.LogicalID, protocol + " " + endpoint})
			return
		}
		n := &Node{Kind: Subscription, LogicalID: logicalID, Path: path, Physical: endpoint, Name: endpoint, Lines: []string{protocol}}
		r.nodes = append(r.nodes, n)
		r.connect(topic, n, Normal, protocol, Count{Notified, topic.LogicalID, protocol + " " + endpoint})
	}
	for _, resource := range r.stack.ByType("AWS::SNS::Subscription") {
		var p struct{ TopicArn, Protocol, Endpoint string }
		r.properties(resource, &p)
		add(p.TopicArn, p.Protocol, p.Endpoint, resource.LogicalID, resource.Path)
	}
	for _, resource := range r.stack.ByType("AWS::SNS::Topic") {
		var p struct {
			Subscription []struct{ Endpoint, Protocol string }
		}
		r.properties(resource, &p)
		for _, s := range p.Subscription {
			add(r.must(r.resolver.Ref(resource.LogicalID)), s.Protocol, s.Endpoint, resource.LogicalID, resource.Path)
		}
	}
	n := &Node{Kind: Alarms, Name: "alarms"}
	r.nodes = append(r.nodes, n)
	for _, resource := range r.stack.ByType("AWS::CloudWatch::Alarm") {
		var p struct{ AlarmActions []string }
		r.properties(resource, &p)
		for _, arn := range p.AlarmActions {
			if topic := r.byARN(arn); topic != nil {
				r.connect(n, topic, Normal, "notify", Count{Alarmed, topic.LogicalID, ""})
			}
		}
	}
}

// markFailures marks queues whose messages are failures because an alarm says so as soon as there is one.
func (r *reader) markFailures(watches []Watch) {
	for _, n := range r.nodes {
		if n.Kind != Queue {
			continue
		}
		for _, w := range watches {
			if w.Metric == notEmpty && w.has("QueueName", n.Physical) && !n.source {
				n.Failures = true
			}
		}
		for _, e := range r.edges {
			if e.To == key(n) && n.Failures && !n.source {
				e.Way = Failure
			}
		}
	}
}

// graph numbers nodes and edges in the order of the template's paths, and leaves out what nothing
// is connected with.
func (r *reader) graph(watches []Watch) *Graph {
	connected := map[string]bool{}
	for _, e := range r.edges {
		connected[e.From], connected[e.To] = true, true
	}
	r.nodes = slices.DeleteFunc(r.nodes, func(n *Node) bool { return !connected[key(n)] })
	slices.SortFunc(r.nodes, func(a, b *Node) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Physical, b.Physical))
	})
	suffix := r.suffix()
	g := &Graph{Stack: r.stack.Name, Watches: watches}
	ids, order := map[string]string{}, map[string]int{}
	for i, n := range r.nodes {
		n.ID, n.Service = fmt.Sprintf("n%d", i+1), services[n.Kind]
		ids[key(n)], order[n.ID] = n.ID, i
	}
	for _, e := range r.edges {
		e.From, e.To = ids[e.From], ids[e.To]
	}
	for _, n := range r.nodes {
		n.Name = shortName(n, suffix)
		g.Nodes = append(g.Nodes, *n)
		if n.Kind == API {
			r.edges = append(r.edges, &Edge{To: n.ID, Way: Normal, Label: "HTTPS", Counts: []Count{{Requests, n.LogicalID, ""}}})
		}
	}
	slices.SortFunc(r.edges, func(a, b *Edge) int {
		return cmp.Or(cmp.Compare(order[a.From], order[b.From]), cmp.Compare(order[a.To], order[b.To]))
	})
	for i, e := range r.edges {
		e.ID = fmt.Sprintf("e%d", i+1)
		labels := strings.Split(e.Label, ", ")
		slices.Sort(labels)
		e.Label = strings.Join(slices.Compact(labels), ", ")
		g.Edges = append(g.Edges, *e)
	}
	return g
}

// suffix returns what most names of functions and queues end in, "-dev", or "".
func (r *reader) suffix() string {
	counts, best := map[string]int{}, ""
	total := 0
	for _, n := range r.nodes {
		if n.Kind != Function && n.Kind != Queue {
			continue
		}
		total++
		for i, c := range n.Physical {
			if c == '-' && i > 0 {
				counts[n.Physical[i:]]++
			}
		}
	}
	for suffix, count := range counts {
		if 2*count > total && (len(suffix) > len(best)) {
			best = suffix
		}
	}
	return best
}

var accountAndRegion = regexp.MustCompile(`-\d{12}-[a-z]{2}(-[a-z]+)+-\d`)

// shortName is the given name without what the deployment adds to it, or the construct's name if the
// template gives none.
func shortName(n *Node, suffix string) string {
	name := n.Name
	if name == "" {
		parts := strings.Split(strings.TrimSuffix(n.Path, "/Resource"), "/")
		name = cmp.Or(parts[len(parts)-1], n.LogicalID)
	}
	name = strings.TrimSuffix(accountAndRegion.ReplaceAllString(name, ""), suffix)
	if n.Kind == LogGroup {
		name = name[strings.LastIndex(name, "/")+1:]
	}
	return name
}
