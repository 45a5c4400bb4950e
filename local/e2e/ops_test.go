package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"payment-webhooks/handlers/contract"
	"payment-webhooks/local/session"
)

// operator runs scripts/ops as somebody who has the stack's operator policy and nothing
// else.
type operator struct {
	t       *testing.T
	session *session.Session
	binary  string
	env     []string
}

// newOperator returns an operator, whose state files are the test's own.
func newOperator(t *testing.T, s *session.Session) operator {
	t.Helper()
	o := operator{t: t, session: s, binary: opsBinary(t)}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") {
			o.env = append(o.env, variable)
		}
	}
	o.env = append(o.env,
		"AWS_ENDPOINT_URL="+s.Endpoint, "AWS_REGION="+s.AWS.Region, "ENVIRONMENT_SUFFIX="+s.Suffix(), "XDG_CACHE_HOME="+t.TempDir(),
		"AWS_ACCESS_KEY_ID="+contract.OperatorPolicyPrefix+s.Suffix(), "AWS_SECRET_ACCESS_KEY=local",
	)
	return o
}

// run runs a command line, as it is written in help, and returns its standard output.
func (o operator) run(t *testing.T, want int, line string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), o.binary, strings.Fields(line)...)
	command.Env = o.env
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if code := command.ProcessState.ExitCode(); code != want {
		t.Fatalf("ops %s: status %d, want %d\n%s%s", line, code, want, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// json runs a command line with --json and decodes what it prints.
func (o operator) json(t *testing.T, want int, line string, into any) {
	t.Helper()
	text := o.run(t, want, line+" --json")
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("ops %s --json: %v\n%s", line, err, text)
	}
}

type opsQueue struct {
	Queue    string
	Messages int
	Oldest   *time.Time
	Reasons  map[string]int
}

// depths returns the number of messages by queue, without the suffix.
func (o operator) depths(t *testing.T) map[string]int {
	t.Helper()
	var list []opsQueue
	o.json(t, 0, "dlq list", &list)
	depths := map[string]int{}
	for _, q := range list {
		depths[strings.TrimSuffix(q.Queue, "-"+o.session.Suffix())] = q.Messages
	}
	return depths
}

type opsOutcome struct {
	Queue, ID, Summary, Action, Result, Error string
	Sends                                     []struct{ To, Body string }
}

// redriven runs redrive on one queue and returns its outcomes.
func (o operator) redriven(t *testing.T, want int, queue, flags string) []opsOutcome {
	t.Helper()
	var outcomes []opsOutcome
	o.json(t, want, strings.TrimSpace("dlq redrive "+queue+" "+flags), &outcomes)
	return outcomes
}

// sent expects that one message was sent, and that its queue is empty now.
func (o operator) sent(t *testing.T, queue, action string) {
	t.Helper()
	dry := o.redriven(t, 0, queue, "")
	if len(dry) != 1 || dry[0].Result != "would be sent" || !strings.Contains(dry[0].Action, action) {
		t.Fatalf("dry run: %+v, want %q", dry, action)
	}
	for _, s := range dry[0].Sends {
		if s.To == "" || !json.Valid([]byte(s.Body)) && !strings.Contains(action, "publish to") { // alerts are text
			t.Errorf("dry run: it would send %q to %q", s.Body, s.To)
		}
	}
	if len(dry[0].Sends) == 0 {
		t.Error("dry run: it does not say what would be sent")
	}
	if done := o.redriven(t, 0, queue, "--execute"); len(done) != 1 || done[0].Result != "sent" {
		t.Fatalf("%+v", done)
	}
	if n := o.depths(t)[queue]; n != 0 {
		t.Errorf("%d messages are left in %s", n, queue)
	}
}

// injectInto injects a fault into a session.
func injectInto(t *testing.T, s *session.Session, spec string) {
	t.Helper()
	if err := s.Control(t.Context(), http.MethodPost, faultsPath, []byte(spec), nil); err != nil {
		t.Fatal(err)
	}
}

// enqueue puts a message into a queue as a service of AWS would.
func enqueue(t *testing.T, s *session.Session, queue string, body any, attributes map[string]string) {
	t.Helper()
	text, isText := body.(string)
	if !isText {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(encoded)
	}
	client := sqs.NewFromConfig(s.AWS)
	url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(queue + "-" + s.Suffix())})
	if err != nil {
		t.Fatal(err)
	}
	input := &sqs.SendMessageInput{QueueUrl: url.QueueUrl, MessageBody: &text, MessageAttributes: map[string]sqstypes.MessageAttributeValue{}}
	for name, value := range attributes {
		input.MessageAttributes[name] = sqstypes.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	if _, err := client.SendMessage(t.Context(), input); err != nil {
		t.Fatal(err)
	}
}

// Every command of scripts/ops, on a stack where things really failed, by an operator with
// exactly the policy that the stack can create.
func TestOperatorsTool(t *testing.T) {
	inParallel(t)
	s := ownSession(t)
	if s.Outputs[contract.OutputOperatorPolicy] == "" {
		t.Fatal("synthesized without the context operatorPolicy: the tool would run with all rights")
	}
	o := newOperator(t, s)
	queue := sqs.NewFromConfig(s.AWS)
	deepQueue := func(name string, n int) {
		t.Helper()
		url, err := queue.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(name + "-" + s.Suffix())})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, fmt.Sprintf("%d in %s", n, name), func(ctx context.Context) (bool, error) {
			out, err := queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
				QueueUrl: url.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessages},
			})
			if err != nil {
				return false, err
			}
			depth, err := strconv.Atoi(out.Attributes[string(sqstypes.QueueAttributeNameApproximateNumberOfMessages)])
			return depth >= n, err
		})
	}
	topic := s.Outputs[contract.OutputTopic]
	if _, err := sns.NewFromConfig(s.AWS).DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: &topic}); err != nil {
		t.Fatal(err)
	}
	medium, high, low := newID(t)+"_m", newID(t)+"_h", newID(t)+"_l"
	accept(t, s, payment(medium, "5000", "EUR", ""))
	accept(t, s, payment(high, "15000", "USD", ""))
	accept(t, s, payment(low, "5", "USD", ""))
	deepQueue("medium-value-dlq", 1)
	deepQueue("workflow-dlq", 1)

	t.Run("describe", func(t *testing.T) {
		if out := o.run(t, 0, "describe"); !strings.Contains(out, s.Outputs[contract.OutputTable]) {
			t.Error(out)
		}
	})

	t.Run("dlq list and show say what is there", func(t *testing.T) {
		var list []opsQueue
		o.json(t, 0, "dlq list", &list)
		i := slices.IndexFunc(list, func(q opsQueue) bool { return strings.HasPrefix(q.Queue, "medium-value-dlq-") })
		if i < 0 || list[i].Messages != 1 || list[i].Oldest == nil || time.Since(*list[i].Oldest) > time.Hour || len(list[i].Reasons) != 1 {
			t.Errorf("%+v", list)
		}
		if out := o.run(t, 0, "dlq list"); !strings.Contains(out, "13 d 23 h") {
			t.Errorf("no time of expiry in\n%s", out)
		}
		var counts []opsQueue
		o.json(t, 0, "dlq list --counts", &counts)
		if i := slices.IndexFunc(counts, func(q opsQueue) bool { return strings.HasPrefix(q.Queue, "medium-value-dlq-") }); i < 0 || counts[i].Messages != 1 || counts[i].Reasons != nil {
			t.Errorf("%+v", counts)
		}
		var whole []struct {
			Receives   int
			Attributes map[string]string
		}
		o.json(t, 0, "dlq show medium-value-dlq --body", &whole)
		if len(whole) != 1 || whole[0].Attributes["ERROR_CODE"] == "" || whole[0].Receives != 3 { // list has read it twice
			t.Errorf("%+v", whole)
		}
		for range 2 { // showing does not hide
			if out := o.run(t, 0, "dlq show"); !strings.Contains(out, medium) || !strings.Contains(out, high) || !strings.Contains(out, "not delivered by medium-value-transactions") {
				t.Errorf("%s", out)
			}
		}
	})

	t.Run("redrive leaves what fails, with the reason", func(t *testing.T) {
		failed := o.redriven(t, 1, "medium-value-dlq", "--execute")
		if len(failed) != 1 || failed[0].Result != "stays" || failed[0].Error == "" {
			t.Errorf("%+v", failed)
		}
		if n := o.depths(t)["medium-value-dlq"]; n != 1 {
			t.Errorf("%d messages, want the one that failed", n)
		}
	})

	if _, err := sns.NewFromConfig(s.AWS).CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String(topic[strings.LastIndex(topic, ":")+1:])}); err != nil {
		t.Fatal(err)
	}
	alerts := func(part string) int {
		t.Helper()
		all, err := s.Alerts(t.Context(), part)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	t.Run("redrive sends a tier's event to its target", func(t *testing.T) {
		o.sent(t, "medium-value-dlq", "publish to transaction-alerts-")
		if n := alerts(medium); n != 2 { // by e-mail and by SMS
			t.Errorf("%d alerts, want one for each subscriber", n)
		}
	})
	t.Run("redrive starts the workflow again", func(t *testing.T) {
		before := alerts(high)
		o.sent(t, "workflow-dlq", "start the workflow again")
		eventually(t, "the notification", func(context.Context) (bool, error) { return alerts(high) > before, nil })
	})

	db, table := dynamodb.NewFromConfig(s.AWS), s.Outputs[contract.OutputTable]
	key := func(id string) map[string]types.AttributeValue {
		return map[string]types.AttributeValue{
			contract.FieldTransactionID: &types.AttributeValueMemberS{Value: id}, contract.FieldProvider: &types.AttributeValueMemberS{Value: "shop"},
		}
	}
	stored, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, Key: key(low)})
	if err != nil {
		t.Fatal(err)
	}
	put := func(item map[string]types.AttributeValue) {
		t.Helper()
		if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item}); err != nil {
			t.Fatal(err)
		}
	}
	logged := func(id string) int {
		t.Helper()
		lines, err := s.Logged(t.Context(), s.LowValueLogGroup(), fmt.Sprintf("%q", id))
		if err != nil {
			t.Fatal(err)
		}
		return len(lines)
	}
	t.Run("redrive publishes a record that was poisoned, once it is repaired", func(t *testing.T) {
		id := newID(t) + "_p"
		put(key(id))
		deepQueue("relay-dlq", 1)
		if stays := o.redriven(t, 1, "relay-dlq", "--execute"); len(stays) != 1 || stays[0].Result != "stays" || !strings.Contains(stays[0].Error, "not a transaction") {
			t.Fatalf("%+v", stays)
		}
		repaired := maps.Clone(stored.Item)
		maps.Copy(repaired, key(id))
		put(repaired) // a MODIFY: the relay does not see it
		o.sent(t, "relay-dlq", "publish 1 transaction again")
		eventually(t, "its event", func(context.Context) (bool, error) { return logged(id) > 0, nil })
	})

	t.Run("redrive finds what Lambda gave up by its position", func(t *testing.T) {
		before := logged(low)
		for name, lost := range map[string]bool{"while the stream has it": false, "once the stream has not": true} {
			enqueue(t, s, "relay-dlq", positionOf(t, s, low, lost), nil)
			action := "publish 1 transaction again"
			if lost {
				action = "others are published a second time"
			}
			o.sent(t, "relay-dlq", action)
			before++
			eventually(t, "its event, "+name, func(context.Context) (bool, error) { return logged(low) == before, nil })
		}
	})

	t.Run("redrive that was interrupted before it deleted sends nothing twice", func(t *testing.T) {
		id := newID(t) + "_r"
		bus := contract.BusPrefix + s.Suffix()
		enqueue(t, s, "low-value-dlq", map[string]any{
			"version": "0", "id": "e", "source": "payment.webhooks", "detail-type": "Transaction Received", "time": time.Now().UTC().Format(time.RFC3339),
			"detail": map[string]any{"transaction_id": id, "provider": "shop"},
		}, map[string]string{
			"RULE_ARN": fmt.Sprintf("arn:aws:events:%s:123456789012:rule/%s/low-value-transactions-%s", s.AWS.Region, bus, s.Suffix()), "ERROR_CODE": "NO_RESOURCE",
		})
		injectInto(t, s, `{"hop": "sqs:DeleteMessage", "fault": "error", "times": 3}`) // as often as the SDK tries
		if first := o.redriven(t, 1, "low-value-dlq", "--execute"); len(first) != 1 || !strings.Contains(first[0].Error, "it was sent") {
			t.Fatalf("%+v", first)
		}
		if second := o.redriven(t, 0, "low-value-dlq", "--execute"); len(second) != 1 || second[0].Result != "deleted, sent before" {
			t.Fatalf("%+v", second)
		}
		if n, left := logged(id), o.depths(t)["low-value-dlq"]; n != 1 || left != 0 {
			t.Errorf("written %d times, %d messages left", n, left)
		}
	})

	t.Run("redrive runs the archiver again", func(t *testing.T) {
		injectInto(t, s, `{"hop": "function:transaction-archival", "fault": "crash-before", "times": 3}`)
		if err := s.FireRule(t.Context(), s.ArchivalRule(), time.Now().Add(26*time.Hour)); err != nil {
			t.Fatal(err)
		}
		deepQueue("archival-failures", 1)
		o.sent(t, "archival-failures", "invoke transaction-archival-")
		eventuallyArchived(t, s)

		rule := fmt.Sprintf("arn:aws:events:%s:123456789012:rule/%s", s.AWS.Region, s.ArchivalRule())
		enqueue(t, s, "archival-schedule-dlq", map[string]any{
			"source": "aws.events", "detail-type": "Scheduled Event", "time": time.Now().UTC().Format(time.RFC3339), "detail": map[string]any{},
		}, map[string]string{"RULE_ARN": rule, "TARGET_ARN": "arn:aws:lambda:x:function:gone", "ERROR_CODE": "NO_PERMISSIONS"})
		o.sent(t, "archival-schedule-dlq", "invoke transaction-archival-")
	})

	t.Run("redrive decodes a quarantined delivery again", func(t *testing.T) {
		id := "pi_3Ops" + fmt.Sprint(time.Now().UnixNano())
		event := fmt.Sprintf(`{"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": %d, "data": {"object": {"id": %q, "object": "payment_intent", "amount": 700, "amount_received": 700, "currency": "usd", "status": "succeeded", "metadata": {}}}}`,
			time.Now().Unix(), id)
		delivery := func(body string) map[string]any {
			return map[string]any{
				"provider": "stripe", "received_at": "2026-11-22T15:04:05.000000000Z", "body_encoding": "text", "body": body,
				"events": []any{map[string]any{"index": 0, "reason": "unreadable", "detail": "by an older version"}}, "headers": map[string]string{"Content-Type": "application/json"},
			}
		}
		enqueue(t, s, "quarantine", delivery(event), nil)
		o.sent(t, "quarantine", "store payment "+id+" of stripe, 7.00 USD")
		if item, err := s.Item(t.Context(), id, "stripe"); err != nil || item[contract.FieldAmount] == nil {
			t.Fatalf("%v, %v", item, err)
		}
		eventually(t, "its event", func(context.Context) (bool, error) { return logged(id) > 0, nil })

		enqueue(t, s, "quarantine", delivery(strings.ReplaceAll(event, "700", "900")), nil)
		conflict := o.redriven(t, 1, "quarantine", "--execute")
		if len(conflict) != 1 || !strings.Contains(conflict[0].Error, "conflict") {
			t.Fatalf("%+v", conflict)
		}

		t.Run("and discard deletes it", func(t *testing.T) {
			o.run(t, 2, "dlq discard quarantine")
			if out := o.run(t, 0, "dlq discard quarantine --all"); !strings.Contains(out, "would be discarded") {
				t.Error(out)
			}
			saved := filepath.Join(t.TempDir(), "discarded.jsonl")
			if out := o.run(t, 0, "dlq discard quarantine --only "+conflict[0].ID+" --save "+saved+" --execute"); !strings.Contains(out, id) {
				t.Error(out)
			}
			if text, err := os.ReadFile(saved); err != nil || !strings.Contains(string(text), id) {
				t.Errorf("%s, %v", text, err)
			}
			if n := o.depths(t)["quarantine"]; n != 0 {
				t.Errorf("%d left", n)
			}
		})
	})

	t.Run("republish says what people see again, and publishes a tier", func(t *testing.T) {
		from, to := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), time.Now().Add(time.Minute).UTC().Format(time.RFC3339)
		before, alerted := logged(low), alerts(medium)
		if out := o.run(t, 0, "republish --from "+from+" --to "+to); !strings.Contains(out, "the alert of each") || !strings.Contains(out, "Nothing was done") {
			t.Error(out)
		}
		o.run(t, 0, "republish --from "+from+" --to "+to+" --tier low --execute")
		eventually(t, "the event of tier low", func(context.Context) (bool, error) { return logged(low) == before+1, nil })
		if n := alerts(medium); n != alerted {
			t.Errorf("%d alerts of tier medium, want %d: it was not asked for", n, alerted)
		}
		o.run(t, 0, "republish --id "+medium+" --provider shop --execute")
		eventually(t, "the alert", func(context.Context) (bool, error) { return alerts(medium) == alerted+2, nil })
		o.run(t, 2, "republish --id "+medium+" --tier lowest")
		o.run(t, 2, "republish")
	})

	t.Run("replay sends events through a rule again", func(t *testing.T) {
		from, to := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), time.Now().UTC().Format(time.RFC3339)
		before, alerted := logged(low), alerts(medium)
		line := "replay --from " + from + " --to " + to + " --rule low-value-transactions --name again-1"
		if out := o.run(t, 0, line); !strings.Contains(out, "Nothing was done") {
			t.Error(out)
		}
		var result struct{ State string }
		o.json(t, 0, line+" --execute", &result)
		if result.State != "COMPLETED" {
			t.Errorf("%+v", result)
		}
		eventually(t, "replayed events", func(context.Context) (bool, error) { return logged(low) > before, nil })
		if n := alerts(medium); n != alerted {
			t.Errorf("%d alerts of another rule, want %d", n, alerted)
		}
		count := logged(low)
		o.json(t, 0, line+" --execute", &result) // the same name: it waits, and starts no other
		if n := logged(low); n != count {
			t.Errorf("%d events, want %d: the replay was started twice", n, count)
		}
	})

	t.Run("find tells the whole way", func(t *testing.T) {
		out := o.run(t, 0, "find "+high)
		for _, part := range []string{"stored", "15000.00 USD", "high, by the deployed rule high-value-transactions", "fraud result", "transaction scored", "unknown", "because", "shard-"} {
			if !strings.Contains(out, part) {
				t.Errorf("%q is not in\n%s", part, out)
			}
		}
		if out := o.run(t, 0, "find "+low+" --provider shop"); !strings.Contains(out, "it was written to "+s.LowValueLogGroup()) {
			t.Error(out)
		}
		enqueue(t, s, "medium-value-dlq", "not JSON", nil)
		enqueue(t, s, "workflow-dlq", map[string]any{"state": "x", "execution": "x", "error": map[string]any{}, "transaction": map[string]any{"transaction_id": high, "provider": "shop"}}, nil)
		if out := o.run(t, 0, "find "+high); !strings.Contains(out, "workflow-dlq-") {
			t.Error(out)
		}
		o.run(t, 1, "find txn_nowhere")

		// What has left the table is in the archive.
		if _, err := db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: key(low)}); err != nil {
			t.Fatal(err)
		}
		if out := o.run(t, 0, "find "+low+" --date "+time.Now().UTC().Format(time.DateOnly)); !strings.Contains(out, "no longer in the table") || !strings.Contains(out, "line ") {
			t.Error(out)
		}
	})
}

// eventuallyArchived waits for a manifest, and so for the whole hour.
func eventuallyArchived(t *testing.T, s *session.Session) {
	t.Helper()
	eventually(t, "a manifest", func(ctx context.Context) (bool, error) {
		manifests, err := s.Archived(ctx, contract.AuditManifestsPrefix)
		return len(manifests) > 0, err
	})
}

// positionOf returns what Lambda sends to the on-failure destination about the record of a
// new item, or about one that the stream no longer has.
func positionOf(t *testing.T, s *session.Session, id string, lost bool) map[string]any {
	t.Helper()
	table, err := dynamodb.NewFromConfig(s.AWS).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(s.Outputs[contract.OutputTable])})
	if err != nil {
		t.Fatal(err)
	}
	client, arn := dynamodbstreams.NewFromConfig(s.AWS), table.Table.LatestStreamArn
	described, err := client.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	if err != nil {
		t.Fatal(err)
	}
	shard := described.StreamDescription.Shards[0].ShardId
	iterator, err := client.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{StreamArn: arn, ShardId: shard, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon})
	if err != nil {
		t.Fatal(err)
	}
	records, err := client.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: iterator.ShardIterator})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records.Records {
		if k, _ := r.Dynamodb.Keys[contract.FieldTransactionID].(*streamtypes.AttributeValueMemberS); k == nil || k.Value != id {
			continue
		}
		if lost {
			shard = aws.String("shardId-00000000000000000000-gone")
		}
		at := aws.ToTime(r.Dynamodb.ApproximateCreationDateTime).UTC().Format(time.RFC3339)
		return map[string]any{
			"version": "1.0", "timestamp": at, "requestContext": map[string]any{
				"requestId": "r", "functionArn": "arn:aws:lambda:x:function:event-relay", "condition": "RecordAgeExceeded", "approximateInvokeCount": 9,
			},
			"DDBStreamBatchInfo": map[string]any{
				"shardId": *shard, "startSequenceNumber": *r.Dynamodb.SequenceNumber, "endSequenceNumber": *r.Dynamodb.SequenceNumber,
				"approximateArrivalOfFirstRecord": at, "approximateArrivalOfLastRecord": at, "batchSize": 1, "streamArn": *arn,
			},
		}
	}
	t.Fatalf("the stream has no record of %s", id)
	return nil
}
