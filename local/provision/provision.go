package provision

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/sns"
)

// Types are the resource types that this package creates, in the order of creation.
var Types = []assembly.Type{
	tableType, queueType, topicType, subscriptionType, bucketType, logGroupType, dashboardType,
}

// Inert is a property without effect in the local run: moto stores data without
// encryption, expires no objects and restricts nobody.
type Inert = json.RawMessage

// Plan is what there is to create.
type Plan struct {
	steps []step
	// Subscriptions are those of every topic, of any protocol. moto delivers nothing to
	// email and SMS subscribers.
	Subscriptions []sns.Subscription
}

type step struct {
	logicalID string
	resource  creator
}

// creator creates the resource whose properties it holds.
type creator interface {
	create(ctx context.Context, c clients, logicalID string) error
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
	plan := &Plan{}
	var problems []error
	for _, t := range Types {
		for _, resource := range stack.ByType(t.Name) {
			properties, err := resolver.Decode(resource)
			name, errName := resolver.Ref(resource.LogicalID)
			if err := errors.Join(err, errName); err != nil {
				problems = append(problems, err)
				continue
			}
			plan.steps = append(plan.steps, step{resource.LogicalID, properties.(creator)})
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
	// A queue's dead-letter queue must exist before it.
	slices.SortStableFunc(plan.steps, func(a, b step) int { return cmp.Compare(after(a), after(b)) })
	return plan, assembly.Join(problems...)
}

// after is 1 for what is created after everything else.
func after(s step) int {
	if q, is := s.resource.(*queue); is && q.RedrivePolicy != nil {
		return 1
	}
	return 0
}

// Create creates the resources in moto, whose address is config's base endpoint, and sets
// the ARN of each table's stream in the resolver.
func (p *Plan) Create(ctx context.Context, config aws.Config, resolver *assembly.Resolver) error {
	c := clients{
		dynamodb: dynamodb.NewFromConfig(config), sqs: sqs.NewFromConfig(config), sns: awssns.NewFromConfig(config),
		s3:   s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }),
		logs: cloudwatchlogs.NewFromConfig(config), config: config, resolver: resolver,
	}
	for _, s := range p.steps {
		if err := s.resource.create(ctx, c, s.logicalID); err != nil {
			return fmt.Errorf("create %s: %w", s.logicalID, err)
		}
	}
	return nil
}
