package cost

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"payment-webhooks/handlers/contract"
)

// counts is what the template has of what costs money.
type counts struct {
	alarms       int
	alarmMetrics int   // an alarm on metric math is billed for each metric it reads
	metrics      int   // custom metrics that alarms and dashboards read
	dashboards   []int // metrics of each dashboard, expressions included
	sampling     sampling
	platform     map[string]bool // function names, without suffix: whether Lambda's lines of each invocation are logged
	executions   bool            // each step of an execution is logged
	batches      bool            // batches of the table's stream are traced
	busKey       bool            // the event bus is under a key of the account
	firewalls    int             // web ACLs
	rules        int             // of web ACLs; a group of AWS's counts as one
}

// sampling is what X-Ray records of requests.
type sampling struct{ perSecond, rate float64 }

// defaultSampling is that of X-Ray's default rule.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html
var defaultSampling = sampling{perSecond: 1, rate: 0.05}

// of returns how many of n requests are recorded that are spread evenly over some seconds.
func (s sampling) of(n, seconds float64) float64 {
	reservoir := min(n, s.perSecond*seconds)
	return reservoir + s.rate*(n-reservoir)
}

// KiB of the lines of one thing, as the local run writes them for a payment.
const (
	platformKiB  = 500.0 / 1024  // platform.start and platform.report of an invocation
	requestKiB   = 356.0 / 1024  // a line of the access log
	validatorKiB = 960.0 / 1024  // a line and two of metrics
	relayKiB     = 820.0 / 1024  // three lines of metrics, for a batch
	fraudKiB     = 810.0 / 1024  // a line and two of metrics
	executionKiB = 7700.0 / 1024 // 27 events of the workflow
	eventKiB     = 560.0 / 1024  // an event in the log group of a tier
)

// logged returns the KiB that are logged for n requests, batches of the table's stream,
// executions of the workflow, and events in log groups.
func (c counts) logged(n, batches, executions, events float64) float64 {
	kib := n*(requestKiB+validatorKiB) + batches*relayKiB + executions*fraudKiB + events*eventKiB
	for handler, invocations := range map[string]float64{
		contract.WebhookValidator: n, contract.EventRelay: batches, contract.FraudDetector: executions,
	} {
		if c.platform[handler] {
			kib += invocations * platformKiB
		}
	}
	if c.executions {
		kib += executions * executionKiB
	}
	return kib
}

// paidDashboards returns how many dashboards are billed: three of up to 50 metrics are free.
// https://aws.amazon.com/cloudwatch/pricing/
func (c counts) paidDashboards() int {
	const free, metricsOfFree = 3, 50
	small := 0
	for _, metrics := range c.dashboards {
		if metrics <= metricsOfFree {
			small++
		}
	}
	return len(c.dashboards) - min(small, free)
}

// namespace is that of custom metrics.
const namespace = "PaymentWebhooks"

// metricStat is a metric in an alarm.
type metricStat struct {
	Namespace  string
	MetricName string
	Dimensions []struct {
		Name  string
		Value any // a text, or an intrinsic function
	}
}

// key is the metric as a row of a dashboard names it, without its namespace.
func (m metricStat) key() string {
	row := m.MetricName
	for _, d := range m.Dimensions {
		value, literal := d.Value.(string)
		if !literal {
			value = resolved
		}
		row += "," + d.Name + "," + value
	}
	return row
}

// resolved stands for the value of an intrinsic function.
const resolved = "resolved"

// golden is the template of the default configuration, which each revision has.
const golden = "constructs/testdata/template.golden.json"

// atRevision counts the resources of the golden template of a git revision.
func atRevision(revision string) (counts, error) {
	command := exec.Command("git", "show", revision+":"+golden)
	text, err := command.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return counts{}, fmt.Errorf("%s: %s", command, bytes.TrimSpace(exit.Stderr))
	}
	if err != nil {
		return counts{}, err
	}
	return parseTemplate(revision, text)
}

// readTemplate counts the resources of a template; "" is the one in cdk.out.
func readTemplate(file string) (counts, error) {
	if file == "" {
		found, err := filepath.Glob("cdk.out/*.template.json")
		if err != nil || len(found) != 1 {
			return counts{}, errors.New("cdk.out has no template, or several: run npx cdk synth --quiet, or give one with -template")
		}
		file = found[0]
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return counts{}, err
	}
	return parseTemplate(file, text)
}

func parseTemplate(file string, text []byte) (counts, error) {
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties struct {
				metricStat
				Metrics []struct {
					MetricStat *struct{ Metric metricStat }
				}
				DashboardBody json.RawMessage
				SamplingRule  struct {
					ReservoirSize, FixedRate float64
				}
				FunctionName         any
				LoggingConfig        struct{ SystemLogLevel string }
				TracingConfig        struct{ Mode string }
				LoggingConfiguration struct{ Level string }
				KmsKeyIdentifier     json.RawMessage
				Rules                json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(text, &template); err != nil {
		return counts{}, fmt.Errorf("%s: %w", file, err)
	}
	c := counts{sampling: defaultSampling, platform: map[string]bool{}}
	custom := map[string]bool{}
	add := func(m metricStat) {
		c.alarmMetrics++
		if m.Namespace == namespace {
			custom[m.key()] = true
		}
	}
	for _, r := range template.Resources {
		switch p := r.Properties; r.Type {
		case "AWS::CloudWatch::Alarm":
			c.alarms++
			if p.MetricName != "" {
				add(p.metricStat)
			}
			for _, m := range p.Metrics {
				if m.MetricStat != nil {
					add(m.MetricStat.Metric)
				}
			}
		case "AWS::Events::EventBus":
			c.busKey = p.KmsKeyIdentifier != nil
		case "AWS::WAFv2::WebACL":
			var rules []any
			if err := json.Unmarshal(p.Rules, &rules); err != nil {
				return counts{}, fmt.Errorf("%s: web ACL: %w", file, err)
			}
			c.firewalls, c.rules = c.firewalls+1, c.rules+len(rules)
		case "AWS::XRay::SamplingRule":
			c.sampling = sampling{p.SamplingRule.ReservoirSize, p.SamplingRule.FixedRate}
		case "AWS::Lambda::Function":
			if name, literal := p.FunctionName.(string); literal {
				for _, handler := range []string{contract.WebhookValidator, contract.EventRelay, contract.FraudDetector} {
					if strings.HasPrefix(name, handler+"-") {
						c.platform[handler] = p.LoggingConfig.SystemLogLevel != "WARN"
						c.batches = c.batches || handler == contract.EventRelay && p.TracingConfig.Mode == "Active"
					}
				}
			}
		case "AWS::StepFunctions::StateMachine":
			c.executions = p.LoggingConfiguration.Level == "ALL"
		case "AWS::CloudWatch::Dashboard":
			rows, err := dashboardMetrics(p.DashboardBody)
			if err != nil {
				return counts{}, fmt.Errorf("%s: dashboard: %w", file, err)
			}
			c.dashboards = append(c.dashboards, len(rows)+bytes.Count(p.DashboardBody, []byte(`\"expression\":`)))
			for _, row := range rows {
				if name, is := strings.CutPrefix(row, namespace+","); is {
					custom[name] = true
				}
			}
		}
	}
	slices.Sort(c.dashboards)
	c.metrics = len(custom)
	return c, nil
}

// dashboardMetrics returns the metrics of a dashboard's body: namespace, name and dimensions,
// separated by commas. Intrinsic functions may stand for names.
func dashboardMetrics(body json.RawMessage) (rows []string, err error) {
	var text string
	if json.Unmarshal(body, &text) != nil {
		var join struct {
			Parts []json.RawMessage `json:"Fn::Join"`
		}
		if err := json.Unmarshal(body, &join); err != nil || len(join.Parts) != 2 {
			return nil, errors.New("its body is neither a text nor an Fn::Join")
		}
		var parts []any
		if err := json.Unmarshal(join.Parts[1], &parts); err != nil {
			return nil, err
		}
		for _, part := range parts {
			if s, literal := part.(string); literal {
				text += s
			} else {
				text += resolved
			}
		}
	}
	for _, match := range metricRow.FindAllStringSubmatch(text, -1) {
		rows = append(rows, strings.ReplaceAll(strings.Trim(match[1], `"`), `","`, ","))
	}
	return rows, nil
}

// metricRow matches a metric in a widget's list: its namespace, its name and its dimensions,
// and perhaps how it is drawn. An expression is an object alone.
var metricRow = regexp.MustCompile(`\[("[A-Za-z/]+"(?:,"[^"]*")+)[,\]]`)
