package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"payment-webhooks/local/assembly"
	"payment-webhooks/local/moto"
)

// Subscription is who receives a topic's messages.
type Subscription struct{ TopicARN, Protocol, Endpoint string }

// Plan is what there is to create.
type Plan struct {
	steps []step
	// Subscriptions of every topic, also those of protocols that moto
	// delivers nothing for (email, sms).
	Subscriptions []Subscription
}

type step struct {
	logicalID string
	create    func(ctx context.Context, c clients) error
}

type clients struct {
	dynamodb *dynamodb.Client
	sqs      *sqs.Client
	sns      *sns.Client
	s3       *s3.Client
	logs     *cloudwatchlogs.Client
	config   aws.Config
	resolver *assembly.Resolver
}

// Types are the resource types that this package creates, in the order in
// which they are.
var Types = []string{
	"AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::SNS::Subscription",
	"AWS::S3::Bucket", "AWS::Logs::LogGroup", "AWS::CloudWatch::Dashboard",
}

// New decodes the stack's data resources. Its error lists all that is not played.
func New(stack *assembly.Stack, resolver *assembly.Resolver) (*Plan, error) {
	plan := &Plan{}
	var problems []error
	for _, kind := range Types {
		for _, resource := range stack.ByType(kind) {
			if err := plan.add(resource, resolver); err != nil {
				problems = append(problems, err)
			}
		}
	}
	return plan, errors.Join(problems...)
}

// Create makes the resources in moto, which config's base endpoint is, and tells the
// resolver the stream of each table.
func (p *Plan) Create(ctx context.Context, config aws.Config, resolver *assembly.Resolver) error {
	c := clients{
		dynamodb: dynamodb.NewFromConfig(config), sqs: sqs.NewFromConfig(config), sns: sns.NewFromConfig(config),
		s3:   s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }),
		logs: cloudwatchlogs.NewFromConfig(config), config: config, resolver: resolver,
	}
	for _, s := range p.steps {
		if err := s.create(ctx, c); err != nil {
			return fmt.Errorf("create %s: %w", s.logicalID, err)
		}
	}
	return nil
}

func (p *Plan) add(resource assembly.Resource, resolver *assembly.Resolver) error {
	id := resource.LogicalID
	// name is the physical name, from the template or made up.
	name, err := resolver.Ref(id)
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	then := func(create func(ctx context.Context, c clients) error) {
		p.steps = append(p.steps, step{id, create})
	}
	switch resource.Type {
	case "AWS::DynamoDB::Table":
		var t table
		if err := resolver.Into(resource, &t); err != nil {
			return err
		}
		then(func(ctx context.Context, c clients) error { return t.create(ctx, c, id, name) })
	case "AWS::SQS::Queue":
		var q queue
		if err := resolver.Into(resource, &q); err != nil {
			return err
		}
		if name, err = resolver.Att(id, "QueueName"); err != nil {
			return err
		}
		then(func(ctx context.Context, c clients) error { return q.create(ctx, c, name) })
	case "AWS::SNS::Topic":
		var t topic
		if err := resolver.Into(resource, &t); err != nil {
			return err
		}
		for _, s := range t.Subscription {
			p.subscribe(id, subscription{TopicArn: name, Protocol: s.Protocol, Endpoint: s.Endpoint})
		}
		if t.TopicName, err = resolver.Att(id, "TopicName"); err != nil {
			return err
		}
		then(func(ctx context.Context, c clients) error {
			attributes := map[string]string{}
			if t.DisplayName != "" {
				attributes["DisplayName"] = t.DisplayName
			}
			_, err := c.sns.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String(t.TopicName), Attributes: attributes})
			return err
		})
	case "AWS::SNS::Subscription":
		var s subscription
		if err := resolver.Into(resource, &s); err != nil {
			return err
		}
		p.subscribe(id, s)
	case "AWS::S3::Bucket":
		var b bucket
		if err := resolver.Into(resource, &b); err != nil {
			return err
		}
		then(func(ctx context.Context, c clients) error { return b.create(ctx, c, name) })
	case "AWS::Logs::LogGroup":
		var g logGroup
		if err := resolver.Into(resource, &g); err != nil {
			return err
		}
		then(func(ctx context.Context, c clients) error { return g.create(ctx, c, name) })
	case "AWS::CloudWatch::Dashboard":
		var d dashboard
		if err := resolver.Into(resource, &d); err != nil {
			return err
		}
		then(func(ctx context.Context, c clients) error {
			return moto.Query(ctx, *c.config.BaseEndpoint, c.config.Region, "monitoring", "2010-08-01", "PutDashboard",
				url.Values{"DashboardName": {name}, "DashboardBody": {d.DashboardBody}})
		})
	}
	return nil
}

func (p *Plan) subscribe(id string, s subscription) {
	p.Subscriptions = append(p.Subscriptions, Subscription{s.TopicArn, s.Protocol, s.Endpoint})
	p.steps = append(p.steps, step{id, func(ctx context.Context, c clients) error {
		_, err := c.sns.Subscribe(ctx, &sns.SubscribeInput{TopicArn: aws.String(s.TopicArn), Protocol: aws.String(s.Protocol), Endpoint: aws.String(s.Endpoint)})
		return err
	}})
}

func (t table) create(ctx context.Context, c clients, id, name string) error {
	input := &dynamodb.CreateTableInput{TableName: aws.String(name), KeySchema: keySchema(t.KeySchema), BillingMode: ddbtypes.BillingMode(t.BillingMode)}
	for _, a := range t.AttributeDefinitions {
		input.AttributeDefinitions = append(input.AttributeDefinitions, ddbtypes.AttributeDefinition{
			AttributeName: aws.String(a.AttributeName), AttributeType: ddbtypes.ScalarAttributeType(a.AttributeType),
		})
	}
	for _, i := range t.GlobalSecondaryIndexes {
		input.GlobalSecondaryIndexes = append(input.GlobalSecondaryIndexes, ddbtypes.GlobalSecondaryIndex{
			IndexName: aws.String(i.IndexName), KeySchema: keySchema(i.KeySchema),
			Projection: &ddbtypes.Projection{ProjectionType: ddbtypes.ProjectionType(i.Projection.ProjectionType), NonKeyAttributes: i.Projection.NonKeyAttributes},
		})
	}
	if t.StreamSpecification != nil {
		input.StreamSpecification = &ddbtypes.StreamSpecification{
			StreamEnabled: aws.Bool(true), StreamViewType: ddbtypes.StreamViewType(t.StreamSpecification.StreamViewType),
		}
	}
	created, err := c.dynamodb.CreateTable(ctx, input)
	if err != nil {
		return err
	}
	if arn := created.TableDescription.LatestStreamArn; arn != nil {
		c.resolver.Set(id, "StreamArn", *arn)
	}
	if ttl := t.TimeToLiveSpecification; ttl != nil {
		_, err = c.dynamodb.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
			TableName:               aws.String(name),
			TimeToLiveSpecification: &ddbtypes.TimeToLiveSpecification{AttributeName: aws.String(ttl.AttributeName), Enabled: aws.Bool(ttl.Enabled)},
		})
	}
	return err
}

func keySchema(elements []keyElement) []ddbtypes.KeySchemaElement {
	var schema []ddbtypes.KeySchemaElement
	for _, e := range elements {
		schema = append(schema, ddbtypes.KeySchemaElement{AttributeName: aws.String(e.AttributeName), KeyType: ddbtypes.KeyType(e.KeyType)})
	}
	return schema
}

func (q queue) create(ctx context.Context, c clients, name string) error {
	attributes := map[string]string{}
	for attribute, value := range map[string]*json.Number{
		"DelaySeconds": q.DelaySeconds, "MaximumMessageSize": q.MaximumMessageSize, "MessageRetentionPeriod": q.MessageRetentionPeriod,
		"ReceiveMessageWaitTimeSeconds": q.ReceiveMessageWaitTimeSeconds, "VisibilityTimeout": q.VisibilityTimeout,
	} {
		if value != nil {
			attributes[attribute] = value.String()
		}
	}
	if q.RedrivePolicy != nil {
		attributes["RedrivePolicy"] = string(q.RedrivePolicy)
	}
	_, err := c.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: attributes})
	return err
}

func (b bucket) create(ctx context.Context, c clients, name string) error {
	input := &s3.CreateBucketInput{Bucket: aws.String(name)}
	// us-east-1 is the one region that must not be named.
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
	if region := c.s3.Options().Region; region != "us-east-1" {
		input.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(region)}
	}
	if _, err := c.s3.CreateBucket(ctx, input); err != nil {
		return err
	}
	if b.VersioningConfiguration == nil {
		return nil
	}
	_, err := c.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket:                  aws.String(name),
		VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatus(b.VersioningConfiguration.Status)},
	})
	return err
}

func (g logGroup) create(ctx context.Context, c clients, name string) error {
	if _, err := c.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(name)}); err != nil {
		return err
	}
	if g.RetentionInDays == nil {
		return nil
	}
	_, err := c.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String(name), RetentionInDays: g.RetentionInDays})
	return err
}
