package emulator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/clock"
	"payment-webhooks/local/endpoint"
	"payment-webhooks/local/eventsource"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/lambda"
	"payment-webhooks/local/sqs"
	"payment-webhooks/local/streams"
)

// mapping is an event source mapping.
type mapping interface {
	endpoint.Mapping
	EventSourceARN() string
	FunctionName() string
	Stats() eventsource.Stats
	Idle(ctx context.Context) error
}

// loadMapping reads one event source mapping, and returns what reads its source with a
// configuration of AWS clients until ctx ends. Its function's role reads the source and sends to
// the on-failure destination, as on AWS.
// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
func (e *Emulator) loadMapping(resource assembly.Resource) (mapping, func(context.Context, aws.Config) error, functionSpec, error) {
	var p eventsource.Properties
	if err := e.resolver.Into(resource, &p); err != nil {
		return nil, nil, functionSpec{}, err
	}
	spec, found := e.functionSpec(p.FunctionName)
	if !found {
		return nil, nil, spec, fmt.Errorf("%s: the template has no supported function %s", resource.LogicalID, p.FunctionName)
	}
	key, err := e.policies.AccessKey(spec.roleARN)
	if err != nil {
		return nil, nil, spec, fmt.Errorf("%s: %w", resource.LogicalID, err)
	}
	function := mappedFunction{e, spec.config.Name}
	if strings.HasPrefix(p.EventSourceArn, "arn:aws:sqs:") {
		m, err := sqs.Load(resource.LogicalID, p, sqs.Config{
			Function: function, FunctionARN: spec.config.ARN, Log: e.terminal.logger("queue mapping"), TimeScale: e.options.TimeScale,
		})
		return m, func(ctx context.Context, c aws.Config) error {
			url, err := e.queues(key, faults.Lambda).url(p.EventSourceArn)
			if err != nil {
				return fmt.Errorf("%s: %w", p.EventSourceArn, err)
			}
			return m.Run(ctx, sqs.NewQueue(awssqs.NewFromConfig(c), url))
		}, spec, err
	}
	m, err := streams.Load(resource.LogicalID, p, streams.Config{
		Function: function, FunctionARN: spec.config.ARN, Destination: bodySender{e.queues(key, faults.Lambda)},
		Faults: e.faults, Log: e.terminal.logger("stream mapping"), TimeScale: e.options.TimeScale, Metric: e.metric("AWS/Lambda", "FunctionName", spec.config.Name),
	})
	return m, func(ctx context.Context, c aws.Config) error {
		return m.Run(ctx, streams.NewDynamoDB(dynamodbstreams.NewFromConfig(c)))
	}, spec, err
}

// reading is what reads the sources of mappings.
type reading struct {
	cancel  []context.CancelFunc
	running sync.WaitGroup
}

func (r *reading) begin(e *Emulator, id string, read func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = append(r.cancel, cancel)
	r.running.Go(func() {
		if err := read(ctx); err != nil && ctx.Err() == nil {
			e.fail(fmt.Errorf("%s: %w", id, err))
		}
	})
}

func (r *reading) end() {
	for _, cancel := range r.cancel {
		cancel()
	}
	r.running.Wait()
}

// continueMappings ends the reading of before, and makes the mappings go on where it ended. An
// invocation under way is waited for until ctx ends.
func (e *Emulator) continueMappings(ctx context.Context, before *Emulator) {
	enabled := map[string]bool{} // by UUID
	for id, m := range before.mappings {
		enabled[id] = m.Configuration().State == eventsource.Enabled
		m.SetEnabled(false)
	}
	for _, m := range before.mappings {
		for m.Configuration().State == eventsource.Disabling && clock.Sleep(ctx, 5*time.Millisecond) {
			continue
		}
	}
	before.reading.end()
	for id, m := range e.mappings {
		old := before.mappings[id]
		if old == nil {
			continue
		}
		stream, isStream := m.(*streams.Mapping)
		oldStream, wasStream := old.(*streams.Mapping)
		// A mapping of another stream is another mapping.
		if isStream && wasStream && m.EventSourceARN() == old.EventSourceARN() {
			stream.Continue(oldStream)
		}
		if reflect.DeepEqual(m.Configuration().Properties, old.Configuration().Properties) { // an operator may have enabled or disabled it
			m.SetEnabled(enabled[id])
		}
	}
}

// checkMappings loads the mappings before the tables and their streams exist, to find what
// is unsupported.
func (e *Emulator) checkMappings() error {
	var problems []error
	for _, resource := range e.stack.ByType("AWS::Lambda::EventSourceMapping") {
		_, _, _, err := e.loadMapping(resource)
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// loadMappings loads the mappings and returns, by logical id, the functions that read their
// sources through the endpoint until ctx ends.
func (e *Emulator) loadMappings() (map[string]func(context.Context) error, error) {
	read := map[string]func(context.Context) error{}
	for _, resource := range e.stack.ByType("AWS::Lambda::EventSourceMapping") {
		loaded, run, spec, err := e.loadMapping(resource)
		if err != nil {
			return nil, err
		}
		config, err := e.roleConfig(spec.roleARN, faults.Lambda)
		if err != nil {
			return nil, err
		}
		id, err := e.resolver.Ref(resource.LogicalID)
		if err != nil {
			return nil, err
		}
		e.mappings[id] = loaded
		read[resource.LogicalID] = func(ctx context.Context) error { return run(ctx, config) }
	}
	return read, nil
}

// mappedFunction is the function of a mapping, looked up at each invocation: it is not built yet
// when the mapping is checked.
type mappedFunction struct {
	emulator *Emulator
	name     string
}

// pollerTimeout is how long the mapping waits for a response: longer than any function runs.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
const pollerTimeout = 15*time.Minute + callTimeout

// Invoke implements eventsource.Function.
func (f mappedFunction) Invoke(ctx context.Context, payload []byte) (eventsource.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, pollerTimeout)
	defer cancel()
	r, err := f.emulator.invoke(ctx, faults.Lambda, f.name, lambda.Request{Payload: payload})
	if err != nil {
		return eventsource.Result{}, err
	}
	return eventsource.Result{RequestID: r.RequestID, StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: r.FunctionError, Payload: r.Payload}, nil
}

type bodySender struct{ queues }

// Send implements streams.Destination.
func (s bodySender) Send(ctx context.Context, queueARN string, body []byte) error {
	return s.sendBody(ctx, queueARN, body)
}

type mappingState struct {
	UUID     string            `json:"uuid"`
	State    string            `json:"state"`
	Function string            `json:"function"`
	Source   string            `json:"source"` // the ARN of the stream or queue
	Stats    eventsource.Stats `json:"stats"`
}

func (e *Emulator) mappingStats() []mappingState {
	list := []mappingState{}
	for _, id := range slices.Sorted(maps.Keys(e.mappings)) {
		m := e.mappings[id]
		list = append(list, mappingState{id, m.Configuration().State, m.FunctionName(), m.EventSourceARN(), m.Stats()})
	}
	return list
}
