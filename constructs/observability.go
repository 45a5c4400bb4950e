package constructs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	cdkconstructs "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"payment-webhooks/handlers/contract"
)

// ObservabilityProps lists the parts that the dashboards and the alarms observe.
type ObservabilityProps struct {
	Suffix    string
	Providers Providers
	Store     *Store
	Ingest    *Ingest
	Bus       *Bus
	Relay     *Relay
	Alerts    *Alerts
	Workflow  *Workflow
	Routing   *Routing
	Archive   *Archive
	Reconcile *Reconciliation // nil if no provider is compared daily
	Digest    *Digest         // nil if no tier has a digest
}

// Observability is two dashboards, and alarms that notify the alerts topic.
type Observability struct{ urls []*string }

// NewObservability adds the dashboards and the alarms, and a warning for a dashboard that is
// not free.
func NewObservability(scope cdkconstructs.Construct, id string, p ObservabilityProps) *Observability {
	this := cdkconstructs.NewConstruct(scope, &id)
	m := metrics{p}
	o := &Observability{}
	alarms := m.addAlarms(this)
	for _, d := range m.dashboards() {
		board := awscloudwatch.NewDashboard(this, jsii.String(d.id), &awscloudwatch.DashboardProps{DashboardName: jsii.String(d.name)})
		board.AddWidgets(d.head(alarms)...)
		for _, row := range d.rows {
			var widgets []awscloudwatch.IWidget
			for _, g := range row {
				widgets = append(widgets, g.widget())
			}
			board.AddWidgets(widgets...)
		}
		if warning := d.warning(); warning != "" {
			awscdk.Annotations_Of(board).AddWarningV2(jsii.String("payment-webhooks:largeDashboard"), jsii.String(warning))
		}
		o.urls = append(o.urls, awscdk.Fn_Join(jsii.String(""), &[]*string{
			jsii.String("https://console.aws.amazon.com/cloudwatch/home?region="), awscdk.Stack_Of(this).Region(),
			jsii.String("#dashboards/dashboard/" + d.name),
		}))
	}
	return o
}

// DashboardURL returns the address in the console of the dashboard to look at first.
func (o *Observability) DashboardURL() *string { return o.urls[0] }

// DetailsURL returns the address in the console of the dashboard with the details.
func (o *Observability) DetailsURL() *string { return o.urls[1] }

// metrics names the metrics of this stack's resources by their real dimensions.
type metrics struct{ p ObservabilityProps }

// of is a metric over a minute. Dimensions come as name, value, name, value.
// The label is for a graph's legend; alarms have none.
func (m metrics) of(namespace, name, statistic, label string, dimensions ...*string) awscloudwatch.IMetric {
	byName := map[string]*string{}
	for i := 0; i < len(dimensions); i += 2 {
		byName[*dimensions[i]] = dimensions[i+1]
	}
	props := &awscloudwatch.MetricProps{
		Namespace:     jsii.String(namespace),
		MetricName:    jsii.String(name),
		Statistic:     jsii.String(statistic),
		Period:        awscdk.Duration_Minutes(jsii.Number(1)),
		DimensionsMap: &byName,
	}
	if label != "" {
		props.Label = jsii.String(label)
	}
	return awscloudwatch.NewMetric(props)
}

func (m metrics) lambda(fn namedFunction, name, statistic, label string) awscloudwatch.IMetric {
	return m.of("AWS/Lambda", name, statistic, label, jsii.String("FunctionName"), fn.function.FunctionName())
}

func (m metrics) api(name, statistic, label string) awscloudwatch.IMetric {
	return m.of("AWS/ApiGateway", name, statistic, label,
		jsii.String("ApiName"), m.p.Ingest.api.RestApiName(), jsii.String("Stage"), jsii.String(stageName))
}

func (m metrics) table(name, statistic, label string) awscloudwatch.IMetric {
	return m.of("AWS/DynamoDB", name, statistic, label, jsii.String("TableName"), m.p.Store.Table().TableName())
}

func (m metrics) index(name, statistic, label string) awscloudwatch.IMetric {
	return m.of("AWS/DynamoDB", name, statistic, label, jsii.String("TableName"), m.p.Store.Table().TableName(),
		jsii.String("GlobalSecondaryIndexName"), jsii.String(contract.IndexByHour))
}

func (m metrics) workflow(name, label string) awscloudwatch.IMetric {
	return m.of("AWS/States", name, "Sum", label, jsii.String("StateMachineArn"), m.p.Workflow.StateMachine().StateMachineArn())
}

// rule is a metric of a tier's rule, which is on the custom bus. Metrics with RuleName alone
// are those of the default bus.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
func (m metrics) rule(r Route, name, label string) awscloudwatch.IMetric {
	return m.of("AWS/Events", name, "Sum", label,
		jsii.String("EventBusName"), m.p.Bus.EventBus().EventBusName(), jsii.String("RuleName"), jsii.String(r.RuleName))
}

// defaultBusRule is a metric of a rule on the default bus.
func (m metrics) defaultBusRule(name, metric, label string) awscloudwatch.IMetric {
	return m.of("AWS/Events", metric, "Sum", label, jsii.String("RuleName"), jsii.String(name))
}

// startingRules are the names of the rules that start functions.
func (m metrics) startingRules() (names []string) {
	for _, fn := range m.startedFunctions() {
		names = append(names, fn.rules...)
	}
	return names
}

func (m metrics) topic(name, label string) awscloudwatch.IMetric {
	return m.of("AWS/SNS", name, "Sum", label, jsii.String("TopicName"), m.p.Alerts.Topic().TopicName())
}

func (m metrics) oldestMessage(q namedQueue, label string) awscloudwatch.IMetric {
	return m.of("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", label, jsii.String("QueueName"), q.queue.QueueName())
}

func (m metrics) depth(q namedQueue, label string) awscloudwatch.IMetric {
	return m.of("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", label, jsii.String("QueueName"), q.queue.QueueName())
}

// business is a metric that a handler writes.
func (m metrics) business(name, statistic, label string, dimensions ...*string) awscloudwatch.IMetric {
	dimensions = append([]*string{jsii.String(contract.DimensionEnvironment), jsii.String(m.p.Suffix)}, dimensions...)
	return m.of(contract.MetricNamespace, name, statistic, label, dimensions...)
}

// providers returns the names of the providers whose deliveries are verified.
func (m metrics) providers() []string { return slices.Sorted(maps.Keys(m.p.Providers)) }

// provider is a metric that the validator writes for each provider.
func (m metrics) provider(metric, name, label string) awscloudwatch.IMetric {
	return m.business(metric, "Sum", label, jsii.String(contract.DimensionProvider), jsii.String(name))
}

// unknownEvents finds the event types that were unknown, whatever their names. Five minutes are shown in any range; a
// day, which the alarm watches, would begin outside the ranges in which one looks.
func (m metrics) unknownEvents() awscloudwatch.IMetric {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String(fmt.Sprintf(`SEARCH('{%s,%s,%s} MetricName="%s" %s="%s"', 'Sum', 300)`, contract.MetricNamespace,
			contract.DimensionEnvironment, contract.DimensionEventType, contract.MetricUnknownEvents, contract.DimensionEnvironment, m.p.Suffix)),
		UsingMetrics: &map[string]awscloudwatch.IMetric{},
		Label:        jsii.String(""),
		Period:       minutes(5),
	})
}

type namedFunction struct {
	id, name string
	function awslambda.IFunction
	failed   string // what becomes of the work of an invocation that failed, and what to do
}

// functions returns the functions that have alarms. api-gateway-account has none: when it fails,
// CloudFormation fails the deployment and says why.
func (m metrics) functions() []namedFunction {
	return slices.Concat([]namedFunction{
		{
			"Validator", contract.WebhookValidator, m.p.Ingest.Validator(),
			"Providers got 503 and repeat for hours or days; see on their dashboards that they did.",
		},
		{
			"Relay", contract.EventRelay, m.p.Relay.Function(),
			"Lambda repeats the batch; what is given up is in relay-dlq: `scripts/ops dlq list`.",
		},
		{
			"FraudDetector", contract.FraudDetector, m.p.Workflow.Detector(),
			"The workflow repeats; what is given up is in workflow-dlq: `scripts/ops dlq list`.",
		},
		{
			"Archiver", contract.TransactionArchival, m.p.Archive.Archiver(),
			"Lambda repeats twice; what is given up is in archival-failures. Start it by hand: `scripts/ops archive run`.",
		},
	}, m.reconcileFunctions(), m.digestFunctions())
}

func each[T any](items []T, metric func(T) awscloudwatch.IMetric) []awscloudwatch.IMetric {
	var list []awscloudwatch.IMetric
	for _, item := range items {
		list = append(list, metric(item))
	}
	return list
}
