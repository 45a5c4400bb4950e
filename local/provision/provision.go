package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/sns"
)

// Types are the resource types that this package creates.
var Types = []assembly.Type{
	tableType, queueType, topicType, subscriptionType, bucketType, logGroupType, dashboardType, repositoryType, parameterType,
}

// Inert is a property without effect in the local run: moto stores data without
// encryption, expires no objects and restricts nobody.
type Inert = json.RawMessage

// Plan is what there is to create.
type Plan struct {
	resolver  *assembly.Resolver
	resources map[string]resource // by logical id
	// Subscriptions are those of every topic, of any protocol. moto delivers nothing to
	// email and SMS subscribers.
	Subscriptions []sns.Subscription
}

// resource has the properties of a resource.
type resource interface {
	create(ctx context.Context, c clients, logicalID string) error
	// update changes the resource, which before describes, and has its name.
	update(ctx context.Context, c clients, logicalID string, before resource) error
	remove(ctx context.Context, c clients, logicalID string) error
}

type clients struct {
	dynamodb *dynamodb.Client
	sqs      *sqs.Client
	sns      *awssns.Client
	s3       *s3.Client
	logs     *cloudwatchlogs.Client
	config   aws.Config
	resolver *assembly.Resolver
}

// New decodes the stack's data resources. The error lists everything unsupported.
func New(stack *assembly.Stack, resolver *assembly.Resolver) (*Plan, error) {
	plan := &Plan{resolver: resolver, resources: map[string]resource{}}
	var problems []error
	for _, t := range Types {
		for _, r := range stack.ByType(t.Name) {
			properties, err := resolver.Decode(r)
			name, errName := resolver.Ref(r.LogicalID)
			if err := errors.Join(err, errName); err != nil {
				problems = append(problems, err)
				continue
			}
			plan.resources[r.LogicalID] = properties.(resource)
			switch p := properties.(type) {
			case *topic:
				for _, s := range p.Subscription {
					plan.Subscriptions = append(plan.Subscriptions, sns.Subscription{TopicARN: name, Protocol: s.Protocol, Endpoint: s.Endpoint})
				}
			case *subscription:
				plan.Subscriptions = append(plan.Subscriptions, sns.Subscription{TopicARN: p.TopicArn, Protocol: p.Protocol, Endpoint: p.Endpoint})
			}
		}
	}
	return plan, assembly.Join(problems...)
}

// Has reports whether the plan creates the resource.
func (p *Plan) Has(logicalID string) bool { return p.resources[logicalID] != nil }

// Create creates a resource in moto, whose address is config's base endpoint. After that of a
// table, the resolver has the ARN of its stream.
func (p *Plan) Create(ctx context.Context, config aws.Config, logicalID string) error {
	return p.resources[logicalID].create(ctx, p.clients(config), logicalID)
}

// ErrUpdate is wrapped by the error of a property that Update does not change.
var ErrUpdate = errors.New("the local run does not update this property in place")

// Update changes what is there by the plan before into what this plan has. A change of a property
// that it does not support fails with [ErrUpdate], and changes nothing.
func (p *Plan) Update(ctx context.Context, config aws.Config, logicalID string, before *Plan) error {
	return p.resources[logicalID].update(ctx, p.clients(config), logicalID, before.resources[logicalID])
}

// Delete deletes a resource from moto, with its data. A bucket must be empty.
func (p *Plan) Delete(ctx context.Context, config aws.Config, logicalID string) error {
	return p.resources[logicalID].remove(ctx, p.clients(config), logicalID)
}

func (p *Plan) clients(config aws.Config) clients {
	return clients{
		dynamodb: dynamodb.NewFromConfig(config), sqs: sqs.NewFromConfig(config), sns: awssns.NewFromConfig(config),
		s3:   s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }),
		logs: cloudwatchlogs.NewFromConfig(config), config: config, resolver: p.resolver,
	}
}

// onlyChanged returns an error that names the properties in which two structs differ, except those
// that are supported or inert.
func onlyChanged(before, after resource, supported ...string) error {
	b, a := reflect.ValueOf(before).Elem(), reflect.ValueOf(after).Elem()
	var names []string
	for i := range a.NumField() {
		field := a.Type().Field(i)
		inert := field.Type == reflect.TypeFor[Inert]() || slices.Contains(supported, field.Name)
		if !inert && !reflect.DeepEqual(b.Field(i).Interface(), a.Field(i).Interface()) {
			names = append(names, field.Name)
		}
	}
	if names == nil {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrUpdate, strings.Join(names, ", "))
}
