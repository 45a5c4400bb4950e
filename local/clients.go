package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"payment-webhooks/local/logs"
	"payment-webhooks/local/moto"
)

// userKey signs what services do in their own name; it is nobody's role.
const userKey = "test"

// awsConfig is for calls through the local endpoint, signed with an access
// key, so that a role's calls are checked like the functions' own.
func (b *bench) awsConfig(accessKey string) aws.Config { return b.configAt(b.endpointURL, accessKey) }

func (b *bench) configAt(url, accessKey string) aws.Config {
	return aws.Config{
		Region: b.region, BaseEndpoint: aws.String(url),
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, "local", ""),
		// A refused or failed call is the caller's to retry, at its own pace.
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// roleConfig signs as a role of the template.
func (b *bench) roleConfig(roleARN string) (aws.Config, error) {
	key, err := b.policies.AccessKey(roleARN)
	return b.awsConfig(key), err
}

// queues sends to queues by ARN.
type queues struct {
	client *sqs.Client
	bench  *bench
}

func (b *bench) queues(accessKey string) queues {
	return queues{sqs.NewFromConfig(b.awsConfig(accessKey)), b}
}

var errNoQueue = errors.New("queue does not exist")

func (q queues) url(arn string) (string, error) {
	for _, resource := range q.bench.stack.ByType("AWS::SQS::Queue") {
		if found, err := q.bench.resolver.Att(resource.LogicalID, "Arn"); err == nil && found == arn {
			return q.bench.resolver.Ref(resource.LogicalID)
		}
	}
	return "", errNoQueue
}

// Send is events.DeadLetters.
func (q queues) Send(ctx context.Context, queueARN string, body []byte, attributes map[string]string) error {
	url, err := q.url(queueARN)
	if err != nil {
		return err
	}
	input := &sqs.SendMessageInput{QueueUrl: aws.String(url), MessageBody: aws.String(string(body))}
	for name, value := range attributes {
		if input.MessageAttributes == nil {
			input.MessageAttributes = map[string]sqstypes.MessageAttributeValue{}
		}
		input.MessageAttributes[name] = sqstypes.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	_, err = q.client.SendMessage(ctx, input)
	return err
}

func (q queues) sendBody(ctx context.Context, queueARN string, body []byte) error {
	return q.Send(ctx, queueARN, body, nil)
}

func (b *bench) publish(ctx context.Context, config aws.Config, topicARN string, message []byte) error {
	_, err := sns.NewFromConfig(config).Publish(ctx, &sns.PublishInput{TopicArn: aws.String(topicARN), Message: aws.String(string(message))})
	return err
}

// groupName reads a log group's name from its ARN, with or without the ":*".
func groupName(arn string) string {
	_, name, _ := strings.Cut(arn, ":log-group:")
	return strings.TrimSuffix(name, ":*")
}

// putMetrics is PutMetricData on moto.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
func (b *bench) putMetrics(ctx context.Context, namespace string, batch []logs.Metric) error {
	form := url.Values{"Namespace": {namespace}}
	for i, m := range batch {
		member := fmt.Sprintf("MetricData.member.%d.", i+1)
		form.Set(member+"MetricName", m.Name)
		form.Set(member+"Unit", m.Unit)
		form.Set(member+"Value", strconv.FormatFloat(m.Value, 'g', -1, 64))
		form.Set(member+"Timestamp", m.At.UTC().Format(time.RFC3339Nano))
		for j, dimension := range m.Dimensions {
			form.Set(fmt.Sprintf("%sDimensions.member.%d.Name", member, j+1), dimension[0])
			form.Set(fmt.Sprintf("%sDimensions.member.%d.Value", member, j+1), dimension[1])
		}
	}
	return moto.Query(ctx, b.moto.URL, b.region, "monitoring", "2010-08-01", "PutMetricData", form)
}
