package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/lambda"
	"payment-webhooks/local/streams"
)

// loadMapping reads one event source mapping. Its function's role reads the
// stream and sends to the on-failure destination, as on AWS.
// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
func (b *bench) loadMapping(resource assembly.Resource) (*streams.Mapping, functionSpec, error) {
	var spec functionSpec
	properties, err := b.resolver.Properties(resource)
	if err != nil {
		return nil, spec, err
	}
	text, err := json.Marshal(properties)
	if err != nil {
		return nil, spec, err
	}
	var named struct{ FunctionName string }
	if err := json.Unmarshal(text, &named); err != nil {
		return nil, spec, fmt.Errorf("%s: %w", resource.LogicalID, err)
	}
	for _, s := range b.functionSpecs {
		if s.config.Name == functionName(named.FunctionName) {
			spec = s
		}
	}
	if spec.logicalID == "" {
		return nil, spec, fmt.Errorf("%s: the template has no function %s that is played", resource.LogicalID, named.FunctionName)
	}
	key, err := b.policies.AccessKey(spec.roleARN)
	if err != nil {
		return nil, spec, fmt.Errorf("%s: %w", resource.LogicalID, err)
	}
	mapping, err := streams.Load(resource.LogicalID, text, streams.Config{
		Function: mappedFunction{b, spec.config.Name}, FunctionARN: spec.config.ARN, Destination: bodySender{b.queues(key)},
		Log: b.terminal.logger("stream mapping"), TimeScale: b.timeScale,
	})
	return mapping, spec, err
}

// checkMappings loads the mappings once, before the tables and their streams
// exist, for what is not played in them.
func (b *bench) checkMappings() error {
	var problems []error
	for _, resource := range b.stack.ByType("AWS::Lambda::EventSourceMapping") {
		_, _, err := b.loadMapping(resource)
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// loadMappings loads the mappings and returns, by logical id, what reads their
// streams through the endpoint.
func (b *bench) loadMappings() (map[string]func(context.Context) error, error) {
	read := map[string]func(context.Context) error{}
	for _, resource := range b.stack.ByType("AWS::Lambda::EventSourceMapping") {
		mapping, spec, err := b.loadMapping(resource)
		if err != nil {
			return nil, err
		}
		config, err := b.roleConfig(spec.roleARN)
		if err != nil {
			return nil, err
		}
		source := streams.NewDynamoDB(dynamodbstreams.NewFromConfig(config))
		b.mappings = append(b.mappings, mapping)
		read[resource.LogicalID] = func(ctx context.Context) error { return mapping.Run(ctx, source) }
	}
	return read, nil
}

type mappedFunction struct {
	bench *bench
	name  string
}

// Invoke is streams.Function.
func (f mappedFunction) Invoke(ctx context.Context, payload []byte) (streams.Result, error) {
	function, err := f.bench.function(f.name)
	if err != nil {
		return streams.Result{}, err
	}
	r, err := function.Invoke(ctx, lambda.Request{Payload: payload})
	if err != nil {
		return streams.Result{}, err
	}
	return streams.Result{RequestID: r.RequestID, StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: r.FunctionError, Payload: r.Payload}, nil
}

type bodySender struct{ queues }

// Send is streams.Destination.
func (s bodySender) Send(ctx context.Context, queueARN string, body []byte) error {
	return s.sendBody(ctx, queueARN, body)
}

type mappingState struct {
	Function string        `json:"function"`
	Source   string        `json:"source"` // the stream's ARN
	Stats    streams.Stats `json:"stats"`
}

func (b *bench) mappingStats() []mappingState {
	list := []mappingState{}
	for _, m := range b.mappings {
		list = append(list, mappingState{m.FunctionName(), m.EventSourceARN(), m.Stats()})
	}
	return list
}
