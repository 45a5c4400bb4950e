package emulator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"payment-webhooks/handlers/awsclient"
	"payment-webhooks/local/endpoint"
	"payment-webhooks/local/logs"
	"payment-webhooks/local/moto"
)

// userKey signs the calls of services, and is the access key of users. It belongs to no role.
const userKey = "test"

// awsConfig configures clients of the local endpoint for a caller: a service of this process.
// Calls that a role's access key signs are checked against its policies, like the functions'
// own.
func (e *Emulator) awsConfig(accessKey, caller string) aws.Config {
	config := e.configAt(e.endpointURL, accessKey)
	config.Credentials = credentials.NewStaticCredentialsProvider(accessKey, "local", endpoint.CallerToken(caller))
	config.HTTPClient = awshttp.NewBuildableClient().WithTimeout(callTimeout)
	return config
}

// httpClient is shared: a client of its own for each caller would also have connections of its
// own, and none of them would be used twice.
var httpClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = 64 })

func (e *shared) configAt(url, accessKey string) aws.Config {
	config := aws.Config{
		Region: e.region, BaseEndpoint: aws.String(url), HTTPClient: httpClient,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, "local", ""),
		// Callers retry by themselves.
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
	awsclient.Configure(&config)
	return config
}

// roleConfig is awsConfig for a role of the template.
func (e *Emulator) roleConfig(roleARN, caller string) (aws.Config, error) {
	key, err := e.policies.AccessKey(roleARN)
	return e.awsConfig(key, caller), err
}

// queues sends messages to queues by ARN.
type queues struct {
	client   *sqs.Client
	emulator *Emulator
}

func (e *Emulator) queues(accessKey, caller string) queues {
	return queues{sqs.NewFromConfig(e.awsConfig(accessKey, caller)), e}
}

var errNoQueue = errors.New("queue does not exist")

func (q queues) url(arn string) (string, error) {
	for _, resource := range q.emulator.stack.ByType("AWS::SQS::Queue") {
		if found, err := q.emulator.resolver.Att(resource.LogicalID, "Arn"); err == nil && found == arn {
			return q.emulator.resolver.Ref(resource.LogicalID)
		}
	}
	return "", errNoQueue
}

// Send sends one message with string attributes. It implements events.DeadLetters.
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

func (e *Emulator) publish(ctx context.Context, config aws.Config, topicARN string, message []byte) error {
	_, err := sns.NewFromConfig(config).Publish(ctx, &sns.PublishInput{TopicArn: aws.String(topicARN), Message: aws.String(string(message))})
	return err
}

// groupName returns the name of a log group from its ARN, with or without ":*" at its end.
func groupName(arn string) string {
	_, name, _ := strings.Cut(arn, ":log-group:")
	return strings.TrimSuffix(name, ":*")
}

// putMetrics calls moto's PutMetricData.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
func (e *Emulator) putMetrics(ctx context.Context, namespace string, batch []logs.Metric) error {
	e.putEmbedded(batch)
	form := url.Values{"Namespace": {namespace}}
	for i, d := range logs.Aggregate(batch) {
		member := fmt.Sprintf("MetricData.member.%d.", i+1)
		form.Set(member+"MetricName", d.Name)
		form.Set(member+"Unit", d.Unit)
		form.Set(member+"Timestamp", d.At.UTC().Format(time.RFC3339Nano))
		for j, value := range d.Values {
			form.Set(fmt.Sprintf("%sValues.member.%d", member, j+1), strconv.FormatFloat(value, 'g', -1, 64))
			form.Set(fmt.Sprintf("%sCounts.member.%d", member, j+1), strconv.Itoa(d.Counts[j]))
		}
		for j, dimension := range d.Dimensions {
			form.Set(fmt.Sprintf("%sDimensions.member.%d.Name", member, j+1), dimension[0])
			form.Set(fmt.Sprintf("%sDimensions.member.%d.Value", member, j+1), dimension[1])
		}
	}
	return moto.Query(ctx, e.moto.URL, e.region, "monitoring", "2010-08-01", "PutMetricData", form)
}
