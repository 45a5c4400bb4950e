package provision

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"payment-webhooks/local/assembly"
)

var topicType = assembly.Type{
	Name: "AWS::SNS::Topic", Properties: topic{}, NameProperty: "TopicName",
	IDs: func(i *assembly.Instance) assembly.IDs {
		arn := i.ARN("sns", i.Name)
		return assembly.IDs{Ref: arn, Attributes: map[string]string{"TopicArn": arn, "TopicName": i.Name}}
	},
}

var subscriptionType = assembly.Type{Name: "AWS::SNS::Subscription", Properties: subscription{}}

// topic is AWS::SNS::Topic.
type topic struct {
	TopicName, DisplayName string
	Subscription           []struct{ Endpoint, Protocol string }

	KmsMasterKeyId, Tags, TracingConfig, SignatureVersion Inert
}

func (t *topic) create(ctx context.Context, c clients, logicalID string) error {
	name, err := c.resolver.Att(logicalID, "TopicName")
	if err != nil {
		return err
	}
	arn, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	attributes := map[string]string{}
	if t.DisplayName != "" {
		attributes["DisplayName"] = t.DisplayName
	}
	if _, err := c.sns.CreateTopic(ctx, &awssns.CreateTopicInput{Name: aws.String(name), Attributes: attributes}); err != nil {
		return err
	}
	for _, s := range t.Subscription {
		if err := (&subscription{arn, s.Protocol, s.Endpoint}).create(ctx, c, logicalID); err != nil {
			return err
		}
	}
	return nil
}

// subscription is AWS::SNS::Subscription.
type subscription struct{ TopicArn, Protocol, Endpoint string }

func (s *subscription) create(ctx context.Context, c clients, _ string) error {
	_, err := c.sns.Subscribe(ctx, &awssns.SubscribeInput{TopicArn: aws.String(s.TopicArn), Protocol: aws.String(s.Protocol), Endpoint: aws.String(s.Endpoint)})
	return err
}

func (t *topic) update(ctx context.Context, c clients, logicalID string, old resource) error {
	before := old.(*topic)
	arn, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	if t.DisplayName != before.DisplayName {
		_, err := c.sns.SetTopicAttributes(ctx, &awssns.SetTopicAttributesInput{TopicArn: aws.String(arn), AttributeName: aws.String("DisplayName"), AttributeValue: aws.String(t.DisplayName)})
		if err != nil {
			return err
		}
	}
	for _, s := range t.Subscription {
		if !slices.Contains(before.Subscription, s) {
			if err := (&subscription{arn, s.Protocol, s.Endpoint}).create(ctx, c, logicalID); err != nil {
				return err
			}
		}
	}
	for _, s := range before.Subscription {
		if !slices.Contains(t.Subscription, s) {
			if err := (&subscription{arn, s.Protocol, s.Endpoint}).remove(ctx, c, logicalID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *topic) remove(ctx context.Context, c clients, logicalID string) error {
	arn, err := c.resolver.Ref(logicalID)
	if err != nil {
		return err
	}
	_, err = c.sns.DeleteTopic(ctx, &awssns.DeleteTopicInput{TopicArn: aws.String(arn)})
	return err
}

// update has nothing to do: a change of any property replaces the subscription.
func (s *subscription) update(_ context.Context, _ clients, _ string, before resource) error {
	return onlyChanged(before, s)
}

func (s *subscription) remove(ctx context.Context, c clients, _ string) error {
	pages := awssns.NewListSubscriptionsByTopicPaginator(c.sns, &awssns.ListSubscriptionsByTopicInput{TopicArn: aws.String(s.TopicArn)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, one := range page.Subscriptions {
			if aws.ToString(one.Protocol) == s.Protocol && aws.ToString(one.Endpoint) == s.Endpoint {
				_, err := c.sns.Unsubscribe(ctx, &awssns.UnsubscribeInput{SubscriptionArn: one.SubscriptionArn})
				return err
			}
		}
	}
	return nil
}
