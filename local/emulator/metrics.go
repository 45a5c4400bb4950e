package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"payment-webhooks/local/cloudwatch"
	"payment-webhooks/local/events"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/flow"
	"payment-webhooks/local/iam"
	"payment-webhooks/local/logs"
	"payment-webhooks/local/sns"
)

// planMetrics reads the alarms, the metric filters and the queues that have metrics.
func (e *Emulator) planMetrics() error {
	var problems []error
	var err error
	if e.filters, err = cloudwatch.NewFilters(e.stack, e.resolver, e.metrics); err != nil {
		problems = append(problems, err)
	}
	if e.alarms, err = cloudwatch.NewAlarms(e.stack, e.resolver, cloudwatch.Config{
		Store: e.metrics, Account: e.account, Region: e.region, Now: e.now, Refresh: e.refreshMetrics, Notify: e.notify,
	}); err != nil {
		problems = append(problems, err)
	}
	dashboards, err := cloudwatch.NewDashboards(e.stack, e.resolver, e.metrics, e.region)
	problems = append(problems, err)
	e.dashboard = cloudwatch.NewView(dashboards, e.alarms, recorded, unrecorded)
	problems = append(problems, e.planTables())
	for _, resource := range e.stack.ByType("AWS::SQS::Queue") {
		properties, err := e.resolver.Properties(resource)
		name, errName := e.resolver.Att(resource.LogicalID, "QueueName")
		problems = append(problems, err, errName)
		retention := 4 * 24 * time.Hour // the default of MessageRetentionPeriod
		if p, isMap := properties.(map[string]any); isMap && p["MessageRetentionPeriod"] != nil {
			seconds, err := strconv.Atoi(fmt.Sprint(p["MessageRetentionPeriod"]))
			problems = append(problems, err)
			retention = time.Duration(seconds) * time.Second
		}
		e.retentions[name] = retention
	}
	return errors.Join(problems...)
}

// recorded are the metrics that the emulated services record, by namespace.
var recorded = map[string][]string{
	"AWS/ApiGateway": {"Count", "4XXError", "5XXError", "Latency", "IntegrationLatency"},
	"AWS/DynamoDB":   {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"},
	"AWS/Events":     {"MatchedEvents", "Invocations", "FailedInvocations", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq"},
	"AWS/Lambda":     {"Invocations", "Errors", "Throttles", "Duration", "IteratorAge", "AsyncEventsDropped", "DestinationDeliveryFailures"},
	"AWS/SNS":        {"NumberOfNotificationsDelivered"},
	"AWS/SQS":        {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage", "NumberOfMessagesSent"},
	"AWS/States":     {"ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted", "ExecutionTime"},
}

// unrecorded are metrics that a stack may name, and why they have no values here.
var unrecorded = map[string]string{
	"AWS/SNS NumberOfNotificationsFailed": "its subscribers accept every notification",
}

// planTables reads the keys of the tables and of their indexes.
func (e *Emulator) planTables() error {
	type keys []struct{ AttributeName, KeyType string }
	var tables []cloudwatch.Table
	var problems []error
	names := func(k keys) (list []string) {
		for _, one := range k {
			list = append(list, one.AttributeName)
		}
		return list
	}
	for _, resource := range e.stack.ByType("AWS::DynamoDB::Table") {
		var p struct {
			KeySchema              keys
			GlobalSecondaryIndexes []struct {
				IndexName string
				KeySchema keys
			}
		}
		name, err := e.resolver.Ref(resource.LogicalID)
		properties, errProperties := e.resolver.Properties(resource)
		text, errText := json.Marshal(properties)
		if err := errors.Join(err, errProperties, errText); err != nil {
			problems = append(problems, err)
			continue
		}
		problems = append(problems, json.Unmarshal(text, &p)) // what else it has is checked by package provision
		table := cloudwatch.Table{Name: name, Key: names(p.KeySchema), Indexes: map[string][]string{}}
		for _, index := range p.GlobalSecondaryIndexes {
			table.Indexes[index.IndexName] = names(index.KeySchema)
		}
		tables = append(tables, table)
	}
	e.tables = &cloudwatch.Tables{Store: e.metrics, Now: time.Now}
	e.tables.Set(tables)
	return errors.Join(problems...)
}

// metric returns a function that records values of AWS's own metrics with these dimensions.
func (e *Emulator) metric(namespace string, dimensions ...string) func(name string, value float64, at time.Time) {
	return func(name string, value float64, at time.Time) {
		e.metrics.Put(cloudwatch.NewMetric(namespace, name, dimensions...), value, at)
	}
}

func (e *Emulator) ruleMetric(r *events.Rule, name string, at time.Time) {
	e.metric("AWS/Events", r.MetricDimensions()...)(name, 1, at)
}

// notified records a notification to one subscriber.
func (e *Emulator) notified(n sns.Notification) {
	if n.Protocol == "none" {
		return
	}
	if id := e.logicalIDs[n.TopicARN]; id != "" {
		e.passed.add(flow.Count{Of: flow.Notified, LogicalID: id, Detail: n.Protocol + " " + n.Endpoint})
	}
	topic := n.TopicARN[strings.LastIndex(n.TopicARN, ":")+1:]
	e.metric("AWS/SNS", "TopicName", topic)("NumberOfNotificationsDelivered", 1, n.At)
}

// putEmbedded records metrics that functions wrote in embedded metric format.
func (e *Emulator) putEmbedded(batch []logs.Metric) {
	for _, m := range batch {
		var dimensions []string
		for _, d := range m.Dimensions {
			dimensions = append(dimensions, d[0], d[1])
		}
		e.metrics.Put(cloudwatch.NewMetric(m.Namespace, m.Name, dimensions...), m.Value, m.At)
	}
}

// refreshMetrics makes the metrics complete before alarms are evaluated.
func (e *Emulator) refreshMetrics(ctx context.Context) {
	// Entries that were removed from the queue must be sent, even if the caller is gone.
	e.writer.Flush(context.WithoutCancel(ctx))
	err := e.queueMetrics.Sample(ctx, e.countMessages)
	if err != nil && ctx.Err() == nil {
		e.log.Warn("queues have no metrics", "error", err)
	}
}

// countMessages asks SQS how many messages a queue holds.
func (e *Emulator) countMessages(ctx context.Context, name string) (cloudwatch.Counts, error) {
	out, err := sqs.NewFromConfig(e.configAt(e.moto.URL, userKey)).GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(e.moto.URL + "/" + e.account + "/" + name),
		AttributeNames: []sqstypes.QueueAttributeName{
			sqstypes.QueueAttributeNameApproximateNumberOfMessages, sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		},
	})
	if err != nil {
		return cloudwatch.Counts{}, err
	}
	visible, errVisible := strconv.Atoi(out.Attributes["ApproximateNumberOfMessages"])
	not, errNot := strconv.Atoi(out.Attributes["ApproximateNumberOfMessagesNotVisible"])
	return cloudwatch.Counts{Visible: visible, NotVisible: not}, errors.Join(errVisible, errNot)
}

// cloudWatchService is the principal that publishes the notifications of alarms.
const cloudWatchService = "cloudwatch.amazonaws.com"

// notify publishes a notification of an alarm, if the topic's policy lets CloudWatch do so.
// "CloudWatch doesn't test or validate the actions that you specify, nor does it detect any […]
// errors resulting from an attempt to invoke nonexistent actions."
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
func (e *Emulator) notify(ctx context.Context, alarmARN, topicARN, subject string, message []byte) {
	err := e.policies.Check(iam.Service(cloudWatchService, alarmARN), iam.NewCall("sns:Publish", topicARN))
	if err == nil {
		_, err = awssns.NewFromConfig(e.awsConfig(userKey, faults.CloudWatch)).Publish(ctx, &awssns.PublishInput{
			TopicArn: aws.String(topicARN), Subject: aws.String(subject), Message: aws.String(string(message)),
		})
	}
	if err == nil {
		e.passed.add(flow.Count{Of: flow.Alarmed, LogicalID: e.logicalIDs[topicARN]})
	}
	if err != nil {
		e.log.Error("alarm not published", "alarm", alarmARN, "topic", topicARN, "error", err)
	}
}

// serveAlarms evaluates the alarms up to the time of the query, by default now.
func (e *Emulator) serveAlarms(w http.ResponseWriter, r *http.Request) {
	at, err := queryTime(r)
	if err != nil {
		respondError(w, http.StatusBadRequest, err)
		return
	}
	states, err := e.alarms.Evaluate(r.Context(), at)
	if err != nil {
		respondError(w, http.StatusBadRequest, err)
		return
	}
	respond(w, http.StatusOK, states)
}

// queryTime returns the time in a request's query, by default now.
func queryTime(r *http.Request) (time.Time, error) {
	text := r.URL.Query().Get("time")
	if text == "" {
		return time.Now(), nil
	}
	return time.Parse(time.RFC3339, text)
}
