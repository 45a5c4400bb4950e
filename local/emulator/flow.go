package emulator

import (
	"context"
	"maps"
	"sync"
	"time"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/cloudwatch"
	"payment-webhooks/local/events"
	"payment-webhooks/local/flow"
	"payment-webhooks/local/iam"
)

// Graph returns the way of payments through the stack of a template in JSON or YAML, which is not run.
func Graph(name string, template []byte) (*flow.Graph, error) {
	stack, err := assembly.Read(name, template, nil)
	if err != nil {
		return nil, err
	}
	env := assembly.Env{Account: defaultAccount, Region: "us-east-1", Endpoint: "http://127.0.0.1:4566"}
	if err := stack.Evaluate(env, nil); err != nil {
		return nil, err
	}
	resolver := assembly.NewResolver(stack, types, env)
	policies, err := iam.New(stack, resolver, iam.Scope{Account: env.Account, Region: env.Region}, func(*iam.DeniedError) {})
	if err != nil {
		return nil, err
	}
	return flow.Read(stack, resolver, policies)
}

// flowView returns the page's view of this stack, or an error if its graph cannot be read.
func (e *Emulator) flowView() (*flow.View, error) {
	graph, err := flow.Read(e.stack, e.resolver, e.policies)
	if err != nil {
		return nil, err
	}
	e.flowBase = e.granted() // the checks of the deployment, which used grants too, are no calls
	return flow.NewView(graph, flow.Config{
		Counts: e.flowCounts, Depths: e.depths, Activity: e.queueMetrics.Activity, Sum: e.metrics.Sum, InAlarm: e.inAlarm, Now: time.Now,
	}), nil
}

// inAlarm returns the names of the alarms in ALARM, as last evaluated.
func (e *Emulator) inAlarm() (names []string) {
	for _, a := range e.alarms.Describe() {
		if a.State == cloudwatch.Alarm {
			names = append(names, a.Name)
		}
	}
	return names
}

// tally counts what nothing else does. It is safe for concurrent use.
type tally struct {
	mu     sync.Mutex
	counts map[flow.Count]int
}

func (t *tally) add(c flow.Count) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[flow.Count]int{}
	}
	t.counts[c]++
}

func (t *tally) all() map[flow.Count]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}

// granted returns how many calls each grant allowed.
func (e *Emulator) granted() map[string]int {
	uses := map[string]int{}
	for _, g := range e.policies.Grants() {
		uses[g.ID] = int(g.Uses)
	}
	return uses
}

// flowCounts returns a function that returns counts as they are now.
func (e *Emulator) flowCounts() func(flow.Count) int {
	grants := e.granted()
	targets, counted := e.deliveries.Targets(), e.passed.all()
	sum := func(namespace, name string, dimensions ...string) int {
		return int(e.metrics.Sum(cloudwatch.NewMetric(namespace, name, dimensions...), time.Time{}))
	}
	return func(c flow.Count) int {
		switch target := (events.RuleTarget{Rule: c.LogicalID, Target: c.Detail}); c.Of {
		case flow.Requests:
			return sum("AWS/ApiGateway", "Count", e.apiDimensions...)
		case flow.Granted:
			return grants[c.Detail] - e.flowBase[c.Detail]
		case flow.Delivered:
			if id, err := e.resolver.Ref(c.LogicalID); err == nil && e.mappings[id] != nil {
				return e.mappings[id].Stats().Delivered
			}
			return 0
		case flow.Accepted:
			return e.bus.Accepted()
		case flow.Matched:
			return e.matched(c.LogicalID, sum)
		case flow.Invoked:
			return targets[target].Delivered
		case flow.DeadLetters:
			return targets[target].SentToDLQ
		case flow.Redriven:
			return e.redriven(c.LogicalID)
		default: // Integration, Notified and Alarmed
			return counted[c]
		}
	}
}

func (e *Emulator) matched(logicalID string, sum func(namespace, name string, dimensions ...string) int) int {
	for _, bus := range []*events.Bus{e.bus, e.defaultBus} {
		for _, r := range bus.Rules() {
			if r.LogicalID == logicalID {
				return sum("AWS/Events", "MatchedEvents", r.MetricDimensions()...)
			}
		}
	}
	return 0
}

// queueDepths are the messages of queues as moto last said.
type queueDepths struct {
	mu   sync.Mutex
	held map[string]int // by name
}

// depths asks moto for the messages of each queue, visible or not.
func (e *Emulator) depths(ctx context.Context) (map[string]int, error) {
	held := map[string]int{}
	for name := range e.retentions {
		counts, err := e.countMessages(ctx, name)
		if err != nil {
			return nil, err
		}
		held[name] = counts.Visible + counts.NotVisible
	}
	e.queueDepths.mu.Lock()
	defer e.queueDepths.mu.Unlock()
	e.queueDepths.held = held
	return held, nil
}

// redriven returns how many messages a queue moved to its dead-letter queue: they were sent and never
// deleted, and are not there.
func (e *Emulator) redriven(logicalID string) int {
	name, err := e.resolver.Att(logicalID, "QueueName")
	if err != nil {
		return 0
	}
	e.queueDepths.mu.Lock()
	defer e.queueDepths.mu.Unlock()
	held, known := e.queueDepths.held[name]
	if !known {
		return 0
	}
	return max(0, e.queueMetrics.Known(name)-held)
}
