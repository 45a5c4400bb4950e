package emulator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/lambda"
	"payment-webhooks/local/streams"
)

// loadMapping reads one event source mapping. Its function's role reads the stream and sends
// to the on-failure destination, as on AWS.
// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
func (e *Emulator) loadMapping(resource assembly.Resource) (*streams.Mapping, functionSpec, error) {
	var p streams.Properties
	if err := e.resolver.Into(resource, &p); err != nil {
		return nil, functionSpec{}, err
	}
	spec, found := e.functionSpec(p.FunctionName)
	if !found {
		return nil, spec, fmt.Errorf("%s: the template has no supported function %s", resource.LogicalID, p.FunctionName)
	}
	key, err := e.policies.AccessKey(spec.roleARN)
	if err != nil {
		return nil, spec, fmt.Errorf("%s: %w", resource.LogicalID, err)
	}
	mapping, err := streams.Load(resource.LogicalID, p, streams.Config{
		Function: mappedFunction{e, spec.config.Name}, FunctionARN: spec.config.ARN, Destination: bodySender{e.queues(key, faults.Lambda)},
		Faults: e.faults, Log: e.terminal.logger("stream mapping"), TimeScale: e.options.TimeScale, Metric: e.metric("AWS/Lambda", "FunctionName", spec.config.Name),
	})
	return mapping, spec, err
}

// checkMappings loads the mappings before the tables and their streams exist, to find what
// is unsupported.
func (e *Emulator) checkMappings() error {
	var problems []error
	for _, resource := range e.stack.ByType("AWS::Lambda::EventSourceMapping") {
		_, _, err := e.loadMapping(resource)
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// loadMappings loads the mappings and returns, by logical id, the functions that read their
// streams through the endpoint until ctx ends.
func (e *Emulator) loadMappings() (map[string]func(context.Context) error, error) {
	read := map[string]func(context.Context) error{}
	for _, resource := range e.stack.ByType("AWS::Lambda::EventSourceMapping") {
		mapping, spec, err := e.loadMapping(resource)
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
		source := streams.NewDynamoDB(dynamodbstreams.NewFromConfig(config))
		e.mappings[id] = mapping
		read[resource.LogicalID] = func(ctx context.Context) error { return mapping.Run(ctx, source) }
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

// Invoke implements streams.Function.
func (f mappedFunction) Invoke(ctx context.Context, payload []byte) (streams.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, pollerTimeout)
	defer cancel()
	r, err := f.emulator.invoke(ctx, faults.Lambda, f.name, lambda.Request{Payload: payload})
	if err != nil {
		return streams.Result{}, err
	}
	return streams.Result{RequestID: r.RequestID, StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: r.FunctionError, Payload: r.Payload}, nil
}

type bodySender struct{ queues }

// Send implements streams.Destination.
func (s bodySender) Send(ctx context.Context, queueARN string, body []byte) error {
	return s.sendBody(ctx, queueARN, body)
}

type mappingState struct {
	UUID     string        `json:"uuid"`
	State    string        `json:"state"`
	Function string        `json:"function"`
	Source   string        `json:"source"` // the stream's ARN
	Stats    streams.Stats `json:"stats"`
}

func (e *Emulator) mappingStats() []mappingState {
	list := []mappingState{}
	for _, id := range slices.Sorted(maps.Keys(e.mappings)) {
		m := e.mappings[id]
		list = append(list, mappingState{id, m.Configuration().State, m.FunctionName(), m.EventSourceARN(), m.Stats()})
	}
	return list
}
