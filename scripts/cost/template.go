package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// counts is what the template has of what costs money without any transaction.
type counts struct {
	alarms       int
	alarmMetrics int   // an alarm on metric math is billed for each metric it reads
	metrics      int   // custom metrics that alarms and dashboards read
	dashboards   []int // metrics of each dashboard
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
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties struct {
				metricStat
				Metrics []struct {
					MetricStat *struct{ Metric metricStat }
				}
				DashboardBody json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(text, &template); err != nil {
		return counts{}, fmt.Errorf("%s: %w", file, err)
	}
	var c counts
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
		case "AWS::CloudWatch::Dashboard":
			rows, err := dashboardMetrics(p.DashboardBody)
			if err != nil {
				return counts{}, fmt.Errorf("%s: dashboard: %w", file, err)
			}
			c.dashboards = append(c.dashboards, len(rows))
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
