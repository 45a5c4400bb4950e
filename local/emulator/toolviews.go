package emulator

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"payment-webhooks/local/cloudwatch"
	"payment-webhooks/local/console"
	"payment-webhooks/local/events"
	"payment-webhooks/local/faults"
	"payment-webhooks/local/queueview"
	"payment-webhooks/local/sendview"
)

// accessKey is the access key of a user. The CDK CLI remembers which account a key belongs to, so
// the key is of this account alone.
func (s *shared) accessKey() string { return "LOCAL" + s.account }

// sendView is the page's view that sends.
func (e *Emulator) sendView() console.View {
	var calls []string
	for _, grant := range e.policies.Grants() {
		calls = append(calls, grant.Action)
	}
	return sendview.New(sendview.Config{
		Runs: e.sends, Tools: e.tools, Faults: e.faults, Calls: calls, Stack: e.stack.Name, APIURL: e.apiURL,
		Providers: e.providers(), Secret: e.secretValue, EgressDir: e.options.EgressDir,
		Shell: sendview.Shell{EndpointURL: e.endpointURL, Region: e.region, AccessKey: e.accessKey()}, Now: time.Now,
	})
}

// providers returns the variable PROVIDERS of the function that has one: the validator, which takes the
// providers and the names of their secrets from it.
func (e *Emulator) providers() string {
	for _, spec := range e.functionSpecs {
		if text := spec.config.Environment["PROVIDERS"]; text != "" {
			return text
		}
	}
	return ""
}

// secretValue reads a secret as a user.
func (s *shared) secretValue(ctx context.Context, name string) (string, error) {
	out, err := secretsmanager.NewFromConfig(s.configAt(s.moto.URL, userKey)).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.SecretString), nil
}

// queueView is the page's view of the queues.
func (e *Emulator) queueView() console.View {
	return queueview.New(queueview.Config{
		Tools: e.tools, Stack: e.stack.Name, Queues: e.describedQueues(), Calls: e.queueMetrics.Calls, Oldest: e.queueMetrics.Oldest,
		Count: func(ctx context.Context, name string) (visible, hidden int, err error) {
			counts, err := e.countMessages(ctx, name)
			return counts.Visible, counts.NotVisible, err
		},
		Log: e.terminal.logger("page"), Now: time.Now,
	})
}

// describedQueues returns the template's queues with what else it says of them. What cannot be read here
// has failed the start already.
func (e *Emulator) describedQueues() []queueview.Queue {
	alarms, provoke := map[string][]string{}, map[string]*queueview.Fault{}
	for _, resource := range e.stack.ByType("AWS::CloudWatch::Alarm") {
		var p cloudwatch.AlarmProperties
		if e.resolver.Into(resource, &p) != nil {
			continue
		}
		dimensions := slices.Clone(p.Dimensions)
		for _, q := range p.Metrics {
			if q.MetricStat != nil {
				dimensions = append(dimensions, q.MetricStat.Metric.Dimensions...)
			}
		}
		for _, d := range dimensions {
			if d.Name == "QueueName" && !slices.Contains(alarms[d.Value], p.AlarmDescription) && p.AlarmDescription != "" {
				alarms[d.Value] = append(alarms[d.Value], p.AlarmDescription)
			}
		}
	}
	for _, resource := range e.stack.ByType("AWS::Events::Rule") {
		var p events.RuleProperties
		if e.resolver.Into(resource, &p) != nil {
			continue
		}
		for _, t := range p.Targets {
			hop, known := deliveryHops[strings.Split(t.Arn+":::", ":")[2]]
			if t.DeadLetterConfig != nil && known && p.ScheduleExpression == "" {
				name, _ := e.resolver.Ref(resource.LogicalID)
				provoke[last(t.DeadLetterConfig.Arn, ":")] = &queueview.Fault{
					Hop: hop, Fault: string(faults.Denied), Caller: faults.Events, Source: "the rule " + last(name, "|"),
				}
			}
		}
	}
	for _, spec := range e.functionSpecs {
		if queue := spec.config.Async.OnFailure; strings.Contains(queue, ":sqs:") {
			provoke[last(queue, ":")] = &queueview.Fault{
				Hop: faults.FunctionHop(spec.handler()), Fault: string(faults.CrashBefore), Source: "the function " + spec.config.Name,
			}
		}
	}
	queues := []queueview.Queue{}
	for name := range e.retentions {
		queues = append(queues, queueview.Queue{Name: name, Alarms: append([]string{}, alarms[name]...), Provoke: provoke[name]})
	}
	slices.SortFunc(queues, func(a, b queueview.Queue) int { return strings.Compare(a.Name, b.Name) })
	return queues
}

// deliveryHops are the calls by which EventBridge delivers to a target, by the service in its ARN.
var deliveryHops = map[string]string{
	"sns": "sns:Publish", "sqs": "sqs:SendMessage", "states": "states:StartExecution", "lambda": "lambda:Invoke", "logs": "logs:PutLogEvents",
}

// last returns what follows the last separator.
func last(text, separator string) string { return text[strings.LastIndex(text, separator)+1:] }
