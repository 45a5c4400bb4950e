package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
	"payment-webhooks/local/streams"
)

// Observed is what the stack did, as anybody can see it from outside.
type Observed struct {
	Table     map[Key]Item
	Changes   map[Key][]Change // of the table's items, from its stream, oldest first
	Published map[Key]int      // events on the bus
	Alerts    map[string]int   // messages to subscribers, by transaction id
	Warnings  map[string]int   // of these, alerts of a high risk
	Logged    map[Key]int      // events in the log group of a tier
	Archive   []Line
	Manifests []Manifest
	Queues    map[string]int // messages that are left, by queue
}

// Item is a stored transaction: attributes by name, numbers as json.Number.
type Item map[string]any

// Change is a record of the table's stream.
type Change struct {
	Event string // INSERT, MODIFY or REMOVE
	Item  Item   // the item afterwards
}

// Line is an archived transaction.
type Line struct {
	Key
	Hour         string // the hour of its object, as the manifest has it
	Kind         string
	ReversedKind string
	Amount       json.Number
	Currency     string
	Fingerprint  string
	Scored       bool
}

// Manifest is an hour's manifest.
type Manifest struct {
	Hour   string          `json:"hour"`
	Count  int             `json:"count"`
	Totals json.RawMessage `json:"totals"` // a list of total
}

// total is an element of a manifest's totals.
type total struct {
	Kind         string `json:"kind"`
	ReversedKind string `json:"reversed_kind"`
	Currency     string `json:"currency"`
	Count        int    `json:"count"`
	Amount       string `json:"amount"`
}

// observer reads what the stack did.
type observer struct {
	session *session.Session
	tiers   []session.Tier

	mu       sync.Mutex
	alerts   map[string]bool // notifications seen so far, as JSON
	before   map[Key]int     // events that were in log groups which are deleted by now
	messages []string        // of alerts
}

func newObserver(s *session.Session, tiers []session.Tier) *observer {
	return &observer{session: s, tiers: tiers, alerts: map[string]bool{}, before: map[Key]int{}}
}

// waitIdle waits until nothing is under way in the stack, for up to idleTimeout.
func waitIdle(ctx context.Context, s *session.Session) error {
	ctx, cancel := context.WithTimeout(ctx, idleTimeout)
	defer cancel()
	return s.Control(ctx, http.MethodPost, "/_local/idle", nil, nil)
}

// observe reads everything.
func (o *observer) observe(ctx context.Context) (seen Observed, err error) {
	if seen.Table, err = o.table(ctx); err != nil {
		return seen, fmt.Errorf("table: %w", err)
	}
	if seen.Changes, err = o.changes(ctx); err != nil {
		return seen, fmt.Errorf("stream: %w", err)
	}
	if seen.Published, err = o.published(ctx); err != nil {
		return seen, fmt.Errorf("events: %w", err)
	}
	if err = o.collectAlerts(ctx); err != nil {
		return seen, fmt.Errorf("alerts: %w", err)
	}
	seen.Alerts, seen.Warnings = o.alerted()
	if seen.Logged, err = o.logged(ctx); err != nil {
		return seen, fmt.Errorf("log groups: %w", err)
	}
	if seen.Archive, seen.Manifests, err = o.archive(ctx); err != nil {
		return seen, fmt.Errorf("archive: %w", err)
	}
	if seen.Queues, err = o.queues(ctx); err != nil {
		return seen, fmt.Errorf("queues: %w", err)
	}
	return seen, nil
}

func (o *observer) table(ctx context.Context) (map[Key]Item, error) {
	items := map[Key]Item{}
	pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(o.session.AWS), &dynamodb.ScanInput{
		TableName: aws.String(o.session.Outputs[contract.OutputTable]), ConsistentRead: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, attributes := range page.Items {
			var item map[string]any
			if err := attributevalue.UnmarshalMapWithOptions(attributes, &item, exact); err != nil {
				return nil, err
			}
			items[keyOf(item)] = numbers(item).(map[string]any)
		}
	}
	return items, nil
}

func exact(o *attributevalue.DecoderOptions) { o.UseNumber = true }

func keyOf(item map[string]any) Key {
	id, _ := item[contract.FieldTransactionID].(string)
	provider, _ := item[contract.FieldProvider].(string)
	return Key{id, provider}
}

// numbers replaces DynamoDB's numbers by JSON's.
func numbers(value any) any {
	switch v := value.(type) {
	case attributevalue.Number:
		return json.Number(v)
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = numbers(v[name])
		}
	}
	return value
}

// changes reads the table's stream from its beginning: everything that ever happened to
// an item, while the table has only how it ended.
func (o *observer) changes(ctx context.Context) (map[Key][]Change, error) {
	table, err := dynamodb.NewFromConfig(o.session.AWS).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(o.session.Outputs[contract.OutputTable])})
	if err != nil {
		return nil, err
	}
	arn := aws.ToString(table.Table.LatestStreamArn)
	source := streams.NewDynamoDB(dynamodbstreams.NewFromConfig(o.session.AWS))
	shards, err := source.Shards(ctx, arn)
	if err != nil {
		return nil, err
	}
	changes := map[Key][]Change{}
	for _, shard := range shards {
		iterator, err := source.Iterator(ctx, arn, shard, "TRIM_HORIZON")
		if err != nil {
			return nil, err
		}
		for {
			records, next, err := source.Records(ctx, iterator, 1000)
			if err != nil {
				return nil, err
			}
			for _, r := range records {
				change := Change{Event: r.EventName}
				if change.Item, err = image(r.NewImage); err != nil {
					return nil, err
				}
				keys, err := image(r.Keys)
				if err != nil {
					return nil, err
				}
				changes[keyOf(keys)] = append(changes[keyOf(keys)], change)
			}
			if len(records) == 0 || next == "" {
				break
			}
			iterator = next
		}
	}
	return changes, nil
}

func image(text json.RawMessage) (Item, error) {
	if text == nil {
		return nil, nil
	}
	attributes, err := attributevalue.UnmarshalMapJSON(text)
	if err != nil {
		return nil, err
	}
	var item map[string]any
	if err := attributevalue.UnmarshalMapWithOptions(attributes, &item, exact); err != nil {
		return nil, err
	}
	return numbers(item).(map[string]any), nil
}

// event is an event on the bus, as far as it names a transaction.
type event struct {
	Detail struct {
		ID       string `json:"transaction_id"`
		Provider string `json:"provider"`
	} `json:"detail"`
}

func (e event) key() Key { return Key{e.Detail.ID, e.Detail.Provider} }

// published counts the events in the bus's archive, which has everything that was put on
// the bus, whether or not a rule matched.
func (o *observer) published(ctx context.Context) (map[Key]int, error) {
	var all []event
	if err := o.session.Control(ctx, http.MethodGet, "/_local/events", nil, &all); err != nil {
		return nil, err
	}
	counts := map[Key]int{}
	for _, e := range all {
		counts[e.key()]++
	}
	return counts, nil
}

// collectAlerts adds the alerts delivered since the last call. The local run keeps the
// last 5 000, so a long campaign calls it while it sends.
func (o *observer) collectAlerts(ctx context.Context) error {
	var all []json.RawMessage
	if err := o.session.Control(ctx, http.MethodGet, "/_local/alerts", nil, &all); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, raw := range all {
		if o.alerts[string(raw)] { // the time tells apart those with the same text
			continue
		}
		o.alerts[string(raw)] = true
		var a session.Alert
		if err := json.Unmarshal(raw, &a); err != nil {
			return err
		}
		o.messages = append(o.messages, a.Message)
	}
	return nil
}

var (
	word      = regexp.MustCompile(`[A-Za-z0-9_]+`)
	fraudText = regexp.MustCompile(`^(High-risk |FRAUD ALERT)`)
)

// alerted counts the alerts by each word in them, since one of the words is the id.
func (o *observer) alerted() (all, warnings map[string]int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	all, warnings = map[string]int{}, map[string]int{}
	for _, message := range o.messages {
		for _, w := range word.FindAllString(message, -1) {
			if len(w) < 16 {
				continue // no id of the campaign's
			}
			all[w]++
			if fraudText.MatchString(message) {
				warnings[w]++
			}
		}
	}
	return all, warnings
}

// logged counts the events in the log groups of tiers, also of groups that were deleted
// after rememberLogged.
func (o *observer) logged(ctx context.Context) (map[Key]int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	counts := map[Key]int{}
	for key, n := range o.before {
		counts[key] = n
	}
	for _, t := range o.tiers {
		if t.Target != "log" {
			continue
		}
		lines, err := o.session.Logged(ctx, t.TargetName, "")
		if err != nil {
			return nil, err
		}
		for _, line := range lines {
			var e event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				return nil, fmt.Errorf("%s: %w", t.TargetName, err)
			}
			counts[e.key()]++
		}
	}
	return counts, nil
}

// rememberLogged notes what is in the log groups, before one of them is deleted.
func (o *observer) rememberLogged(ctx context.Context) error {
	counts, err := o.logged(ctx)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.before = counts
	return nil
}

func (o *observer) archive(ctx context.Context) (lines []Line, manifests []Manifest, err error) {
	objects, err := o.session.Archived(ctx, contract.AuditTransactionsPrefix)
	if err != nil {
		return nil, nil, err
	}
	for _, object := range objects {
		hour, err := hourOf(object.Key)
		if err != nil {
			return nil, nil, err
		}
		for _, text := range object.Lines {
			var l struct {
				ID           string          `json:"transaction_id"`
				Provider     string          `json:"provider"`
				Kind         string          `json:"kind"`
				ReversedKind string          `json:"reversed_kind"`
				Amount       json.Number     `json:"amount"`
				Currency     string          `json:"currency"`
				Fingerprint  string          `json:"fingerprint"`
				Fraud        json.RawMessage `json:"fraud"`
			}
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", object.Key, err)
			}
			lines = append(lines, Line{Key{l.ID, l.Provider}, hour, l.Kind, l.ReversedKind, l.Amount, l.Currency, l.Fingerprint, l.Fraud != nil})
		}
	}
	if objects, err = o.session.Archived(ctx, contract.AuditManifestsPrefix); err != nil {
		return nil, nil, err
	}
	for _, object := range objects {
		var m Manifest
		if err := json.Unmarshal([]byte(strings.Join(object.Lines, "\n")), &m); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", object.Key, err)
		}
		manifests = append(manifests, m)
	}
	return lines, manifests, nil
}

var hourInKey = regexp.MustCompile(`dt=(\d{4}-\d\d-\d\d)/hour=(\d\d)`)

// hourOf returns the hour of an object's key as a manifest writes it.
func hourOf(key string) (string, error) {
	match := hourInKey.FindStringSubmatch(key)
	if match == nil {
		return "", fmt.Errorf("%s has no hour", key)
	}
	hour, err := time.Parse("2006-01-02 15", match[1]+" "+match[2])
	return hour.Format(time.RFC3339), err
}

// queues counts the messages in each of the stack's queues, also those that somebody is
// reading.
func (o *observer) queues(ctx context.Context) (map[string]int, error) {
	urls, err := o.queueURLs(ctx)
	if err != nil {
		return nil, err
	}
	client := sqs.NewFromConfig(o.session.AWS)
	left := map[string]int{}
	for name, url := range urls {
		out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(url), AttributeNames: []sqstypes.QueueAttributeName{
			sqstypes.QueueAttributeNameApproximateNumberOfMessages, sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		}})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, text := range out.Attributes {
			n, err := strconv.Atoi(text)
			if err != nil {
				return nil, err
			}
			left[name] += n
		}
	}
	return left, nil
}

// queueURLs returns the stack's queues by name without the suffix.
func (o *observer) queueURLs(ctx context.Context) (map[string]string, error) {
	var resources []struct {
		Type string `json:"type"`
		ID   string `json:"physical_id"`
	}
	if err := o.session.Control(ctx, http.MethodGet, "/_local/resources", nil, &resources); err != nil {
		return nil, err
	}
	urls := map[string]string{}
	for _, r := range resources {
		if r.Type == "AWS::SQS::Queue" {
			name := r.ID[strings.LastIndex(r.ID, "/")+1:]
			urls[strings.TrimSuffix(name, "-"+o.session.Suffix())] = r.ID
		}
	}
	if len(urls) == 0 {
		return nil, errors.New("the stack has no queues")
	}
	return urls, nil
}

// sorted returns the keys of a map in order.
func sorted[V any](m map[Key]V) []Key {
	keys := make([]Key, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b Key) int { return strings.Compare(a.String(), b.String()) })
	return keys
}
