package provision

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"payment-webhooks/local/assembly"
)

var queueType = assembly.Type{
	Name: "AWS::SQS::Queue", Properties: queue{}, NameProperty: "QueueName",
	IDs: func(i *assembly.Instance) assembly.IDs {
		url := i.Endpoint + "/" + i.Account + "/" + i.Name
		return assembly.IDs{Ref: url, Attributes: map[string]string{"Arn": i.ARN("sqs", i.Name), "QueueName": i.Name, "QueueUrl": url}}
	},
}

// queue is AWS::SQS::Queue.
type queue struct {
	QueueName                     string
	DelaySeconds                  *json.Number
	MaximumMessageSize            *json.Number
	MessageRetentionPeriod        *json.Number
	ReceiveMessageWaitTimeSeconds *json.Number
	VisibilityTimeout             *json.Number
	RedrivePolicy                 json.RawMessage

	KmsMasterKeyId, KmsDataKeyReusePeriodSeconds, SqsManagedSseEnabled, Tags, RedriveAllowPolicy Inert
}

func (q *queue) create(ctx context.Context, c clients, logicalID string) error {
	name, err := c.resolver.Att(logicalID, "QueueName")
	if err != nil {
		return err
	}
	_, err = c.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: q.attributes()})
	return err
}

func (q *queue) attributes() map[string]string {
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
	return attributes
}

// queueDefaults are the values of attributes that a template does not set.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
var queueDefaults = map[string]string{
	"DelaySeconds": "0", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
	"ReceiveMessageWaitTimeSeconds": "0", "VisibilityTimeout": "30", "RedrivePolicy": "",
}

func (q *queue) update(ctx context.Context, c clients, logicalID string, before resource) error {
	attributes, had := q.attributes(), before.(*queue).attributes()
	for attribute := range had {
		if _, has := attributes[attribute]; !has {
			attributes[attribute] = queueDefaults[attribute]
		}
	}
	url, err := q.url(c, logicalID)
	if err != nil {
		return err
	}
	_, err = c.sqs.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: aws.String(url), Attributes: attributes})
	return err
}

func (q *queue) remove(ctx context.Context, c clients, logicalID string) error {
	url, err := q.url(c, logicalID)
	if err != nil {
		return err
	}
	_, err = c.sqs.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: aws.String(url)})
	return err
}

func (q *queue) url(c clients, logicalID string) (string, error) { return c.resolver.Ref(logicalID) }
