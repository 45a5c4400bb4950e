//go:build !race

package constructs

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payment-webhooks/handlers/contract"
)

// metric is what a widget or an alarm looks at, with physical names.
type metric struct {
	where, namespace, name string
	dimensions             map[string]string
}

// nameProperty is where a resource keeps its physical name.
var nameProperty = map[string]string{
	"AWS::Lambda::Function":            "FunctionName",
	"AWS::DynamoDB::Table":             "TableName",
	"AWS::SQS::Queue":                  "QueueName",
	"AWS::SNS::Topic":                  "TopicName",
	"AWS::Events::EventBus":            "Name",
	"AWS::Events::Rule":                "Name",
	"AWS::StepFunctions::StateMachine": "StateMachineName",
	"AWS::ApiGateway::RestApi":         "Name",
	"AWS::ApiGateway::Stage":           "StageName",
}

// nameAttribute is how a template refers to that name: "" is Ref.
var nameAttribute = map[string]string{
	"AWS::Lambda::Function": "", "AWS::DynamoDB::Table": "", "AWS::Events::EventBus": "", "AWS::SQS::Queue": "QueueName", "AWS::SNS::Topic": "TopicName",
}

var referencePattern = regexp.MustCompile(`^\$\{(\w+)(?:\.(\w+))?\}$`)

// physical resolves a reference to the name that CloudWatch will see.
func (s template) physical(value string) string {
	s.t.Helper()
	reference := referencePattern.FindStringSubmatch(value)
	if reference == nil {
		return value
	}
	r, ok := s.Resources[reference[1]]
	if !ok {
		s.t.Fatalf("%s refers to nothing", value)
	}
	if r.Type == "AWS::StepFunctions::StateMachine" && reference[2] == "" {
		return "arn of " + s.render(r.Properties["StateMachineName"])
	}
	attribute, ok := nameAttribute[r.Type]
	if !ok || attribute != reference[2] {
		s.t.Fatalf("%s of %s is not its name", value, r.Type)
	}
	return s.render(r.Properties[nameProperty[r.Type]])
}

func (s template) dashboardMetrics() []metric {
	s.t.Helper()
	var found []metric
	for _, name := range []string{"transaction-metrics-dev", "transaction-details-dev"} {
		found = append(found, s.shownOn(name)...)
	}
	return found
}

// alarmsShown are the alarms of the first dashboard's alarm widget.
func (s template) alarmsShown(name string) []string {
	s.t.Helper()
	_, dashboard := s.named("AWS::CloudWatch::Dashboard", "DashboardName", name)
	var body struct {
		Widgets []struct {
			Type       string
			Properties struct{ Alarms []string }
		}
	}
	if err := json.Unmarshal([]byte(s.render(dashboard.at("DashboardBody"))), &body); err != nil {
		s.t.Fatal(err)
	}
	for _, widget := range body.Widgets {
		if widget.Type == "alarm" {
			return widget.Properties.Alarms
		}
	}
	return nil
}

// shownOn are the metrics on a dashboard, each search as one.
func (s template) shownOn(name string) []metric {
	s.t.Helper()
	_, dashboard := s.named("AWS::CloudWatch::Dashboard", "DashboardName", name)
	var body struct {
		Widgets []struct {
			Properties struct {
				Title   string
				Metrics [][]any
			}
		}
	}
	if err := json.Unmarshal([]byte(s.render(dashboard.at("DashboardBody"))), &body); err != nil {
		s.t.Fatal(err)
	}
	var found []metric
	for _, widget := range body.Widgets {
		for _, entry := range widget.Properties.Metrics {
			var words []string
			for _, word := range entry {
				if text, ok := word.(string); ok {
					words = append(words, text)
				}
			}
			if len(words) == 0 { // a search
				found = append(found, s.searched("widget "+widget.Properties.Title, entry[0].(map[string]any)["expression"].(string)))
				continue
			}
			m := metric{"widget " + widget.Properties.Title, words[0], words[1], map[string]string{}}
			for i := 2; i+1 < len(words); i += 2 {
				m.dimensions[words[i]] = s.physical(words[i+1])
			}
			found = append(found, m)
		}
	}
	return found
}

// searchPattern is a search for a metric whatever the value of its last dimension.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
var searchPattern = regexp.MustCompile(`^SEARCH\('\{(\w+),(\w+),(\w+)\} MetricName="(\w+)" (\w+)="([\w-]+)"', 'Sum', 300\)$`)

// searched returns the metric that a search finds, its free dimension with the value "any".
func (s template) searched(where, expression string) metric {
	s.t.Helper()
	m := searchPattern.FindStringSubmatch(expression)
	if m == nil || m[2] != m[5] {
		s.t.Fatalf("%s: the search %s is of another form", where, expression)
	}
	return metric{where, m[1], m[4], map[string]string{m[2]: m[6], m[3]: "any"}}
}

func (s template) alarmMetrics() []metric {
	s.t.Helper()
	var found []metric
	add := func(where string, value map[string]any) {
		m := metric{where, value["Namespace"].(string), value["MetricName"].(string), map[string]string{}}
		dimensions, _ := value["Dimensions"].([]any)
		for _, d := range dimensions {
			d := d.(map[string]any)
			m.dimensions[d["Name"].(string)] = s.physical(s.render(d["Value"]))
		}
		found = append(found, m)
	}
	for _, id := range s.all("AWS::CloudWatch::Alarm") {
		alarm := s.Resources[id]
		where := "alarm " + s.render(alarm.at("AlarmName"))
		if alarm.at("MetricName") != nil {
			add(where, alarm.Properties)
		}
		several, _ := alarm.at("Metrics").([]any)
		for _, entry := range several {
			if stat, ok := entry.(map[string]any)["MetricStat"].(map[string]any); ok {
				add(where, stat["Metric"].(map[string]any))
			}
		}
	}
	return found
}

// names are the physical names of a type's resources.
func (s template) names(resourceType string) []string {
	var names []string
	for _, id := range s.all(resourceType) {
		if name := s.Resources[id].Properties[nameProperty[resourceType]]; name != nil {
			names = append(names, s.render(name))
		}
	}
	return names
}

// knownMetrics are the metrics that exist, by namespace, each with the sets of
// dimensions that it has.
//
//   - https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
//   - https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
//   - https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
//   - https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
//   - https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
//   - https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
//   - https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
var knownMetrics = map[string]map[string][]string{
	"AWS/Lambda": {
		"Invocations": {"FunctionName"}, "Errors": {"FunctionName"}, "Throttles": {"FunctionName"}, "Duration": {"FunctionName"},
		"IteratorAge": {"FunctionName"}, "DestinationDeliveryFailures": {"FunctionName"}, "AsyncEventsDropped": {"FunctionName"},
	},
	"AWS/ApiGateway": {
		"Count": {"ApiName,Stage"}, "4XXError": {"ApiName,Stage"}, "5XXError": {"ApiName,Stage"},
		"Latency": {"ApiName,Stage"}, "IntegrationLatency": {"ApiName,Stage"},
	},
	"AWS/DynamoDB": {
		"ConsumedReadCapacityUnits":  {"TableName", "GlobalSecondaryIndexName,TableName"},
		"ConsumedWriteCapacityUnits": {"TableName", "GlobalSecondaryIndexName,TableName"},
		"ReadThrottleEvents":         {"TableName", "GlobalSecondaryIndexName,TableName"},
		"WriteThrottleEvents":        {"TableName", "GlobalSecondaryIndexName,TableName"},
	},
	"AWS/States": {
		"ExecutionsStarted": {"StateMachineArn"}, "ExecutionsSucceeded": {"StateMachineArn"},
		"ExecutionsFailed": {"StateMachineArn"}, "ExecutionsTimedOut": {"StateMachineArn"},
	},
	"AWS/Events": {
		"MatchedEvents": {"EventBusName,RuleName"}, "Invocations": {"EventBusName,RuleName", "RuleName"},
		"FailedInvocations":              {"EventBusName,RuleName", "RuleName"},
		"InvocationsFailedToBeSentToDlq": {"EventBusName,RuleName", "RuleName"},
	},
	"AWS/SNS": {"NumberOfNotificationsDelivered": {"TopicName"}, "NumberOfNotificationsFailed": {"TopicName"}},
	"AWS/SQS": {"ApproximateNumberOfMessagesVisible": {"QueueName"}, "ApproximateAgeOfOldestMessage": {"QueueName"}, "NumberOfMessagesSent": {"QueueName"}},
	contract.MetricNamespace: {
		contract.MetricAccepted: {"Environment"}, contract.MetricDuplicates: {"Environment"}, contract.MetricConflicts: {"Environment"},
		contract.MetricRejected: {"Environment"}, contract.MetricStoreUnavailable: {"Environment"}, contract.MetricAckLatency: {"Environment"},
		contract.MetricCardNumbersMasked: {"Environment"}, contract.MetricEventsPublished: {"Environment"}, contract.MetricEventsFailed: {"Environment"},
		contract.MetricRelayLag: {"Environment"}, contract.MetricScored: {"Environment,RiskLevel"}, contract.MetricArchived: {"Environment"},
		contract.MetricHoursArchived: {"Environment"}, contract.MetricArchiveBacklog: {"Environment"},
		contract.MetricForged: {"Environment"}, contract.MetricIgnored: {"Environment"}, contract.MetricQuarantined: {"Environment"},
		contract.MetricVerificationFailing: {"Environment"}, contract.MetricSecretReadsFailing: {"Environment"},
		contract.MetricMissing: {"Environment,Provider"}, contract.MetricReconcileRuns: {"Environment,Provider"},
		contract.MetricVerified: {"Environment,Provider"}, contract.MetricUnverified: {"Environment,Provider"},
		contract.MetricUnknownEvents: {"Environment", "Environment,EventType"}, contract.MetricThrottled: {"Environment"},
		contract.MetricPublicationsDue: {"Environment"}, contract.MetricPublicationsDone: {"Environment"},
		contract.MetricScoresDue: {"Environment"}, contract.MetricScoresDone: {"Environment"},
		contract.MetricEventsExpected: {"Environment,Tier"}, contract.MetricArchiveRuns: {"Environment"},
	},
}

func TestMetrics(t *testing.T) {
	stacks := bothStacks(t)
	stacks["when every provider is configured"] = everyProviderStack(t)
	for name, s := range stacks {
		t.Run(name+", each exists", func(t *testing.T) { everyMetricExists(t, s) })
	}
}

func everyMetricExists(t *testing.T, s template) {
	t.Helper()
	_, stage := s.only("AWS::ApiGateway::Stage")
	values := map[string][]string{
		"FunctionName":             s.names("AWS::Lambda::Function"),
		"ApiName":                  s.names("AWS::ApiGateway::RestApi"),
		"Stage":                    {s.render(stage.at("StageName"))},
		"TableName":                s.names("AWS::DynamoDB::Table"),
		"GlobalSecondaryIndexName": {contract.IndexByHour},
		"StateMachineArn":          {"arn of transaction-workflow-dev"},
		"EventBusName":             s.names("AWS::Events::EventBus"),
		"TopicName":                s.names("AWS::SNS::Topic"),
		"QueueName":                s.names("AWS::SQS::Queue"),
		"Environment":              {"dev"},
		"RiskLevel":                {"low", "medium", "high"},
		"Provider":                 {"adyen", "canonical", "paypal", "square", "stripe"},
		"EventType":                {"any"},
		"Tier":                     s.tiers(),
	}
	// Metrics of rules on a bus of one's own have its name too; with RuleName
	// alone they are those of the default bus.
	onBus := map[string]bool{}
	for _, id := range s.all("AWS::Events::Rule") {
		onBus[s.render(s.Resources[id].at("Name"))] = s.Resources[id].at("EventBusName") != nil
	}
	all := append(s.dashboardMetrics(), s.alarmMetrics()...)
	if len(all) < 60 {
		t.Errorf("found only %d metrics", len(all))
	}
	for _, m := range all {
		where := fmt.Sprintf("%s: %s %s %v", m.where, m.namespace, m.name, m.dimensions)
		set := strings.Join(slices.Sorted(maps.Keys(m.dimensions)), ",")
		if !slices.Contains(knownMetrics[m.namespace][m.name], set) {
			t.Errorf("%s: no such metric", where)
		}
		for name, value := range m.dimensions {
			if name == "RuleName" {
				custom, exists := onBus[value]
				if _, named := m.dimensions["EventBusName"]; !exists || custom != named {
					t.Errorf("%s: no such rule on that bus", where)
				}
			} else if !slices.Contains(values[name], value) {
				t.Errorf("%s: no such %s, there are %q", where, name, values[name])
			}
		}
	}
}

// tiers are the names of the tiers that have a rule.
func (s template) tiers() (names []string) {
	for _, rule := range s.names("AWS::Events::Rule") {
		if name, ok := strings.CutSuffix(rule, contract.TierRuleInfix+"dev"); ok {
			names = append(names, name)
		}
	}
	return names
}

func has(metrics []metric, name, dimension, value string) bool {
	return slices.ContainsFunc(metrics, func(m metric) bool {
		return m.name == name && (dimension == "" || m.dimensions[dimension] == value)
	})
}

func TestDashboard(t *testing.T) {
	t.Run("when something can be watched, it is shown", func(t *testing.T) {
		s := sixTierStack(t) // has all that the default tiers have
		shown := append(s.dashboardMetrics(), everyProviderStack(t).dashboardMetrics()...)
		for _, handler := range []string{contract.WebhookValidator, contract.EventRelay, contract.FraudDetector, contract.TransactionArchival} {
			for _, name := range []string{"Invocations", "Errors", "Duration"} {
				if !has(shown, name, "FunctionName", handler+"-dev") {
					t.Errorf("%s of %s is not shown", name, handler)
				}
			}
		}
		for _, queue := range s.names("AWS::SQS::Queue") {
			if !has(shown, "ApproximateNumberOfMessagesVisible", "QueueName", queue) {
				t.Errorf("the depth of %s is not shown", queue)
			}
		}
		for _, rule := range s.names("AWS::Events::Rule") {
			started := has(shown, "MatchedEvents", "RuleName", rule) || has(shown, "Invocations", "RuleName", rule)
			if !started || !has(shown, "FailedInvocations", "RuleName", rule) {
				t.Errorf("rule %s is not shown", rule)
			}
		}
		watched := append(s.alarmMetrics(), reconciledStack(t).alarmMetrics()...)
		for _, metrics := range knownMetrics {
			for name := range metrics {
				if !has(shown, name, "", "") && !has(watched, name, "", "") {
					t.Errorf("%s is neither shown nor watched", name)
				}
			}
		}
		if !has(shown, contract.MetricUnknownEvents, contract.DimensionEventType, "any") {
			t.Error("unknown event types are not shown by name")
		}
	})
	t.Run("when somebody is woken, the first one says what is wrong", func(t *testing.T) {
		s := stack(t)
		alarms := s.alarmsShown("transaction-metrics-dev")
		if all := s.all("AWS::CloudWatch::Alarm"); len(alarms) != len(all) {
			t.Errorf("%d alarms are shown of %d", len(alarms), len(all))
		}
		first := s.shownOn("transaction-metrics-dev")
		for _, name := range []string{"5XXError", "Errors", "ExecutionsFailed", "NumberOfNotificationsFailed", contract.MetricPublicationsDone, contract.MetricArchiveBacklog} {
			if !has(first, name, "", "") {
				t.Errorf("%s is not on the first dashboard", name)
			}
		}
		for _, queue := range s.names("AWS::SQS::Queue") {
			if !has(first, "ApproximateNumberOfMessagesVisible", "QueueName", queue) {
				t.Errorf("the depth of %s is not on the first dashboard", queue)
			}
		}
	})
	// Three dashboards of up to 50 metrics cost nothing.
	// https://aws.amazon.com/cloudwatch/pricing/
	stacks := bothStacks(t)
	stacks["when every provider is configured"] = everyProviderStack(t)
	stacks["when providers are compared daily"] = reconciledStack(t)
	for name, s := range stacks {
		t.Run(name+", each is small enough to be free", func(t *testing.T) {
			s.t = t
			if boards := s.all("AWS::CloudWatch::Dashboard"); len(boards) != 2 {
				t.Errorf("%d dashboards: %q", len(boards), boards)
			}
			for _, board := range []string{"transaction-metrics-dev", "transaction-details-dev"} {
				n := len(s.shownOn(board))
				t.Logf("%s shows %d metrics", board, n)
				if n > 50 {
					t.Errorf("%s shows %d metrics", board, n)
				}
			}
		})
	}
	t.Run("when one is too large to be free, the synthesis warns", func(t *testing.T) {
		list := `{"tiers": [{"name": "t0", "target": "log"}`
		for i := 1; i < 10; i++ {
			list += fmt.Sprintf(`, {"name": "t%d", "from": %d, "target": "log"}`, i, i)
		}
		s := synthesizeTiers(t, list+"]}", nil)
		if n := len(s.shownOn("transaction-metrics-dev")); n <= 50 || !s.warns("largeDashboard") {
			t.Errorf("%d metrics and no warning", n)
		}
		if synthesizeTiers(t, `{}`, nil).warns("largeDashboard") {
			t.Error("warns of dashboards that are free")
		}
	})
}

func TestAlarmThresholds(t *testing.T) {
	t.Run("when a metric is above them, raise the alarm", func(t *testing.T) {
		s := stack(t)
		for name, want := range map[string]map[string]string{
			"webhook-validator-errors":    {"MetricName": "Errors", "Threshold": "0", "EvaluationPeriods": "1", "Period": "300"},
			"transaction-archival-errors": {"MetricName": "Errors", "Threshold": "0", "EvaluationPeriods": "1", "Period": "300"},
			"api-5xx":                     {"MetricName": "5XXError", "Threshold": "0", "EvaluationPeriods": "1", "Period": "300", "Statistic": "Sum"},
			"ack-p99":                     {"MetricName": "Latency", "Threshold": "1000", "EvaluationPeriods": "3", "Period": "300", "ExtendedStatistic": "p99"},
			"relay-iterator-age":          {"MetricName": "IteratorAge", "Threshold": "300000", "EvaluationPeriods": "3", "Statistic": "Maximum"},
			"workflow-failed":             {"MetricName": "ExecutionsFailed", "Threshold": "0", "Statistic": "Sum"},
			"workflow-timed-out":          {"MetricName": "ExecutionsTimedOut", "Threshold": "0", "Statistic": "Sum"},
			"alerts-failed":               {"MetricName": "NumberOfNotificationsFailed", "Threshold": "0", "Statistic": "Sum"},
			"verification-unavailable":    {"MetricName": contract.MetricVerificationFailing, "Threshold": "0", "EvaluationPeriods": "1", "Period": "300", "Statistic": "Sum"},
			"secret-reads-failed":         {"MetricName": contract.MetricSecretReadsFailing, "Threshold": "0", "EvaluationPeriods": "3", "Period": "300", "Statistic": "Sum"},
			"api-429":                     {"MetricName": contract.MetricThrottled, "Threshold": "0", "EvaluationPeriods": "3", "Period": "300", "Statistic": "Sum"},
			"unknown-event-types":         {"MetricName": contract.MetricUnknownEvents, "Threshold": "0", "EvaluationPeriods": "1", "Period": "86400", "Statistic": "Sum"},
			"forged-surge":                {"MetricName": contract.MetricForged, "Threshold": "10", "EvaluationPeriods": "3", "Period": "300", "Statistic": "Sum"},
			"archive-backlog":             {"MetricName": contract.MetricArchiveBacklog, "Threshold": "0", "Statistic": "Maximum"},
		} {
			_, alarm := s.named("AWS::CloudWatch::Alarm", "AlarmName", "payment-webhooks-"+name+"-dev")
			s.expect(alarm, want)
		}
	})
}

// math returns an alarm's expression, and its metrics by their ids in it.
func (s template) math(alarm resource) map[string]string {
	s.t.Helper()
	parts := map[string]string{}
	for _, entry := range alarm.at("Metrics").([]any) {
		entry := entry.(map[string]any)
		if entry["Expression"] != nil {
			parts["expression"] = s.render(entry["Expression"])
			continue
		}
		stat := entry["MetricStat"].(map[string]any)
		of := map[string]string{}
		for _, d := range stat["Metric"].(map[string]any)["Dimensions"].([]any) {
			d := d.(map[string]any)
			of[d["Name"].(string)] = s.physical(s.render(d["Value"]))
		}
		var values []string
		for _, name := range slices.Sorted(maps.Keys(of)) {
			values = append(values, of[name])
		}
		parts[entry["Id"].(string)] = fmt.Sprintf("%s of %s of %s over %v s",
			stat["Stat"], stat["Metric"].(map[string]any)["MetricName"], strings.Join(values, " "), stat["Period"])
	}
	return parts
}

// A small merchant whose secret is wrong sees a few rejected deliveries a day: no alarm
// that needs volume notices.
func TestUnverifiedAlarms(t *testing.T) {
	unverifiedAlarms := func(s template) (names []string) {
		for _, id := range s.all("AWS::CloudWatch::Alarm") {
			if name := s.render(s.Resources[id].at("AlarmName")); strings.Contains(name, "-unverified-") {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	t.Run("are one for each provider, and one for the canonical route if it is verified", func(t *testing.T) {
		want := []string{
			"payment-webhooks-unverified-adyen-dev", "payment-webhooks-unverified-canonical-dev", "payment-webhooks-unverified-paypal-dev",
			"payment-webhooks-unverified-square-dev", "payment-webhooks-unverified-stripe-dev",
		}
		if diff := cmp.Diff(want, unverifiedAlarms(everyProviderStack(t))); diff != "" {
			t.Error(diff)
		}
		if names := unverifiedAlarms(stack(t)); len(names) != 0 {
			t.Errorf("without providers there are %q", names)
		}
		open := synthesizeProviders(t, map[string]any{"stripe": map[string]any{"secret": "payments/stripe"}})
		if diff := cmp.Diff([]string{"payment-webhooks-unverified-stripe-dev"}, unverifiedAlarms(open)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("are raised by one rejected delivery when none is verified for six hours", func(t *testing.T) {
		s := everyProviderStack(t)
		for _, provider := range []string{"stripe", "canonical"} {
			_, alarm := s.named("AWS::CloudWatch::Alarm", "AlarmName", "payment-webhooks-unverified-"+provider+"-dev")
			s.expect(alarm, map[string]string{
				"Threshold": "0", "EvaluationPeriods": "1", "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
			})
			want := map[string]string{
				"expression": "IF(FILL(unverified, 0) > 0 AND FILL(SUM([verified, 0 * unverified]), 0) == 0, 1, 0)",
				"unverified": "Sum of UnverifiedDeliveries of dev " + provider + " over 21600 s",
				"verified":   "Sum of VerifiedDeliveries of dev " + provider + " over 21600 s",
			}
			if diff := cmp.Diff(want, s.math(alarm)); diff != "" {
				t.Error(diff)
			}
			for _, hint := range []string{provider, "Secrets Manager", "dashboard"} {
				if !strings.Contains(s.render(alarm.at("AlarmDescription")), hint) {
					t.Errorf("the description does not name %s: %s", hint, s.render(alarm.at("AlarmDescription")))
				}
			}
		}
	})
}

func TestClientErrorAlarm(t *testing.T) {
	t.Run("is raised when most requests get 4XX for an hour", func(t *testing.T) {
		s := stack(t)
		_, alarm := s.named("AWS::CloudWatch::Alarm", "AlarmName", "payment-webhooks-api-4xx-dev")
		s.expect(alarm, map[string]string{"Threshold": "0", "EvaluationPeriods": "4"})
		want := map[string]string{
			"expression": "IF(FILL(errors, 0) > 100 AND 2 * FILL(errors, 0) > FILL(SUM([requests, 0 * errors]), 0), 1, 0)",
			"errors":     "Sum of 4XXError of payment-webhooks-dev v1 over 900 s",
			"requests":   "Sum of Count of payment-webhooks-dev v1 over 900 s",
		}
		if diff := cmp.Diff(want, s.math(alarm)); diff != "" {
			t.Error(diff)
		}
	})
}

// Whoever is not verified must not be able to wake people, but by a surge, by errors
// that last, or as the only one who sends.
func TestAlarmsOfStrangers(t *testing.T) {
	t.Run("are those that are meant to be", func(t *testing.T) {
		var got []string
		for _, m := range everyProviderStack(t).alarmMetrics() {
			switch m.name {
			case contract.MetricForged, contract.MetricUnverified, contract.MetricRejected, contract.MetricThrottled, "4XXError":
				got = append(got, m.name+" "+strings.TrimSuffix(strings.TrimPrefix(m.where, "alarm payment-webhooks-"), "-dev"))
			}
		}
		slices.Sort(got)
		want := []string{
			"4XXError api-4xx", "ForgedDeliveries forged-surge", "ThrottledRequests api-429",
			"UnverifiedDeliveries unverified-adyen", "UnverifiedDeliveries unverified-canonical", "UnverifiedDeliveries unverified-paypal",
			"UnverifiedDeliveries unverified-square", "UnverifiedDeliveries unverified-stripe",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
