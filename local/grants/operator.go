package grants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"payment-webhooks/handlers/contract"
)

// Operate runs the commands of scripts/ops as somebody who has the stack's operator policy and nothing
// else: on a payment in the table, in the archive and gone from the table, and on a message in each
// dead-letter queue. The error names the first command that failed or the first call that was denied.
func (e *Exercise) Operate(ctx context.Context) error {
	p, err := Permissions(ctx, e.Session)
	if err != nil {
		return err
	}
	e.denied = count(p.Denied)
	id := fmt.Sprintf("operator-%d", e.runs.Add(1))
	from := time.Now().Add(-time.Second)
	if err := errors.Join(e.Session.Control(ctx, "DELETE", faultsPath, nil, nil), e.empty(ctx)); err != nil {
		return err
	}
	for _, line := range []string{"describe", "dlq list"} {
		if _, err := e.ops(ctx, line); err != nil {
			return err
		}
	}
	for _, step := range []func(context.Context, string) error{e.low, e.archive} {
		if err := step(ctx, id); err != nil {
			return err
		}
	}
	archived := id + "-archived"
	text, err := e.ops(ctx, "find "+archived+" --json")
	if err != nil {
		return err
	}
	var found []struct{ Event map[string]any }
	if err := json.Unmarshal([]byte(text), &found); err != nil || len(found) != 1 {
		return fmt.Errorf("ops find: %w\n%s", err, text)
	}
	if err := e.strand(ctx, id, found[0].Event); err != nil {
		return err
	}
	until := time.Now().Add(time.Minute)
	during := fmt.Sprintf(" --from %s --to %s", from.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339))
	for _, line := range []string{
		"dlq show",
		"dlq redrive --execute",
		"republish --id " + archived + " --provider shop --execute",
		"republish" + during + " --tier low --execute",
		"replay" + during + " --rule low-value-transactions --name " + id + " --execute",
	} {
		if _, err := e.ops(ctx, line); err != nil {
			return err
		}
	}
	if _, err := dynamodb.NewFromConfig(e.Session.AWS).DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: aws.String(e.Session.Outputs[contract.OutputTable]), Key: keyOf(archived),
	}); err != nil {
		return err
	}
	if _, err := e.ops(ctx, "find "+archived); err != nil {
		return err
	}
	return e.calm(ctx)
}

// ops runs a command line as an operator. Its error is about a denied call, if there was one.
func (e *Exercise) ops(ctx context.Context, line string) (stdout string, err error) {
	cache, err := os.MkdirTemp(e.Egress, "cache-")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	command := exec.CommandContext(ctx, e.Operator, strings.Fields(line)...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env,
		"AWS_ENDPOINT_URL="+e.Session.Endpoint, "AWS_REGION="+e.Session.AWS.Region, "ENVIRONMENT_SUFFIX="+e.Session.Suffix(), "XDG_CACHE_HOME="+cache,
		"AWS_ACCESS_KEY_ID="+contract.OperatorPolicyPrefix+e.Session.Suffix(), "AWS_SECRET_ACCESS_KEY=local",
	)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	failed := command.Run()
	if err := errors.Join(e.calm(ctx), os.RemoveAll(cache)); err != nil {
		return "", fmt.Errorf("ops %s: %w", line, err)
	}
	if failed != nil {
		return "", fmt.Errorf("ops %s: %w\n%s%s", line, failed, out.String(), problems.String())
	}
	return out.String(), nil
}

// strand puts a message into each dead-letter queue, as the services and functions of the stack do. detail
// is an event's detail, of the payment that [Exercise.archive] made.
func (e *Exercise) strand(ctx context.Context, id string, detail map[string]any) error {
	now, suffix := time.Now().UTC(), e.Session.Suffix()
	arn := func(service, resource string) string {
		return fmt.Sprintf("arn:aws:%s:%s:123456789012:%s-%s", service, e.Session.AWS.Region, resource, suffix)
	}
	position, err := e.position(ctx, id+"-archived")
	if err != nil {
		return err
	}
	event := map[string]any{
		"version": "0", "id": id, "source": contract.EventSource, "detail-type": contract.DetailTypeTransactionReceived, "account": "123456789012",
		"region": e.Session.AWS.Region, "resources": []any{}, "time": now.Format(time.RFC3339), "detail": detail,
	}
	scheduled := map[string]any{"source": "aws.events", "detail-type": "Scheduled Event", "time": now.Format(time.RFC3339), "detail": map[string]any{}}
	rule := func(name string) map[string]string {
		return map[string]string{"RULE_ARN": arn("events", "rule/"+name), "TARGET_ARN": "arn:aws:lambda:x:function:gone", "ERROR_CODE": "NO_PERMISSIONS"}
	}
	ofBus := contract.BusPrefix + suffix + "/"
	delivery, err := json.Marshal(map[string]any{
		"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": now.Unix(),
		"data": map[string]any{"object": map[string]any{
			"id": "pi_" + strings.ReplaceAll(id, "-", ""), "object": "payment_intent", "amount": 700, "amount_received": 700, "currency": "usd",
			"status": "succeeded", "metadata": map[string]any{},
		}},
	})
	if err != nil {
		return err
	}
	for _, m := range []struct {
		queue      string
		body       map[string]any
		attributes map[string]string
	}{
		{"low-value-dlq", event, rule(ofBus + "low-value-transactions")},
		{"medium-value-dlq", event, rule(ofBus + "medium-value-transactions")},
		{"workflow-dlq", map[string]any{"state": "Score", "execution": id, "error": map[string]any{}, "transaction": detail}, nil},
		{"relay-dlq", position, nil},
		{"archival-schedule-dlq", scheduled, rule(strings.TrimSuffix(contract.ArchiveRulePrefix, "-"))},
		{"archival-failures", map[string]any{
			"version": "1.0", "timestamp": now.Format(time.RFC3339), "requestPayload": scheduled, "responsePayload": map[string]any{"errorMessage": "timed out"},
			"requestContext": map[string]any{
				"requestId": id, "functionArn": arn("lambda", "function:"+contract.TransactionArchival), "condition": "RetriesExhausted", "approximateInvokeCount": 3,
			},
		}, nil},
		{"quarantine", map[string]any{
			"provider": "stripe", "received_at": now.Format(time.RFC3339Nano), "body_encoding": "text", "body": string(delivery),
			"events":  []any{map[string]any{"index": 0, "reason": "unreadable", "detail": "by an older version"}},
			"headers": map[string]string{"Content-Type": "application/json"},
		}, nil},
	} {
		if err := e.enqueue(ctx, m.queue+"-"+suffix, m.body, m.attributes); err != nil {
			return fmt.Errorf("%s: %w", m.queue, err)
		}
	}
	return nil
}

func (e *Exercise) enqueue(ctx context.Context, queue string, body map[string]any, attributes map[string]string) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(e.Session.AWS)
	address, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &queue})
	if err != nil {
		return err
	}
	input := &sqs.SendMessageInput{QueueUrl: address.QueueUrl, MessageBody: aws.String(string(text)), MessageAttributes: map[string]sqstypes.MessageAttributeValue{}}
	for name, value := range attributes {
		input.MessageAttributes[name] = sqstypes.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	_, err = client.SendMessage(ctx, input)
	return err
}

func keyOf(id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		contract.FieldTransactionID: &types.AttributeValueMemberS{Value: id}, contract.FieldProvider: &types.AttributeValueMemberS{Value: "shop"},
	}
}

// position returns what Lambda sends to the on-failure destination about the record of a stored payment.
func (e *Exercise) position(ctx context.Context, id string) (map[string]any, error) {
	table, err := dynamodb.NewFromConfig(e.Session.AWS).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(e.Session.Outputs[contract.OutputTable])})
	if err != nil {
		return nil, err
	}
	client, arn := dynamodbstreams.NewFromConfig(e.Session.AWS), table.Table.LatestStreamArn
	described, err := client.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	if err != nil {
		return nil, err
	}
	for _, shard := range described.StreamDescription.Shards {
		iterator, err := client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{StreamArn: arn, ShardId: shard.ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon})
		if err != nil {
			return nil, err
		}
		for next := iterator.ShardIterator; next != nil; {
			page, err := client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: next})
			if err != nil {
				return nil, err
			}
			for _, r := range page.Records {
				if k, _ := r.Dynamodb.Keys[contract.FieldTransactionID].(*streamtypes.AttributeValueMemberS); k == nil || k.Value != id {
					continue
				}
				at := aws.ToTime(r.Dynamodb.ApproximateCreationDateTime).UTC().Format(time.RFC3339)
				return map[string]any{
					"version": "1.0", "timestamp": at, "requestContext": map[string]any{
						"requestId": id, "functionArn": "arn:aws:lambda:x:function:event-relay", "condition": "RecordAgeExceeded", "approximateInvokeCount": 9,
					},
					"DDBStreamBatchInfo": map[string]any{
						"shardId": *shard.ShardId, "startSequenceNumber": *r.Dynamodb.SequenceNumber, "endSequenceNumber": *r.Dynamodb.SequenceNumber,
						"approximateArrivalOfFirstRecord": at, "approximateArrivalOfLastRecord": at, "batchSize": 1, "streamArn": *arn,
					},
				}, nil
			}
			if len(page.Records) == 0 {
				break
			}
			next = page.NextShardIterator
		}
	}
	return nil, fmt.Errorf("the stream has no record of %s", id)
}

// BuildOperator builds scripts/cmd/ops in the directory of the repository, and returns the binary's path.
func BuildOperator(ctx context.Context, root string) (string, error) {
	binary := filepath.Join(root, "build", "ops")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./scripts/cmd/ops")
	build.Dir = root
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build scripts/cmd/ops: %w\n%s", err, text)
	}
	return filepath.Abs(binary)
}
