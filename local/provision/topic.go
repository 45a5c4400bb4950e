package provision

import (
	"context"

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
