package session

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"payment-webhooks/handlers/contract"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Suffix returns the environment suffix of the stack.
func (s *Session) Suffix() string {
	return strings.TrimPrefix(s.Outputs[contract.OutputTable], contract.TablePrefix)
}

// Item reads a stored transaction; it is nil when there is none. Numbers are exact: each
// is an attributevalue.Number, a string.
func (s *Session) Item(ctx context.Context, transactionID, provider string) (map[string]any, error) {
	out, err := dynamodb.NewFromConfig(s.AWS).GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      aws.String(s.Outputs[contract.OutputTable]),
		ConsistentRead: aws.Bool(true),
		Key: map[string]dynamodbtypes.AttributeValue{
			contract.FieldTransactionID: &dynamodbtypes.AttributeValueMemberS{Value: transactionID},
			contract.FieldProvider:      &dynamodbtypes.AttributeValueMemberS{Value: provider},
		},
	})
	if err != nil || out.Item == nil {
		return nil, err
	}
	var item map[string]any
	err = attributevalue.UnmarshalMapWithOptions(out.Item, &item, func(o *attributevalue.DecoderOptions) { o.UseNumber = true })
	return item, err
}

// Count returns the number of items in the table. In the local run it is exact; in AWS,
// ItemCount is about six hours old. Reading the items to count them would cost the data
// server most of a test's time.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
func (s *Session) Count(ctx context.Context) (int, error) {
	out, err := dynamodb.NewFromConfig(s.AWS).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(s.Outputs[contract.OutputTable])})
	if err != nil {
		return 0, err
	}
	return int(aws.ToInt64(out.Table.ItemCount)), nil
}

// Alert is a message that one subscriber received.
type Alert struct {
	Protocol string `json:"protocol"` // email or sms
	Endpoint string `json:"endpoint"`
	Subject  string `json:"subject"`
	Message  string `json:"message"`
}

// Alerts returns the alerts delivered so far whose message contains part, oldest first.
func (s *Session) Alerts(ctx context.Context, part string) ([]Alert, error) {
	var all, found []Alert
	if err := s.Control(ctx, http.MethodGet, "/_local/alerts", nil, &all); err != nil {
		return nil, err
	}
	for _, a := range all {
		if strings.Contains(a.Message, part) {
			found = append(found, a)
		}
	}
	return found, nil
}

// Logged returns the lines of a log group that contain part, oldest first. It first
// waits until everything logged so far is in CloudWatch Logs.
func (s *Session) Logged(ctx context.Context, group, part string) ([]string, error) {
	if err := s.Control(ctx, http.MethodPost, "/_local/flush", nil, nil); err != nil {
		return nil, err
	}
	var lines []string
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(s.AWS), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(group), FilterPattern: filterPattern(part),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("log group %s: %w", group, err)
		}
		for _, e := range page.Events {
			if line := aws.ToString(e.Message); strings.Contains(line, part) {
				lines = append(lines, line)
			}
		}
	}
	return lines, nil
}

// filterPattern returns a pattern that every line with part in it matches, or nil. It spares
// reading whole log groups again and again. Quotes cannot be in it, since moto does not know
// their escapes, so it is the longest stretch of part between them.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
func filterPattern(part string) *string {
	longest := ""
	for stretch := range strings.FieldsFuncSeq(part, func(r rune) bool { return r == '"' || r == '\\' }) {
		if len(stretch) > len(longest) {
			longest = stretch
		}
	}
	if longest == "" {
		return nil
	}
	return aws.String(`"` + longest + `"`)
}

// LowValueLogGroup returns the name of the log group of the default tier low.
func (s *Session) LowValueLogGroup() string {
	return "/aws/events/low-value-transactions-" + s.Suffix()
}

// Messages returns the messages of a queue that this and earlier calls received, in the
// order received. Each call receives up to ten more. It deletes none, but hides them from
// other receivers for an hour: with a shorter visibility timeout, a slow machine would
// receive the first ten again and again.
func (s *Session) Messages(ctx context.Context, queue string) ([]sqstypes.Message, error) {
	client := sqs.NewFromConfig(s.AWS)
	u, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(queue)})
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", queue, err)
	}
	out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: u.QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 3600, MessageAttributeNames: []string{"All"},
	})
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", queue, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.received == nil {
		s.received = map[string][]sqstypes.Message{}
	}
	s.received[queue] = append(s.received[queue], out.Messages...)
	return slices.Clone(s.received[queue]), nil
}

// FireRule fires a scheduled rule as of the given time.
func (s *Session) FireRule(ctx context.Context, rule string, at time.Time) error {
	return s.Control(ctx, http.MethodPost, "/_local/rules/"+url.PathEscape(rule)+"/fire?time="+url.QueryEscape(at.UTC().Format(time.RFC3339)), nil, nil)
}

// ArchivalRule returns the name of the rule that starts the daily archival.
func (s *Session) ArchivalRule() string { return contract.ArchiveRulePrefix + s.Suffix() }

// Object is one object of the audit bucket.
type Object struct {
	Key   string
	Lines []string // lines of text, decompressed if the key ends in .gz
}

// Archived reads the objects of the audit bucket whose keys begin with a prefix.
func (s *Session) Archived(ctx context.Context, prefix string) ([]Object, error) {
	client := s3.NewFromConfig(s.AWS, func(o *s3.Options) {
		o.DisableLogOutputChecksumValidationSkipped = true // moto sends none
	})
	bucket := aws.String(s.Outputs[contract.OutputAuditBucket])
	var objects []Object
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			lines, err := readLines(ctx, client, bucket, o.Key)
			if err != nil {
				return nil, fmt.Errorf("object %s: %w", aws.ToString(o.Key), err)
			}
			objects = append(objects, Object{Key: aws.ToString(o.Key), Lines: lines})
		}
	}
	return objects, nil
}

func readLines(ctx context.Context, client *s3.Client, bucket, key *string) (lines []string, err error) {
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	scanner := bufio.NewScanner(out.Body)
	if strings.HasSuffix(*key, ".gz") {
		text, err := gzip.NewReader(out.Body)
		if err != nil {
			return nil, err
		}
		scanner = bufio.NewScanner(text)
	}
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	return lines, scanner.Err()
}
