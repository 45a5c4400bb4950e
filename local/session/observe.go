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

// Suffix is the environment suffix that ends the stack's names.
func (s *Session) Suffix() string {
	return strings.TrimPrefix(s.Outputs[contract.OutputTable], contract.TablePrefix)
}

// Item reads a stored transaction, nil when there is none. Numbers are
// json.Number-like texts, exact.
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

// Count is the number of items in the table.
func (s *Session) Count(ctx context.Context) (int, error) {
	n := 0
	pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(s.AWS), &dynamodb.ScanInput{
		TableName: aws.String(s.Outputs[contract.OutputTable]), Select: dynamodbtypes.SelectCount, ConsistentRead: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		n += int(page.Count)
	}
	return n, nil
}

// Alert is a text as one subscriber received it.
type Alert struct {
	Protocol string `json:"protocol"` // email or sms
	Endpoint string `json:"endpoint"`
	Subject  string `json:"subject"`
	Message  string `json:"message"`
}

// Alerts returns those delivered so far whose text has part in it, oldest first.
func (s *Session) Alerts(ctx context.Context, part string) ([]Alert, error) {
	var all, found []Alert
	if err := s.control(ctx, http.MethodGet, "/_local/alerts", &all); err != nil {
		return nil, err
	}
	for _, a := range all {
		if strings.Contains(a.Message, part) {
			found = append(found, a)
		}
	}
	return found, nil
}

// Logged returns the lines of a log group that have part in them, oldest first.
func (s *Session) Logged(ctx context.Context, group, part string) ([]string, error) {
	if err := s.control(ctx, http.MethodPost, "/_local/flush", nil); err != nil {
		return nil, err
	}
	var lines []string
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(s.AWS), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(group),
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

// LowValueGroup is the log group of the low-value rule.
func (s *Session) LowValueGroup() string { return "/aws/events/low-value-transactions-" + s.Suffix() }

// Messages returns what it has found in a queue so far, oldest first. Each call
// finds up to ten more. It deletes nothing, but hides what it found for an hour:
// with a shorter time, a slow machine would find the first ten again and again.
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

// FireRule makes a schedule rule fire as if it were the given time.
func (s *Session) FireRule(ctx context.Context, rule string, at time.Time) error {
	return s.control(ctx, http.MethodPost, "/_local/rules/"+url.PathEscape(rule)+"/fire?time="+url.QueryEscape(at.UTC().Format(time.RFC3339)), nil)
}

// ArchivalRule is the name of the daily rule.
func (s *Session) ArchivalRule() string { return contract.ArchiveRulePrefix + s.Suffix() }

// Object is one object of the audit bucket.
type Object struct {
	Key   string
	Lines []string // of a gzip JSON Lines object, decompressed; of another, one per line of text
}

// Archived reads the objects below a prefix of the audit bucket.
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
